"""An edge in a process of its own, as `hustings edge` starts it: for floods, whose clients would
otherwise share its loop. Its operator's lane tells what it counted."""

import asyncio
import contextlib
import os
import re
import subprocess
from collections.abc import AsyncIterator

import httpx
import psutil

from tests.support.house import PROGRAM, ROOT, free_ports


class EdgeProcess:
    def __init__(self, child: subprocess.Popen[bytes], port: int, lane_port: int) -> None:
        self.child = child
        self.process = psutil.Process(child.pid)
        self.port = port
        self.lane = f"http://127.0.0.1:{lane_port}"

    async def metrics(self) -> dict[str, float]:
        """Name with labels, without `hustings_edge_` -> value."""
        async with httpx.AsyncClient(trust_env=False) as http:
            text = (await http.get(f"{self.lane}/metrics", timeout=20)).text
        lines = re.findall(r"^hustings_edge_(\S+) (\S+)$", text, re.MULTILINE)
        return {name: float(value) for name, value in lines}

    async def ready(self) -> None:
        async with asyncio.timeout(60), httpx.AsyncClient(trust_env=False) as http:
            while True:
                with contextlib.suppress(httpx.HTTPError):
                    if (await http.get(f"{self.lane}/readyz")).status_code == 200:
                        return
                assert self.child.poll() is None, "the edge did not start"
                await asyncio.sleep(0.1)

    def cpu_s(self) -> float:
        """User and system seconds so far."""
        times = self.process.cpu_times()
        return float(times.user + times.system)


@contextlib.asynccontextmanager
async def edge_process(origin: str, **settings: object) -> AsyncIterator[EdgeProcess]:
    """settings: of `[edge]`. Ready when it yields; killed at the end."""
    port, lane_port = free_ports(2)
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT / "src"),
        "HUSTINGS_EDGE_ORIGIN": origin,
        "HUSTINGS_EDGE_TOKEN": "edge-token",
        "HUSTINGS_EDGE_PORT": str(port),
        "HUSTINGS_EDGE_LANE_PORT": str(lane_port),
        **{f"HUSTINGS_EDGE_{name.upper()}": str(value) for name, value in settings.items()},
    }
    child = subprocess.Popen(
        [*PROGRAM, "edge"], env=environment, cwd=ROOT, stderr=subprocess.DEVNULL
    )
    try:
        edge = EdgeProcess(child, port, lane_port)
        await edge.ready()
        yield edge
        assert child.poll() is None, "the edge died"
    finally:
        child.kill()
        child.wait()
