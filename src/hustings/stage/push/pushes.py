"""Sends rooms on to other platforms: keeps a process running for each target while its room is on.

Keeps true: nothing here waits on the mixer's thread, which is only asked how a room stands; what a
platform does to us it does to a process of its own (`stage.push.child`), which is killed when it is silent and
started again. Keys go to that process by its standard input and come back nowhere. What a host stops is
stopped whatever the disk says; nothing but that, or the policy of `stage.push.phase`, ends a keeper. Lives
on the door's loop.
"""

import asyncio
import contextlib
import logging
from pathlib import Path
from typing import Any, Final

import msgspec

from hustings.base.clock import Clock
from hustings.base.errors import HustingsError, NotFound, TryLater, UserError
from hustings.base.ids import RoomId, new_id
from hustings.base.tasks import Tasks
from hustings.settings import Settings
from hustings.stage.engine import Engine
from hustings.stage.push.card import HEIGHT, WIDTH, is_card
from hustings.stage.push.order import Order, Report, good_key, where_to
from hustings.stage.push.phase import Late, Phase, phase_of
from hustings.stage.push.process import ended, started
from hustings.stage.push.store import Kept, PushStore, Target
from hustings.stage.push.trials import Trials
from hustings.stage.room import HOSTS
from hustings.stage.studio import Studio
from hustings.wire.links import near_url

log = logging.getLogger(__name__)

LOOK_S: Final = 1.0  # how a room stands is asked so often
FROZEN_S: Final = 20.0  # a child says something each second; its start takes 2 s on a slow machine
LAST_WORDS_S: Final = 4.0  # the edge is behind the stage by less
LIVED_S: Final = 60.0  # who lived for longer is started again at once
AGAIN_S: Final = (1.0, 2.0, 5.0, 10.0, 30.0)  # before a child that died is started again
EARLY_CARDS: Final = 8  # pictures, 60 KiB each, of rooms without a target yet; the oldest goes
STOPPED: Final = Report("stopped", "push_disk")  # nothing is sent; the key is not off the disk yet


class Pushing:
    """One target as hosts see it."""

    def __init__(self, target: Target, now_ms: int) -> None:
        self.target = target
        self.report = Report("waiting")
        self.since_ms = now_ms
        self.process: asyncio.subprocess.Process | None = None
        self.task: asyncio.Task[Any] | None = None

    @property
    def stopped(self) -> bool:
        """Whether it is here only because the disk did not let it go."""
        return self.report == STOPPED

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
        self._trials = Trials(clock)

    def start(self) -> None:
        """Take up what was pushed when this stage ended."""
        for room, kept in self._store.load().items():
            if kept.targets:
                self._cards[room] = kept.card
            for target in kept.targets:
                self._begin(room, target)

    async def close(self) -> None:
        """End all children; what is pushed is taken up at the next start."""
        self._trials.close()
        await self._tasks.close()

    # --- what hosts do ---------------------------------------------------------------------------

    def add(self, room: RoomId, url: str, key: str, *, hold: bool) -> str:
        """Push this room there from when it is on; the target's id.

        Raises UserError `push_url`, `push_key_bad`, `push_twice`, TryLater `push_full`, `push_disk`.
        """
        url, target_key = url.strip(), good_key(key)
        where = where_to(url)
        here = self._rooms.get(room, {})
        if any(
            each.target.url == url and each.target.key == target_key and not each.stopped
            for each in here.values()
        ):
            raise UserError("push_twice", "This room is sent there already.")
        total = sum(len(each) for each in self._rooms.values())
        if len(here) >= self._settings.targets or total >= self._settings.processes:
            raise TryLater("push_full", "No further platform: take one away first.", delay_s=60)
        target = Target(new_id(), url, target_key, hold, self._clock.wall_ms())
        self._write(room, (*self._targets(room), target))  # before anything begins
        self._begin(room, target)
        log.info("%s: is to be pushed to %s", room, where.host)
        return target.id

    async def drop(self, room: RoomId, target_id: str) -> None:
        """Push there no more, and forget the key.

        Raises NotFound `push_unknown`, TryLater `push_disk`: nothing is sent, but the key is still on
        the disk; the target stays listed as stopped, we try again, and so may the host.
        """
        pushing = self._rooms.get(room, {}).get(target_id)
        if pushing is None:
            raise NotFound("push_unknown", "This is not pushed there any more.")
        sending = pushing.task
        if sending is not None:
            sending.cancel()  # first of all, and whatever comes now
        try:
            self._remove(room, pushing)
        except TryLater:
            pushing.task = self._tasks.start(self._leave(room, pushing), name=f"key of {room}")
            raise
        finally:
            if sending is not None:
                await asyncio.wait([sending])
            await self.tell(room)

    async def try_out(self, room: RoomId, url: str, key: str, *, publish: bool) -> Report:
        """Whether a platform takes us, before the room is live: `stage.push.trial` says how far.

        Nothing of it is kept. Raises UserError `push_url`, `push_key_bad`, TryLater `push_full` where no
        platform is allowed, `push_try_rate`.
        """
        url = url.strip()
        where_to(url)
        if not self._settings.targets:
            raise TryLater("push_full", "This house sends to no other platform.", delay_s=60)
        card = self._cards.get(room, b"") if publish else b""
        order = Order(
            room, url, good_key(key) if publish else "", "", "", self._settings.allow, card,
            "key" if publish else "address",
        )  # fmt: skip
        return await self._trials.run(order)

    def set_card(self, room: RoomId, card: bytes) -> None:
        """The picture for platforms; those that are pushed to show it from their next start on.

        Raises UserError `push_card`, TryLater `push_disk`: the one before stays.
        """
        if not is_card(card):
            raise UserError(
                "push_card", f"A picture is a JPEG of {WIDTH} x {HEIGHT}, 60 KiB at most."
            )
        if room in self._rooms:
            self._write(room, self._targets(room), card)
        self._cards.pop(room, None)
        self._cards[room] = card
        early = [each for each in self._cards if each not in self._rooms]
        for each in early[:-EARLY_CARDS]:
            del self._cards[each]

    def view(self, room: RoomId) -> dict[str, Any]:
        """The message `push` of the control socket."""
        targets = [each.view() for each in self._rooms.get(room, {}).values()]
        return {"type": "push", "push": targets, "most": self._settings.targets}

    def _targets(self, room: RoomId) -> tuple[Target, ...]:
        """Those whose keys are to be kept."""
        here = self._rooms.get(room, {}).values()
        return tuple(each.target for each in here if not each.stopped)

    def _write(self, room: RoomId, targets: tuple[Target, ...], card: bytes | None = None) -> None:
        """These and no others are on disk; without any nothing is. Raises TryLater `push_disk`."""
        if targets:
            kept = self._cards.get(room, b"") if card is None else card
            self._store.save(room, Kept(targets, kept))
        else:
            self._store.forget(room)

    def _remove(self, room: RoomId, pushing: Pushing) -> None:
        """Off the disk, then off the list. Raises TryLater `push_disk`: it is listed as stopped."""
        if not pushing.stopped:
            pushing.report, pushing.since_ms = STOPPED, self._clock.wall_ms()
        self._write(room, self._targets(room))
        here = self._rooms.get(room, {})
        here.pop(pushing.target.id, None)
        if not here:  # nothing is pushed there any more: no picture stays
            self._rooms.pop(room, None)
            self._cards.pop(room, None)

    async def _leave(self, room: RoomId, pushing: Pushing) -> None:
        """Remove what sends no more, as often as it takes."""
        while True:
            try:
                self._remove(room, pushing)
                break
            except TryLater as error:
                log.error("%s: a stream key stays on the disk: %s", room, error.title)
            await self.tell(room)
            await asyncio.sleep(AGAIN_S[-1])
        await self.tell(room)

    # --- keeping one running -----------------------------------------------------------------------

    def _begin(self, room: RoomId, target: Target) -> None:
        pushing = Pushing(target, self._clock.wall_ms())
        self._rooms.setdefault(room, {})[target.id] = pushing
        pushing.task = self._tasks.start(self._keep(room, pushing), name=f"push of {room}")

    async def _keep(self, room: RoomId, pushing: Pushing) -> None:
        """Until the room's evening is over, or it is taken away."""
        await self.tell(room)
        deaths, late = 0, Late()
        while True:
            began_s = self._clock.monotonic()
            try:
                phase = late.judged(await self._phase(room, pushing.target), began_s)
                if phase == "over":
                    break
                if phase == "wait":
                    await self._says(room, pushing, Report("waiting"))
                    await asyncio.sleep(LOOK_S)
                    continue
                await self._run(room, pushing)
                if await self._phase(room, pushing.target) != "on":
                    continue
            except Exception:  # no memory, no descriptors, a fault of ours: it goes on
                log.exception("%s: sending broke off, and begins again", room)
            deaths = 0 if self._clock.monotonic() - began_s > LIVED_S else deaths + 1
            await self._says(room, pushing, Report("trouble", "push_died"))
            await asyncio.sleep(AGAIN_S[min(deaths, len(AGAIN_S) - 1)])
        await self._leave(room, pushing)

    async def _phase(self, room: RoomId, target: Target) -> Phase:
        now_ms = self._clock.wall_ms()
        return await self._engine.do(lambda studio: phase_of(studio.facts(room), target, now_ms))

    async def _run(self, room: RoomId, pushing: Pushing) -> None:
        """One life of a child."""
        await self._says(room, pushing, Report("connecting"))
        target = pushing.target
        order = Order(
            room, target.url, target.key, self._edge, self._cert, self._settings.allow,
            self._cards.get(room, b""),
        )  # fmt: skip
        process = pushing.process = await started(order)
        hearing = asyncio.get_running_loop().create_task(
            self._hear(room, pushing, process), name="hears"
        )
        try:
            while not hearing.done():
                await asyncio.wait([hearing], timeout=LOOK_S)
                if (phase := await self._phase(room, target)) != "on":
                    await asyncio.sleep(LAST_WORDS_S if phase == "over" else 0)
                    break
        finally:
            hearing.cancel()
            await ended(process)
            pushing.process = None

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
        if report == pushing.report or pushing.stopped:
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

        try:
            await self._engine.do(tell)
        except HustingsError:  # the room is gone
            pass
        except Exception:  # hosts hear it with the next change; no keeper ends by it
            log.exception("%s: hosts were not told", room)
