"""Which rooms an edge carries, for how long, and who waits for what."""

import contextlib
import re
from typing import Any

import msgspec
import pytest

from hustings.base.clock import ManualClock
from hustings.base.errors import HustingsError, NotFound, TryLater, UserError
from hustings.base.ids import RoomId
from hustings.edge import rooms as rooms_module
from hustings.edge.live_room import Light, Line, LiveRoom
from hustings.edge.metrics import Counts
from hustings.edge.pressure import ladder
from hustings.edge.rooms import Rooms
from hustings.edge.sound.cohort import Cohort
from hustings.journal.records import Position
from hustings.settings import EdgeSettings
from hustings.wire.names import PART_SAMPLES
from tests.fakes.entries import Writer

ROOM = RoomId("demo")


class Ear:
    """A listener whose transport keeps what it is given."""

    paused = False
    file = -1

    def __init__(self) -> None:
        self.cohort: Cohort | None = None
        self.transport = self
        self.got: list[bytes] = []

    def write(self, data: bytes) -> None:
        self.got.append(data)

    def get_write_buffer_size(self) -> int:
        return 0

    def close(self) -> None:
        self.got.append(b"close")

    abort = close


class House:
    """An edge's rooms in virtual time, and whom it follows."""

    def __init__(self, **settings: Any) -> None:
        self.clock = ManualClock()
        self.counts = Counts()
        self.rooms = Rooms(settings=EdgeSettings(**settings), clock=self.clock, counts=self.counts)
        self.followed: list[str] = []
        self.rooms.follow = lambda live: self.followed.append(f"+{live.id}")
        self.rooms.unfollow = lambda room: self.followed.append(f"-{room}")
        self.writer = Writer()
        self.heard: list[str] = []

    def line(self, room: str = "demo", *, at: int = 500, **facts: object) -> None:
        known = {"room": room, "title": "T", "state": "live", "epoch_ms": 9, **facts}
        self.rooms.line(Line(RoomId(room), known, at * PART_SAMPLES))
        self.rooms.indexed = True

    def feed(self, live: LiveRoom, at: int = 500) -> None:
        for n in range(at - 100, at):
            live.record(self.writer.part(n))
        live.record(Position(at * PART_SAMPLES, 0, 0))

    def pass_s(self, seconds: float) -> None:
        for _ in range(round(seconds / 0.08)):
            self.clock.advance(0.08)
            self.rooms.tick()

    def then(self) -> None:
        self.heard.append("then")

    def refuse(self, error: HustingsError) -> None:
        self.heard.append(error.code)


@pytest.fixture
def house() -> House:
    return House()


def test_unknown_rooms_cost_nothing(house: House) -> None:
    with pytest.raises(TryLater):
        house.rooms.find(ROOM)
    house.rooms.indexed = True
    with pytest.raises(NotFound):
        house.rooms.find(ROOM)
    assert (house.rooms.live, house.followed) == ({}, [])


def test_a_room_is_followed_once_and_let_go_a_minute_after_the_last_asked(house: House) -> None:
    house.line()
    live = house.rooms.find(ROOM)
    assert house.rooms.find(ROOM) is live
    house.pass_s(59)
    live.touch()
    house.pass_s(59)
    assert house.followed == ["+demo"]
    house.pass_s(2)
    assert house.followed == ["+demo", "-demo"]
    assert house.rooms.find(ROOM) is not live


def test_who_waits_for_the_beginning_is_called_or_told(house: House) -> None:
    house.rooms.line(Line(ROOM, {"room": "demo", "state": "live"}))
    live = house.rooms.find(ROOM)
    live.when_begun(house.then, house.refuse)
    house.pass_s(4)
    assert house.heard == []
    house.pass_s(2)
    assert house.heard == ["room_starting"]
    house.line()
    live.program.facts.room["epoch_ms"] = 9
    live.when_begun(house.then, house.refuse)
    house.feed(live)
    house.rooms.tick()
    assert house.heard == ["room_starting", "then"]
    live.when_begun(house.then, house.refuse)
    assert house.heard[-2:] == ["then", "then"]


def said(live: LiveRoom) -> dict[str, Any]:
    """The body of its event `state`."""
    body: dict[str, Any] = msgspec.json.decode(live.state().data)["body"]
    return body


def test_where_no_parts_come_the_state_is_a_second_old_at_most(house: House) -> None:
    planned = {"room": "demo", "title": "T", "state": "scheduled", "start_ms": 9}
    house.rooms.line(Line(ROOM, planned))
    live = house.rooms.find(ROOM)
    assert said(live)["room"].get("cancelled_ms") is None
    house.rooms.line(Line(ROOM, {**planned, "cancelled_ms": 5}))
    for _ in range(10):  # somebody asks all the time
        house.pass_s(0.16)
        told = said(live)
    assert told["room"]["cancelled_ms"] == 5


def test_blocked_requests_wake_with_their_part(house: House) -> None:
    house.line()
    live = house.rooms.find(ROOM)
    house.feed(live)
    house.rooms.tick()
    assert live.program.next == 500
    live.when_sent(499, house.then, house.refuse)
    assert house.heard == ["then"]
    live.when_sent(500, house.then, house.refuse)
    live.when_sent(500, house.then, house.refuse)
    live.when_sent(5_000, house.then, house.refuse)
    assert live.waiting == 3
    live.record(house.writer.part(500))
    house.rooms.turn(live)
    assert house.heard == ["then"] * 3
    house.pass_s(13)
    assert house.heard[-1] == "room_starting"
    assert live.waiting == 0


def test_waiting_is_bounded_and_one_network_may_have_a_quarter() -> None:
    house = House(held=8)
    house.line()
    live = house.rooms.find(ROOM)
    house.feed(live)
    house.rooms.tick()
    n = live.program.next + 3
    for network in ("a", "a", "b", "b", "", "", ""):
        live.when_sent(n, house.then, house.refuse, network=network)
    with pytest.raises(TryLater):
        live.when_sent(n, house.then, house.refuse, network="a")
    live.when_sent(n + 1, house.then, house.refuse, network="c")
    with pytest.raises(TryLater):
        live.when_sent(n, house.then, house.refuse, network="d")
    house.pass_s(4)
    assert house.heard == ["then"] * 8
    live.when_sent(live.program.next + 1, house.then, house.refuse, network="a")
    house.pass_s(20)
    assert live.waiting == 0


def test_networks_that_wait_for_nothing_are_forgotten(house: House) -> None:
    house.line()
    live = house.rooms.find(ROOM)
    house.feed(live)
    house.rooms.tick()
    live.when_sent(live.program.next + 30, house.then, house.refuse)  # there is always somebody
    for n in range(20):
        live.when_sent(live.program.next, house.then, house.refuse, network=f"198.51.{n}.0/24")
        house.pass_s(0.4)
    assert set(live._held) == {""}
    assert live.waiting == 1


def test_a_crowd_that_waits_is_answered_in_slices(house: House) -> None:
    house.line()
    live = house.rooms.find(ROOM)
    pauses: list[float] = []
    todo: list[Any] = []
    house.rooms.later = lambda pause_s, then: (pauses.append(pause_s), todo.append(then))
    for _ in range(1_000):
        live.when_begun(house.then, house.refuse)
    house.feed(live)
    house.rooms.tick()
    seen = [len(house.heard)]
    while todo:
        todo.pop(0)()
        seen.append(len(house.heard))
    assert seen[-1] == 1_000
    assert max(b - a for a, b in zip([0, *seen], seen, strict=False)) <= 256


def test_F11_idle_rooms_are_asked_of_the_stage_at_a_rate(house: House) -> None:
    for n in range(400):
        house.line(f"r{n}")
    refused = []
    for n in range(400):
        try:
            house.rooms.find(RoomId(f"r{n}"))
        except TryLater as error:
            refused.append(error.code)
    assert (len(house.followed), refused) == (100, ["room_starting"] * 300)
    house.clock.advance(1.0)
    with contextlib.suppress(TryLater):
        for n in range(100, 400):
            house.rooms.find(RoomId(f"r{n}"))
    assert len(house.followed) == 105


def test_the_known_rooms_are_bounded(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rooms_module, "_KNOWN", 3)
    for name in ("a", "b", "c", "a", "d"):
        house.line(name)
    assert list(house.rooms.lines) == ["c", "a", "d"]


def test_channels_tell_why_there_are_none(house: House) -> None:
    house.line(radio=False)
    live = house.rooms.find(ROOM)
    with pytest.raises(TryLater) as closed:
        live.channel("opus", chunked=True)
    assert closed.value.code == "room_closed"
    house.feed(live)
    house.rooms.tick()
    assert live.channel("opus", chunked=True) is live.channel("opus", chunked=True)
    with pytest.raises(NotFound):
        live.channel("mp3", chunked=False)
    live.program.facts.room["state"] = "ended"
    with pytest.raises(UserError) as ended:
        live.channel("opus", chunked=True)
    assert ended.value.facts["status"] == 410


def test_a_stage_that_is_gone_leaves_the_clock_and_hold(house: House) -> None:
    house.line(at=500)
    house.pass_s(32)  # nobody listens, nothing is followed
    live = house.rooms.find(ROOM)
    house.pass_s(3)  # its feed never answers
    assert live.program.source == "hold"
    assert live.program.next in range(500 + 105, 500 + 110)


def test_a_fault_in_one_room_silences_no_other(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    house.line("bad")
    house.line("good")
    bad, good = house.rooms.find(RoomId("bad")), house.rooms.find(RoomId("good"))
    for live in (bad, good):
        house.feed(live)
    house.pass_s(1)

    def fails() -> None:
        raise RuntimeError("a fault of ours")

    bad.when_sent(bad.program.next + 2, fails, house.refuse)
    before = good.program.next
    house.pass_s(3)
    assert good.program.next > before + 6
    assert bad.program.next > before + 6
    assert house.counts.broken_ticks == 1
    assert [record.levelname for record in caplog.records] == ["ERROR"]


def test_another_rung_reaches_newcomers_at_once_and_those_present_after_ten_seconds(
    house: House,
) -> None:
    house.line()
    live = house.rooms.find(ROOM)
    house.feed(live)
    house.rooms.tick()
    old, new = Ear(), Ear()
    live.channel("opus", chunked=False).join(old, b"", None)
    house.rooms.climb(ladder.rung(2))
    live.channel("opus", chunked=False).join(new, b"", None)
    house.pass_s(8)
    assert len(old.got) == 25  # parts of 0.32 s, two parts late as nothing comes
    assert len(new.got) <= 8  # sends of 1.28 s
    assert b'"kind":"pace"' in b"".join(old.got)
    before = len(old.got)
    house.pass_s(5)
    assert len(old.got) - before < 12
    house.rooms.climb(ladder.rung(0))
    house.pass_s(1)
    before = len(new.got)
    house.pass_s(3.2)
    assert len(new.got) - before == 10
    for ear in (old, new):
        parts = re.findall(rb"tfdt.{4}(.{8})", b"".join(ear.got), re.DOTALL)
        starts = [int.from_bytes(each) // PART_SAMPLES for each in parts]
        assert starts == sorted(set(starts))


def test_extras_stop_with_their_rung(house: House) -> None:
    house.line()
    live = house.rooms.find(ROOM)
    house.rooms.climb(ladder.rung(4))
    assert not live.program.facts.extras
    house.line("other")
    assert not house.rooms.find(RoomId("other")).program.facts.extras
    house.rooms.climb(ladder.rung(3))
    assert live.program.facts.extras


def test_how_many_listen_everywhere_is_told_when_it_changes_and_seldom_without_extras(
    house: House,
) -> None:
    house.line()
    live = house.rooms.find(ROOM)

    def tell(*numbers: int) -> list[int]:
        for number in numbers:
            house.rooms.reached({"demo": Light(number), "elsewhere": Light(1)})
        events = [msgspec.json.decode(event.data) for event in live.program.facts.take()]
        return [event["body"]["now"] for event in events if event["kind"] == "reach"]

    assert tell(5, 5, 6) == [5, 6]
    live.program.facts.extras = False
    assert tell(7, 8) == []
    assert live.total == 8
    house.clock.advance(61)
    assert tell(9) == [9]
    house.clock.advance(21)
    assert live.total == 0  # the stage is silent: our own number
    assert house.rooms.light(ROOM) == Light()


def test_a_deleted_room_is_wiped_when_that_is_new_and_not_at_each_reconnect() -> None:
    house, wiped = House(), []
    house.rooms.forget = wiped.append
    gone = {"room": "demo", "title": "T", "state": "ended", "deleted": {"at_ms": 5}}
    house.line()
    decided, done = Line(ROOM, gone), Line(ROOM, gone, tombstone={"says": {}})
    for line, times in ((decided, 1), (decided, 1), (done, 2), (done, 2), (done, 2)):
        house.rooms.line(line)
        assert wiped == [ROOM] * times
    assert house.rooms.tombstone(ROOM) == {"says": {}}
