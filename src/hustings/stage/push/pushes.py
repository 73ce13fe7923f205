"""Sends rooms on to other platforms: keeps a process running for each target while its room is on.

Keeps true: nothing here waits on the mixer's thread, which is only asked how a room stands; what a
platform does to us it does to a process of its own (`stage.push.child`), which is killed when it is silent and
started again. Keys go to that process by its standard input and come back nowhere. Lives on the door's loop.
"""

import asyncio
import contextlib
import logging
import sys
from pathlib import Path
from typing import Any, Final, Literal

import msgspec

from hustings.base.clock import Clock
from hustings.base.errors import HustingsError, NotFound, TryLater, UserError
from hustings.base.ids import RoomId, new_id
from hustings.base.tasks import Tasks
from hustings.settings import Settings
from hustings.stage.engine import Engine
from hustings.stage.push.card import HEIGHT, WIDTH, is_card
from hustings.stage.push.order import Order, Report, good_key, where_to
from hustings.stage.push.store import Kept, PushStore, Target
from hustings.stage.room import HOSTS
from hustings.stage.studio import Studio
from hustings.wire.links import near_url

log = logging.getLogger(__name__)

LOOK_S: Final = 1.0  # how a room stands is asked so often
FROZEN_S: Final = 20.0  # a child says something each second; its start takes 2 s on a slow machine
LAST_WORDS_S: Final = 4.0  # the edge is behind the stage by less
END_S: Final = 3.0  # from SIGTERM to SIGKILL
AGAIN_S: Final = (1.0, 2.0, 5.0, 10.0, 30.0)  # before a child that died is started again
_CHILD: Final = (sys.executable, "-m", "hustings.stage.push.child")

Phase = Literal["on", "wait", "over"]


class Pushing:
    """One target as hosts see it."""

    def __init__(self, target: Target, now_ms: int) -> None:
        self.target = target
        self.report = Report("waiting")
        self.since_ms = now_ms
        self.process: asyncio.subprocess.Process | None = None
        self.task: asyncio.Task[Any] | None = None

    def view(self) -> dict[str, Any]:
        """Without the key, and of the address the host alone: some platforms hide the key in the path."""
        where, report = where_to(self.target.url), self.report
        told = {"id": self.target.id, "host": where.host, "hold": self.target.hold}
        return told | {"state": report.state, "code": report.code, "since_ms": self.since_ms}


class Pushes:
    """All targets of one stage."""

    def __init__(self, settings: Settings, engine: Engine, clock: Clock) -> None:
        self._settings = settings.stage.push
        public = settings.public_url.edge.rstrip("/")
        self._edge = public or near_url(settings, settings.edge.port)
        self._cert = "" if public else settings.tls.cert
        self._engine = engine
        self._clock = clock
        self._store = PushStore(Path(settings.data))
        self._tasks = Tasks()
        self._cards: dict[RoomId, bytes] = {}
        self._rooms: dict[RoomId, dict[str, Pushing]] = {}

    def start(self) -> None:
        """Take up what was pushed when this stage ended."""
        for room, kept in self._store.load().items():
            self._cards[room] = kept.card
            for target in kept.targets:
                self._begin(room, target)

    async def close(self) -> None:
        """End all children; what is pushed is taken up at the next start."""
        await self._tasks.close()

    # --- what hosts do ---------------------------------------------------------------------------

    def add(self, room: RoomId, url: str, key: str, *, hold: bool) -> str:
        """Push this room there from when it is on; the target's id.

        Raises UserError `push_url`, `push_key_bad`, `push_twice`, TryLater `push_full`, `push_disk`.
        """
        url, target_key = url.strip(), good_key(key)
        where = where_to(url)
        here = self._rooms.get(room, {})
        if any(each.target.url == url and each.target.key == target_key for each in here.values()):
            raise UserError("push_twice", "This room is sent there already.")
        total = sum(len(each) for each in self._rooms.values())
        if len(here) >= self._settings.targets or total >= self._settings.processes:
            raise TryLater("push_full", "No further platform: take one away first.", delay_s=60)
        target = Target(new_id(), url, target_key, hold)
        kept = (*(each.target for each in here.values()), target)
        self._store.save(room, Kept(kept, self._cards.get(room, b"")))  # before anything begins
        self._begin(room, target)
        log.info("%s: is to be pushed to %s", room, where.host)
        return target.id

    async def drop(self, room: RoomId, target_id: str) -> None:
        """Push there no more, and forget the key. Raises NotFound `push_unknown`."""
        pushing = self._rooms.get(room, {}).pop(target_id, None)
        if pushing is None:
            raise NotFound("push_unknown", "This is not pushed there any more.")
        self._save(room)
        if not self._rooms[room]:
            self._forget(room)
        if pushing.task is not None:
            pushing.task.cancel()
            await asyncio.wait([pushing.task])
        await self.tell(room)

    def set_card(self, room: RoomId, card: bytes) -> None:
        """The picture for platforms; those that are pushed to show it from their next start on.

        Raises UserError `push_card`, TryLater `push_disk`.
        """
        if not is_card(card):
            raise UserError(
                "push_card", f"A picture is a JPEG of {WIDTH} x {HEIGHT}, 60 KiB at most."
            )
        self._cards[room] = card
        self._save(room)

    def view(self, room: RoomId) -> dict[str, Any]:
        """The message `push` of the control socket."""
        targets = [each.view() for each in self._rooms.get(room, {}).values()]
        return {"type": "push", "push": targets, "most": self._settings.targets}

    def _save(self, room: RoomId) -> None:
        targets = tuple(each.target for each in self._rooms.get(room, {}).values())
        if targets:
            self._store.save(room, Kept(targets, self._cards.get(room, b"")))

    def _forget(self, room: RoomId) -> None:
        """Nothing is pushed there any more: no key and no picture stays."""
        self._rooms.pop(room, None)
        self._cards.pop(room, None)
        self._store.forget(room)

    # --- keeping one running -----------------------------------------------------------------------

    def _begin(self, room: RoomId, target: Target) -> None:
        pushing = Pushing(target, self._clock.wall_ms())
        self._rooms.setdefault(room, {})[target.id] = pushing
        pushing.task = self._tasks.start(self._keep(room, pushing), name=f"push of {room}")

    async def _keep(self, room: RoomId, pushing: Pushing) -> None:
        """Until the room's evening is over, or it is taken away."""
        await self.tell(room)
        deaths = 0
        while (phase := await self._phase(room, pushing.target)) != "over":
            if phase == "wait":
                await self._says(room, pushing, Report("waiting"))
                await asyncio.sleep(LOOK_S)
                continue
            lived_s = await self._run(room, pushing)
            if await self._phase(room, pushing.target) == "on":
                deaths = 0 if lived_s > 60 else deaths + 1
                await self._says(room, pushing, Report("trouble", "push_died"))
                await asyncio.sleep(AGAIN_S[min(deaths, len(AGAIN_S) - 1)])
        self._rooms.get(room, {}).pop(pushing.target.id, None)
        if not self._rooms.get(room):
            self._forget(room)
        await self.tell(room)

    async def _phase(self, room: RoomId, target: Target) -> Phase:
        def stands(studio: Studio) -> Phase:
            facts = studio.facts(room)
            if facts is None or facts.state == "ended":
                return "over"
            return (
                "on"
                if facts.state == "live" or (target.hold and facts.state == "lobby")
                else "wait"
            )

        return await self._engine.do(stands)

    async def _run(self, room: RoomId, pushing: Pushing) -> float:
        """One life of a child; how long it lived, seconds."""
        began_s = self._clock.monotonic()
        await self._says(room, pushing, Report("connecting"))
        process = pushing.process = await asyncio.create_subprocess_exec(
            *_CHILD,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            process_group=0,  # Ctrl-C is for the stage; this ends when its standard input closes
        )
        hearing = asyncio.get_running_loop().create_task(
            self._hear(room, pushing, process), name="hears"
        )
        try:
            target = pushing.target
            order = Order(
                room, target.url, target.key, self._edge, self._cert, self._settings.allow,
                self._cards.get(room, b""),
            )  # fmt: skip
            assert process.stdin is not None
            with contextlib.suppress(ConnectionError):
                process.stdin.write(msgspec.json.encode(order) + b"\n")
                await process.stdin.drain()
            while not hearing.done():
                await asyncio.wait([hearing], timeout=LOOK_S)
                if (phase := await self._phase(room, target)) != "on":
                    await asyncio.sleep(LAST_WORDS_S if phase == "over" else 0)
                    break
        finally:
            hearing.cancel()
            await _end(process)
            pushing.process = None
        return self._clock.monotonic() - began_s

    async def _hear(
        self, room: RoomId, pushing: Pushing, process: asyncio.subprocess.Process
    ) -> None:
        """Its words, until it has none for too long or says what is none."""
        assert process.stdout is not None
        with contextlib.suppress(TimeoutError, ValueError, msgspec.MsgspecError):
            while True:
                async with asyncio.timeout(FROZEN_S):
                    line = await process.stdout.readline()
                if not line:
                    return
                await self._says(room, pushing, msgspec.json.decode(line, type=Report))

    async def _says(self, room: RoomId, pushing: Pushing, report: Report) -> None:
        if report == pushing.report:
            return
        pushing.report, pushing.since_ms = report, self._clock.wall_ms()
        await self.tell(room)

    async def tell(self, room: RoomId) -> None:
        """Every host whose page is open."""
        message = self.view(room)

        def tell(studio: Studio) -> None:
            hall = studio.meeting(room)
            for who in hall.model.people.values():
                if who.role in HOSTS:
                    hall.watchers.tell_one(who.id, message)

        with contextlib.suppress(HustingsError):  # the room is gone
            await self._engine.do(tell)


async def _end(process: asyncio.subprocess.Process) -> None:
    """It says goodbye to the platform, or is killed."""
    with contextlib.suppress(ProcessLookupError):
        process.terminate()
    try:
        async with asyncio.timeout(END_S):
            await process.wait()
    except TimeoutError:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()
    finally:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
