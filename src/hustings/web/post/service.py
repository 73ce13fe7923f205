"""Sends the letters: claims a few, commits, sends them, writes down what became of them.

Keeps true: a letter is committed as `sending` before anything of it leaves the house, and what
became of it is kept in memory until the database takes it; so nothing is sent twice, and nothing is
claimed that there is no room for. While the database is away nothing is sent. Nothing here runs in a
request. Who enqueues: see the package's docstring.
"""

import asyncio
import contextlib
import logging
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from hustings.base.clock import Clock
from hustings.base.errors import TryLater
from hustings.base.tasks import Tasks
from hustings.store import Database
from hustings.web.post import queries
from hustings.web.post.lanes import Lane
from hustings.web.post.model import (
    TRANSPORTS,
    Letter,
    Outcome,
    Refused,
    Standing,
    State,
    TransportName,
    Unsure,
)
from hustings.web.post.ports import Transport
from hustings.web.post.verdicts import Verdict, judge

log = logging.getLogger(__name__)

IDLE_S: Final = 1.0  # between looks; a look is one small query for each transport
PACE_S: Final = 0.05  # letters that are done within it are written down together
SEND_S: Final = 900.0  # longest attempt; transports have shorter limits of their own
CLOSE_S: Final = 3.0  # what is under way may end; the rest is found as `sending` by the next start
TIDY_S: Final = 60.0
ORPHAN_MS: Final = (
    600_000  # `sending` for so long, and not by us: a claim whose commit we never heard of
)
DAY_MS: Final = 86_400_000
KEPT_DAYS: Final[dict[State, int]] = {"sent": 7, "given_up": 30, "unsure": 30}
UNWRITTEN: Final = "It failed, with a reason that the database did not take."
_TIDIED: Final = 2_000  # rows deleted at once: a write of some milliseconds


@dataclass
class _Road:
    transport: Transport
    lane: Lane
    under_way: dict[int, asyncio.Task[None]] = field(default_factory=dict)


def _lane(transport: Transport) -> Lane:
    return Lane(
        most=transport.most,
        most_of_host=transport.most_of_host,
        host_rest_s=transport.host_rest_s,
    )


class Post:
    """The one sender of this process."""

    def __init__(self, database: Database, transports: Sequence[Transport], clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._roads: dict[TransportName, _Road] = {
            each.name: _Road(each, _lane(each)) for each in transports
        }
        self._wake = asyncio.Event()
        self._sends = Tasks()
        self._verdicts: list[Verdict] = []  # at most as many as may be under way
        self._tidy_s = float("-inf")
        self._began = False
        self.counts: dict[tuple[TransportName, State], int] = {}

    def carries(self, name: TransportName) -> bool:
        """Whether letters of this kind leave the house: its transport is set up."""
        return name in self._roads

    def wake(self) -> None:
        """Something was added: look now."""
        self._wake.set()

    async def standings(self) -> list[Standing]:
        """How the letters stand, by transport: those that are set up, and others that have any."""
        async with self._database.read() as connection:
            known = {name for name, _ in await queries.counts(connection)} | set(self._roads)
            return [await queries.standing(connection, name) for name in sorted(known)]

    async def run(self) -> None:
        """Send for ever; a fault of the database is logged and tried again. Ends by being cancelled."""
        try:
            while True:
                try:
                    await self.turn()
                except TryLater as error:
                    log.warning("post: %s", error.title)
                try:
                    async with asyncio.timeout(IDLE_S):
                        await self._wake.wait()
                except TimeoutError:
                    pass
                await asyncio.sleep(PACE_S)
                self._wake.clear()
        finally:
            await self._close()

    async def turn(self) -> None:
        """One round: write down, tidy if it is time, set out. Raises TryLater if the database does."""
        await self._settle()
        if self._clock.monotonic() - self._tidy_s >= TIDY_S:
            await self._tidy()
            self._tidy_s = self._clock.monotonic()
        for road in self._roads.values():
            await self._set_out(road)

    async def settled(self) -> None:
        """Wait until nothing is under way, and write it down (at the end, and in tests)."""
        while sends := [each for road in self._roads.values() for each in road.under_way.values()]:
            await asyncio.wait(sends)
        await self._settle()

    # -- within ----------------------------------------------------------------------------------

    async def _set_out(self, road: _Road) -> None:
        now_s, found = self._clock.monotonic(), list[Letter]()
        if not road.lane.room(now_s):
            return
        name, now_ms = road.transport.name, self._clock.wall_ms()
        try:
            async with self._database.write() as connection:
                await queries.claim(connection, name, road.lane, found, now_ms=now_ms, now_s=now_s)
        except BaseException:
            for letter in found:
                road.lane.take_back(letter.host)
            raise
        for letter in found:
            send = self._send(road, letter)
            road.under_way[letter.id] = self._sends.start(send, name=f"{name} {letter.id}")

    async def _send(self, road: _Road, letter: Letter) -> None:
        outcome: Outcome = Refused("A fault of this program; its log has more.")
        try:
            async with asyncio.timeout(SEND_S):
                outcome = await road.transport.send(letter)
        except TimeoutError:
            outcome = Unsure(f"No answer for {SEND_S:.0f} s.")
        except asyncio.CancelledError:
            road.under_way.pop(letter.id, None)
            raise
        finally:  # also after a fault, which `Tasks` logs
            if letter.id in road.under_way:
                self._over(road, letter, outcome)

    def _over(self, road: _Road, letter: Letter, outcome: Outcome) -> None:
        rest_s = road.lane.end(letter.host, outcome, self._clock.monotonic())
        spread = secrets.randbelow(1_000) / 1_000
        now_ms = self._clock.wall_ms()
        verdict = judge(
            letter,
            outcome,
            now_ms,
            rest_s=rest_s,
            spread=spread,
            again_if_unsure=road.transport.again_if_unsure,
        )
        if verdict.error:
            log.info("%s to %s: %s", road.transport.name, letter.host, verdict.error)
        road.under_way.pop(letter.id, None)
        self._verdicts.append(verdict)
        self._wake.set()

    async def _settle(self) -> None:
        """Write down all at once; if the database does not take that, one by one."""
        written = list(self._verdicts)
        if not written:
            return
        try:
            await self._write_down(*written)
        except TryLater as error:
            if error.code != "database_gone":  # PostgreSQL says so of a value, too
                raise
        except Exception:
            log.exception("post: what became of %d letters cannot be written at once", len(written))
        else:
            del self._verdicts[: len(written)]
            return
        for verdict in written:
            await self._settle_one(verdict)
            self._verdicts.remove(verdict)

    async def _settle_one(self, verdict: Verdict) -> None:
        """One that cannot be written loses its reason and holds up nobody. Raises TryLater."""
        with contextlib.suppress(Exception):
            return await self._write_down(verdict)
        try:
            await self._write_down(replace(verdict, error=UNWRITTEN))
        except TryLater:
            raise
        except Exception:  # it stays `sending`, which is found later
            log.exception("post: what became of letter %d cannot be written", verdict.id)
        else:
            log.error("post: the reason of letter %d could not be written", verdict.id)

    async def _write_down(self, *verdicts: Verdict) -> None:
        async with self._database.write() as connection:
            await queries.settle(connection, verdicts, self._clock.wall_ms())

    async def _tidy(self) -> None:
        """What nobody sends, what is too late, what has been over for long; and how all stand."""
        now_ms = self._clock.wall_ms()
        async with self._database.write() as connection:
            for name in TRANSPORTS:
                road = self._roads.get(name)
                left = await queries.orphans(
                    connection,
                    name,
                    again=road is not None and road.transport.again_if_unsure,
                    before_ms=now_ms - ORPHAN_MS if self._began else now_ms,
                    but=road.under_way if road else (),
                    now_ms=now_ms,
                )
                if left:
                    log.warning("post: %d letters (%s) were on their way at a stop", left, name)
            await queries.expire(connection, now_ms)
            for state, days in KEPT_DAYS.items():
                before_ms = now_ms - days * DAY_MS
                for name in TRANSPORTS:
                    await queries.forget(connection, name, state, before_ms, _TIDIED)
            self.counts = await queries.counts(connection)
        self._began = True

    async def _close(self) -> None:
        """What is under way may end; nothing new begins."""
        try:
            async with asyncio.timeout(CLOSE_S):
                await self.settled()
        except (TimeoutError, TryLater):
            log.warning("post: %d letters may have been sent or not", len(self._sends))
        await self._sends.close()
        for road in self._roads.values():
            await road.transport.close()
