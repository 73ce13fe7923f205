"""House rules: an id for each text, and a refusal that brings what is to be read."""

import msgspec
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from hustings.base.errors import UserError
from hustings.wire.kinds import Rules
from hustings.wire.rules import expect_read, rules_of

TEXTS = st.dictionaries(st.sampled_from(["en", "de", "ar"]), st.text(max_size=20))
RULES = rules_of({"en": "Be kind."}, "One question each.")


@given(TEXTS, st.text(max_size=20))
def test_the_same_texts_have_the_same_id_whatever_their_order(
    house: dict[str, str], own: str
) -> None:
    made = rules_of(house, own)
    assert made == rules_of(dict(reversed(house.items())), own)
    assert bool(made.id) == bool(own or any(house.values()))


@given(TEXTS, TEXTS, st.text(max_size=20), st.text(max_size=20))
def test_other_texts_have_another_id(
    one: dict[str, str], two: dict[str, str], own: str, other: str
) -> None:
    said, too = rules_of(one, own), rules_of(two, other)
    assume((said.house, said.own) != (too.house, too.own))
    assert said.id != too.id


def test_a_text_that_is_empty_is_none() -> None:
    assert rules_of({"en": "", "de": ""}, "") == Rules()
    assert rules_of({"en": "a", "de": ""}, "") == rules_of({"en": "a"}, "")


def test_who_has_read_others_is_refused_and_told_which_ones_hold() -> None:
    said = msgspec.to_builtins(RULES)
    for read in ("", "0" * 32, RULES.id[:-1]):
        with pytest.raises(UserError) as caught:
            expect_read(RULES.id, read, said)
        problem = caught.value.problem()
        assert (problem["code"], problem["status"]) == ("rules_unread", 428)
        assert problem["rules"] == said
    expect_read(RULES.id, RULES.id, said)
    expect_read("", "", {})
    expect_read("", "whatever", {})  # of another room
