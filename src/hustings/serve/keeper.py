"""One child and its pipe: started, listened to, killed when it stands still, started again."""

import asyncio
import contextlib
import os
import signal
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from hustings.base.clock import Clock
from hustings.base.errors import OperatorError
from hustings.base.heartbeat import VARIABLE
from hustings.serve.health import Health, Restarts
from hustings.serve.plan import Child

LOOK_S: Final = 0.25
GRACE_S: Final = 5.0

Say = Callable[[str], None]


class Keeper:
    """Keeps one child running."""

    def __init__(
        self,
        child: Child,
        clock: Clock,
        say: Say,
        environ: Mapping[str, str],
    ) -> None:
        self.child = child
        self.ready = asyncio.Event()
        self.retired = False  # what ends now is not started again
        self.restarts = Restarts()
        self.process: asyncio.subprocess.Process | None = None
        self._clock = clock
        self._say = say
        self._environ = environ
        self._health = Health(0.0, child.frozen_after_s, child.ready_within_s)
        self._rest = b""
        self._cause = ""

    async def run(self) -> None:
        """Run it until it is retired; raises OperatorError("service_start") if it never gets ready."""
        while not self.retired:  # perhaps it was between two runs
            code = await self._once()
            if self.retired:
                return
            ran_s = self._clock.monotonic() - self._health.started_s
            wait = self.restarts.after(ran_s=ran_s, ready=bool(self._health.ready_url))
            if wait is None:
                raise OperatorError(
                    "service_start",
                    f"The {self.child.name} does not start (its last exit code was {code}): "
                    "what it wrote is above; `hustings doctor` may say more.",
                )
            self._say(f"{self.child.name} ended ({self._cause or _ending(code)}); starting it anew")
            await asyncio.sleep(wait)

    async def stop(self) -> None:
        """End it now, for good: SIGINT, then SIGKILL; returns when it is gone.

        One that is not ready gets SIGTERM: Python, still starting, would answer SIGINT with a traceback.
        """
        self.retired = True
        await self._end(signal.SIGINT if self.ready.is_set() else signal.SIGTERM, GRACE_S)

    async def retire(self) -> None:
        """Let it end as it thinks best (an edge drains first), for good."""
        self.retired = True
        await self._end(signal.SIGTERM, self.child.ends_within_s)

    async def renew(self) -> None:
        """Let it end as it thinks best; returns when its next run is ready."""
        self._cause = "as asked"
        self.ready.clear()
        await self._end(signal.SIGTERM, self.child.ends_within_s)
        await self.ready.wait()  # `run` has started the next one

    async def _end(self, number: signal.Signals, grace_s: float) -> None:
        process = self.process
        if process is None or process.returncode is not None:
            return
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(number)
            process.send_signal(signal.SIGCONT)  # a stopped process cannot end
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(process.wait(), grace_s)
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()

    async def _once(self) -> int:
        """One run, from start to exit."""
        self.ready.clear()
        loop = asyncio.get_running_loop()
        reading, writing = os.pipe()
        try:
            self.process = await self._spawn(writing)
        except BaseException:
            os.close(reading)
            raise
        finally:
            os.close(writing)
        _set_niceness(self.process.pid, self.child.niceness)
        self._cause, self._rest = "", b""
        self._health = Health(
            self._clock.monotonic(), self.child.frozen_after_s, self.child.ready_within_s
        )
        os.set_blocking(reading, False)
        loop.add_reader(reading, self._heard, reading)
        watch = loop.create_task(self._watch(self.process), name=f"watch {self.child.name}")
        try:
            return await self.process.wait()
        finally:
            watch.cancel()
            loop.remove_reader(reading)
            os.close(reading)

    async def _spawn(self, writing: int) -> asyncio.subprocess.Process:
        with contextlib.ExitStack() as stack:
            log = self.child.log
            out = stack.enter_context(log.open("ab")) if log else None
            return await asyncio.create_subprocess_exec(
                *self.child.command,
                env={**self._environ, **self.child.environment, VARIABLE: str(writing)},
                stdin=asyncio.subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                pass_fds=(writing,),
                process_group=0,  # Ctrl-C is for us; we tell the children
            )

    def _heard(self, reading: int) -> None:
        with contextlib.suppress(BlockingIOError):
            *lines, self._rest = (self._rest + os.read(reading, 65_536)).split(b"\n")
            self._rest = self._rest[-1_024:]  # a line is short; what is not is no line
            for line in lines:
                self._health.heard(line.decode(errors="replace"), self._clock.monotonic())
                if line.startswith(b"ready "):
                    self.ready.set()

    async def _watch(self, process: asyncio.subprocess.Process) -> None:
        """Kill it when it stands still."""
        while True:
            before = self._clock.monotonic()
            await asyncio.sleep(LOOK_S)
            now = self._clock.monotonic()
            late_s = max(0.0, now - before - LOOK_S)
            self._health.starved_s = _starved_s(process.pid)
            if trouble := self._health.trouble(now, own_delay_s=late_s):
                self._cause = trouble
                with contextlib.suppress(ProcessLookupError):
                    process.kill()
                return


def _starved_s(pid: int) -> float:
    """How long the process was runnable without a core (Linux; elsewhere 0).

    A machine at its limit looks like a frozen process from outside, and a restart would make it
    worse. Source: the second number of /proc/PID/schedstat, ns; of the main thread.
    """
    try:
        return int(Path(f"/proc/{pid}/schedstat").read_text().split()[1]) / 1e9
    except (OSError, IndexError, ValueError):
        return 0.0


def _set_niceness(pid: int, niceness: int) -> None:
    """Below 0 needs a privilege; without it all stay at 0 and web steps back."""
    with contextlib.suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, pid, niceness)


def _ending(code: int) -> str:
    return f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
