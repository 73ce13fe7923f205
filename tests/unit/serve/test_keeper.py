"""A child is kept running until it is retired."""

import asyncio
import sys

from hustings.base.clock import SystemClock
from hustings.serve.keeper import Keeper
from hustings.serve.plan import Child


async def test_who_is_retired_between_two_runs_is_not_started_again() -> None:
    """Else an edge that crashes while it is renewed would run on beside its successor, unwatched."""
    child = Child(
        name="edge",
        service="edge",
        url="",
        command=(sys.executable, "-S", "-c", ""),
        environment={},
        frozen_after_s=60.0,
        ready_within_s=60.0,
        ends_within_s=5.0,
        niceness=0,
    )
    runs = 0
    again = asyncio.Event()

    def say(line: str) -> None:
        nonlocal runs
        runs += 1
        again.set()

    keeper = Keeper(child, SystemClock(), say, {})
    keeper.restarts.was_ready = True  # it has worked once: it is started again for ever
    async with asyncio.timeout(60):
        running = asyncio.create_task(keeper.run())
        while runs < 3:  # the third time it waits before it tries again
            again.clear()
            await again.wait()
        process = keeper.process
        await keeper.retire()
        await running
    assert keeper.process is process
    assert runs == 3
