"""How long the main pages and the list for programs take in a house of 10,000 rooms, on both databases.

The whole request as the process sees it: routing, queries, rendering; without sockets, one after
another; judged is the process's own time, since the machine may have other work. PostgreSQL is measured where it is installed, on a socket of this machine.
"""

import asyncio
import statistics
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

import httpx

from bench.report import Row, percentile, spread
from hustings.base.clock import SystemClock
from hustings.settings import Settings, WebSettings
from hustings.web.app import create_app
from hustings.web.services import open_services
from tests.fakes import postgres
from tests.support.many_rooms import fill

ROOMS = 10_000
TIMES = 200
BUDGET_MS = 20.0
PATHS = ("/", "/all", "/all?when=past", "/all?words=evening+9999", "/api/v1/rooms?limit=50")


def measure() -> list[Row]:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        rows = asyncio.run(_rows("SQLite", "", folder))
        programs = postgres.binaries()
        if programs is not None:
            place = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            url = stack.enter_context(postgres.running(programs, place))
            rows += asyncio.run(_rows("PostgreSQL", url, folder))
    return rows


async def _rows(name: str, url: str, folder: Path) -> list[Row]:
    settings = Settings(data=str(folder), web=WebSettings(database=url))
    async with open_services(settings, SystemClock()) as services:
        await fill(services.database, ROOMS, services.clock.wall_ms())
        transport = httpx.ASGITransport(create_app(services))
        async with httpx.AsyncClient(transport=transport, base_url="http://house") as browser:
            return [await _row(browser, services, name, path) for path in PATHS]


async def _row(browser: httpx.AsyncClient, services: object, name: str, path: str) -> Row:
    took_ms, busy_ms = [], []
    for _ in range(TIMES):
        services.pace.__init__()  # type: ignore[attr-defined,misc]  # nobody is slowed here
        begun, worked = time.perf_counter(), time.process_time()
        answer = await browser.get(path, headers={"Accept": "text/html"})
        took_ms.append((time.perf_counter() - begun) * 1_000)
        busy_ms.append((time.process_time() - worked) * 1_000)
        assert answer.status_code == 200, answer.text
    p95 = percentile(took_ms, 0.95)
    return Row(
        f"web: `{path}` of {ROOMS:,} rooms, {name}",
        f"{BUDGET_MS:.0f} ms",
        spread(busy_ms, " ms", 1),
        statistics.median(busy_ms) <= BUDGET_MS,
        f"by the clock {statistics.median(took_ms):.1f} ms, p95 {p95:.1f} ms",
    )
