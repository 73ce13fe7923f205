"""A pass is good once, from one browser."""

import pytest

from hustings.base.errors import Denied, TryLater
from hustings.stage import passes
from hustings.stage.passes import Passes
from hustings.wire.tokens import LEEWAY_SECONDS, PASS_SECONDS, Claims


def a_pass(jti: str, at_s: int = 0) -> Claims:
    return Claims(typ="invite", jti=jti, iat=at_s, exp=at_s + PASS_SECONDS, room="hall", sub="seat")


def expect_used(used: Passes, device: str, now_s: float) -> None:
    with pytest.raises(Denied) as refused:
        used.use(a_pass("a"), device, now_s)
    assert refused.value.code == "pass_used"


def test_it_is_good_in_the_first_browser_alone() -> None:
    used = Passes()
    used.use(a_pass("a"), "mine", 1)
    used.use(a_pass("a"), "mine", 2)  # its answer was lost
    expect_used(used, "theirs", 3)
    used.use(a_pass("b"), "theirs", 4)


def test_what_the_stage_refused_may_be_tried_again() -> None:
    used = Passes()
    used.use(a_pass("a"), "mine", 1)
    used.give_back(a_pass("a"))
    used.give_back(a_pass("a"))
    used.use(a_pass("a"), "theirs", 2)
    expect_used(used, "mine", 3)


def test_a_refusal_takes_it_from_no_other_call_of_the_same_browser() -> None:
    used = Passes()
    used.use(a_pass("a"), "mine", 1)
    used.use(a_pass("a"), "mine", 1)  # while the first is under way
    used.give_back(a_pass("a"))  # the first is refused, the second granted or not answered yet
    expect_used(used, "theirs", 2)
    used.use(a_pass("a"), "mine", 3)
    used.give_back(a_pass("a"))  # later refused: it is the browser's still
    expect_used(used, "theirs", 4)
    used.give_back(a_pass("a"))  # the second, too: nobody came in with it
    used.use(a_pass("a"), "theirs", 5)


def test_what_ran_out_is_forgotten_only_when_there_is_no_room(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(passes, "MOST", 2)
    used = Passes()
    used.use(a_pass("a"), "mine", 1)
    used.use(a_pass("b", 100), "mine", 100)
    with pytest.raises(TryLater):
        used.use(a_pass("c", 101), "mine", 101)
    with pytest.raises(Denied):  # those that are known are still judged
        used.use(a_pass("a"), "theirs", 101)
    later = PASS_SECONDS + LEEWAY_SECONDS + 1
    used.use(a_pass("c", later), "mine", later)
    assert len(used) == 2
