"""Whose voice is kept by itself: the rules, and what the sound of a room does about them."""

from itertools import repeat
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hustings.base.errors import TryLater, UserError
from hustings.base.ids import ParticipantId
from hustings.stage.consent import Agreements
from hustings.stage.erasing import Withdrawn, withdrawn
from hustings.stage.rehearsals import rehearsed
from hustings.stage.room import TRACKS
from hustings.stage.sound import Line, Sound
from hustings.wire.kinds import Participant, Room, Track
from hustings.wire.names import PART_TICKS, TICK_SAMPLES
from tests.unit.stage.test_room import NOW, Evening

LOUD = np.full(TICK_SAMPLES, 0.25, np.float32)


class Mouth:
    """A voice that always says the same."""

    speaking = True

    def __init__(self, pcm: Any) -> None:
        self.raw = pcm
        self._said = repeat(pcm)

    def tick(self, now_s: float) -> Any:
        return next(self._said)

    def trim(self, gain_db: float) -> None:
        pass


class Floor:
    """A room's sound with two on stage and one backstage, all loud, in virtual ticks."""

    def __init__(self, *seats: str, delay: int = 0) -> None:
        self.sound = Sound(None, lambda _who, _connected: None)  # type: ignore[arg-type]
        self.people = {}
        for who in seats or ("ada", "ben", "kim"):
            place = "backstage" if who == "kim" else "stage"
            self.people[who] = Participant(who, who, "speaker", place, connected=True)  # type: ignore[arg-type]
            self.sound._lines[ParticipantId(who)] = Line(Mouth(LOUD), encoder=False)  # type: ignore[arg-type]
        self.sound.taking = True
        self.sound.delay.resize(delay)
        self.agree()
        self.sound.go_on_air(0, radio=False)

    def agree(self, *who: str) -> None:
        self.sound.arrange(self.people, {}, who)

    def become(self, who: str, **facts: Any) -> None:
        self.people[who] = msgspec.structs.replace(self.people[who], **facts)

    def run(self, ticks: int) -> list[Track]:
        found: list[Track] = []
        for _ in range(ticks):
            if self.sound.tick(0.0) is not None:
                found += self.sound.tracks
        return found


def whose(tracks: list[Track]) -> set[tuple[str, int]]:
    return {(each.who, each.n) for each in tracks}


def test_only_who_agreed_and_is_aired_has_a_track():
    floor = Floor()
    assert floor.run(PART_TICKS) == []
    floor.agree("ada", "kim", "nobody")
    assert whose(floor.run(PART_TICKS)) == {("ada", 1)}
    floor.become("ada", muted=True)
    floor.agree("ada", "kim")
    assert whose(floor.run(2 * PART_TICKS)) <= {("ada", 2)}  # what the encoder owed
    floor.become("kim", place="stage")
    floor.agree("ada", "kim")
    assert whose(floor.run(PART_TICKS)) == {("kim", 4)}


def test_a_private_talk_is_in_no_track():
    floor = Floor()
    floor.sound.arrange(floor.people, {"ada": "kim"}, ["ada", "ben", "kim"])
    assert whose(floor.run(PART_TICKS)) == {("ben", 0)}


def test_an_encoder_speaks_for_the_person_whose_link_it_has():
    floor = Floor("ada", "ben-encoder", "eve-encoder")
    floor.agree("ben")
    assert whose(floor.run(PART_TICKS)) == {("ben", 0)}


def test_a_person_and_their_encoder_are_one_voice():
    floor = Floor("ada", "ada-encoder")
    floor.agree("ada")
    held = floor.sound._voices({ParticipantId(each): LOUD for each in ("ada", "ada-encoder")})
    assert held.keys() == {"ada"}
    assert held["ada"] == pytest.approx(0.5)
    assert LOUD[0] == np.float32(0.25)  # never changed in place


@pytest.mark.parametrize("delay", [0, 3 * PART_TICKS])
def test_who_agrees_no_more_is_gone_at_once_also_from_what_is_held_back(delay: int):
    floor = Floor(delay=delay)
    floor.agree("ada", "ben")
    floor.run(delay + PART_TICKS + PART_TICKS // 2)  # in the middle of part 1
    floor.agree("ben")
    floor.agree("ada", "ben")  # and again: only what is said from here on
    tracks = floor.run(delay + PART_TICKS)
    first_of_ada = min(each.n for each in tracks if each.who == "ada")
    assert first_of_ada == (1 + delay // PART_TICKS)
    (part,) = [each for each in tracks if each.who == "ada" and each.n == first_of_ada]
    assert [len(frame) > 3 for frame in part.frames] == [False] * 8 + [True] * 8
    assert min(each.n for each in tracks if each.who == "ben") == 1


def test_nothing_of_a_dumped_moment_is_in_a_track():
    floor = Floor(delay=2 * PART_TICKS)
    floor.agree("ada")
    floor.run(3 * PART_TICKS + 5)
    floor.sound.drop()
    assert len(floor.sound.delay) == 0
    floor.sound.go_on_air(9, radio=False)
    assert whose(floor.run(3 * PART_TICKS)) == {("ada", 9)}


# --- rules ----------------------------------------------------------------------------------------


@pytest.fixture
def evening() -> Evening:
    evening = Evening()
    for who, role in (("h", "host"), ("m", "moderator"), ("s", "speaker")):
        evening.join(who, role)
    return evening


def test_everybody_decides_for_themselves_alone(evening: Evening):
    for who in "hms":
        evening.do(who, "keep_track", participant="s")
        assert who in evening.room.facts.tracks
    assert evening.room.facts.tracks == ["h", "m", "s"]
    evening.do("h", "drop_track", participant="s")
    assert evening.room.facts.tracks == ["m", "s"]


def test_pressed_twice_it_is_one(evening: Evening):
    assert len(evening.do("s", "keep_track")) == 1
    assert evening.do("s", "keep_track") == []
    assert len(evening.do("s", "drop_track")) == 1
    assert evening.do("s", "drop_track") == []


def test_whoever_leaves_agrees_still_and_can_take_it_back(evening: Evening):
    evening.do("s", "keep_track")
    evening.do("s", "leave")
    assert evening.room.facts.tracks == ["s"]
    evening.take(evening.room.drop_track("s"))
    assert evening.room.facts.tracks == []


def test_a_room_keeps_so_many_tracks(evening: Evening):
    evening.take(evening.room.room(tracks=[f"p{n}" for n in range(TRACKS)]))
    with pytest.raises(TryLater) as refused:
        evening.do("s", "keep_track")
    assert refused.value.code == "tracks_full"
    evening.take(evening.room.drop_track("p3"))
    evening.do("s", "keep_track")


@pytest.mark.parametrize(
    ("at", "name", "device", "agrees_still"),
    [
        ("A", "Ada", "A", True),
        ("A", "Ada Lovelace", "A", True),  # her own device: another name is hers
        ("A", "Ada", "", True),  # an encoder, or the way back from a rehearsal
        ("A", "Ada", "B", False),
        ("A", "Ben", "B", False),
        ("A", "Ben", "", False),
        ("", "Ada", "B", True),  # after a restart nobody's device is known
        ("", "Ben", "B", False),
    ],
)
def test_consent_is_the_persons_and_not_the_seats(
    evening: Evening, at: str, name: str, device: str, agrees_still: bool
):
    evening.take(evening.room.join("s", name="Ada", role="speaker", device=at))
    if at:
        evening.room.sits_at["s"] = at
    evening.do("m", "keep_track")
    evening.do("s", "keep_track")
    changes = evening.take(evening.room.join("s", name=name, role="speaker", device=device))
    assert evening.room.facts.tracks == (["m", "s"] if agrees_still else ["m"])
    assert [each.kind for each in changes].count("room") == (not agrees_still)
    assert evening.room.people["s"].name == name


def test_who_comes_back_to_a_seat_by_a_device_of_before_did_not_agree_to_what_another_did(
    evening: Evening,
):
    evening.room.sits_at["s"] = "B"  # Ben sits there since
    evening.room.devices["s"] = {"A", "B"}
    evening.do("s", "keep_track")
    evening.take(evening.room.at_device("s", "B"))
    assert evening.room.facts.tracks == ["s"]
    evening.take(evening.room.at_device("s", "A"))
    assert evening.room.facts.tracks == []


def test_somebody_agrees_once_in_some_seconds():
    agreements = Agreements()
    agreements.expect("s", 100.0)
    agreements.expect("m", 100.0)
    with pytest.raises(TryLater) as refused:
        agreements.expect("s", 102.0)
    assert (refused.value.code, refused.value.delay_s) == ("track_soon", 1.0)
    agreements.expect("s", 103.0)


def test_nothing_is_kept_of_a_rehearsal(evening: Evening):
    evening.do("s", "keep_track")
    facts = rehearsed(evening.room.facts, NOW)
    assert facts["tracks"] == []
    evening.take(evening.room.room(rehearsal_of="r"))
    with pytest.raises(UserError) as refused:
        evening.do("m", "keep_track")
    assert refused.value.code == "room_state"
    evening.do("s", "drop_track")


@given(
    st.lists(st.sampled_from("abcd"), unique=True), st.lists(st.sampled_from("abcd"), unique=True)
)
def test_what_is_withdrawn_is_what_was_kept_and_is_no_more(before: list[str], after: list[str]):
    gone = withdrawn(Room("r", "R", tracks=before), Room("r", "R", tracks=after), 77)
    assert {each.who for each in gone} == set(before) - set(after)
    assert all(each == Withdrawn(each.who, 77) for each in gone)
