"""What is made of the findings: numbers, criteria, a verdict in words."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hustings.base.errors import UserError
from hustings.load.rehearsal.flooding import flood_of
from hustings.load.rehearsal.judging import LIMITS, Flood, brief, judge, limits_with
from hustings.load.rehearsal.orders import Decoded, Findings, Own, Person, Refusal, Target
from hustings.load.rehearsal.summary import Stage, Summary, summarise
from hustings.load.rehearsal.wish import Wish

TARGET = Target("http://127.0.0.1:1", "127.0.0.1", 1, False, "demo", addresses=("127.0.0.1",))
WISH = Wish(target=TARGET, listeners=4, seconds=10)


def person(due_s=0.0, sound_s=0.2, **facts):
    record = Person(due_s, facts.pop("manner", "polite"), facts.pop("stays", True), 0)
    record.first_sound_s = due_s + sound_s if sound_s >= 0 else -1.0
    for name, value in facts.items():
        setattr(record, name, value)
    return record


def evening(*people, **facts):
    decoded = facts.pop("decoded", [Decoded(frames=100, audible=0.9)])
    return Findings(persons=list(people), decoded=decoded, **facts)


def verdict(found, wish=WISH, stage=None, limits=None, flood=None):
    summary = summarise(found, wish, stage)
    return judge(summary, wish.shape, limits_with(limits or {}), flood)


def kept(found, name, **more):
    return next(each.kept for each in verdict(found, **more).criteria if each.name == name)


GOOD = evening(*(person(number) for number in range(4)))


def test_a_good_evening_is_told_in_one_sentence():
    good = verdict(GOOD)
    assert good.outcome == "passed"
    assert good.headline == (
        "4 listeners were served: 95 % had sound within 0.20 s, and nobody lost a word."
    )
    assert good.reasons == ()


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("heard", evening(person(), person(sound_s=-1))),
        ("first_sound_p95_s", evening(person(sound_s=5.1))),
        ("lost_s", evening(person(lost=1))),
        ("silence_p95_s", evening(person(silence_s=1.5))),
        ("audible", evening(person(), decoded=[Decoded(100, 0, 0.1)])),
        ("audible", evening(person(), decoded=[Decoded(100, 1, 0.9)])),
        ("audible", evening(person(), decoded=[Decoded(100, 0, 0.9, 1)])),
        ("improper", evening(person(), refusals={"busy": Refusal(503, 3, 1)})),
        ("improper", evening(person(), refusals={"busy": Refusal(503, 3, 0, 1)})),
        ("improper", evening(person(), refusals={"bug": Refusal(500, 1)})),
        ("refusal_p99_ms", evening(person(), refusals={"b": Refusal(503, 1)}, refusal_ms=[300.0])),
        ("fairness", evening(person(group=1), *(person(sound_s=-1, group=g) for g in range(2, 9)))),
    ],
)  # fmt: skip
def test_each_promise_can_be_broken_and_is_then_named(name, found):
    bad = verdict(found)
    assert bad.outcome == "failed"
    assert not kept(found, name)
    words = next(each.words for each in bad.criteria if each.name == name)
    assert any(reason.startswith(f"{words}: no; ") for reason in bad.reasons)


def test_rudeness_must_not_pay():
    polite = [person(sound_s=-1) for _ in range(5)] + [person() for _ in range(5)]
    rude = [person(manner="rude") for _ in range(10)]
    assert not kept(evening(*polite, *rude), "polite_share")
    assert kept(evening(*(person() for _ in range(10)), *rude), "polite_share")


def test_slow_readers_are_expected_to_lose():
    found = evening(person(), person(manner="slow", lost=50, silence_s=9.0))
    summary = summarise(found, WISH)
    assert (summary.slow, summary.slow_cut, summary.lost_s) == (1, 1, 0)
    assert verdict(found).outcome == "passed"


def test_the_stage_must_not_notice():
    assert kept(GOOD, "late_ticks", stage=Stage(5_000, 4, 0))
    assert not kept(GOOD, "late_ticks", stage=Stage(5_000, 60, 0))
    assert not kept(GOOD, "late_ticks", stage=Stage(5_000, 0, 1))
    assert verdict(GOOD, stage=Stage(5_000, 60, 0)).headline == (
        "4 listeners were served as promised, but the stage did not stay undisturbed."
    )
    summary = summarise(GOOD, WISH, Stage(5_000, 80, 0))
    busy = msgspec.structs.replace(summary, calm=Stage(150, 2, 0))
    assert judge(busy, WISH.shape, LIMITS).outcome == "passed"  # it was late before they came


def test_after_a_cut_all_must_be_back():
    wish = msgspec.structs.replace(WISH, shape="reconnect")
    assert kept(evening(person(cuts=1, back_s=1.2)), "back_p95_s", wish=wish)
    assert not kept(evening(person(cuts=1, back_s=11.0)), "back_p95_s", wish=wish)
    gone = person(cuts=1, away=True)
    assert not kept(evening(person(cuts=1, back_s=1.2), gone), "back_p95_s", wish=wish)
    assert not kept(evening(person(cuts=1, back_s=11.0)), "back_p95_s")  # also an unplanned one


def test_a_flood_must_not_lower_what_is_served():
    wish = msgspec.structs.replace(WISH, shape="flood")
    flood = Flood(capacity=1.0, refusals=100, rate=10, bound="10 × C")
    visits = [person(stays=False) for _ in range(9)]
    assert kept(evening(person(), *visits), "goodput", wish=wish, flood=flood)
    assert not kept(evening(person(), *visits[:8]), "goodput", wish=wish, flood=flood)


@pytest.mark.parametrize(("capacity", "refusals"), [(0, 5_000), (300, 0)])
def test_a_flood_that_could_not_be_calibrated_is_no_success(capacity, refusals):
    """Nobody came: that all were served means nothing."""
    wish = msgspec.structs.replace(WISH, shape="flood")
    bad = verdict(evening(person()), wish=wish, flood=flood_of(capacity, refusals))
    assert bad.outcome == "failed"
    assert any("no flood" in reason for reason in bad.reasons)


@pytest.mark.parametrize(
    "own", [Own(late_p99_ms=80), Own(loop_p99_ms=80), Own(cpu=0.99), Own(no_files=3)]
)
def test_where_the_generator_was_too_slow_nothing_can_be_told(own):
    bad = verdict(evening(person(sound_s=6), own=own))
    assert bad.outcome == "unclear"
    assert "generator" in bad.reasons[-1]
    assert verdict(evening(person(), own=own)).outcome == "passed"


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0 ms"), (0.0994, "99 ms"), (0.25, "0.25 s"), (12.4, "12 s")]
)
def test_times_in_words(seconds, text):
    assert brief(seconds) == text


def test_nobody_is_not_a_success():
    assert verdict(evening()).outcome == "failed"


def test_limits_can_be_changed_and_misspelt():
    found = evening(person(sound_s=5.1))
    assert verdict(found, limits={"first_sound_p95_s": 6}).outcome == "passed"
    with pytest.raises(UserError, match="no limit 'sound'"):
        limits_with({"sound": 1})


def test_every_criterion_has_a_limit_of_its_name():
    wish = msgspec.structs.replace(WISH, shape="reconnect")
    found = evening(person(), person(manner="rude"), refusals={"b": Refusal(503, 1)})
    flood = Flood(1, 1, 1, "")
    names = {each.name for each in verdict(found, wish, Stage(1, 0, 0), flood=flood).criteria}
    assert names == LIMITS.keys()


@given(st.lists(st.tuples(st.floats(0, 60), st.floats(-1, 60), st.integers(0, 9))))
def test_any_crowd_can_be_summed_up(crowd):
    found = evening(*(person(due, sound, lost=lost) for due, sound, lost in crowd))
    summary = summarise(found, WISH)
    assert 0 <= summary.heard <= summary.listeners == len(crowd)
    assert 0 <= summary.fairness <= 1
    assert summary.first_sound_s.p50 <= summary.first_sound_s.p95 <= summary.first_sound_s.most
    again = msgspec.json.decode(msgspec.json.encode(summary), type=Summary)
    assert again == summary
