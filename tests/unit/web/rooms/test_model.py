"""The room form: what is read, what is refused, and which field is to be mended."""

import pytest
from hypothesis import event, given
from hypothesis import strategies as st

from hustings.base.errors import UserError
from hustings.base.ids import room_id
from hustings.settings import StageSettings
from hustings.web.rooms.model import (
    INVITED,
    Person,
    PlannedRoom,
    Wish,
    address_from_form,
    as_usual,
    clean,
    expect_kept,
    fields_of,
    people_from_form,
    role_from_form,
    wish_from_form,
)
from hustings.wire.kinds import DELAYS_S, EXPECTED, KEEP_DAYS, LOBBY_MIN, Room

FORM = st.dictionaries(
    st.sampled_from([*fields_of(Wish("x")), "which"]),
    st.text(max_size=300),
)


def refused(fields: dict[str, str]) -> str:
    with pytest.raises(UserError) as caught:
        wish_from_form(fields)
    return str(caught.value.facts["field"])


def test_a_whole_form() -> None:
    fields = {
        "title": "  Town hall\u202e ",
        "description": "One\r\nTwo",
        "language": "de-CH",
        "host": "Ada",
        "start": "2026-11-20T19:30",
        "zone": "Europe/Zurich",
        "radio": "on",
        "expected": "12,000",
        "delay_s": "5",
        "keep": "days",
        "keep_days": "30",
        "lobby_min": "45",
        "doors": "live",
    }
    assert wish_from_form(fields) == Wish(
        title="Town hall",
        description="One\nTwo",
        language="de-CH",
        host="Ada",
        start_ms=1_795_199_400_000,  # 2026-11-20 18:30 UTC
        radio=True,
        expected=12_000,
        delay_s=5,
        keep_days=30,
        lobby_min=45,
        doors="live",
    )


def test_what_has_to_be_mended_is_named() -> None:
    assert refused({}) == "title"
    assert refused({"title": " \u200b "}) == "title"
    assert refused({"title": "x", "language": "english please"}) == "language"
    assert refused({"title": "x", "start": "tomorrow"}) == "start"
    assert refused({"title": "x", "expected": "-5"}) == "expected"
    assert refused({"title": "x", "expected": "100,000,001"}) == "expected"
    assert refused({"title": "x", "delay_s": "2"}) == "delay_s"
    assert refused({"title": "x", "lobby_min": "721"}) == "lobby_min"
    assert refused({"title": "x", "doors": "ended"}) == "doors"
    for days in (
        "",
        "0",
        "-1",
        "36501",
        "soon",
        "1.5",
        "0,5",
        "7.50",
        "0.500",
        "1.234,567",
        "1.2.3",
    ):
        assert refused({"title": "x", "keep": "days", "keep_days": days}) == "keep_days"
    assert refused({"title": "x", "keep": "perhaps", "keep_days": "3"}) == "keep_days"
    assert refused({"title": "x", "start": "9999-12-31T23:59", "zone": "America/Lima"}) == "start"
    assert refused({"title": "x", "start": "2026-01-01T00:00", "zone": "east"}) == "zone"


@given(FORM)
def test_any_form_is_a_bounded_wish_or_refused(fields: dict[str, str]) -> None:
    try:
        wish = wish_from_form(fields)
    except UserError as error:
        event(f"refused: {error.facts['field']}")
        return
    assert 0 < len(wish.title) <= 200
    assert len(wish.description) <= 2_000
    assert len(wish.host) <= 80
    assert wish.start_ms >= 0
    assert 0 <= wish.expected <= EXPECTED
    assert wish.delay_s in DELAYS_S
    assert wish.keep_days is None or 0 <= wish.keep_days <= KEEP_DAYS
    assert wish.lobby_min is None or 0 <= wish.lobby_min <= LOBBY_MIN
    assert wish_from_form(fields_of(wish)).title == wish.title


@given(st.text(max_size=300), st.integers(1, 80))
def test_cleaned_text_is_printable_and_stays_clean(text: str, limit: int) -> None:
    once = clean(text, limit)
    assert len(once) <= limit
    assert not set(once) & set("\n\r\t\x00\u202e\u2066")
    assert clean(once, limit) == once


def test_people_host_first_one_name_a_line() -> None:
    fields = {"host": "Ada", "cohosts": "Bo\n\n Cy ", "speakers": "Di\r\nEd"}
    assert people_from_form(fields) == [
        Person("Ada", "host"),
        Person("Bo", "cohost"),
        Person("Cy", "cohost"),
        Person("Di", "speaker"),
        Person("Ed", "speaker"),
    ]
    with pytest.raises(UserError) as caught:
        people_from_form({"speakers": "x\n" * INVITED})
    assert caught.value.facts["field"] == "speakers"


def test_an_address_is_taken_or_made() -> None:
    assert address_from_form({"address": " Town-Hall "}, title="x", suffix="ab2c") == "town-hall"
    made = address_from_form({}, title="Über  Städte & Räume!", suffix="ab2c")
    assert made == "uber-stadte-raume-ab2c"
    assert address_from_form({}, title="مناظرة", suffix="ab2c") == "ab2c"
    with pytest.raises(UserError) as caught:
        address_from_form({"address": "../x"}, title="x", suffix="ab2c")
    assert caught.value.facts["field"] == "address"


@given(st.text(min_size=1, max_size=200))
def test_every_title_makes_an_address(title: str) -> None:
    made = address_from_form({}, title=title, suffix="ab2c")
    assert room_id(made) == made
    assert made.endswith("ab2c")


def test_roles_by_name() -> None:
    assert role_from_form("moderator") == "moderator"
    with pytest.raises(UserError):
        role_from_form("king")


@pytest.mark.parametrize("text", ["12000", "12.000", "12,000", " 12 000 ", "١٢٠٠٠"])
def test_a_number_is_read_as_people_write_it(text: str) -> None:
    assert wish_from_form({"title": "x", "expected": text}).expected == 12_000


def test_what_hosts_changed_on_the_stage_is_what_the_form_shows() -> None:
    wish = Wish(title="x", expected=5)
    planned = PlannedRoom(room_id("a"), wish, made_here=True, created_ms=0)
    assert planned.current == wish
    facts = Room("a", "x", expected=900, delay_s=4)
    heard = PlannedRoom(room_id("a"), wish, made_here=True, created_ms=0, facts=facts)
    assert fields_of(heard.current) == fields_of(wish) | {"expected": "900", "delay_s": "4"}


@pytest.mark.parametrize("days", [None, 0, 1, 36_500])
def test_how_long_a_recording_stays_survives_the_form(days: int | None) -> None:
    wish = Wish("x", keep_days=days)
    assert wish_from_form(fields_of(wish)) == wish


def test_who_says_nothing_gets_what_is_usual() -> None:
    house = StageSettings(lobby_min=45, doors="live")
    assert as_usual(Wish("x"), house) == Wish("x", lobby_min=45, doors="live")
    said = Wish("x", lobby_min=0, doors="lobby")
    assert as_usual(said, house) == said


@pytest.mark.parametrize("minutes", [None, 0, 1, LOBBY_MIN])
def test_when_the_lobby_opens_survives_the_form(minutes: int | None) -> None:
    wish = Wish("x", lobby_min=minutes)  # None: as usual; 0: by hand
    assert wish_from_form(fields_of(wish)) == wish


@pytest.mark.parametrize("keep", ["ever", "none", ""])
def test_a_number_of_days_beside_another_choice_is_an_error_that_says_so(keep: str) -> None:
    with pytest.raises(UserError) as caught:
        wish_from_form({"title": "x", "keep": keep, "keep_days": "30"})
    assert (caught.value.code, caught.value.facts["field"]) == ("keep_days_unchosen", "keep_days")
    assert wish_from_form({"title": "x", "keep": keep, "keep_days": " "}).keep_days in {None, 0}


@given(st.none() | st.integers(0, 40), st.none() | st.integers(0, 40))
def test_after_the_end_a_recording_is_kept_for_longer_or_as_long(
    before: int | None, after: int | None
) -> None:
    ever = KEEP_DAYS + 1
    shorter = (ever if after is None else after) < (ever if before is None else before)
    for state in ("scheduled", "live", "ended"):
        facts = Room("a", "x", state, keep_days=before)
        planned = PlannedRoom(room_id("a"), Wish("x"), made_here=True, created_ms=0, facts=facts)
        if shorter and state == "ended":
            with pytest.raises(UserError, match="longer"):
                expect_kept(planned, Wish("x", keep_days=after))
        else:
            expect_kept(planned, Wish("x", keep_days=after))


def test_the_form_of_a_room_shows_how_long_the_stage_keeps_it() -> None:
    facts = Room("a", "x", "ended", keep_days=400)
    wish = Wish("x", keep_days=30)  # as web was told once
    planned = PlannedRoom(room_id("a"), wish, made_here=True, created_ms=0, facts=facts)
    assert planned.current.keep_days == 400  # or a Save of the title would shorten it
