"""The page of a rehearsal: readable, whole, without anything that runs; and its plots."""

import math
import re
from xml.etree import ElementTree as ET

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hustings.load.plots import HEIGHT, WIDTH, Mark, Series, nice_top, plot, short, thinned
from hustings.load.rehearsal.judging import Flood, judge, limits_with
from hustings.load.rehearsal.orders import Decoded, Findings, Person, Target
from hustings.load.rehearsal.report import Rehearsed, html, waits_of
from hustings.load.rehearsal.summary import summarise
from hustings.load.rehearsal.wish import Wish

numbers = st.floats(0, 1e12) | st.just(math.nan)


@given(st.lists(st.lists(numbers, max_size=1_000), max_size=5))
def test_any_series_make_a_picture_within_its_frame(many):
    drawn = plot("<Title>", [Series(f"a&{n}", v) for n, v in enumerate(many)], x="s",
                 marks=[Mark(0.5, "cut")])  # fmt: skip
    tree = ET.fromstring(f"<div>{drawn}</div>")
    assert tree[0].get("aria-label") == "<Title>"
    for path in tree[0].iter("path"):
        for across, down in re.findall(r"[ML]([-\d.e+]+) ([-\d.e+]+)", path.get("d", "")):
            assert 0 <= float(across) <= WIDTH
            assert 0 <= float(down) <= HEIGHT


@given(st.floats(1e-6, 1e15))
def test_the_axis_ends_at_a_round_number_that_is_not_below(most):
    top = nice_top(most)
    assert most * 0.999 <= top <= 2.51 * most
    assert f"{top:.1e}"[0] in "125"


def test_the_axis_of_nothing():
    assert nice_top(0) == nice_top(-3) == nice_top(math.inf) == 1


@given(st.lists(st.floats(0, 1e9), min_size=1, max_size=5_000))
def test_a_peak_survives_thinning(values):
    few = thinned(Series("x", values))
    assert len(few.values) <= 400
    assert max(few.values) == max(values)
    assert few.step * len(few.values) >= len(values)


@pytest.mark.parametrize(
    ("value", "text"), [(0, "0"), (0.25, "0.25"), (1_500, "1.5k"), (2e6, "2M"), (3e9, "3G")]
)
def test_numbers_of_an_axis(value, text):
    assert short(value) == text


def rehearsed(**facts):
    target = Target("http://127.0.0.1:1", "127.0.0.1", 1, False, "demo")
    wish = Wish(
        target=target, shape=facts.pop("shape", "stampede"), listeners=2, slow=0.1, rude=0.1
    )
    people = [Person(0.1, "polite", True, 0, first_sound_s=0.4, cuts=1, back_s=1.0)]
    people += [Person(2.5, "polite", True, 0, first_sound_s=2.7, queued_s=3.0, estimate_s=2)]
    found = Findings(
        persons=people, faults={"<script>": 3}, decoded=[Decoded(9, 0, 1.0)],
        seconds={"due": [1, 0, 1], "hearing": [1.0, 1, 2]},
    )  # fmt: skip
    summary = summarise(found, wish)
    flood = Flood(10, 20, 16, "0.8 × R") if wish.shape == "flood" else None
    verdict = judge(summary, wish.shape, limits_with({}), flood)
    return Rehearsed(
        wish, summary, verdict, flood, found.seconds, waits_of(people), 1_800_000_000_000, "a box"
    )


@pytest.mark.parametrize("shape", ["ramp", "stampede", "reconnect", "flood"])
def test_the_page_stands_alone(shape):
    done = rehearsed(shape=shape)
    page = html(done)
    assert "<script" not in page
    assert not re.search(r"(?:src|href)=", page)
    assert "&lt;script&gt; 3" in page
    assert page.index(done.verdict.headline) < page.index("<table>")
    assert "prefers-color-scheme: dark" in page
    assert page.count("<figure>") == 6


def test_the_json_is_whole_and_comes_back():
    done = rehearsed(shape="flood")
    assert msgspec.json.decode(msgspec.json.encode(done), type=Rehearsed) == done


def test_waits_are_told_by_the_second_of_arrival():
    waits = waits_of([
        Person(0.1, "polite", True, 0, first_sound_s=0.4), Person(0.9, "polite", True, 0, first_sound_s=2.9),
        Person(2.0, "polite", True, 0, first_sound_s=2.5), Person(2.0, "rude", True, 0, first_sound_s=9),
    ])  # fmt: skip
    assert waits.median == (0.3, -1.0, 0.5)
    assert waits.p95 == (2.0, -1.0, 0.5)
