"""Which rules hold in a room: the house's, its own, or both."""

import pytest

from hustings.base.errors import UserError
from hustings.pages.locales import LANGUAGES
from hustings.web.rooms.model import Wish, fields_of, wish_from_form
from hustings.web.rules.model import built_in, in_force, texts_from_form, wanted
from hustings.wire.rules import TEXT_CHARS

WRITTEN = {"de": "Fasst euch kurz."}


def test_until_somebody_writes_rules_there_are_some_in_every_language() -> None:
    assert built_in().keys() == set(LANGUAGES)
    assert len(set(built_in().values())) == len(LANGUAGES)
    assert all(40 < len(text) < TEXT_CHARS for text in built_in().values())
    assert in_force({}) == in_force({"de": ""}) == built_in()


def test_what_is_written_takes_the_place_of_all_that_was_built_in() -> None:
    assert in_force({**WRITTEN, "en": ""}) == WRITTEN


def test_a_room_has_the_houses_rules_and_further_ones_or_its_own_alone() -> None:
    own = "Eine Frage je Person."
    assert wanted(Wish("x"), WRITTEN) == {"house": WRITTEN, "own": ""}
    assert wanted(Wish("x", own_rules=own), WRITTEN) == {"house": WRITTEN, "own": own}
    alone = Wish("x", own_rules=own, rules_alone=True)
    assert wanted(alone, WRITTEN) == {"house": {}, "own": own}
    assert wanted(Wish("x", rules_alone=True), WRITTEN)["house"]  # never a room without any


def test_the_form_of_a_room_keeps_them_and_says_what_is_missing() -> None:
    wish = Wish("x", own_rules="One\nTwo", rules_alone=True)
    assert wish_from_form(fields_of(wish)) == wish
    for fields in ({"rules_alone": "on"}, {"own_rules": "x" * (TEXT_CHARS + 1)}):
        with pytest.raises(UserError) as caught:
            wish_from_form({"title": "x", **fields})
        assert caught.value.facts["field"] == "own_rules"


def test_the_form_of_the_house_cuts_nothing_silently() -> None:
    typed = {"rules-en": " Be kind.\r\nBe brief.\u202e ", "rules-de": "x" * TEXT_CHARS}
    assert texts_from_form(typed) == {
        "en": "Be kind.\nBe brief.",
        "de": "x" * TEXT_CHARS,
        "ar": "",
    }
    with pytest.raises(UserError) as caught:
        texts_from_form({"rules-ar": "س" * (TEXT_CHARS + 1)})
    assert (caught.value.code, caught.value.facts["field"]) == ("rules_long", "rules-ar")
