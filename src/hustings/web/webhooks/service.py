"""Hooks: registered by people, told in the transaction of the change, and what became of it.

Keeps true: a message is written (delivery and letter) in the transaction that writes down what it
tells of; so none is lost, and none tells of what was rolled back. Where the queue of letters is full
the delivery says so and can be sent again by hand: what happens in rooms never waits for receivers.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from sqlalchemy.ext.asyncio import AsyncConnection

from hustings.archive.replay import made
from hustings.base.clock import Clock
from hustings.base.errors import NotFound, TryLater, UserError
from hustings.base.ids import RoomId, new_id
from hustings.store import Database
from hustings.web.once import Once, expect_first
from hustings.web.outbound.addresses import Target
from hustings.web.post import queries as post
from hustings.web.post.model import Draft
from hustings.web.rooms import queries as rooms
from hustings.web.webhooks import queries
from hustings.web.webhooks.events import PING, at_ms, awaits_replay, body, happened
from hustings.web.webhooks.model import (
    DAY_MS,
    HOOKS,
    OVERLAP_MS,
    USEFUL_MS,
    Delivery,
    Hook,
)
from hustings.web.webhooks.signing import secret_of
from hustings.wire.kinds import Room
from hustings.wire.links import Links
from hustings.wire.tokens import KeyRing

log = logging.getLogger(__name__)

LOOK_S: Final = 5.0  # between looks for replays that are ready; without hooks it costs one query
AWAITED_MS: Final = 7 * DAY_MS  # after it a replay does not come any more
_ID_LETTERS: Final = 26  # 128 random bits: receivers keep them apart for ever


class Hooks:
    """Who is told what happens in this house."""

    def __init__(
        self,
        database: Database,
        keys: KeyRing,
        links: Links,
        clock: Clock,
        *,
        read: Callable[[str], Target],
        data: Path,
    ) -> None:
        """read: what an address leads to; raises UserError `outbound_url`. data: where replays are."""
        self._database = database
        self._keys = keys
        self._links = links
        self._clock = clock
        self._read = read
        self._data = data

    # -- people register -------------------------------------------------------------------------

    async def all(self) -> list[Hook]:
        """All hooks, in the order they were made."""
        async with self._database.read() as connection:
            return await queries.all_hooks(connection)

    async def one(self, hook: str) -> tuple[Hook, list[Delivery]]:
        """A hook and its last deliveries. Raises NotFound("hook_unknown")."""
        async with self._database.read() as connection:
            return await _found(connection, hook), await queries.deliveries_of(connection, hook)

    async def register(
        self, url: str, events: tuple[str, ...], *, once: Once | None = None
    ) -> tuple[Hook, str]:
        """A new hook and its secret, which is shown this once.

        Raises UserError: outbound_url, hooks_many; as `expect_first`.
        """
        self._read(url)
        now_ms = self._clock.wall_ms()
        hook = Hook(new_id(), url, events, 1, 0, now_ms, "on", "", 0)
        async with self._database.write() as connection:
            await expect_first(connection, once, hook.hook, now_ms)
            if await queries.count_hooks(connection) >= HOOKS:
                raise UserError("hooks_many", f"A house has room for {HOOKS} webhooks.")
            await queries.add_hook(connection, hook)
        return hook, self._secret(hook)

    async def with_secret(self, hook: str) -> tuple[Hook, str]:
        """What `register` answered, for the same call repeated."""
        async with self._database.read() as connection:
            found = await _found(connection, hook)
        return found, self._secret(found)

    async def change(self, hook: str, url: str, events: tuple[str, ...]) -> None:
        """Another address or other events; messages that wait go to the new one."""
        self._read(url)
        async with self._database.write() as connection:
            await _found(connection, hook)
            await queries.change_hook(connection, hook, url=url, events=" ".join(events))

    async def renew_secret(self, hook: str) -> tuple[Hook, str]:
        """A new secret, shown this once; for a day the one before signs too."""
        overlap_ms = self._clock.wall_ms() + OVERLAP_MS
        async with self._database.write() as connection:
            old = await _found(connection, hook, lock=True)
            await queries.change_hook(
                connection, hook, generation=old.generation + 1, overlap_ms=overlap_ms
            )
            new = await _found(connection, hook)
        return new, self._secret(new)

    async def pause(self, hook: str) -> None:
        """Told no more until `resume`; what waits is not sent."""
        async with self._database.write() as connection:
            await _found(connection, hook)
            await queries.change_hook(connection, hook, state="off", reason="")
            await post.withdraw(connection, batch(hook))

    async def resume(self, hook: str) -> None:
        """Told again, from now on."""
        async with self._database.write() as connection:
            await _found(connection, hook)
            await queries.change_hook(connection, hook, state="on", reason="", failing_ms=0)

    async def remove(self, hook: str) -> None:
        """Forget it."""
        async with self._database.write() as connection:
            await _found(connection, hook)
            await queries.delete_hook(connection, hook)
            await post.withdraw(connection, batch(hook))

    async def ping(self, hook: str) -> None:
        """A message that tells of nothing, now. Raises UserError("hook_off"), TryLater."""
        now_ms = self._clock.wall_ms()
        async with self._database.write() as connection:
            to = await _found(connection, hook, on=True)
            message = body(PING, now_ms, None)
            await self._queue(connection, to, PING, message, now_ms, urgent=True)

    async def send_again(self, hook: str, delivery: str) -> None:
        """The same message under the same id. Raises NotFound, UserError("hook_off"), TryLater."""
        now_ms = self._clock.wall_ms()
        async with self._database.write() as connection:
            to = await _found(connection, hook, on=True)
            old = await queries.find_delivery(connection, delivery)
            if old is None or old.hook != hook:
                raise NotFound("hook_unknown", "There is no such webhook or message.")
            sends, until_ms = old.sends + 1, now_ms + USEFUL_MS
            await post.add(connection, [self._letter(to, delivery, sends, until_ms, True)], now_ms)
            await queries.change_delivery(
                connection, delivery, sends=sends, until_ms=until_ms, state="waiting"
            )

    # -- the house tells -------------------------------------------------------------------------

    async def tell(
        self, connection: AsyncConnection, changes: Sequence[tuple[Room | None, Room]], now_ms: int
    ) -> None:
        """Queue what happened, in the transaction that writes the changes down."""
        news = [(event, after) for before, after in changes for event in happened(before, after)]
        ended = [after.room for before, after in changes if awaits_replay(before, after)]
        if not news and not ended:
            return
        hooks = [hook for hook in await queries.all_hooks(connection) if hook.state == "on"]
        for event, room in news:
            await self._tell_all(connection, hooks, event, room, now_ms)
        if any("room.replay_ready" in hook.events for hook in hooks):
            for name in ended:
                await queries.await_replay(connection, name, now_ms)

    async def run(self) -> None:
        """Look for replays for ever; a fault of the database is logged and tried again."""
        while True:
            try:
                await self.look()
            except TryLater as error:
                log.warning("webhooks: %s", error.title)
            await asyncio.sleep(LOOK_S)

    async def look(self) -> None:
        """One look for replays that are ready."""
        now_ms = self._clock.wall_ms()
        async with self._database.read() as connection:
            waiting = await queries.awaited(connection)
        if not waiting:
            return
        ready = await asyncio.to_thread(
            lambda: [room for room in waiting if made(self._data, RoomId(room))]
        )
        async with self._database.write() as connection:
            await queries.await_no_more(connection, before_ms=now_ms - AWAITED_MS)
            hooks = [hook for hook in await queries.all_hooks(connection) if hook.state == "on"]
            for name in ready:
                known = await rooms.room_named(connection, RoomId(name))
                first = await queries.await_no_more(connection, [name])
                if first and known and known.facts and not known.facts.deleted:
                    event = "room.replay_ready"
                    await self._tell_all(connection, hooks, event, known.facts, now_ms)

    async def _tell_all(
        self,
        connection: AsyncConnection,
        hooks: Sequence[Hook],
        event: str,
        room: Room,
        now_ms: int,
    ) -> None:
        listen = self._links.listen(RoomId(room.room))
        message = body(event, at_ms(event, room, now_ms), room, listen)
        for hook in hooks:
            if event in hook.events:
                await self._queue(connection, hook, event, message, now_ms)

    async def _queue(
        self,
        connection: AsyncConnection,
        hook: Hook,
        event: str,
        message: bytes,
        now_ms: int,
        *,
        urgent: bool = False,
    ) -> None:
        """One delivery and its letter; urgent: somebody waits, and is told if the queue is full."""
        delivery = Delivery(
            delivery=f"msg_{new_id(_ID_LETTERS)}",
            hook=hook.hook,
            event=event,
            body=message,
            made_ms=now_ms,
            until_ms=now_ms + USEFUL_MS,
            sends=1,
            attempts=0,
            tried_ms=0,
            status=0,
            answer="",
            state="waiting",
        )
        await queries.add_delivery(connection, delivery)
        letter = self._letter(hook, delivery.delivery, 1, delivery.until_ms, urgent)
        try:
            await post.add(connection, [letter], now_ms)
        except TryLater as full:  # raised before anything is written
            if urgent:
                raise
            await queries.change_delivery(
                connection, delivery.delivery, state="failed", answer=full.title
            )

    def _letter(self, hook: Hook, delivery: str, sends: int, until_ms: int, urgent: bool) -> Draft:
        return Draft(
            transport="hook",
            key=f"hook:{delivery}:{sends}",
            batch=batch(hook.hook),
            host=urlsplit(hook.url).hostname or "",
            recipient=hook.hook,
            body=delivery.encode(),
            until_ms=until_ms,
            urgent=urgent,
        )

    def _secret(self, hook: Hook) -> str:
        return secret_of(self._keys, hook.hook, hook.generation)


def batch(hook: str) -> str:
    """What all letters to a hook belong to."""
    return f"hook:{hook}"


async def _found(
    connection: AsyncConnection, hook: str, *, lock: bool = False, on: bool = False
) -> Hook:
    found = await queries.find_hook(connection, hook, lock=lock)
    if found is None:
        raise NotFound("hook_unknown", "There is no such webhook or message.")
    if on and found.state != "on":
        raise UserError("hook_off", "This webhook is not told anything now: resume it first.")
    return found
