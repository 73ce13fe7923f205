"""A stage with one live room, and an edge that follows it.

The edge runs on uvloop; so do its tests, whose buffers and closing behave as in service.
"""

from collections.abc import AsyncIterator, Callable, Mapping

import pytest
import uvloop

from tests.fakes.edges import RunningEdge, running_edge
from tests.fakes.stage_feed import StageFeed


def pytest_asyncio_loop_factories() -> Mapping[str, Callable[[], uvloop.Loop]]:
    return {"uvloop": uvloop.new_event_loop}


@pytest.fixture
async def stage() -> AsyncIterator[StageFeed]:
    feed = StageFeed()
    feed.room()
    feed.live()
    await feed.start()
    yield feed
    await feed.stop()


@pytest.fixture
async def edge(stage: StageFeed) -> AsyncIterator[RunningEdge]:
    async with running_edge(stage.url) as running:
        await running.until("rooms.indexed")
        yield running
