"""Guests of an evening, and their own word on what is told of them.

Keeps true: every change is written down together with its message to the stage, so what a guest took
back is taken back everywhere once that has arrived, and on web's own pages at once; a link says whose
it is by its signature, and every link that is not good meets the same answer. Who left an evening
that was never held is forgotten a month later. `web.guests.model` says what a form means.
"""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Final
from urllib.parse import quote

import msgspec
from sqlalchemy.ext.asyncio import AsyncConnection

from hustings.base.clock import Clock
from hustings.base.errors import Denied, NotFound, TryLater, UserError
from hustings.base.ids import RoomId, new_id
from hustings.base.limits import Gcra, address_key
from hustings.store import Database
from hustings.web.guests import queries
from hustings.web.guests.model import (
    MOST,
    Card,
    Guest,
    Said,
    by_guest,
    by_host,
    corrected,
    with_picture,
)
from hustings.web.guests.telling import agreed
from hustings.web.once import Once, expect_first
from hustings.web.outbox import queries as outbox
from hustings.web.rooms import queries as rooms
from hustings.web.rooms.local_time import DAY_MS
from hustings.web.rooms.model import PlannedRoom
from hustings.web.rooms.plan import Plan
from hustings.wire.pictures import digest
from hustings.wire.tokens import Claims, KeyRing

NEVER_HELD_MS: Final = 31 * DAY_MS
_TIDIED: Final = 100  # rooms a turn
_BAD: Final = (0.1, 30.0)  # links that are not good, a second and at once, of an address
_WRITES: Final = (0.2, 20.0)  # changes of one guest


class Guests:
    """Of all rooms."""

    def __init__(self, database: Database, keys: KeyRing, clock: Clock) -> None:
        self._database = database
        self._keys = keys
        self._clock = clock
        self._photos: set[str] = set()  # guests whose photo is on its way
        self._bad, self._writes = (Gcra(rate=r, burst=b) for r, b in (_BAD, _WRITES))

    # --- hosts -----------------------------------------------------------------------------------

    async def of(self, room: RoomId) -> list[Guest]:
        """All of an evening, in order."""
        async with self._database.read() as connection:
            return await queries.of_room(connection, room)

    async def add(self, room: RoomId, card: Card, *, once: Once | None = None) -> Guest:
        """One more. Raises NotFound `room_unknown`, UserError `guests_many`, `room_deleted`, as `expect_first`."""
        now_ms = self._clock.wall_ms()
        async with self._database.write() as connection:
            await self._kept(connection, room)
            made = Guest(
                **msgspec.structs.asdict(card),
                guest=new_id(),
                room=room,
                place=0,
                link=new_id(16),
                made_ms=now_ms,
            )
            await expect_first(connection, once, made.guest, now_ms)
            there = await queries.of_room(connection, room)
            if len(there) >= MOST:
                raise UserError("guests_many", f"An evening has at most {MOST} guests.")
            made = msgspec.structs.replace(made, place=max([-1, *(g.place for g in there)]) + 1)
            await queries.add(connection, made)
            await self._tell(connection, room)
        return made

    async def guest(self, room: RoomId, guest: str) -> Guest:
        """One of them. Raises NotFound `guest_unknown`."""
        async with self._database.read() as connection:
            return _found(await queries.named(connection, room, guest))

    async def change(
        self, room: RoomId, guest: str, fields: Mapping[str, str], *, seen: str = ""
    ) -> Guest:
        """As hosts correct it. Raises NotFound `room_unknown`, `guest_unknown`, as `corrected`."""
        now_ms = self._clock.wall_ms()

        def mended(was: Guest) -> Guest:
            return by_host(was, corrected(was, fields, seen), now_ms)

        return await self._host(room, guest, mended)

    async def renew(self, room: RoomId, guest: str) -> Guest:
        """Another link; the one before is good no more. Raises as `change`."""
        return await self._host(
            room, guest, lambda was: msgspec.structs.replace(was, link=new_id(16))
        )

    async def move(self, room: RoomId, guest: str, by: int) -> None:
        """Earlier (-1) or later (1) in the order. Raises as `change`."""
        await self._put(room, guest, lambda at: max(0, at + by))

    async def put_at(self, room: RoomId, guest: str, place: int) -> None:
        """At this place of the order, 0 is first. Raises as `change`."""
        await self._put(room, guest, lambda _: place)

    async def _put(self, room: RoomId, guest: str, place: Callable[[int], int]) -> None:
        async with self._database.write() as connection:
            await self._kept(connection, room)
            order = [each.guest for each in await queries.of_room(connection, room)]
            if guest not in order:
                raise _unknown()
            at = order.index(guest)
            order.insert(place(at), order.pop(at))
            await queries.place(connection, order)
            await self._tell(connection, room)

    async def remove(self, room: RoomId, guest: str) -> None:
        """They are no guest any more; all that was kept of them goes. Raises as `change`."""
        async with self._database.write() as connection:
            await self._kept(connection, room)
            found = _found(await queries.named(connection, room, guest))
            await queries.remove(connection, found.guest)
            await self._tell(connection, room)

    def link(self, guest: Guest, web: str) -> str:
        """Where they decide, signed: the same text until it is renewed. web: base address.

        To be shown only to whoever made or renewed it: who has it can agree in their name.
        """
        iat = guest.made_ms // 1_000
        claims = Claims(typ="guest", jti=guest.link, iat=iat, room=guest.room, sub=guest.guest)
        return f"{web}/guest/{guest.room}?t={quote(self._keys.sign(claims))}"

    # --- the guest -------------------------------------------------------------------------------

    async def by_link(self, room: RoomId, token: str, address: str) -> tuple[Guest, bytes]:
        """Whose link it is, and their picture.

        Raises NotFound `guest_link`, whatever is wrong with it; TryLater `request_rate` for who tries many.
        """
        async with self._database.read() as connection:
            guest = await self._holder(connection, room, token, address)
            return guest, await queries.jpeg(connection, guest.guest) if guest.picture else b""

    async def say(self, room: RoomId, token: str, address: str, said: Said) -> Guest:
        """As the guest corrects it and decides.

        Raises as `by_link`, TryLater for too many changes, UserError `guest_kept`.
        """
        now_ms = self._clock.wall_ms()
        return await self._own(
            room, token, address, lambda was, plan: by_guest(was, said, plan.wish.keep_days, now_ms)
        )

    @asynccontextmanager
    async def photo(self, room: RoomId, token: str, address: str) -> AsyncIterator[None]:
        """To be held while a photo of theirs is read and made small: one at a time, and not too many.

        Raises as `by_link`, TryLater for too many, `picture_busy`.
        """
        guest, _ = await self.by_link(room, token, address)
        if guest.guest in self._photos:
            raise TryLater("picture_busy", "Your picture is being prepared.", delay_s=5)
        self._expect_rate(guest)
        self._photos.add(guest.guest)
        try:
            yield
        finally:
            self._photos.discard(guest.guest)

    async def show(self, room: RoomId, token: str, address: str, jpeg: bytes) -> Guest:
        """Their picture, inside of `photo`; empty: none any more. Raises as `by_link`."""
        now_ms, name = self._clock.wall_ms(), digest(jpeg) if jpeg else ""
        return await self._own(
            room, token, address, lambda was, _: with_picture(was, name, now_ms), jpeg
        )

    async def withdraw(self, room: RoomId, token: str, address: str) -> Guest:
        """All that they agreed to, and the picture. Raises as `say`."""
        now_ms = self._clock.wall_ms()

        def nothing(was: Guest, _: Plan) -> Guest:
            said = Said(Card(was.name, was.line, was.url), frozenset())
            taken = by_guest(was, said, None, now_ms)
            return with_picture(taken, "", now_ms)

        return await self._own(room, token, address, nothing)

    # --- what is kept ----------------------------------------------------------------------------

    async def tidy(self) -> int:
        """Forget guests of evenings that were never held; returns in how many rooms. Called by `web.tidy`."""
        before_ms = self._clock.wall_ms() - NEVER_HELD_MS
        async with self._database.write() as connection:
            found = await queries.never_held(connection, before_ms, limit=_TIDIED)
            for room in found:
                await queries.clear(connection, room)
                await self._tell(connection, room)
        return len(found)

    async def _host(self, room: RoomId, guest: str, change: Callable[[Guest], Guest]) -> Guest:
        async with self._database.write() as connection:
            await self._kept(connection, room)
            was = _found(await queries.named(connection, room, guest))
            return await self._change(connection, was, change(was))

    async def _own(
        self,
        room: RoomId,
        token: str,
        address: str,
        change: Callable[[Guest, Plan], Guest],
        jpeg: bytes | None = None,
    ) -> Guest:
        """jpeg: of a picture that is new, whose way here was charged for."""
        async with self._database.write() as connection:
            planned = await rooms.room_named(connection, room, lock=True)
            was = await self._holder(connection, room, token, address)
            if planned is None:  # its guests go with it
                raise _unknown()
            if jpeg is None:
                self._expect_rate(was)
            plan = Plan(planned, await outbox.backlog(connection, room))
            return await self._change(connection, was, change(was, plan), jpeg)

    def _expect_rate(self, guest: Guest) -> None:
        if (wait_s := self._writes.take(guest.guest, self._clock.monotonic())) > 0:
            raise _slower(wait_s)

    async def _change(
        self, connection: AsyncConnection, was: Guest, now: Guest, jpeg: bytes | None = None
    ) -> Guest:
        """Write it down and tell the stage; of a picture that is new there first its bytes."""
        if now == was:
            return now
        await queries.change(connection, now, jpeg)
        if now.shown and now.shown != was.shown:
            data = jpeg or await queries.jpeg(connection, now.guest)
            now_ms = self._clock.wall_ms()
            await outbox.put_picture(connection, now.room, now.shown, data, now_ms)
        if now.told() != was.told():
            await self._tell(connection, now.room)
        return now

    async def _tell(self, connection: AsyncConnection, room: RoomId) -> None:
        """All guests to the stage; what web itself shows of them is right at once."""
        there, now_ms = await queries.of_room(connection, room), self._clock.wall_ms()
        await outbox.put_room(connection, room, {"guests": [g.told() for g in there]}, now_ms)
        planned = await rooms.room_named(connection, room)
        if planned is None or (facts := planned.facts) is None:
            return
        [left] = await agreed(connection, [facts])
        if left != facts:
            await rooms.set_facts(connection, left, now_ms)

    async def _kept(self, connection: AsyncConnection, room: RoomId) -> PlannedRoom:
        planned = await rooms.room_named(connection, room, lock=True)
        if planned is None:
            raise NotFound("room_unknown", "There is no room with this address.", room=room)
        if planned.facts and planned.facts.deleted:
            raise UserError("room_state", "This room's recording was deleted.")
        return planned

    async def _holder(
        self, connection: AsyncConnection, room: RoomId, token: str, address: str
    ) -> Guest:
        """Good links are never slowed down, whoever else comes from that address."""
        try:
            now_s = self._clock.wall_ms() / 1_000
            claims = self._keys.check(token, kind="guest", now_s=now_s, room=room)
        except Denied:
            claims = None
        found = claims and await queries.named(connection, room, claims.sub)
        if claims and found and found.link == claims.jti:
            return found
        wait_s = self._bad.take(address_key(address), self._clock.monotonic())
        if wait_s > 0:
            raise _slower(wait_s)
        raise NotFound(
            "guest_link", "This link is not good, or not any more. Ask a host for yours."
        )


def _found(guest: Guest | None) -> Guest:
    if guest is None:
        raise _unknown()
    return guest


def _slower(wait_s: float) -> TryLater:
    return TryLater("request_rate", "Too many at once.", delay_s=wait_s, status=429)


def _unknown() -> NotFound:
    return NotFound("guest_unknown", "There is no such guest.")
