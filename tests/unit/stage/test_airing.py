"""On and off the air, in virtual ticks: what is spoken at one is aired whole parts later."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hustings.stage.airing import Airing, airs_at
from hustings.stage.mix.delay import DelayLine, delay_ticks
from hustings.wire.kinds import Gap, Room
from hustings.wire.names import PART_TICKS, TICK_SAMPLES


class Air:
    """What `Airing` steers; parts are the numbers of the ticks that were spoken."""

    def __init__(self) -> None:
        self.delay = DelayLine()
        self.taking = False
        self.parts: dict[int, list[int]] = {}
        self._part: int | None = None
        self._ticks: list[int] = []

    @property
    def on_air(self) -> bool:
        return self._part is not None

    def go_on_air(self, next_part: int, *, radio: bool) -> None:
        self._part, self._ticks = next_part, []

    def radio(self, *, on: bool) -> None:
        pass

    def off_air(self) -> None:
        self._part = None

    def drop(self) -> None:
        self._part = None
        self.delay.clear()

    def tick(self, number: int) -> int | None:
        pcm = np.full(TICK_SAMPLES, number, dtype=np.float32) if self.taking else None
        aired = self.delay.tick(pcm)
        if self._part is None or aired is None:
            return None
        self._ticks.append(int(aired[0]))
        if len(self._ticks) < PART_TICKS:
            return None
        made, self.parts[self._part] = self._part, self._ticks
        self._part, self._ticks = self._part + 1, []
        return made


class Evening:
    def __init__(self, *, delay_s: int = 0) -> None:
        self.air = Air()
        self.airing = Airing(self.air, 0)
        self.facts = Room("r", "R", state="live", delay_s=delay_s)
        self.now = 0
        self.gaps: list[Gap] = []

    def ticks(self, count: int) -> None:
        for _ in range(count):
            if self.now % PART_TICKS == 0:
                gap = self.airing.boundary(self.now // PART_TICKS, self.facts)
                self.gaps += [gap] if gap else []
            made = self.air.tick(self.now)
            self.now += 1
            if made is not None:
                self.airing.made(made)


@pytest.mark.parametrize("delay_s", [0, 3, 5, 7])
def test_what_is_spoken_from_going_live_on_is_aired_the_delay_later(delay_s: int) -> None:
    e = Evening(delay_s=delay_s)
    later = delay_ticks(delay_s)
    e.ticks(later + 3 * PART_TICKS)
    first = later // PART_TICKS
    assert sorted(e.air.parts) == [first, first + 1, first + 2]
    assert [n for part in e.air.parts.values() for n in part] == list(range(3 * PART_TICKS))
    assert e.gaps == ([Gap(0, first - 1, "not_live")] if first else [])


def test_what_happens_on_stage_has_the_media_time_at_which_it_is_heard() -> None:
    room = Room("r", "R", state="live", delay_s=5)
    assert airs_at(48_000, room) == 48_000 + 16 * 15_360
    assert airs_at(48_000, Room("r", "R", state="lobby", delay_s=5)) == 48_000


def test_the_last_held_seconds_are_aired_and_nothing_after_them() -> None:
    e = Evening(delay_s=3)
    e.ticks(400)
    e.airing.ending = True
    e.ticks(16)  # to a boundary at most
    spoken_last = max(n for part in e.air.parts.values() for n in part) + len(e.air.delay)
    while not e.airing.run_out:
        assert e.now < 800
        e.ticks(1)
    aired = [n for part in e.air.parts.values() for n in part]
    assert aired == list(range(spoken_last + 1))
    assert spoken_last < 416


def test_a_longer_delay_is_hold_until_it_has_filled_and_a_shorter_one_leaves_out() -> None:
    e = Evening(delay_s=3)
    e.ticks(400)
    e.facts = Room("r", "R", state="live", delay_s=5)
    e.ticks(400)
    assert [gap.reason for gap in e.gaps] == ["not_live", "delay"]
    assert (e.gaps[1].last + 1 - e.gaps[1].first) * PART_TICKS == delay_ticks(5) - delay_ticks(3)
    e.facts = Room("r", "R", state="live", delay_s=0)
    before = e.airing.next_part
    e.ticks(160)
    assert len(e.gaps) == 2
    assert e.air.parts[before + 1][0] == (before + 1) * PART_TICKS  # aired as it is spoken


@given(st.lists(st.tuples(st.sampled_from("tskdl0357"), st.integers(1, 120)), max_size=12))
def test_whatever_happens_each_part_is_whole_and_no_sound_airs_twice(acts: list) -> None:
    e = Evening()
    for act, count in acts:
        if act == "s":
            e.now += count
            e.airing.skip()
        elif act == "d":
            e.air.drop()
        elif act == "l":
            e.facts = Room("r", "R", state="lobby", delay_s=e.facts.delay_s)
        elif act == "k":
            e.facts = Room("r", "R", state="live", delay_s=e.facts.delay_s)
        elif act != "t":
            e.facts = Room("r", "R", state=e.facts.state, delay_s=int(act))
        e.ticks(count)
    aired = [n for part in e.air.parts.values() for n in part]
    assert aired == sorted(set(aired))
    assert list(e.air.parts) == sorted(e.air.parts)
    missing = [n for gap in e.gaps for n in range(gap.first, gap.last + 1)]
    assert not set(missing) & set(e.air.parts)
