"""How a service tells its supervisor that it is ready and that its loops turn.

`hustings serve` gives each child the write end of a pipe (`HUSTINGS_HEARTBEAT` = its number).
The child writes one line for each beat, `beat <loop>`, from within the event loop it speaks for,
and once `ready <url>`. Whoever stops beating is killed and started again. The other way round,
a supervisor that dies closes the read end: `follow_supervisor` then ends this process, however
its loops are (SIGINT: at once; five seconds later SIGKILL). Without a supervisor all calls do nothing.
"""

import asyncio
import contextlib
import logging
import os
import select
import signal
import threading
from typing import Final

log = logging.getLogger(__name__)

VARIABLE: Final = "HUSTINGS_HEARTBEAT"
INTERVAL_S: Final = 0.5
GRACE_S: Final = 5.0


def _pipe() -> int | None:
    text = os.environ.get(VARIABLE, "")  # noqa: TID251 - a file number, not a setting
    return int(text) if text.isdecimal() else None


def _write(line: str) -> None:
    """One line, whole (below PIPE_BUF); dropped if the supervisor has not read 64 KiB of them."""
    if (pipe := _pipe()) is not None:
        with contextlib.suppress(OSError):  # full, or the supervisor is gone
            os.write(pipe, f"{line}\n".encode())


def ready(url: str) -> None:
    """Say that requests to `url` are answered now: to the supervisor, or else in the log."""
    if _pipe() is None:
        log.info("answers at %s", url)
    _write(f"ready {url}")


async def beat(loop: str = "loop") -> None:
    """Beat for ever on the running event loop; `loop` names it where a process has several."""
    while _pipe() is not None:
        _write(f"beat {loop}")
        await asyncio.sleep(INTERVAL_S)


def follow_supervisor() -> None:
    """End this process when the supervisor ends; called once, early, by `cli.main`."""
    if (pipe := _pipe()) is None:
        return
    os.set_inheritable(pipe, False)  # our own children must not hold it open
    os.set_blocking(pipe, False)
    threading.Thread(target=_watch, args=(pipe,), name="supervisor-watch", daemon=True).start()


def _watch(pipe: int) -> None:
    """Sleep in poll() until the read end closes; needs no event loop and no polling."""
    poll = select.poll()
    poll.register(pipe, 0)  # POLLERR is always reported
    while not any(events & (select.POLLERR | select.POLLHUP) for _, events in poll.poll()):
        pass
    os.kill(os.getpid(), signal.SIGINT)
    threading.Event().wait(GRACE_S)
    os.kill(os.getpid(), signal.SIGKILL)
