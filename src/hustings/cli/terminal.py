"""What longer commands share: one line of progress, an end by Ctrl-C that still reports, stepping back."""

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

import psutil
import uvloop

Result = TypeVar("Result")

_WIDTH = 78
_BAR = 30  # letters


class StatusLine:
    """One line on the terminal, said again and again."""

    def __init__(self, *, shown: bool) -> None:
        self._shown = shown

    def say(self, text: str) -> None:
        """Show this instead of the last."""
        if self._shown:
            print(f"\r{text:<{_WIDTH}}", end="", file=sys.stderr, flush=True)

    def end(self) -> None:
        """No more."""
        if self._shown:
            print(file=sys.stderr)


class Bar:
    """How far something measured in bytes has come; nothing where nobody looks."""

    def __init__(self) -> None:
        self._line = StatusLine(shown=sys.stderr.isatty())
        self._said = ""

    def tell(self, what: str, done: int, size: int) -> None:
        """Show it, when it looks different."""
        full, share = _BAR * done // max(1, size), 100 * done // max(1, size)
        said = f"[{'#' * full:<{_BAR}}] {share:3} % {what}"[:_WIDTH]
        if said != self._said:
            self._line.say(said)
            self._said = said

    def end(self) -> None:
        """No more."""
        if self._said:
            self._line.end()


def interruptible(work: Callable[[asyncio.Event], Coroutine[Any, Any, Result]]) -> Result:
    """Run `work(stop)` in a loop of its own; SIGINT and SIGTERM set `stop` instead of ending us."""

    async def run() -> Result:
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            with contextlib.suppress(ValueError, RuntimeError):  # not in the main thread
                loop.add_signal_handler(number, stop.set)
        return await work(stop)

    found: Result = uvloop.run(run())
    return found


def step_back() -> None:
    """Everything else goes first: the processor, and the disk (Linux)."""
    with contextlib.suppress(OSError):
        os.nice(19)
    with contextlib.suppress(OSError, AttributeError, ValueError, psutil.Error):
        psutil.Process().ionice(psutil.IOPRIO_CLASS_IDLE)
