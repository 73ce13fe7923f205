"""The life of one pushing process (`stage.push.child`): it gets its order by standard input, and is ended in time."""

import asyncio
import contextlib
import sys
from typing import Final

import msgspec

from hustings.stage.push.order import Order

CHILD: Final = (sys.executable, "-m", "hustings.stage.push.child")
END_S: Final = 3.0  # from SIGTERM to SIGKILL


async def started(order: Order) -> asyncio.subprocess.Process:
    """One that has its order; whoever started it ends it. Raises OSError."""
    process = await asyncio.create_subprocess_exec(
        *CHILD,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        process_group=0,  # Ctrl-C is for the stage; this ends when its standard input closes
    )
    assert process.stdin is not None
    try:
        with contextlib.suppress(ConnectionError):
            process.stdin.write(msgspec.json.encode(order) + b"\n")
            await process.stdin.drain()
    except BaseException:
        await ended(process)
        raise
    return process


async def ended(process: asyncio.subprocess.Process) -> None:
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
