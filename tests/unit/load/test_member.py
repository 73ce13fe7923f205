"""One person: the page's patience, a rude one's lack of it, and what is written down of each."""

from hypothesis import given
from hypothesis import strategies as st

from hustings.load.crowd.member import RUDE_S, Member
from hustings.load.crowd.scanning import Span
from hustings.load.crowd.waiter import Told
from hustings.wire.patience import asked_s, retry_delay_s


def member(manner="polite", stays=True):
    return Member(2.0, manner, stays=stays, group=3)


def test_a_listener_from_the_wish_to_the_sound_and_back_after_a_cut():
    ada = member()
    assert ada.path("/live/demo/opus.mp4") == "/live/demo/opus.mp4?ticket="
    ada.tries(2.1)
    ada.connected(2.15)
    ada.answered(2.2)
    assert ada.took(Span(50, 1), 2.25)
    assert not ada.took(Span(51, 1), 2.3)
    assert 0 <= ada.broke(5.0, 0.5) <= 1
    assert ada.path("/s") == "/s?ticket=&from=52"
    ada.tries(5.5)
    ada.took(Span(52, 9), 5.6)
    record = ada.end(9.0)
    assert (record.connect_ms, record.first_byte_s, record.first_sound_s) == (50.0, 2.2, 2.25)
    assert (record.back_s, record.tries, record.parts, record.lost) == (0.6, 2, 11, 0)
    assert (record.cuts, record.away) == (1, False)
    assert record.silence_s > 0


def test_a_visitors_silence_after_leaving_is_not_counted():
    ben = member(stays=False)
    ben.took(Span(1, 2), 2.5)
    assert ben.end(100.0).silence_s == 0


@given(st.integers(2, 120), st.floats(0, 1), st.integers(0, 20))
def test_a_polite_one_never_comes_before_they_are_asked_to(asked, chance, failures):
    ada = member()
    ada.failures = failures
    delay = ada.refused(str(asked), chance)
    assert asked <= delay <= asked + max(asked, 60)
    assert ada.failures == failures + 1


def test_a_place_in_the_queue_and_then_a_seat():
    ada = member()
    ada.queued(Told(ticket="t1", wait_s=30.0), 3.0)
    ada.queued(Told(ticket="t2", wait_s=1.0), 20.0)
    assert ada.path("/s") == "/s?ticket=t2"
    ada.waited(4.0, 31.0)
    record = ada.end(40.0)
    assert (record.queued_s, record.estimate_s, record.waiting_sound_s) == (28.0, 30.0, 4.0)


def test_a_crowd_that_was_told_to_spread_does():
    ada = member()
    ada.spread_s = 8.0
    assert ada.broke(3.0, 1.0) == 8.0


@given(st.floats(0, 1))
def test_a_rude_one_is_back_at_once(chance):
    assert RUDE_S <= member("rude").refused("60", chance) <= 2 * RUDE_S


def test_sound_makes_patience_young_again():
    ada = member()
    for _ in range(5):
        ada.broke(9.0, 1.0)
    assert ada.broke(9.0, 1.0) == 32
    ada.took(Span(1, 2), 3.0)
    assert ada.broke(9.0, 1.0) == 1


@given(st.text(max_size=12))
def test_what_a_server_asks_for_is_a_number_or_nothing(text):
    assert 0 <= asked_s(text) <= 600


@given(st.integers(0, 10_000), st.floats(0, 600), st.floats(0, 1))
def test_no_wait_is_endless(failures, asked, chance):
    assert asked <= retry_delay_s(failures, asked, chance) <= asked + max(asked, 60)
