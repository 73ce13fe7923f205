"""One whole rehearsal: watch the house, send the crowd, watch again, judge.

Called by `hustings loadtest`, and by `load.plan.calibrating` for `hustings plan`.
"""

import asyncio
import contextlib
import os
import platform
from collections.abc import Callable, Mapping
from typing import Final

import msgspec

from hustings.base.clock import Clock
from hustings.base.errors import OperatorError
from hustings.load.plan.calibration import CPU
from hustings.load.rehearsal import flooding, witness
from hustings.load.rehearsal.judging import judge
from hustings.load.rehearsal.orders import News
from hustings.load.rehearsal.report import Rehearsed, waits_of
from hustings.load.rehearsal.summary import Stage, summarise
from hustings.load.rehearsal.wish import Wish
from hustings.load.rehearsal.workers import rehearse

CALM_S: Final = 3.0  # how the stage is without the crowd
NOT_HERE: Final = -1  # no port: edges elsewhere cannot be watched


async def conduct(
    wish: Wish,
    clock: Clock,
    *,
    stop: asyncio.Event,
    say: Callable[[str], None],
    limits: Mapping[str, float],
    stage_url: str = "",
    steps: int = flooding.STEPS,
) -> Rehearsed:
    """Carry out the wish; ends early when `stop` is set. Raises OperatorError `crowd_died`.

    say: is given a line about once a second. stage_url: of the stage to watch; empty: none.
    steps: of the search for a flood's capacity.
    """
    began_ms = clock.wall_ms()
    calm, before = await _stage_before(stage_url, stop)
    watch = witness.EdgeWatch(wish.target.port if wish.here else NOT_HERE)
    received = 0

    def news(told: News) -> None:
        nonlocal received
        watch.second()
        mbit, received = (told.bytes - received) * 8 / 1e6, told.bytes
        say(
            f"{told.at_s:5.0f} s  {told.due} came, {told.hearing} hear, {told.waiting} wait, "
            f"{told.refused} refused, {told.broken} broken, {mbit:.0f} Mbit/s"
        )

    flood = None
    try:
        if wish.shape == "flood":
            flood = await flooding.calibrate(wish, clock, steps=steps, stop=stop, say=say)
            wish = msgspec.structs.replace(wish, visits_a_second=flood.rate)
        found = await rehearse(wish, clock, stop=stop, progress=news)
    except TimeoutError:
        raise OperatorError("crowd_died", "A process of the rehearsal did not answer.") from None
    after = await asyncio.to_thread(witness.look, stage_url) if stage_url else None
    edges = watch.result()
    if edges is not None:
        found.seconds[CPU] = [round(each, 3) for each in watch.cpu_s]
    stage = witness.between(before, after)
    summary = msgspec.structs.replace(summarise(found, wish, stage, edges), calm=calm)
    return Rehearsed(
        wish=wish,
        summary=summary,
        verdict=judge(summary, wish.shape, limits, flood),
        flood=flood,
        seconds=found.seconds,
        waits=waits_of(found.persons),
        began_ms=began_ms,
        machine=machine(),
    )


async def _stage_before(url: str, stop: asyncio.Event) -> tuple[Stage | None, Stage | None]:
    """What the stage counts in a few calm seconds, and where its counters stand then."""
    if not url or (first := await asyncio.to_thread(witness.look, url)) is None:
        return None, None
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(CALM_S):
            await stop.wait()
    before = await asyncio.to_thread(witness.look, url)
    return witness.between(first, before), before


def machine() -> str:
    """The machine we are on, and how busy it is, in a line."""
    load = "/".join(f"{each:.1f}" for each in os.getloadavg())
    name = platform.processor() or platform.machine()
    return f"{name}, {os.cpu_count()} cores, {platform.system()}, load {load}"
