"""Names that hide something, and names that pass for another."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hustings.stage.names import NAME_CHARS, alike, clean, skeleton


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("  Ada \n Lovelace\t", "Ada Lovelace"),
        ("Ada\u202eevil\u202c", "Ada evil"),
        ("\u2066Ada\u2069", "Ada"),
        ("A\u200bda", "A da"),
        ("\u3164\u2800", ""),
        ("<b>Ada</b>", "<b>Ada</b>"),  # a name may be anything: pages write it as text
        ("Z" + "\u0335" * 40 + "oe", "Z" + "\u0335" * 3 + "oe"),
        ("می\u200cخواهم", "می\u200cخواهم"),  # Persian needs its joiners
        ("a\u200cb", "a b"),
        ("Ame\u0301lie", "Amélie"),
    ],
)
def test_what_a_name_looks_like(said: str, shown: str) -> None:
    assert clean(said) == shown


@given(st.text(max_size=300))
def test_no_name_turns_the_text_around_it(said: str) -> None:
    name = clean(said)
    assert len(name) <= NAME_CHARS
    assert not any(
        unicodedata.bidirectional(c) in {"RLO", "LRO", "RLE", "LRE", "RLI"} for c in name
    )
    assert not any(unicodedata.category(c) == "Cc" for c in name)
    assert clean(name) == name


@pytest.mark.parametrize(
    "trick",
    [
        "Аnnа Ноst",  # Cyrillic
        "𝐀nna Host",  # mathematical
        "ΑΝΝΑ HOST",  # Greek capitals
        "ANNA  H0ST",
        "Ánna-Host.",
        "Ａｎｎａ Host",  # full width
        "Anna Hos\u200bt",
    ],
)
def test_tricks_that_are_found(trick: str) -> None:
    assert alike(clean(trick), ["Bo", "Anna Host"]) == "Anna Host"


def test_letters_that_run_together() -> None:
    assert skeleton("Modern Bill") == skeleton("Modem BiII")
    assert skeleton("Wim") == skeleton("VVim")


@pytest.mark.parametrize("other", ["Anna Post", "Hanna Host", "أنا", "Анна", "", "!!!"])
def test_names_that_are_just_names(other: str) -> None:
    assert alike(other, ["Anna Host"]) == ""


@given(st.text(max_size=80))
def test_a_name_looks_like_itself(name: str) -> None:
    assert alike(name, [name]) == (name if skeleton(name) else "")
