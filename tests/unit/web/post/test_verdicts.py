"""What becomes of a letter, in virtual time."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hustings.web.post.model import Letter, Outcome, Refused, Sent, TryAgain, Unsure
from hustings.web.post.verdicts import ATTEMPTS, LAST_RETRY_S, judge, retry_in_s

HOUR_MS = 3_600_000


def letter(attempts: int = 0, until_ms: int = 48 * HOUR_MS) -> Letter:
    return Letter(7, "k", "a.example", "x@a.example", b"{}", 0, until_ms, attempts)


@pytest.mark.parametrize(
    ("outcome", "state", "attempts"),
    [
        (Sent(), "sent", 3),
        (Refused("550 nobody"), "given_up", 4),
        (Unsure("broke"), "unsure", 4),
        (TryAgain("452 full"), "waiting", 4),
        (TryAgain("refused", scope="host"), "waiting", 3),
        (TryAgain("refused", scope="transport"), "waiting", 3),
    ],
)
def test_each_outcome_has_its_state(outcome: Outcome, state: str, attempts: int) -> None:
    verdict = judge(letter(3), outcome, 1_000, rest_s=5, spread=0)
    assert (verdict.id, verdict.state, verdict.attempts) == (7, state, attempts)
    assert bool(verdict.error) == (state != "sent")


def test_what_may_have_arrived_goes_again_only_where_a_second_copy_is_known() -> None:
    outcome = Unsure("broke")
    once = judge(letter(3), outcome, 1_000, rest_s=5, spread=0.5)
    again = judge(letter(3), outcome, 1_000, rest_s=5, spread=0.5, again_if_unsure=True)
    assert (once.state, once.attempts) == ("unsure", 4)
    assert (again.state, again.next_ms, again.attempts) == ("waiting", 6_500, 4)


def test_a_letters_own_trouble_is_given_up_after_its_last_attempt_some_hours_later() -> None:
    now_ms, tries = 0, 0
    verdict = judge(letter(), TryAgain("full"), now_ms, rest_s=0, spread=0.5)
    while verdict.state == "waiting":
        tries += 1
        assert verdict.next_ms > now_ms
        now_ms = verdict.next_ms
        verdict = judge(letter(verdict.attempts), TryAgain("full"), now_ms, rest_s=0, spread=0.5)
    assert (tries + 1, verdict.state, verdict.error) == (ATTEMPTS, "given_up", "full")
    assert 2 * HOUR_MS < now_ms < 6 * HOUR_MS


def test_others_trouble_costs_no_attempt_and_gives_nothing_up() -> None:
    down = TryAgain("refused", scope="transport")
    for hour in range(49):  # the last is too late: who expires letters says so, not who was down
        verdict = judge(letter(), down, hour * HOUR_MS, rest_s=60, spread=0.9)
        assert (verdict.state, verdict.attempts) == ("waiting", 0)
        assert verdict.next_ms == hour * HOUR_MS + 60_900


@given(
    minutes=st.floats(1, 12 * 60),
    spreads=st.lists(st.floats(0, 0.999), min_size=1, max_size=30),
)
def test_before_its_end_a_letter_is_tried_until_there_is_no_time_for_one_more(
    minutes: float, spreads: list[float]
) -> None:
    until_ms = int(minutes * 60_000)
    now_ms, tries, attempts = 0, 0, 0
    while True:
        spread = spreads[tries % len(spreads)]
        verdict = judge(
            letter(attempts, until_ms), TryAgain("451"), now_ms, rest_s=0, spread=spread
        )
        if verdict.state == "given_up":
            break
        assert now_ms < verdict.next_ms <= until_ms
        now_ms, attempts, tries = verdict.next_ms, verdict.attempts, tries + 1
    assert tries < 40
    assert until_ms - now_ms < 7_500 or attempts >= ATTEMPTS - 1
    if minutes <= 60:  # as a reminder's, whose server says no until shortly before the start
        assert until_ms - now_ms < 7_500


def test_tries_are_spread_and_the_other_side_may_ask_for_more_time() -> None:
    assert [retry_in_s(n, 0.0) for n in (1, 2, 3)] == [7.5, 15, 30]
    assert retry_in_s(1, 0.999) < 15
    assert retry_in_s(500, 0.999) <= LAST_RETRY_S
    asked = judge(letter(), TryAgain("later", delay_s=600), 0, rest_s=0, spread=0)
    assert asked.next_ms == 600_000


def test_reasons_are_one_short_line() -> None:
    verdict = judge(
        letter(), Refused("550 no\r\n such\tuser " + "x" * 1_000), 0, rest_s=0, spread=0
    )
    assert verdict.error.startswith("550 no such user x")
    assert len(verdict.error) == 300


@settings(max_examples=100)
@given(st.text(st.characters(exclude_categories=())), st.sampled_from([Refused, TryAgain, Unsure]))
def test_whatever_the_other_side_said_is_a_text_that_tables_take(
    said: str, kind: type[Refused] | type[TryAgain] | type[Unsure]
) -> None:
    error = judge(letter(), kind(said), 0, rest_s=0, spread=0).error
    error.encode()
    assert error.isprintable()
    assert len(error) <= 300
