"""A service that only lives: says that it is ready and beats.

Arguments: where to write its pid, then `broken` (ends at once) or `once` (a second one does so).
The file `log` beside tells who came and who went, in order.
"""

import asyncio
import os
import signal
import sys
from pathlib import Path

from hustings.base import heartbeat

path = Path(sys.argv[1])


def note(word):
    with (path.parent / "log").open("a") as log:
        log.write(f"{path.name} {word} {os.getpid()}\n")


async def main():
    done = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, done.set)
    note("up")
    heartbeat.ready("http://nowhere")
    beat = asyncio.ensure_future(heartbeat.beat())
    await done.wait()
    beat.cancel()
    note("down")


if sys.argv[2:] == ["broken"] or (sys.argv[2:] == ["once"] and path.exists()):
    sys.exit(7)
heartbeat.follow_supervisor()
path.with_suffix(".new").write_text(str(os.getpid()))
path.with_suffix(".new").rename(path)
asyncio.run(main())
