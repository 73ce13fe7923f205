"""What another host saved is told in words of the reader's language, whatever field it is."""

from typing import Any, Literal, get_args, get_origin, get_type_hints

import pytest

from hustings.pages import render
from hustings.pages.locales import LANGUAGES
from hustings.web.rooms.model import Wish

MEND = "give it words in templates/_web_conflict.html, and translate them in locales/{de,ar}/*.po"


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", Wish.__struct_fields__)
def test_every_field_of_a_wish_has_a_label(name: str, language: str) -> None:
    label = str(words(language).wish_label(name)).strip()
    assert label != name, f"`{name}` has no label: {MEND} (wish_label)"
    assert language != "ar" or not label.isascii(), f"`{name}` is not translated: {MEND}"


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(("name", "hint"), get_type_hints(Wish).items())
def test_no_value_is_told_as_programs_spell_it(name: str, hint: Any, language: str) -> None:
    for value in names_in(hint):
        told = words(language).wish_value(name, value, ()).striptags()
        assert told != str(value), f"`{name}` = {value!r}: {MEND} (wish_value)"


def test_what_programs_spell_is_found_in_a_type() -> None:
    assert names_in(bool) == [True, False]
    assert names_in(Literal["lobby", "live"] | None) == ["lobby", "live", None]
    assert names_in(str) == names_in(int) == []


def words(language: str) -> Any:
    """The macros."""
    return render._environment(language).get_template("_web_conflict.html").module


def names_in(hint: Any) -> list[Any]:
    """Values of a type that are a program's own words: of truth, of nothing, of a choice."""
    if hint is bool:
        return [True, False]
    if hint is type(None):
        return [None]
    if get_origin(hint) is Literal:
        return list(get_args(hint))
    return [name for each in get_args(hint) for name in names_in(each)]
