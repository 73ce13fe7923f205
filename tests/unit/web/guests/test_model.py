"""What a guest agreed to: only what was ticked, each by itself, with its time; and what ends it."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hustings.base.errors import UserError
from hustings.base.ids import RoomId
from hustings.web.guests.model import (
    ANSWERS,
    PURPOSES,
    WORDS,
    Answer,
    Card,
    Guest,
    Said,
    agreed_in,
    by_guest,
    by_host,
    card_from_form,
    corrected,
    kept_longer,
    kept_words,
    web_address,
    with_picture,
)

BO = Guest("bo", RoomId("hall"), 0, "Bo Lind", "Mayor of Kalmar", "", "link", 1)
CARD = Card(BO.name, BO.line, BO.url)
ALL = frozenset(PURPOSES)


def decided(guest: Guest, *purposes: str, at_ms: int = 5, card: Card = CARD) -> Guest:
    said = Said(card, agreed_in(dict.fromkeys(purposes, "yes")), "30")
    return by_guest(guest, said, 30, at_ms)


def test_nothing_is_agreed_to_before_it_is_ticked_and_each_thing_by_itself() -> None:
    assert not any(BO.agrees(each) for each in PURPOSES)
    assert BO.told()["announced"] is BO.told()["recorded"] is False
    recorded = decided(BO, "record")
    assert recorded.told() | {"recorded": False} == BO.told()
    assert recorded.answers == [Answer("record", agreed=True, at_ms=5, words=WORDS, keep_days=30)]
    assert decided(BO, "announce").told() | {"announced": False} == BO.told()
    assert (
        agreed_in({"announce": "no", "picture": "", "record": "on", "else": "yes"}) == frozenset()
    )


def test_saying_the_same_again_is_no_news() -> None:
    once = decided(BO, "announce", "record")
    assert decided(once, "announce", "record", at_ms=9) == once
    assert decided(BO, at_ms=9) == BO


def test_a_picture_is_shown_only_to_whom_it_is_announced_with() -> None:
    given = with_picture(BO, "a" * 32, 2)
    assert decided(BO, "announce", "picture").answer("picture") is None  # there is none yet
    assert decided(given, "picture").shown == ""  # not announced
    assert decided(given, "announce").shown == ""
    shown = decided(given, "announce", "picture")
    assert shown.shown == "a" * 32
    assert with_picture(shown, "a" * 32, 3) == shown
    other = with_picture(shown, "b" * 32, 3)
    assert (other.picture, other.shown, other.announced) == ("b" * 32, "", True)
    assert other.answer("picture") == Answer("picture", agreed=False, at_ms=3)
    assert decided(other, "announce", "picture").shown == "b" * 32
    none = with_picture(shown, "", 4)
    assert (none.shown, none.agrees("picture"), none.announced) == ("", False, True)


def test_who_takes_the_picture_back_takes_it_along_and_the_rest_stays() -> None:
    shown = decided(with_picture(BO, "a" * 32, 2), *PURPOSES)
    back = decided(shown, "announce", "record", at_ms=7)
    assert (back.picture, back.announced, back.agrees("record")) == ("", True, True)
    assert back.answer("picture") == Answer("picture", agreed=False, at_ms=7)


def test_a_host_who_changes_what_is_announced_asks_anew() -> None:
    agreed = decided(with_picture(BO, "a" * 32, 2), *PURPOSES)
    assert by_host(agreed, CARD, 8) == agreed
    for card in (
        Card("Bo", BO.line),
        Card(BO.name, "Clown"),
        Card(BO.name, BO.line, "https://x.y"),
    ):
        changed = by_host(agreed, card, 8)
        assert not changed.announced
        assert changed.shown == ""
        assert changed.agrees("record")
        assert changed.answer("announce") == Answer("announce", agreed=False, at_ms=8, by_host=True)
    assert by_host(BO, Card("Bo"), 8).answers == []  # who has agreed to nothing is asked once


def test_hosts_correct_what_they_saw_and_what_they_do_not_name_stays() -> None:
    assert corrected(BO, {}) == CARD
    assert corrected(BO, {"line": "Clown", "move": "x"}, BO.seen) == Card(BO.name, "Clown")
    renamed = msgspec.structs.replace(BO, name="Bo L.")
    assert corrected(renamed, {"line": "Clown"}) == Card("Bo L.", "Clown")
    with pytest.raises(UserError) as refused:
        corrected(renamed, {"name": BO.name}, BO.seen)
    assert refused.value.code == "room_changed"
    assert corrected(decided(BO, *PURPOSES), {}, BO.seen) == CARD  # an answer is no other name


def test_a_recording_that_is_kept_for_longer_is_asked_about_anew() -> None:
    assert kept_longer(BO, 9) == BO
    asked = kept_longer(decided(BO, "announce", "record"), 9)
    assert (asked.announced, asked.agrees("record")) == (True, False)
    last = asked.answer("record")
    assert last is not None
    assert last.by_host


@pytest.mark.parametrize(("kept", "days"), [("30", 300), ("30", None), ("ever", 0), ("", None)])
def test_nobody_agrees_to_a_recording_that_is_kept_otherwise_than_their_page_said(
    kept: str, days: int | None
) -> None:
    with pytest.raises(UserError) as refused:
        by_guest(BO, Said(CARD, ALL, kept), days, 5)
    assert refused.value.code == "guest_kept"
    rest = by_guest(BO, Said(CARD, ALL - {"record"}, kept), days, 5)
    assert rest.announced  # the rest does not hang on it
    agreed = by_guest(BO, Said(CARD, ALL, kept_words(days)), days, 5)
    assert agreed.answers[-1] == Answer("record", agreed=True, at_ms=5, keep_days=days)
    assert by_guest(agreed, Said(CARD, ALL, kept), days, 9) == agreed  # no news


@given(st.lists(st.sets(st.sampled_from(PURPOSES)), max_size=50))
def test_what_holds_is_what_was_said_last_however_often(turns: list[set[str]]) -> None:
    guest = with_picture(BO, "a" * 32, 2)
    for at_ms, said in enumerate(turns):
        guest = decided(with_picture(guest, "a" * 32, 2), *said, at_ms=at_ms)
        assert {each for each in PURPOSES if guest.agrees(each)} == said
    assert len(guest.answers) <= ANSWERS
    assert (
        msgspec.json.decode(msgspec.json.encode(guest.answers), type=list[Answer]) == guest.answers
    )


@pytest.mark.parametrize(
    ("typed", "url"),
    [
        ("", ""),
        (" example.org/bo ", "https://example.org/bo"),
        ("http://example.org", "http://example.org"),
        ("https://bücher.example/ä?x=1#y", "https://bücher.example/ä?x=1#y"),
    ],
)
def test_a_web_address_is_taken_as_it_is_typed(typed: str, url: str) -> None:
    assert web_address(typed) == url


@pytest.mark.parametrize(
    "typed",
    [
        *("javascript:alert(1)", "JavaScript://x/%0aalert(1)", "data:text/html,x", "ftp://x.y"),
        *("https://", "https://a b.c", 'https://x.y/"onclick', "https://x.y/<b>", "https://[x"),
        *(
            "https://you:pw@x.y",
            "https://x.y/\u202ecod",
            "https://x.y/" + "a" * 300,
            "mailto:a@b.c",
        ),
    ],
)
def test_nothing_else_is_a_web_address(typed: str) -> None:
    with pytest.raises(UserError) as refused:
        web_address(typed)
    assert refused.value.code == "guest_url"


def test_names_are_plain_text_without_direction_marks() -> None:
    card = card_from_form({"name": " \u202eoB\u2066 \x00Lind\n", "line": "a\u200fb" + "x" * 500})
    assert card.name == "oB Lind"
    assert (card.line[:2], len(card.line)) == ("ab", 120)
    with pytest.raises(UserError) as refused:
        card_from_form({"name": "\u202e\u2066"})
    assert refused.value.code == "name_missing"
