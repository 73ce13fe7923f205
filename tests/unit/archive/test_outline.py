"""What a journal tells of an evening."""

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from hustings.archive.index import agreed, chapters_json, describe, read_index, sound_of
from hustings.archive.outline import Outline, Turn, spoken
from hustings.archive.picture import clock, timeline
from hustings.wire import kinds
from hustings.wire.names import PART_SAMPLES
from tests.fakes.entries import Writer

S = 48_000


def fold(writer: Writer) -> Outline:
    outline = Outline()
    for entry in writer.entries:
        outline.fold(entry)
    return outline


def evening() -> Writer:
    writer = Writer()
    writer.room()
    writer.roster("Ann")
    for n in range(100, 200):
        writer.part(n)
    return writer


def test_who_spoke_when_from_the_replays_start():
    writer, start = evening(), 100 * PART_SAMPLES
    for at, who in ((0, ["id-Ann"]), (5, ["id-Ann", "x"]), (6, ["x"]), (9, []), (31, ["x"])):
        writer.add(kinds.LEVEL, kinds.Level(who), at=start + at * S)
    outline = fold(writer)
    assert outline.turns() == {
        "id-Ann": [Turn(0, 6 * S)],
        "x": [Turn(5 * S, 9 * S), Turn(31 * S, 32 * S)],
    }
    assert outline.silences() == [Turn(9 * S, 31 * S)]
    assert outline.samples == 32 * S


def test_a_breath_does_not_end_a_turn():
    writer, start = evening(), 100 * PART_SAMPLES
    for at, who in ((0.0, ["a"]), (2.0, []), (2.9, ["a"]), (4.0, [])):
        writer.add(kinds.LEVEL, kinds.Level(who), at=start + int(at * S))
    assert fold(writer).turns() == {"a": [Turn(0, 4 * S)]}


def test_chapters_come_from_the_running_order_and_from_calls():
    writer, start = evening(), 100 * PART_SAMPLES
    writer.add("agenda", {"id": "a", "title": "Housing"}, at=start + 3 * S)
    writer.add("agenda", {"id": "a", "title": "Housing!", "again": True}, at=start + 4 * S)
    writer.add(kinds.CALL, kinds.Call("h", "Zoë  \n B"), at=start + 10 * S)
    writer.add("agenda", {"id": ""}, at=start + 20 * S)
    writer.add("agenda", {"id": 7, "nothing": 1}, at=start + 20 * S)
    assert [(c.at / S, c.title, c.kind) for c in fold(writer).contents()] == [
        (0, "Town hall", "title"),
        (3, "Housing", "agenda"),
        (10, "Zoë B", "call"),
    ]
    assert fold(evening()).contents() == []


def test_an_erased_part_makes_another_sound():
    writer = evening()
    whole = fold(writer)
    writer.entries[50] = writer.entries[50].bare()
    cut = fold(writer)
    assert (len(cut.made), len(cut.missing)) == (99, 1)
    assert sound_of(cut) != sound_of(whole)
    assert describe(cut, stamp="s", renditions=["aac"]).held_s == 0.32


def test_what_was_taken_back_is_silent_before_it_is_erased():
    writer = evening()
    whole = fold(writer)
    writer.add(kinds.DUMP, kinds.Dump(110, 112, reason="a name"), at=115 * PART_SAMPLES)
    cut = fold(writer)
    assert [n for n in range(100, 200) if cut.silent(n)] == [110, 111, 112]
    assert (whole.held, cut.held) == (0, 3)
    assert sound_of(cut) != sound_of(whole)


def test_the_index_comes_back_as_it_was_written():
    writer = evening()
    writer.add("agenda", {"id": "a", "title": "Housing"}, at=110 * PART_SAMPLES)
    replay = describe(fold(writer), stamp="s", renditions=["aac", "opus"])
    assert read_index(msgspec.json.encode(replay)) == replay
    assert read_index(b"{}") is None
    assert b'"startTime":3.2,"title":"Housing"' in chapters_json(replay)


def test_a_name_cannot_break_the_picture():
    writer = evening()
    writer.roster('<script>"&\x00')
    writer.add(kinds.LEVEL, kinds.Level(['id-<script>"&\x00']), at=110 * PART_SAMPLES)
    text = timeline(fold(writer)).decode()
    assert "<script>" not in text
    assert "&lt;script&gt;" in text
    assert "\x00" not in text
    assert clock(3_725) == "1:02:05"


@given(
    st.lists(
        st.tuples(st.integers(0, 40 * S), st.lists(st.sampled_from("abc"), max_size=3)), max_size=30
    )
)
def test_turns_lie_inside_the_replay_in_order_and_apart(levels):
    writer, start = evening(), 100 * PART_SAMPLES
    for at, who in sorted(levels):
        writer.add(kinds.LEVEL, kinds.Level(who), at=start + at)
    outline = fold(writer)
    for turns in outline.turns().values():
        assert spoken(turns) <= outline.samples
        edges = [edge for turn in turns for edge in (turn.start, turn.end)]
        assert edges == sorted(edges)
        assert all(0 <= edge <= outline.samples for edge in edges)
    for silence in outline.silences():
        for turns in outline.turns().values():
            assert not any(t.start < silence.end and silence.start < t.end for t in turns)


def test_own_tracks_are_of_who_agreed_as_of_the_last_word_and_have_nothing_that_was_taken_back():
    writer = evening()
    for n, who in (
        (90, "a"),
        (101, "a"),
        (102, "a"),
        (102, "b"),
        (150, "a"),
        (150, "c"),
        (300, "a"),
    ):
        writer.add(kinds.TRACK, kinds.Track(n, who, []), at=n * PART_SAMPLES, visibility=1)
    writer.add(kinds.DUMP, kinds.Dump(150, 160))
    writer.room(tracks=["c", "b", "a", "nobody"])
    assert fold(writer).own_tracks() == {"b": [102], "a": [101, 102]}
    writer.room(tracks=["b"])
    assert fold(writer).own_tracks() == {"b": [102]}
    writer.room()
    assert fold(writer).own_tracks() == {}


@given(
    st.recursive(
        st.none() | st.integers(-5, 400) | st.text(max_size=3) | st.binary(max_size=3),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(st.sampled_from(["n", "who", "frames", "x"]), inner, max_size=4)
        ),
        max_leaves=8,
    )
)
def test_a_track_of_any_shape_harms_nothing(body):
    writer = evening()
    writer.add(kinds.TRACK, body, visibility=1)
    writer.room(tracks=["", "a"])
    outline = fold(writer)
    for parts in outline.own_tracks().values():
        assert all(100 <= n < 200 for n in parts)
    assert (outline.first, outline.end) == (100, 200)


def test_a_track_that_was_taken_back_stays_so_when_they_agree_again_before_it_is_erased():
    writer = Writer()

    def sing(parts: range) -> list[int]:
        for n in parts:
            writer.part(n)
        return [writer.track(n, "ada").seq for n in parts]

    writer.room(tracks=["ada", "ben"])
    old = sing(range(5))
    writer.track(2, "ben")
    writer.room(tracks=["ben"])
    writer.room(tracks=["ben", "ada"])
    new = sing(range(5, 8))
    writer.room(state="ended", tracks=["ben", "ada"])
    outline = fold(writer)
    assert outline.own_tracks() == {"ben": [2], "ada": [5, 6, 7]}
    assert not any(outline.agreed("ada", seq) for seq in old)
    assert all(outline.agreed("ada", seq) for seq in new)
    assert outline.agreed("ben", old[0])


def test_guests_are_those_whose_newest_entry_says_so() -> None:
    outline, writer = Outline(), Writer()

    def says(who: str, **more: object) -> None:
        booking = kinds.Booking(kinds.Guest(who, who.title()), **more)  # type: ignore[arg-type]
        outline.fold(writer.add(kinds.GUEST, booking, visibility=1))

    assert outline.told is None
    outline.fold(writer.add(kinds.ROOM, kinds.Room("r", "R")))
    says("cy", announced=True, place=1)
    says("bo", announced=True)
    says("di", announced=True, place=2)
    says("ed", place=3)
    assert outline.told is not None
    assert [each.id for each in outline.told.guests] == ["bo", "cy", "di"]
    says("cy", place=1)
    says("di", gone=True)
    outline.fold(writer.add(kinds.GUEST, kinds.Booking(kinds.Guest("bo"))).bare())  # erased
    assert outline.told is not None
    assert [each.id for each in outline.told.guests] == ["bo"]


def test_a_replay_names_guests_as_they_agree_now_and_not_as_they_did_when_it_was_made() -> None:
    replay = describe(fold(evening()), stamp="", renditions=[])
    bo, cy = kinds.Guest("bo", "Bo", picture="a" * 32), kinds.Guest("cy", "Cy")
    replay = msgspec.structs.replace(
        replay, room=msgspec.structs.replace(replay.room, guests=[bo, cy])
    )
    without = msgspec.structs.replace(bo, picture="")
    now = agreed(replay, {"guests": [msgspec.to_builtins(without)]})
    assert now.room.guests == [without]
    assert agreed(replay, {}).room.guests == []
    same = {"guests": msgspec.to_builtins([bo, cy])}
    assert agreed(replay, same) is replay
