"""Tries of a platform: how many, how often, and what comes of a process that says nothing."""

import asyncio
import sys

import pytest

from hustings.base.clock import ManualClock
from hustings.base.errors import TryLater
from hustings.stage.push import process, trials
from hustings.stage.push.order import Order, Report
from hustings.stage.push.trials import AGAIN_S, Trials

SAYS = "import sys; sys.stdin.readline(); print(%r, flush=True)"


def order(room: str = "square") -> Order:
    return Order(room, "rtmp://a.example/live", "", "", trial="address")


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


def child(monkeypatch: pytest.MonkeyPatch, *words: str) -> None:
    monkeypatch.setattr(process, "CHILD", words)


async def test_of_one_room_one_each_five_seconds(
    clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    child(monkeypatch, sys.executable, "-c", SAYS % '{"state":"address","code":"push_refused"}')
    tries = Trials(clock)
    assert await tries.run(order()) == Report("address", "push_refused")
    with pytest.raises(TryLater) as soon:
        await tries.run(order())
    assert soon.value.code == "push_try_rate"
    assert (await tries.run(order("other"))).code == "push_refused"
    clock.advance(AGAIN_S)
    assert (await tries.run(order())).code == "push_refused"


async def test_one_at_a_time_on_a_stage_and_none_outlives_it(
    clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    child(monkeypatch, "sleep", "600")
    tries = Trials(clock)
    running = asyncio.get_running_loop().create_task(tries.run(order()))
    async with asyncio.timeout(30):
        while tries._process is None:
            await asyncio.sleep(0.01)
    with pytest.raises(TryLater) as busy:
        await tries.run(order("other"))
    assert busy.value.code == "push_try_rate"
    tries.close()
    assert await running == Report("address", "push_died")


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("sleep", "600"), "push_unreachable"),
        (("true",), "push_died"),
        (("/nowhere/no-such-program",), "push_died"),
        ((sys.executable, "-c", SAYS % "nonsense"), "push_died"),
    ],
)
async def test_what_says_nothing_is_told_in_a_word(
    clock: ManualClock, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], code: str
) -> None:
    child(monkeypatch, *words)
    if words[0] == "sleep":
        monkeypatch.setattr(trials, "TRIAL_S", 0.05)
    assert await Trials(clock).run(order()) == Report("address", code)
