"""Plans rooms and hands out their passes; every change goes to the stage through the outbox.

A change and its message to the stage are written in one transaction: what people see planned
here will reach the stage, though it may be away for now.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final

import msgspec
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from hustings.base.clock import Clock
from hustings.base.errors import NotFound, UserError
from hustings.base.ids import RoomId, new_id
from hustings.store import Database
from hustings.web.guests.asking import asked_anew
from hustings.web.guests.telling import agreed
from hustings.web.once import Once, expect_first
from hustings.web.outbox import queries as outbox
from hustings.web.rooms import queries
from hustings.web.rooms.lists import CANCELLED, Place, Query
from hustings.web.rooms.local_time import DAY_MS, expect_ahead
from hustings.web.rooms.model import (
    INVITED,
    Invitation,
    PassKind,
    Person,
    PlannedRoom,
    Wish,
)
from hustings.web.rooms.pages import Page, cut, one_more
from hustings.web.rooms.plan import Part, Plan
from hustings.web.rules import model as rules
from hustings.web.rules.queries import written as written_rules
from hustings.wire.kinds import Room, Words
from hustings.wire.pictures import digest
from hustings.wire.tokens import Claims, KeyRing

SHOWN: Final = 50  # rooms that are on, on the home page
LISTED: Final = 20  # rooms on a page of those to come, past, or found


Change = tuple[Room | None, Room]  # what the stage said of a room before, and what it says now
Tell = Callable[[AsyncConnection, Sequence[Change], int], Awaitable[None]]


# what a wish and the stage's facts call by the same name
_SHARED: Final = tuple(each for each in Wish.__struct_fields__ if each in Room.__struct_fields__)


class Calendar(msgspec.Struct, frozen=True):
    """The home page's three lists."""

    live: list[PlannedRoom]  # live, and lobbies that are open
    coming: Page  # also those that are cancelled; until their day has passed
    past: Page


class Rooms:
    """The rooms of this house, as web plans them."""

    def __init__(
        self, database: Database, keys: KeyRing, clock: Clock, *, tell: Sequence[Tell] = ()
    ) -> None:
        """tell: called in the transaction in which something new of rooms is written down, in turn."""
        self._database = database
        self._tell = tell
        self._keys = keys
        self._clock = clock

    async def calendar(self) -> Calendar:
        """What is on, what comes, what was."""
        on = Query(states=("live", "lobby"), limit=SHOWN)
        past = Query(states=("ended",), latest_first=True, limit=LISTED)
        async with self._database.read() as connection:
            return Calendar(
                live=await queries.rooms_listed(connection, on),
                coming=await self._coming(connection, None, LISTED),
                past=cut(await queries.rooms_listed(connection, one_more(past)), LISTED),
            )

    async def coming(self, after: Place | None) -> Page:
        """A page of those to come, until a day after their start; also cancelled ones."""
        async with self._database.read() as connection:
            return await self._coming(connection, after, LISTED)

    async def _coming(self, connection: AsyncConnection, after: Place | None, limit: int) -> Page:
        """Two queries, each along the index: one for both would read and sort them all."""
        yesterday_ms = self._clock.wall_ms() - DAY_MS
        coming = Query(states=("scheduled",), from_ms=yesterday_ms, after=after, limit=limit)
        planned = one_more(coming)
        off = msgspec.structs.replace(planned, states=(CANCELLED,))
        found = [
            *await queries.rooms_listed(connection, planned),
            *await queries.rooms_listed(connection, off),
        ]
        found.sort(key=lambda room: (room.sort_ms, room.room))
        return cut(found, limit)

    async def page(self, query: Query) -> Page:
        """A page of a list."""
        async with self._database.read() as connection:
            return cut(await queries.rooms_listed(connection, one_more(query)), query.limit)

    async def found(self, query: Query) -> tuple[Page, tuple[int, int]]:
        """A page of a list, and when the first and the last of all rooms begin; (0, 0): none do."""
        async with self._database.read() as connection:
            rooms = await queries.rooms_listed(connection, one_more(query))
            return cut(rooms, query.limit), await queries.span(connection)

    async def create(
        self,
        room: RoomId,
        wish: Wish,
        people: Sequence[Person],
        *,
        texts: Mapping[str, Words] | None = None,
        once: Once | None = None,
        by: str = "",
    ) -> PlannedRoom:
        """A new room with its invitations. Raises UserError("room_taken"), as `expect_first`, `expect_ahead`.

        texts: its words in further languages. by: the account that invites.
        """
        now_ms = self._clock.wall_ms()
        expect_ahead(wish.start_ms, now_ms)
        planned = PlannedRoom(room=room, wish=wish, made_here=True, created_ms=now_ms)
        try:
            async with self._database.write() as connection:
                await expect_first(connection, once, room, now_ms)
                await queries.add_room(connection, planned)
                for order, person in enumerate(people):
                    invitation = _invitation(room, "invite", person, now_ms + order, by)
                    await queries.add_invitation(connection, invitation)
                body = {**await _wanted(connection, wish, texts), "state": "scheduled"}
                await outbox.put_room(connection, room, body, now_ms)
        except IntegrityError:
            raise UserError(
                "room_taken", "There is a room with this address already.", field="address"
            ) from None
        return planned

    async def room(self, room: RoomId) -> PlannedRoom:
        """One room. Raises NotFound("room_unknown")."""
        async with self._database.read() as connection:
            found = await queries.room_named(connection, room)
        if found is None:
            raise NotFound("room_unknown", "There is no room with this address.", room=room)
        return found

    async def plan(self, room: RoomId) -> Plan:
        """One room with what is on its way to the stage. Raises NotFound("room_unknown")."""
        async with self._database.read() as connection:
            return await self._plan(connection, room)

    async def change(
        self,
        room: RoomId,
        wish: Wish,
        *,
        texts: Mapping[str, Words] | None = None,
        seen: str = "",
        part: Part | None = None,
    ) -> None:
        """The owner edits the room; its state is the stage's affair.

        texts: as `tell_in`; None: they stay. seen: the version that they edit, of a part or (None)
        of all; "": whatever it is. Raises UserError `room_changed` (412), as `expect_ahead`.
        """
        now_ms = self._clock.wall_ms()
        async with self._database.write() as connection:
            before = await self._plan(connection, room, lock=True)
            before.expect(seen, part)
            if before.planned.state in {"scheduled", "lobby"}:
                expect_ahead(wish.start_ms, now_ms, before_ms=before.wish.start_ms)
            await queries.change_wish(connection, room, wish, now_ms)
            await outbox.put_room(connection, room, await _wanted(connection, wish, texts), now_ms)
            was, days = before.wish.keep_days, wish.keep_days
            await asked_anew(connection, room, now_ms, was=was, days=days)

    async def tell_in(self, room: RoomId, texts: Mapping[str, Words], *, seen: str = "") -> None:
        """Its words in further languages: these, and no others. Raises as `change`."""
        body = _told(texts)
        async with self._database.write() as connection:
            (await self._plan(connection, room, lock=True)).expect(seen, "texts")
            await outbox.put_room(connection, room, body, self._clock.wall_ms())

    async def show_picture(self, room: RoomId, jpeg: bytes, alt: str, *, seen: str = "") -> None:
        """A new picture: first its bytes reach the stage, then the facts that show it. Raises as `change`."""
        now_ms, name = self._clock.wall_ms(), digest(jpeg)
        async with self._database.write() as connection:
            (await self._plan(connection, room, lock=True)).expect(seen, "picture")
            await outbox.put_picture(connection, room, name, jpeg, now_ms)
            wanted = {"picture": {"hash": name, "alt": alt}}
            await outbox.put_room(connection, room, wanted, now_ms)

    async def describe_picture(self, room: RoomId, alt: str, *, seen: str = "") -> None:
        """Other words for the picture that is there. Raises UserError `picture_missing`, as `change`."""
        async with self._database.write() as connection:
            plan = await self._plan(connection, room, lock=True)
            plan.expect(seen, "picture")
            if plan.picture is None:
                raise UserError("picture_missing", "Choose a picture.", field="picture")
            wanted = {"picture": {"hash": plan.picture["hash"], "alt": alt}}
            await outbox.put_room(connection, room, wanted, self._clock.wall_ms())

    async def remove_picture(self, room: RoomId, *, seen: str = "") -> None:
        """It goes, everywhere. Raises as `change`."""
        async with self._database.write() as connection:
            (await self._plan(connection, room, lock=True)).expect(seen, "picture")
            await outbox.put_room(connection, room, {"picture": None}, self._clock.wall_ms())

    async def open_lobby(self, room: RoomId) -> None:
        """Ask the stage to open the lobby; media time 0 is its first opening."""
        planned = await self.room(room)
        if planned.state != "scheduled" or planned.is_off:
            said = "cancelled" if planned.is_off else planned.state
            raise UserError("room_state", f"The room is {said} already.")
        async with self._database.write() as connection:
            await outbox.put_room(connection, room, {"state": "lobby"}, self._clock.wall_ms())

    async def cancel(self, room: RoomId, why: str) -> None:
        """Ask the stage to say that the room does not take place. Raises UserError `room_state`."""
        planned = await self.room(room)
        if planned.state not in {"scheduled", "lobby"}:
            raise UserError("room_state", f"The room is {planned.state} already.")
        body = {"cancelled": True, "cancelled_why": why}
        async with self._database.write() as connection:
            await outbox.put_room(connection, room, body, self._clock.wall_ms())

    async def revive(self, room: RoomId, start_ms: int) -> None:
        """It takes place after all, then. Raises UserError `room_state`, as `expect_ahead`."""
        planned = await self.room(room)
        if planned.state != "scheduled":
            raise UserError("room_state", f"The room is {planned.state} already.")
        now_ms, body = self._clock.wall_ms(), {"cancelled": False, "start_ms": start_ms}
        expect_ahead(start_ms, now_ms)
        wish = msgspec.structs.replace(planned.current, start_ms=start_ms)
        async with self._database.write() as connection:
            await queries.change_wish(connection, room, wish, now_ms)
            await outbox.put_room(connection, room, body, now_ms)

    async def invite(
        self,
        room: RoomId,
        person: Person,
        kind: PassKind = "invite",
        *,
        once: Once | None = None,
        by: str = "",
    ) -> Invitation:
        """One more pass. by: the account that makes it. Raises UserError("people_many"), as `expect_first`."""
        now_ms = self._clock.wall_ms()
        invitation = _invitation(room, kind, person, now_ms, by)
        async with self._database.write() as connection:
            await expect_first(connection, once, invitation.jti, now_ms)
            if await queries.count_invitations(connection, room) >= INVITED:
                raise UserError("people_many", f"A room has room for {INVITED} named people.")
            await queries.add_invitation(connection, invitation)
        return invitation

    async def revoke(self, room: RoomId, jti: str) -> None:
        """Withdraw a pass; the stage puts out whoever sits there."""
        now_ms = self._clock.wall_ms()
        async with self._database.write() as connection:
            seat = await queries.revoke(connection, room, jti, now_ms)
            if seat:
                await outbox.add(connection, room, "revoke", {"participant": seat}, now_ms)

    async def invitations(self, room: RoomId) -> list[Invitation]:
        """All passes, also withdrawn ones."""
        async with self._database.read() as connection:
            return await queries.invitations_of(connection, room)

    def sign(self, invitation: Invitation) -> str:
        """The pass itself: the same text each time."""
        return self._keys.sign(
            Claims(
                typ=invitation.kind,
                jti=invitation.jti,
                iat=invitation.created_ms // 1_000,
                room=invitation.room,
                sub=invitation.seat,
                role=invitation.role,
                name=invitation.name,
            )
        )

    def source_password(self, invitation: Invitation) -> str:
        """What a radio studio shows for this seat."""
        return self._keys.source_password(invitation.room, invitation.seat)

    async def _plan(self, connection: AsyncConnection, room: RoomId, *, lock: bool = False) -> Plan:
        found = await queries.room_named(connection, room, lock=lock)
        if found is None:
            raise NotFound("room_unknown", "There is no room with this address.", room=room)
        return Plan(found, await outbox.backlog(connection, room))

    async def learn(self, facts: Sequence[Room]) -> None:
        """Keep what the stage says of its rooms, also of rooms that were not made here."""
        now_ms, changes = self._clock.wall_ms(), list[Change]()
        async with self._database.write() as connection:
            known = await queries.told(connection, [room.room for room in facts])
            for room in await agreed(connection, facts):
                before = known.get(room.room, b"")
                if room.room not in known:
                    await queries.add_room(connection, _foreign(room, now_ms))
                elif before != msgspec.json.encode(room):
                    await queries.set_facts(connection, room, now_ms)
                else:
                    continue
                changes.append((msgspec.json.decode(before, type=Room) if before else None, room))
                if room.deleted:
                    await queries.forget(connection, RoomId(room.room))
                    await outbox.forget(connection, RoomId(room.room))
            for tell in self._tell:
                await tell(connection, changes, now_ms)


def _invitation(room: RoomId, kind: PassKind, person: Person, now_ms: int, by: str) -> Invitation:
    return Invitation(
        jti=new_id(16),
        room=room,
        kind=kind,
        seat=new_id(),
        role=person.role,
        name=person.name,
        created_ms=now_ms,
        made_by=by,
    )


async def _wanted(
    connection: AsyncConnection, wish: Wish, texts: Mapping[str, Words] | None
) -> dict[str, Any]:
    """What the stage is to make true; texts None: nothing is said of them."""
    plain = {name: value for name, value in msgspec.structs.asdict(wish).items() if name in _SHARED}
    held = {"rules": rules.wanted(wish, await written_rules(connection))}
    return plain | held | ({} if texts is None else _told(texts))


def _told(texts: Mapping[str, Words]) -> dict[str, Any]:
    return {"texts": msgspec.to_builtins(texts)}


def _foreign(facts: Room, now_ms: int) -> PlannedRoom:
    """A room that the stage has and web has not: the demo's, an import, or from before a lost database."""
    created_ms = facts.ended_ms if facts.state == "ended" else now_ms
    wish = Wish(**{field: getattr(facts, field) for field in _SHARED})
    return PlannedRoom(
        room=RoomId(facts.room), wish=wish, made_here=False, created_ms=created_ms, facts=facts
    )
