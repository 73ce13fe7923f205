"""A house of our own for about a minute, to measure what a listener costs on this machine.

Keeps true: it uses free ports and a folder that goes away, and no process of it outlives the
call. Called by `hustings plan` when it is given no calibration.
"""

import asyncio
import contextlib
import os
import socket
import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Final

import httpx
import msgspec

from hustings.base.clock import Clock
from hustings.base.errors import OperatorError
from hustings.load.rehearsal import flooding
from hustings.load.rehearsal.arrivals import Shape
from hustings.load.rehearsal.conducting import conduct
from hustings.load.rehearsal.judging import LIMITS
from hustings.load.rehearsal.report import Rehearsed
from hustings.load.rehearsal.target import read_target, resolved
from hustings.load.rehearsal.wish import Wish

ROOM: Final = "demo"
_START_S: Final = 60.0
_STOP_S: Final = 15.0
_UDP_PORTS: Final = 60
_SHAPE: Final[Shape] = "ramp"
_COMING_S: Final = 10.0  # long enough to tell joins from listeners
_STAYING_S: Final = 10.0


async def calibrate(
    clock: Clock, *, listeners: int, rendition: str, stop: asyncio.Event, say: Callable[[str], None]
) -> Rehearsed:
    """Rehearse so many listeners against a house of our own. Raises OperatorError `house_missing`."""
    say("starting a house of our own")
    async with _house() as url:
        target = resolved(read_target(f"{url}/r/{ROOM}", rendition=rendition, ca=""), "")
        wish = Wish(
            target=target, shape=_SHAPE, listeners=listeners, over_s=_COMING_S, seconds=_STAYING_S
        )
        done = await conduct(wish, clock, stop=stop, say=say, limits=LIMITS)
        flood = await flooding.calibrate(wish, clock, steps=flooding.STEPS, stop=stop, say=say)
        return msgspec.structs.replace(done, flood=flood)


@contextlib.asynccontextmanager
async def _house() -> AsyncIterator[str]:
    """`serve --demo` with one edge; gives the edge's URL once the room is live."""
    with tempfile.TemporaryDirectory(prefix="hustings-plan-") as folder:
        web, stage, edge, lane, udp = _free_ports()
        ours = os.environ  # noqa: TID251 - handed on to the child, but for this house's settings
        environ = {
            **{name: value for name, value in ours.items() if not name.startswith("HUSTINGS_")},
            "HUSTINGS_DATA": folder,
            "HUSTINGS_WEB_PORT": str(web),
            "HUSTINGS_STAGE_PORT": str(stage),
            "HUSTINGS_EDGE_PORT": str(edge),
            "HUSTINGS_EDGE_LANE_PORT": str(lane),
            "HUSTINGS_EDGE_COUNT": "1",
            "HUSTINGS_STAGE_RTC_FIRST_PORT": str(udp),
            "HUSTINGS_STAGE_RTC_LAST_PORT": str(udp + _UDP_PORTS),
        }
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "hustings", "serve", "--demo",
            cwd=folder, env=environ, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C is for us, who end it cleanly
        )  # fmt: skip
        try:
            url = f"http://127.0.0.1:{edge}"
            await _live(url, process)
            yield url
        finally:
            await _ended(process)


async def _live(url: str, process: asyncio.subprocess.Process) -> None:
    """Wait until the demo's voices are heard."""
    try:
        async with asyncio.timeout(_START_S), httpx.AsyncClient(trust_env=False) as client:
            while process.returncode is None:
                with contextlib.suppress(httpx.HTTPError, ValueError):
                    state = (await client.get(f"{url}/live/{ROOM}/state.json")).json()
                    if isinstance(state, Mapping) and state.get("source") == "live":
                        return
                await asyncio.sleep(0.2)
    except TimeoutError:
        pass
    raise OperatorError(
        "house_missing", "No house of our own would start here; `hustings doctor` may say why."
    )


async def _ended(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        process.terminate()
        try:
            async with asyncio.timeout(_STOP_S):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()


def _free_ports() -> tuple[int, int, int, int, int]:
    """Four for TCP, and the first of a range for UDP."""
    with contextlib.ExitStack() as stack:
        found = []
        for kind in (*[socket.SOCK_STREAM] * 4, socket.SOCK_DGRAM):
            each = stack.enter_context(socket.socket(socket.AF_INET, kind))
            each.bind(("127.0.0.1", 0))
            found.append(each.getsockname()[1])
        web, stage, edge, lane, udp = found
        return web, stage, edge, lane, min(udp, 65_000 - _UDP_PORTS)
