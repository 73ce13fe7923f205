"""What anybody may know about how things go."""

import re

import pytest

from hustings.edge.status import (
    ROOMS,
    RoomStatus,
    Stage,
    Status,
    happening,
    joined_s,
    room_status,
    status,
)
from hustings.pages.locales import LANGUAGES
from hustings.pages.render import render
from hustings.wire.batch import Rung

NEAR, CALM = Stage(near=True), Rung(name="parts")
NOW = 1_800_000_000_000
DAY = 86_400_000


def a_room(**more: object) -> RoomStatus:
    facts = {"room": "r", "title": "Town <hall>", **more}
    known = {"stage": NEAR, "rung": CALM, "now_ms": NOW} | {
        key: facts.pop(key)
        for key in ("stage", "rung", "source", "reach", "waiting")
        if key in facts
    }
    return room_status(facts, **known)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("facts", "what", "since"),
    [
        ({}, ["scheduled"], 0),
        ({"start_ms": NOW - 30_000}, ["scheduled"], 0),
        ({"start_ms": NOW - 120_000}, ["scheduled", "late"], 0),
        ({"state": "lobby", "epoch_ms": 7, "start_ms": NOW - 120_000}, ["lobby", "late"], 7),
        ({"state": "live", "live_ms": 8, "start_ms": 1}, ["live"], 8),
        ({"state": "live", "source": "hold", "live_ms": 8}, ["live", "hold"], 8),
        ({"state": "live", "stage": Stage(False, 5)}, ["live", "stage_away"], 0),
        ({"state": "live", "waiting": 3}, ["live", "queue"], 0),
        ({"state": "ended", "ended_ms": 9, "stage": Stage(False, 5)}, ["ended"], 9),
        (
            {"state": "live", "rung": Rung(name="queue", joined=8)},
            ["live", "queue", "joined"],
            0,
        ),
    ],
)
def test_a_room_says_what_is_happening(
    facts: dict[str, object], what: list[str], since: int
) -> None:
    room = a_room(**facts)
    assert (room.what, room.since_ms) == (what, since)


def whole(*rooms: RoomStatus, stage: Stage = NEAR, rung: Rung = CALM) -> Status:
    return status(rooms, stage=stage, rung=rung, listeners=1_234, now_ms=NOW)


def test_open_rooms_come_first_and_the_past_is_not_named() -> None:
    rooms = [
        a_room(room="soon", start_ms=NOW + 1_000),
        a_room(room="later", start_ms=NOW + 3 * DAY),
        a_room(room="past", state="ended"),
        a_room(room="lobby", state="lobby"),
        *(a_room(room=f"live-{n:03}", state="live") for n in range(10)),
    ]
    named = [room.room for room in whole(*rooms).rooms]
    assert named == [*(f"live-{n:03}" for n in range(10)), "lobby", "soon"]
    assert len(whole(*[a_room(state="live")] * 200).rooms) == ROOMS


def page(language: str, shown: Status, room: RoomStatus | None = None, name: str = "") -> str:
    context = {"status": shown, "room": room, "room_id": name, "home": "/", "joined_s": 0.64}
    return render("status.html", language, **context).decode()


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(
    "rung", [Rung(name=name, joined=2, reason="cpu", since_ms=NOW) for name in ("queue", "low")]
)
def test_every_state_has_its_sentence(language: str, rung: Rung) -> None:
    away = Stage(near=False, since_ms=NOW)
    reach = {"peak": 12_345, "unique": 20_000, "players": 3, "listened_s": 7_300, "error": 0.0081}
    for state in ("scheduled", "lobby", "live", "ended"):
        room = a_room(
            state=state, stage=away, rung=rung, source="hold", start_ms=NOW - DAY, reach=reach
        )
        html = page(language, whole(room), room, "r")
        assert "Town &lt;hall&gt;" in html
        assert re.findall(r'<script[^>]*src="/static/([a-z]+)', html) == ["times"]
        assert html.count("<script") == 1
        assert html.count('class="lead"') == len(room.what)
        assert "12,345" in html or "12.345" in html
    busy = page(language, whole(room, stage=away, rung=rung))
    assert 'class="lead"' in busy
    assert rung.reason not in busy  # a word of ours, for the board and the log
    assert 'class="lead"' in page(language, whole())
    assert "Town" not in page(language, whole(), None, "?")


def test_a_title_is_of_the_language_that_is_read() -> None:
    texts = {"ar": {"title": "القاعة"}, "de": {"title": "Not this"}}
    room = a_room(language="de", texts=texts)
    assert room.words("ar") == ("القاعة", "ar")
    assert room.words("de") == room.words("en") == ("Town <hall>", "de")
    for html in (
        page("ar", whole(), room, "r"),
        page("ar", whole(a_room(state="live", texts=texts))),
    ):
        assert '<bdi lang="ar">القاعة</bdi>' in html


def test_calm_is_calm() -> None:
    assert happening(NEAR, CALM) == []
    assert joined_s(Rung(joined=8)) == pytest.approx(2.56)
