"""From entries and virtual time to bytes."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hustings.edge.sound.facts import Facts
from hustings.edge.sound.program import Program
from hustings.journal.entry import Entry
from hustings.media import cmaf
from hustings.media.hold import hold_frames
from hustings.wire import kinds
from hustings.wire.names import AAC, MP3, OPUS, PART_SAMPLES, PART_SECONDS
from tests.fakes.entries import Writer, frames

RATE = 48_000


class Edge:
    """A program in virtual time; media time 0 is second 0."""

    def __init__(self, *, start: int = 0, backlog: int = 125) -> None:
        self.now = start * PART_SECONDS
        self.program = Program(backlog_parts=backlog, facts=Facts(), now_s=self.now)
        self.writer = Writer()
        self.got: list[int] = []

    def position(self) -> None:
        self.program.position(round(self.now * RATE), self.now)

    def take(self, *entries: Entry) -> None:
        for entry in entries:
            self.program.entry(entry)

    def pass_parts(self, parts: float) -> list[int]:
        """Let time pass in steps of 40 ms; returns what was sent."""
        sent: list[int] = []
        end = self.now + parts * PART_SECONDS
        while self.now < end - 1e-9:
            self.now += PART_SECONDS / 8
            sent += self.program.advance(self.now)
        self.got += sent
        return sent

    def live(self, first: int, last: int) -> None:
        """The stage makes these parts on time, each at its end."""
        for n in range(first, last + 1):
            self.pass_parts((n + 1) - self.now / PART_SECONDS)
            self.position()
            self.take(self.writer.part(n))
            self.got += self.program.advance(self.now)

    def is_hold(self, n: int) -> bool:
        return cmaf.frames_of(self.program.plain(OPUS, n)) == hold_frames(OPUS, n)


def edge(*, start: int = 200, backlog: int = 125) -> Edge:
    made = Edge(start=start, backlog=backlog)
    made.take(made.writer.room(), *[made.writer.part(n) for n in range(start - 100, start)])
    made.position()
    made.program.advance(made.now)
    return made


def test_it_begins_with_a_backlog_without_a_hole() -> None:
    e = edge()
    assert (e.program.oldest, e.program.next) == (75, 200)
    assert [n for n in range(75, 200) if e.is_hold(n)] == list(range(75, 100))


def test_parts_leave_when_they_come() -> None:
    e = edge()
    e.live(200, 209)
    assert e.got == list(range(200, 210))
    assert e.program.counts["hold"] == 25
    assert cmaf.frames_of(e.program.plain(OPUS, 205)) == frames(205)
    assert e.program.source == "live"


def test_a_part_late_by_less_than_two_parts_is_waited_for() -> None:
    e = edge()
    late = e.writer.part(200)
    assert e.pass_parts(2.75) == []
    e.take(e.writer.part(201), late)
    assert e.pass_parts(0.05) == [200, 201]
    assert not e.is_hold(200)


def test_a_later_part_is_hold_for_ever() -> None:
    e = edge()
    assert e.pass_parts(3.2) == [200]
    before = e.program.plain(OPUS, 200)
    e.take(e.writer.part(200))
    e.pass_parts(0.1)
    assert e.is_hold(200)
    assert e.program.plain(OPUS, 200) == before
    assert e.program.counts["late"] == 1


def test_a_gap_is_hold_as_soon_as_it_is_due() -> None:
    e = edge()
    e.take(e.writer.gap(200, 202))
    assert e.pass_parts(0.75) == []
    assert e.pass_parts(0.3) == [200]
    e.take(e.writer.part(203))
    assert e.pass_parts(2) == [201, 202, 203]


def test_a_dead_stage_leaves_hold_at_the_pace_of_the_sound() -> None:
    e = edge()
    e.live(200, 205)
    sent = [e.pass_parts(1) for _ in range(50)]
    assert all(len(one) <= 1 for one in sent)
    assert e.got == list(range(200, 254))
    assert e.program.source == "hold"


def test_a_stage_that_comes_back_ahead_of_us_leaves_no_hole() -> None:
    e = edge()
    e.live(200, 205)
    e.pass_parts(20)
    e.take(e.writer.gap(206, 239))
    e.program.position(240 * PART_SAMPLES, e.now)  # its wall clock is ahead of ours
    e.pass_parts(0.1)
    e.take(e.writer.part(240))
    e.pass_parts(1)
    assert e.got == list(range(200, 241))
    assert not e.is_hold(240)


def test_a_jump_beyond_the_backlog_is_a_jump_for_listeners_and_hls_has_no_hole() -> None:
    e = edge()
    e.live(200, 205)
    e.program.position(10_000 * PART_SAMPLES, e.now)
    sent = e.pass_parts(0.2)
    assert sent == list(range(10_000 - 12, 9_998))
    assert (e.program.oldest, e.program.next) == (9_875, 9_998)
    assert all(e.is_hold(n) for n in range(e.program.oldest, e.program.next))


def test_when_we_ourselves_stood_still_the_feed_is_read_first() -> None:
    e = edge()
    e.live(200, 205)
    e.now += 30.0
    assert list(e.program.advance(e.now)) == []
    e.take(*[e.writer.part(n) for n in range(206, 299)])
    e.position()
    assert list(e.program.advance(e.now + 0.01)) == list(range(206, 299))
    assert not any(e.is_hold(n) for n in range(206, 299))


def test_after_a_fork_the_first_word_stays() -> None:
    e = edge()
    e.live(200, 205)
    before = e.program.plain(OPUS, 205)
    e.program.fork()
    other = Writer()
    e.take(
        other.room(title="Other"),
        other.part(205, opus=[b"other"] * 16),
        other.part(206, opus=[b"x"] * 16),
    )
    e.position()
    e.pass_parts(1)
    assert e.program.plain(OPUS, 205) == before
    assert cmaf.frames_of(e.program.plain(OPUS, 206)) == [b"x"] * 16
    assert e.program.facts.room["title"] == "Other"


def test_without_a_feed_it_begins_with_hold_after_a_while() -> None:
    e = Edge(start=50)
    e.program.clock.observe(50 * PART_SAMPLES, e.now)  # the index said so
    assert e.pass_parts(2) == []
    e.pass_parts(4)
    assert e.program.begun
    assert e.program.oldest == 0


def test_without_a_clock_it_never_begins() -> None:
    e = Edge()
    assert e.pass_parts(100) == []
    assert not e.program.begun


def test_a_room_that_was_never_opened_has_no_sound() -> None:
    e = Edge()
    e.take(e.writer.add("room", kinds.Room("demo", "T", "scheduled")))
    e.position()
    assert e.pass_parts(50) == []
    e.take(e.writer.add("room", kinds.Room("demo", "T", "lobby", epoch_ms=9)))
    e.program.position(0, e.now)
    assert e.pass_parts(5) == [0, 1]


def test_parts_that_are_not_whole_are_hold() -> None:
    e = edge()
    e.take(e.writer.part(200, opus=[b"x"] * 3, aac=frames(200, AAC)))
    e.pass_parts(1)
    assert e.is_hold(200)
    assert cmaf.frames_of(e.program.plain(AAC, 200)) == frames(200, AAC)


def test_entries_that_are_not_for_listeners_change_nothing() -> None:
    e = edge()
    e.take(
        e.writer.roster("secret", visibility=1),
        e.writer.roster("bare").bare(),
        e.writer.add("part", {"n": "no"}),
        e.writer.add("gap", [1]),
        e.writer.add("level", {"who": 1}),
        e.writer.add("roster", None),
    )
    assert e.program.facts.roster == []
    assert e.program.facts.take() == ()


@given(st.lists(st.one_of(st.integers(195, 260), st.none()), max_size=120))
def test_whatever_comes_each_number_leaves_once_and_in_order(steps: list[int | None]) -> None:
    e = edge()
    for step in steps:
        if step is None:
            e.pass_parts(1)
        else:
            e.take(e.writer.part(step))
            e.pass_parts(0.125)
    assert e.got == list(range(200, e.program.next))
    assert e.program.next - e.program.oldest <= 125
    assert e.program.next >= int(e.now / PART_SECONDS) - 3


def test_an_ended_room_says_so_in_one_last_part() -> None:
    e = edge()
    e.live(200, 205)
    e.take(
        e.writer.add(
            "room", kinds.Room("demo", "T", "ended", epoch_ms=9), at=206 * PART_SAMPLES + 99
        )
    )
    e.take(e.writer.part(206))
    e.pass_parts(60)
    assert e.program.finished
    assert e.got == list(range(200, 207))
    assert events(e.program.live(OPUS, 206))[0]["kind"] == "room"


def test_a_room_that_ended_before_we_came_is_served_from_its_tail() -> None:
    e = Edge(start=1_000)
    e.take(e.writer.room())
    e.take(*[e.writer.part(n) for n in range(100, 200)])
    e.take(
        e.writer.add("room", kinds.Room("demo", "T", "ended", epoch_ms=9), at=200 * PART_SAMPLES)
    )
    e.position()
    e.pass_parts(1)
    assert e.program.finished
    assert (e.program.oldest, e.program.next) == (78, 201)
    assert not e.is_hold(199)


# ---------------------------------------------------------------- joining


def test_where_a_listener_begins() -> None:
    e = edge()
    assert e.program.resume_at(None, 2) == 198
    assert e.program.resume_at(150, 2) == 150
    assert e.program.resume_at(200, 2) == 200
    assert e.program.resume_at(10, 2) == 75
    assert e.program.resume_at(999, 2) == 198


def test_thirty_seconds_are_always_kept() -> None:
    e = edge(backlog=1)
    assert e.program.next - e.program.oldest == 94


def test_joined_parts_are_one_fragment_with_the_same_frames() -> None:
    e = edge()
    e.live(200, 207)
    for joined in (1, 2, 4, 8):
        data = e.program.live(OPUS, 207, joined)
        [fragment] = cmaf.fragments(list(cmaf.boxes(data)))
        assert fragment.media_time == (208 - joined) * PART_SAMPLES
        assert fragment.frames == [f for n in range(208 - joined, 208) for f in frames(n)]


def test_radio_is_frames_and_nothing_else() -> None:
    e = edge()
    e.pass_parts(4)
    assert e.program.plain(MP3, 200) == b"".join(hold_frames(MP3, 200))


# ---------------------------------------------------------------- events


def events(data: bytes) -> list[dict[str, object]]:
    found = [cmaf.event_of(box) for box in cmaf.boxes(data)]
    return [msgspec.json.decode(event.data) for event in found if event]


def test_events_ride_in_the_next_part_and_not_in_hls() -> None:
    e = edge()
    e.take(e.writer.roster("Ada"), e.writer.add("level", kinds.Level(["id-Ada"]), at=123))
    e.live(200, 200)
    told = events(e.program.live(OPUS, 200))
    assert [event["kind"] for event in told] == ["roster", "level"]
    assert told[1] == {"seq": 102, "kind": "level", "at": 123, "body": {"speaking": ["id-Ada"]}}
    assert events(e.program.plain(OPUS, 200)) == []
    assert e.program.sse([200]).startswith(b"id: 101\nevent: roster\ndata: {")
    e.live(201, 207)
    assert [event["seq"] for event in events(e.program.live(OPUS, 207, 8))] == [101, 102]
    assert e.program.sse(range(201, 208)) == b""


def test_listeners_hear_that_the_stage_is_away_and_that_it_is_back() -> None:
    e = edge()
    e.live(200, 203)
    e.pass_parts(12)  # nothing comes: hold, and one event after four parts of it
    first = next(n for n in range(204, e.program.next) if e.is_hold(n))
    told = {n: events(e.program.live(OPUS, n)) for n in range(200, e.program.next)}
    assert [n for n, said in told.items() if said] == [first + 3]
    assert told[first + 3][0]["body"] == {"source": "hold"}
    back = e.program.next
    e.live(back, back + 3)
    later = [n for n in range(back, e.program.next) if events(e.program.live(OPUS, n))]
    assert len(later) == 1
    assert events(e.program.live(OPUS, later[0]))[0]["body"] == {"source": "live"}


def test_one_late_part_is_no_absence() -> None:
    e = edge()
    e.live(200, 203)
    e.pass_parts(4)
    n = e.program.next
    e.live(n, n + 3)
    said = [event for n in range(200, e.program.next) for event in events(e.program.live(OPUS, n))]
    assert [event["body"] for event in said] in ([], [{"source": "live"}])


def test_what_a_tail_repeats_is_known_and_not_announced() -> None:
    e = Edge(start=20)
    e.take(e.writer.room(), e.writer.roster("Ada"))
    e.position()
    e.pass_parts(4)
    assert e.program.facts.roster[0]["name"] == "Ada"
    assert e.program.sse(range(e.program.oldest, e.program.next)) == b""


def test_a_part_carries_2_kib_of_events_and_the_rest_waits() -> None:
    e = edge()
    for i in range(40):
        e.take(e.writer.add("caption", {"text": "x" * 300, "i": i}))
    e.take(e.writer.add("note", {"text": "y" * 5_000}))
    e.take(e.writer.add("note", {"text": "z" * 20_000}))
    e.live(200, 210)
    carried = [events(e.program.live(OPUS, n)) for n in range(200, 211)]
    assert [len(one) for one in carried] == [5] * 8 + [1, 0, 0]
    assert e.program.facts.dropped == 1


def test_the_queue_of_events_is_bounded() -> None:
    e = edge()
    for _ in range(1_000):
        e.take(e.writer.add("caption", {"text": "x" * 300}))
    assert e.program.facts._queued <= 64 * 1024
    assert e.program.facts.dropped > 700


def test_a_snapshot_replaces_and_state_tells() -> None:
    e = edge()
    e.take(e.writer.roster("Ada"), e.writer.snapshot("Bea", "Cid"), e.writer.roster("Bea", "gone"))
    e.live(200, 201)
    event = e.program.state(now_s=e.now, wall_ms=7, listeners=3)
    state = msgspec.json.decode(event.data)
    assert state["seq"] == event.seq == 103
    body = state["body"]
    assert [person["name"] for person in body["roster"]] == ["Cid"]
    assert body["room"]["title"] == "From a snapshot"
    assert (body["part"], body["source"], body["listeners"]) == (202, "live", 3)
    assert body["media_time"] == 202 * PART_SAMPLES
    assert body["stream"] == ["opus", "opus-low", "aac"]
    opening = e.program.opening(OPUS, 200, event)
    assert opening.startswith(cmaf.init_segment(OPUS))
    assert events(opening)[0]["kind"] == "state"


@pytest.mark.parametrize("kind", ["a\nb", "a b\r"])
def test_a_kind_cannot_break_the_event_stream(kind: str) -> None:
    e = edge()
    e.take(e.writer.add(kind, {}))
    e.live(200, 200)
    assert b"event: ab\n" in e.program.sse([200])


def test_hold_audio_comes_when_it_said_and_not_before() -> None:
    e = edge()
    e.live(200, 204)
    for _ in range(5):
        n, wait_s = e.program.next, e.program.due_in_s(e.now)
        assert not e.program.advance(e.now + wait_s - 0.001)
        e.now += wait_s + 0.001
        assert e.program.advance(e.now) == range(n, n + 1)
        assert e.is_hold(n)
