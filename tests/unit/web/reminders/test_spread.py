"""The spread as numbers: uniform, bounded in every second, and what happens to those who are late."""

from bisect import bisect_left
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hustings.web.reminders.spread import PLACES, Spread, after, before, place_of

MINUTE = 60_000
START = 1_800_000_000_000
WINDOW = {"window_ms": 20 * MINUTE, "ahead_ms": 10 * MINUTE}


def of(count: int, most: float = 200.0) -> Spread:
    return before(START, count, **WINDOW, most=most)


def sent_each_second(
    spread: Spread, places: list[int], *, from_ms: int, most: float, down: range = range(0)
) -> Counter[int]:
    """A dispatch as it is run: each second, those that are due, as many as the pace allows."""
    order, done, sent = sorted(places), 0, Counter[int]()
    for now_ms in range(from_ms, spread.ends_ms, 1_000):
        if now_ms // 1_000 in down:
            continue
        overdue = bisect_left(order, spread.cut(now_ms)) - done
        pace = spread.pace(now_ms, count=len(places), overdue=overdue, most=most)
        taken = min(overdue, pace)
        done += taken
        sent[now_ms // 1_000] += taken
    sent[-1] = len(places) - done  # too late
    return sent


def test_the_window_closes_ten_minutes_before_the_start_and_lasts_twenty() -> None:
    assert of(1_000) == Spread(START - 30 * MINUTE, START - 10 * MINUTE, START)


def test_more_than_the_bound_allows_in_the_window_begin_earlier() -> None:
    spread = of(1_000_000, most=200)
    assert spread.closes_ms == START - 10 * MINUTE
    assert spread.closes_ms - spread.opens_ms == 6_250_000  # 160 a second


def test_places_are_uniform_and_no_second_is_a_burst() -> None:
    count, spread = 100_000, of(100_000)
    seconds = Counter(
        (spread.due_ms(place_of(f"s{n}")) - spread.opens_ms) // 1_000 for n in range(count)
    )
    mean = count / 1_200
    assert len(seconds) in {1_200, 1_201}
    assert max(seconds.values()) < mean + 6 * mean**0.5
    tenths = Counter(place_of(f"s{n}") * 10 // PLACES for n in range(count))
    assert all(abs(each - 10_000) < 500 for each in tenths.values())


@given(share=st.floats(0, 1), name=st.text(max_size=20))
def test_who_comes_late_gets_a_place_in_the_rest_of_the_window(share: float, name: str) -> None:
    place = place_of(name, share=share)
    assert min(PLACES - 1, int(share * PLACES)) <= place < PLACES
    assert place == place_of(name, share=share)


@given(place=st.integers(0, PLACES - 1), count=st.integers(0, 10**7), window=st.integers(1, 10**7))
def test_a_place_is_due_when_the_cut_has_passed_it_and_within_the_window(
    place: int, count: int, window: int
) -> None:
    spread = before(START, count, window_ms=window, ahead_ms=0, most=100)
    due_ms = spread.due_ms(place)
    assert spread.opens_ms < due_ms <= spread.closes_ms + 1
    assert spread.cut(due_ms) > place or due_ms >= spread.closes_ms


@settings(max_examples=30)
@given(
    count=st.integers(0, 2_000),
    most=st.floats(1, 50),
    late_s=st.integers(0, 2_000),
)
def test_no_second_gets_more_than_the_bound_whenever_the_house_comes_up(
    count: int, most: float, late_s: int
) -> None:
    spread = of(count, most)
    places = [place_of(str(n)) for n in range(count)]
    sent = sent_each_second(spread, places, from_ms=spread.opens_ms + late_s * 1_000, most=most)
    too_late = sent.pop(-1)
    assert max(sent.values(), default=0) <= max(1, most)
    assert sum(sent.values()) + too_late == count
    if late_s == 0:
        assert too_late == 0


def test_a_house_that_was_down_through_the_window_spreads_them_over_what_is_left() -> None:
    count, spread = 3_000, of(3_000)
    places = [place_of(str(n)) for n in range(count)]
    sent = sent_each_second(spread, places, from_ms=START - 8 * MINUTE, most=200)
    assert sent.pop(-1) == 0
    assert max(sent.values()) <= 3_000 / (8 * 60 * 0.8) + 1
    assert max(s for s, n in sent.items() if n) < START // 1_000  # the last before the start


def test_a_pause_within_the_window_makes_no_burst() -> None:
    count, spread = 12_000, of(12_000)
    places = [place_of(str(n)) for n in range(count)]
    down = range(spread.opens_ms // 1_000 + 300, spread.opens_ms // 1_000 + 600)
    sent = sent_each_second(spread, places, from_ms=spread.opens_ms, most=200, down=down)
    assert sent.pop(-1) == 0
    assert max(sent.values()) <= 1.5 * 10 + 2


def test_who_cannot_be_reached_before_the_start_is_too_late() -> None:
    spread = of(3_000)
    places = [place_of(str(n)) for n in range(3_000)]
    sent = sent_each_second(spread, places, from_ms=START - 5_000, most=200)
    assert sent[-1] == 3_000 - 5 * 200


def test_a_notice_goes_out_from_now_on_and_leaves_half_of_the_time() -> None:
    assert after(0, 24 * 60 * MINUTE, 10, window_ms=20 * MINUTE, most=200).closes_ms == 20 * MINUTE
    assert after(0, 10 * MINUTE, 10, window_ms=20 * MINUTE, most=200).closes_ms == 5 * MINUTE
    assert after(0, -1, 10, window_ms=20 * MINUTE, most=200) == Spread(0, 1_000, -1)


@pytest.mark.parametrize(("now_ms", "share"), [(-5, 0.0), (0, 0.0), (50, 0.5), (200, 1.0)])
def test_the_share_that_has_passed(now_ms: int, share: float) -> None:
    assert Spread(0, 100, 300).share(now_ms) == share
