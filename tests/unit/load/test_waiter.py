"""One who waits: segments at their time, the queue more often the nearer, the seat at the turn."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hustings.load.crowd.notes import Notes
from hustings.load.crowd.waiter import QUEUE, State, Told, Waiter, ahead, poll_delay_s
from hustings.load.rehearsal.orders import Findings, News, Person

NEVER = 1e9


def state(**facts):
    return msgspec.json.encode(State(**{"part": 1_000, **facts}))


def waiter(place=50.5, rendition="opus", chance=0.0):
    return Waiter(Told("queue", "t", place=place, part=1_000), rendition, 10.0, lambda: chance)


def run(person, until_s, *, answer):
    """Ask for what is due until then; returns what was asked for, and when."""
    asked, now_s = [], 10.0
    while (due := person.due())[0] < until_s:
        now_s, what = max(now_s, due[0]), due[1]
        asked.append((round(now_s, 2), what))
        person.answered(what, *answer(now_s, what), now_s + 0.01)
    return asked


def live(at_s, what):
    """A queue that does not move, beside a room that does."""
    part = 1_000 + int((at_s - 10) / 0.32)
    return 200, state(
        part=part, serving=10, rate=0.1, spans=[(10, 60, 500)]
    ) if what == QUEUE else b"x"


def test_it_looks_at_the_queue_and_then_hears_segments_on_end():
    person = waiter()
    asked = run(person, 60.0, answer=live)
    assert asked[0] == (10.0, QUEUE)
    segments = [what for _, what in asked if what != QUEUE]
    first = 1_000 // 12 - 2
    assert segments == [f"opus-low/{first + n}.m4s" for n in range(len(segments))]
    assert person.sound_s == pytest.approx(10.02, abs=0.02)
    assert len(segments) == pytest.approx(50 / 3.84 + 2, abs=1.1)
    for at_s, what in asked:
        if what != QUEUE:  # nobody asks for what is not there yet
            number = int(what.removeprefix("opus-low/").removesuffix(".m4s"))
            assert (at_s - 10) / 0.32 + 1_000 >= (number + 1) * 12 - 1.1


def test_an_aac_listener_waits_with_aac():
    person = waiter(rendition="aac")
    assert run(person, 10.5, answer=live)[1][1].startswith("aac/")


def test_the_turn_comes_with_the_place_or_when_there_is_room_for_all():
    person = waiter(place=50.5)
    person.answered(QUEUE, 200, state(serving=50.4), 10.0)
    assert not person.turn
    person.answered(QUEUE, 200, state(serving=50.5), 12.0)
    assert person.turn
    person.again(Told("queue", "t", place=50.5), 4.0, 12.5)
    assert not person.turn
    other = waiter(place=None)
    other.answered(QUEUE, 200, state(serving=99), 10.0)
    assert not other.turn  # not drawn yet
    other.answered(QUEUE, 200, state(open=True), 12.0)
    assert other.turn


def test_a_segment_that_is_gone_is_left_out():
    person = waiter()
    person.answered(QUEUE, 200, state(serving=1, spans=[(1, 60, 500)], rate=0.1), 10.0)
    _, what = person.due()
    person.answered(what, 404, b"", 10.1)
    assert person.sound_s < 0
    assert person.due()[0] > 10.1


@given(st.sampled_from([0, 200, 404, 503]), st.binary(max_size=40))
def test_nonsense_does_not_stop_the_wait(status, body):
    person = waiter()
    person.answered(QUEUE, status, body, 10.0)
    assert 10 < person.due()[0] < 60


def test_people_before_a_place():
    spans = [(10.0, 20.0, 100.0), (20.0, 21.0, 50.0)]
    assert ahead(spans, 10, 20) == 100
    assert ahead(spans, 15, 20.5) == 75
    assert ahead(spans, 30, 40) == 0


@given(st.floats(-1, 1e6), st.floats(-1, 1e6), st.floats(0, 1))
def test_the_nearer_the_oftener(people, left_s, chance):
    delay = poll_delay_s(people, left_s, chance)
    assert 1.5 <= delay <= 40
    if 0 <= people < 10 or 0 <= left_s < 20:
        assert delay <= 3


# ------------------------------------------------------------ notes


def test_what_is_noted_is_told():
    notes = Notes()
    notes.came(0.5, 0.51)
    notes.sound(0.7)
    notes.refused("busy", 503, "4", tried_s=0.5, now_s=0.6)
    notes.broke("silent", 1.2)
    notes.stalled(1.3)
    notes.looked(7.0)
    notes.bytes = 500
    notes.keep(Person(0.5, "polite", True, 0))
    news = notes.news(1.9, hearing=1, waiting=2)
    assert news == News(1.9, 1, 1, 2, 1, 1, 1, 500, 7.0)
    assert notes.news(2.9, hearing=1, waiting=2).late_ms == 0
    found = notes.result(cpu=0.5, decoded=[], ended_early=False)
    assert found.seconds["bytes"] == [0, 500, 0]
    assert found.seconds["late_ms"] == [10.0, 7.0, 0]
    assert (found.own.late_max_ms, found.own.loop_max_ms, found.own.cpu) == (10.0, 7.0, 0.5)
    assert (found.faults, len(found.persons), found.untold) == ({"silent": 1}, 1, 0)
    assert msgspec.json.decode(msgspec.json.encode(found), type=Findings) == found
