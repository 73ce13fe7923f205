"""When an evening ends, all turn to the page at once: the second stampede."""

import asyncio

import msgspec

from hustings.wire import kinds
from tests.fakes.edge_process import EdgeProcess, edge_process
from tests.fakes.edges import Client
from tests.fakes.stage_feed import EPOCH_MS, StageFeed
from tests.support.night import scaled

LISTENERS = int(scaled(500, 4_000))
SPREAD_S = scaled(0.6, 5)  # in which all of them turn to the page
ROOM = kinds.Room("demo", "Town hall", state="live", epoch_ms=EPOCH_MS, radio=True)


async def test_F37_the_end_sends_all_to_a_page_that_stands_ready(
    stage: StageFeed, figures: dict[str, object]
) -> None:
    async with edge_process(stage.url) as edge:
        await _the_end(stage, edge, figures)


async def _the_end(stage: StageFeed, edge: EdgeProcess, figures: dict[str, object]) -> None:
    started = asyncio.Semaphore(10)

    async def evening(number: int) -> tuple[bool, int, float]:
        """Listen to the end, then open the room's page."""
        home = f"10.{number // 250}.{number % 250}.7"
        async with started:
            while True:
                client = Client(edge.port, "/live/demo/opus.mp4", X_Forwarded_For=home)
                await client.__aenter__()
                if client.status == 200:
                    break
                client.writer.transport.abort()
                await asyncio.sleep(0.5)
        try:
            while await client.some():
                pass
        finally:
            client.writer.transport.abort()
        whole = client.whole
        await asyncio.sleep(SPREAD_S * number / LISTENERS)
        began = asyncio.get_running_loop().time()
        async with Client(edge.port, "/r/demo", X_Forwarded_For=home) as page:
            body = await page.read()
        assert b'data-phase="ended"' in body
        return whole, page.status, asyncio.get_running_loop().time() - began

    crowd = [asyncio.ensure_future(evening(number)) for number in range(LISTENERS)]
    async with asyncio.timeout(60):
        while (before := await edge.metrics())["listeners"] < LISTENERS:
            await asyncio.sleep(0.1)
    feeds = stage.opened
    ended = msgspec.structs.replace(ROOM, state="ended")
    stage.rooms["demo"].add(kinds.ROOM, ended, at=stage.media_time)
    async with asyncio.timeout(60):
        seen = await asyncio.gather(*crowd)
    assert all(whole for whole, _, _ in seen)  # told that it was the end, not a broken line
    assert {status for _, status, _ in seen} == {200}
    assert stage.opened == feeds  # nobody asked the stage for anything
    after = await edge.metrics()
    assert _refusals(after) == _refusals(before)
    waits = sorted(wait for _, _, wait in seen)
    figures["listeners"] = LISTENERS
    figures["page_p99_ms"] = waits[int(0.99 * len(waits))] * 1_000


def _refusals(metrics: dict[str, float]) -> dict[str, float]:
    return {name: value for name, value in metrics.items() if name.startswith("refusals_total")}
