"""The shell that keeps the children running: one task for each, signals, one line for each event.

Each child has a pipe of its own and writes its heartbeat there (`base.heartbeat`). Whoever dies
is started again, whoever freezes is killed first. SIGHUP starts all anew, one after the other, an
edge's successor before it goes. SIGINT or SIGTERM end all: SIGINT, five seconds, SIGKILL. Should
this process itself be killed, the pipes close and the children end.
"""

import asyncio
import contextlib
import os
import resource
import signal
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from typing import Final

from hustings.base.clock import Clock
from hustings.base.errors import OperatorError
from hustings.loading import PREFIX
from hustings.serve.keeper import Keeper, Say
from hustings.serve.plan import Child

HEAD_START_S: Final = 5.0  # of the first child, which the others follow

WhenReady = Callable[[], Awaitable[Sequence[Child]]]


async def supervise(
    children: Sequence[Child],
    *,
    clock: Clock,
    environ: Mapping[str, str],
    say: Say,
    when_ready: WhenReady | None = None,
) -> None:
    """Run all until SIGINT or SIGTERM (SIGHUP: all anew); returns after a clean stop.

    environ: of which the children get all but settings; theirs are in the plan.
    when_ready: called once all have answered; the children that it returns run along.
    Raises OperatorError("service_start") if a service never gets ready; the others are stopped.
    """
    raise_file_limit()
    loop = asyncio.get_running_loop()
    done = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, done.set)
    house = House(children, clock, say, environ, done)
    attended = os.isatty(0)

    def hang_up() -> None:
        if attended and not os.isatty(0):  # the terminal that we run in was closed
            done.set()
        else:
            house.start(house.renew(), name="renew")

    loop.add_signal_handler(signal.SIGHUP, hang_up)
    house.start(house.greet(when_ready), name="greet")
    try:
        await done.wait()
    finally:
        say("stopping")
        await house.stop()
    if house.failure is not None:
        raise house.failure


class House:
    """The keepers of all children; ends (`done`) when one that matters cannot run."""

    def __init__(
        self,
        children: Sequence[Child],
        clock: Clock,
        say: Say,
        environ: Mapping[str, str],
        done: asyncio.Event,
    ) -> None:
        self._clock = clock
        self._say = say
        self._environ = {k: v for k, v in environ.items() if not k.startswith(PREFIX)}
        self._done = done
        self._tasks: set[asyncio.Task[None]] = set()
        self.keepers = [self._keeper(child) for child in children]
        self._renewing = False
        self.failure: BaseException | None = None

    def start(self, work: Coroutine[None, None, None], *, name: str) -> None:
        """Run it until `stop`; its failure ends the house."""
        self._keep(asyncio.get_running_loop().create_task(work, name=name))

    def _keep(self, task: asyncio.Task[None]) -> None:
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    async def greet(self, when_ready: WhenReady | None) -> None:
        """Start the first, then those that follow it; one line for each when it is ready."""
        first, *others = self.keepers
        self.start(first.run(), name="run the first")
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(first.ready.wait(), HEAD_START_S)
        for keeper in others:
            self.start(keeper.run(), name=f"run {keeper.child.name}")
        for keeper in (first, *others):
            await keeper.ready.wait()
            self._say(f"{keeper.child.name:<7} {keeper.child.url}")
        for child in await when_ready() if when_ready else ():
            self.keepers.append(self._keeper(child))
            self.start(self._extra(self.keepers[-1]), name=f"run {child.name}")

    async def renew(self) -> None:
        """Start every service anew, one at a time, the stage last; what stays behind is said.

        An edge's successor takes newcomers before the old one drains. If it never gets ready
        nothing else is touched: then this version or these settings do not work here.
        """
        services = [each for each in self.keepers if each.child.service != "voice"]
        if self._renewing or not all(each.ready.is_set() for each in services):
            self._say("not now: not everything runs yet")
            return
        self._renewing = True
        try:
            for keeper in [each for each in services if each.child.service == "edge"]:
                if not await self._succeed(keeper):
                    self._say(f"{keeper.child.name}: a new one does not start, the old one stays")
                    return
            for service in ("web", "replay", "stage"):
                for keeper in [each for each in services if each.child.service == service]:
                    await keeper.renew()
                    self._say(f"{keeper.child.name} is new")
        finally:
            self._renewing = False

    async def _succeed(self, old: Keeper) -> bool:
        """Another process for the same child, then the end of the old one."""
        new = self._keeper(old.child)
        running = asyncio.get_running_loop().create_task(new.run(), name=f"run {old.child.name}")
        ready = asyncio.get_running_loop().create_task(new.ready.wait())
        try:
            await asyncio.wait({running, ready}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            ready.cancel()
            if not new.ready.is_set():
                await new.stop()
                running.cancel()
        if not new.ready.is_set():
            if running.done() and not running.cancelled():
                running.exception()  # has been said
            return False
        self._keep(running)
        self.keepers.append(new)
        await old.retire()
        self.keepers.remove(old)
        self._say(f"{old.child.name} is new")
        return True

    async def stop(self) -> None:
        """End all children; returns when they are gone.

        Each gets one signal: its pipe, whose end is another, closes only when it has gone. A
        second one would meet it without handlers, while it writes its last words.
        """
        await self._stop_children()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._stop_children()  # those that were just being started

    async def _stop_children(self) -> None:
        await asyncio.gather(*(keeper.stop() for keeper in self.keepers))

    async def _extra(self, keeper: Keeper) -> None:
        """The services go on without a voice of the demo, and without who makes replays."""
        try:
            await keeper.run()
        except OperatorError:
            self._say(f"{keeper.child.name} does not start: see {keeper.child.log}")

    def _keeper(self, child: Child) -> Keeper:
        return Keeper(child, self._clock, self._say, self._environ)

    def _ended(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            self.failure = self.failure or error
            self._done.set()


def raise_file_limit() -> None:
    """Each listener is an open file: take what the machine grants; children inherit it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
