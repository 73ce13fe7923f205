"""What happened to a room comes out of two of the stage's facts, in order, and once."""

import json

import msgspec
import pytest

from hustings.web.webhooks.events import EVENTS, at_ms, awaits_replay, body, happened, iso
from hustings.wire.kinds import Deleted, Imported, Picture, Room, Words

PLANNED = Room("hall", "Town hall", start_ms=1_800_000_000_000)
LOBBY = msgspec.structs.replace(PLANNED, state="lobby", epoch_ms=1)
LIVE = msgspec.structs.replace(LOBBY, state="live", live_ms=2)
ENDED = msgspec.structs.replace(LIVE, state="ended", ended_ms=3)
OFF = msgspec.structs.replace(PLANNED, cancelled_ms=4, cancelled_why="Fog")
PICTURE = Picture("0" * 32, "A bridge", 800, 600)
GONE = Room("hall", "Town hall", state="ended", deleted=Deleted(5, reason="Asked"))


def but(room, /, **changes):
    return msgspec.structs.replace(room, **changes)


@pytest.mark.parametrize(
    ("before", "after", "events"),
    [
        (None, PLANNED, ["room.planned"]),
        (None, LIVE, ["room.planned", "room.live"]),
        (None, ENDED, ["room.live"]),
        (PLANNED, LOBBY, []),
        (LOBBY, LIVE, ["room.live"]),
        (LIVE, ENDED, ["room.ended"]),
        (PLANNED, ENDED, ["room.live", "room.ended"]),
        (LOBBY, but(LOBBY, state="ended"), ["room.ended"]),
        (ENDED, GONE, ["room.deleted"]),
        (None, GONE, []),
        (GONE, GONE, []),
        (PLANNED, OFF, ["room.cancelled"]),
        (OFF, but(OFF, cancelled_why="Snow"), []),
        (OFF, PLANNED, ["room.revived", "room.rescheduled"]),
        (OFF, but(PLANNED, start_ms=9), ["room.revived", "room.rescheduled"]),
        (PLANNED, but(PLANNED, picture=PICTURE), ["room.changed"]),
        (but(PLANNED, picture=PICTURE), PLANNED, ["room.changed"]),
        (PLANNED, but(PLANNED, texts={"de": Words("Saal")}), ["room.changed"]),
        (PLANNED, but(PLANNED, start_ms=9), ["room.rescheduled"]),
        (OFF, but(OFF, start_ms=9), []),
        (PLANNED, but(PLANNED, title="X", start_ms=9), ["room.changed", "room.rescheduled"]),
        (PLANNED, but(PLANNED, description="X"), ["room.changed"]),
        (PLANNED, but(PLANNED, locked=True, expected=9, notice="x", topics=["a"]), []),
        (LIVE, but(LIVE, tracks=["a"]), []),
        (None, but(LIVE, room="rehearsal-" + "a" * 26, rehearsal_of="hall"), []),
        (None, but(LIVE, room="soundcheck-" + "a" * 26), []),
        (None, but(ENDED, imported=Imported("a.mp3", "00", 1)), []),
    ],
)
def test_the_events_between_two_facts(before, after, events):
    assert happened(before, after) == events
    assert happened(after, after) == []


def test_every_event_but_the_replays_comes_out_of_facts():
    seen = {
        event
        for before in (None, PLANNED, OFF, LIVE, ENDED)
        for after in (PLANNED, but(PLANNED, title="X", start_ms=9), OFF, LIVE, ENDED, GONE)
        for event in happened(before, after)
    }
    assert seen == set(EVENTS) - {"room.replay_ready"}


def test_a_replay_is_awaited_once_where_one_will_come():
    assert awaits_replay(LIVE, ENDED)
    assert awaits_replay(None, but(ENDED, imported=Imported("a.mp3", "00", 1)))
    assert not awaits_replay(ENDED, but(ENDED, title="X"))
    assert not awaits_replay(LIVE, but(ENDED, keep_days=0))
    assert not awaits_replay(LOBBY, but(LOBBY, state="ended"))
    assert not awaits_replay(None, GONE)


def test_a_message_says_what_happened_when_and_to_which_room():
    said = json.loads(body("room.live", 2_000, LIVE, "https://x.example/r/hall"))
    assert (said["type"], said["timestamp"]) == ("room.live", "1970-01-01T00:00:02.000Z")
    data = said["data"]
    assert (data["room"], data["title"], data["state"]) == ("hall", "Town hall", "live")
    assert data["listen"] == "https://x.example/r/hall"
    assert (data["start"], data["ended"]) == ("2027-01-15T08:00:00.000Z", None)
    assert json.loads(body("ping", 2_000, None))["data"] == {}


def test_a_cancelled_room_says_so_in_one_word():
    for room, status in ((PLANNED, "scheduled"), (OFF, "cancelled"), (LIVE, "live")):
        data = json.loads(body("room.changed", 1, room))["data"]
        assert (data["state"], data["status"]) == (room.state, status)


def test_a_message_shows_picture_and_words_of_all_languages():
    data = json.loads(body("room.changed", 1, PLANNED, "https://x.example/r/hall"))["data"]
    assert (data["picture"], data["picture_alt"], data["texts"]) == (None, "", {})
    shown = but(PLANNED, picture=PICTURE, texts={"de": Words("Saal", "Kommt")})
    data = json.loads(body("room.changed", 1, shown, "https://x.example/r/hall"))["data"]
    assert data["picture"] == f"https://x.example/r/hall/{PICTURE.file}"
    assert data["picture_alt"] == "A bridge"
    assert data["texts"] == {"de": {"title": "Saal", "description": "Kommt"}}


def test_what_was_deleted_is_not_repeated():
    gone = but(ENDED, title="Secret", host="Secret", deleted=Deleted(5, reason="Asked"))
    text = body("room.deleted", 5, gone, "https://x.example/r/hall").decode()
    assert "Secret" not in text
    assert json.loads(text)["data"]["reason"] == "Asked"


def test_an_event_has_the_time_at_which_it_happened_where_the_facts_say_it():
    assert at_ms("room.live", ENDED, 99) == 2
    assert at_ms("room.ended", ENDED, 99) == 3
    assert at_ms("room.cancelled", OFF, 99) == 4
    assert at_ms("room.deleted", GONE, 99) == 5
    assert at_ms("room.planned", PLANNED, 99) == 99
    assert iso(0) is None
