"""Targets while the disk is full, the machine has no process left, or nothing is going to begin."""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any, cast

import msgspec
import pytest

from hustings.base.clock import ManualClock
from hustings.base.errors import NotFound, TryLater
from hustings.base.ids import RoomId
from hustings.settings import Settings
from hustings.stage.engine import Engine
from hustings.stage.push import process
from hustings.stage.push import pushes as module
from hustings.stage.push.phase import BEGINS_MS, HOLD_S
from hustings.stage.push.pushes import EARLY_CARDS, Pushes
from hustings.wire.kinds import Room
from tests.fakes.cards import card

SQUARE = RoomId("square")
URL = "rtmp://a.example/live"


class ScriptedEngine:
    """Rooms as the test says they stand; nobody's page is open."""

    def __init__(self) -> None:
        self.rooms: dict[str, Room] = {"square": Room("square", "Bridges", state="live")}
        self.refuses = False
        self.looks = 0

    async def do(self, work: Callable[[Any], Any]) -> Any:
        if self.refuses:
            raise TryLater("stage_starting", "Not now.")
        await asyncio.sleep(0)
        return work(self)

    def facts(self, room: str) -> Room | None:
        self.looks += 1
        return self.rooms.get(room)

    def meeting(self, room: str) -> None:
        raise NotFound("room_unknown", room)


class House:
    """Pushes on a real folder, with a child that only sleeps."""

    def __init__(self, data: Path) -> None:
        self.file, self.draft = data / "push/square.json", data / "push/square.draft"
        self.engine, self.clock = ScriptedEngine(), ManualClock()
        settings = msgspec.structs.replace(Settings(), data=str(data))
        self.pushes = Pushes(settings, cast("Engine", self.engine), self.clock)

    def fill_disk(self) -> None:
        """Nothing can be written any more: a folder is where the draft would be."""
        self.draft.mkdir(parents=True)

    def empty_disk(self) -> None:
        self.draft.rmdir()

    @property
    def now_ms(self) -> int:
        return self.clock.wall_ms()

    @property
    def shown(self) -> list[tuple[str, str]]:
        return [(each["state"], each["code"]) for each in self.pushes.view(SQUARE)["push"]]

    async def until(self, reached: Callable[[], object]) -> None:
        async with asyncio.timeout(30):
            while not reached():
                await asyncio.sleep(0.01)

    async def sending(self, target: str) -> asyncio.subprocess.Process:
        pushing = self.pushes._rooms[SQUARE][target]
        await self.until(lambda: pushing.process)
        assert pushing.process is not None
        return pushing.process


@pytest.fixture
async def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[House]:
    monkeypatch.setattr(process, "CHILD", ("sleep", "600"))
    monkeypatch.setattr(module, "AGAIN_S", (0.02,))
    monkeypatch.setattr(module, "LOOK_S", 0.02)
    monkeypatch.setattr(module, "LAST_WORDS_S", 0.0)
    found = House(tmp_path)
    yield found
    await found.pushes.close()


async def test_what_a_host_stops_is_stopped_also_when_the_disk_is_full(house: House) -> None:
    one = house.pushes.add(SQUARE, URL, "first-key", hold=False)
    house.pushes.add(SQUARE, URL, "second-key", hold=False)
    process = await house.sending(one)
    house.fill_disk()
    with pytest.raises(TryLater) as full:
        await house.pushes.drop(SQUARE, one)
    assert full.value.code == "push_disk"
    assert process.returncode is not None
    assert house.shown[0] == ("stopped", "push_disk")
    with pytest.raises(TryLater):  # and again
        await house.pushes.drop(SQUARE, one)
    assert len(house.shown) == 2
    house.empty_disk()
    await house.until(lambda: len(house.shown) == 1)  # by itself
    kept = house.file.read_text()
    assert "first-key" not in kept
    assert "second-key" in kept
    with pytest.raises(NotFound):
        await house.pushes.drop(SQUARE, one)


async def test_a_host_can_stop_again_what_the_disk_kept(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "AGAIN_S", (600.0,))
    one = house.pushes.add(SQUARE, URL, "first-key", hold=False)
    house.fill_disk()
    with pytest.raises(TryLater):
        await house.pushes.drop(SQUARE, one)
    house.empty_disk()
    await house.pushes.drop(SQUARE, one)
    assert house.shown == []
    assert not house.file.exists()


async def test_a_stopped_key_is_not_written_with_the_next_one(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "AGAIN_S", (600.0,))
    one = house.pushes.add(SQUARE, URL, "first-key", hold=False)
    house.fill_disk()
    with pytest.raises(TryLater):
        await house.pushes.drop(SQUARE, one)
    house.empty_disk()
    house.pushes.add(SQUARE, URL, "second-key", hold=False)
    assert "first-key" not in house.file.read_text()


async def test_what_the_disk_does_not_take_does_not_begin(house: House) -> None:
    house.fill_disk()
    with pytest.raises(TryLater) as full:
        house.pushes.add(SQUARE, URL, "first-key", hold=False)
    assert full.value.code == "push_disk"
    assert house.shown == []
    assert not house.file.exists()


async def test_no_draft_with_a_key_outlives_a_write_that_failed(house: House) -> None:
    house.file.mkdir(parents=True)  # the draft is written, and cannot take its place
    with pytest.raises(TryLater):
        house.pushes.add(SQUARE, URL, "first-key", hold=False)
    assert not house.draft.exists()
    house.draft.write_text("first-key")  # of a stage that was killed
    house.pushes.start()
    assert not house.draft.exists()


async def test_without_a_process_it_is_tried_again_until_there_is_one(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process, "CHILD", ("/nowhere/no-such-program",))
    one = house.pushes.add(SQUARE, URL, "key", hold=False)
    await house.until(lambda: house.shown == [("trouble", "push_died")])
    monkeypatch.setattr(process, "CHILD", ("sleep", "600"))
    await house.sending(one)


async def test_a_stage_that_does_not_answer_once_ends_nothing(house: House) -> None:
    house.engine.rooms["square"] = Room("square", "Bridges")
    one = house.pushes.add(SQUARE, URL, "key", hold=False)
    await house.until(lambda: house.shown == [("waiting", "")])
    house.engine.refuses = True
    await house.until(lambda: house.shown == [("trouble", "push_died")])
    house.engine.refuses = False
    house.engine.rooms["square"] = Room("square", "Bridges", state="live")
    await house.sending(one)


async def test_pictures_that_come_before_a_target_are_few(house: House) -> None:
    picture = card()
    for number in range(EARLY_CARDS + 5):
        house.pushes.set_card(RoomId(f"room{number}"), picture)
    house.pushes.set_card(SQUARE, picture)
    assert len(house.pushes._cards) == EARLY_CARDS
    one = house.pushes.add(SQUARE, URL, "key", hold=False)  # has its picture from the start
    assert len(house.file.read_bytes()) > len(picture)
    await house.pushes.drop(SQUARE, one)
    assert SQUARE not in house.pushes._cards


@pytest.mark.parametrize("off", [{"cancelled_ms": 1}, {"state": "ended"}, None])
async def test_keys_go_with_the_evening(house: House, off: dict[str, Any] | None) -> None:
    house.engine.rooms["square"] = planned = Room("square", "Bridges", start_ms=house.now_ms)
    house.pushes.add(SQUARE, URL, "key", hold=False)
    assert house.file.exists()
    if off is None:
        del house.engine.rooms["square"]  # deleted
    else:
        house.engine.rooms["square"] = msgspec.structs.replace(planned, **off)
    await house.until(lambda: not house.file.exists())
    assert house.shown == []


async def test_keys_of_a_room_that_never_began_go(house: House) -> None:
    house.engine.rooms["square"] = Room("square", "Bridges", start_ms=house.now_ms)
    house.pushes.add(SQUARE, URL, "key", hold=False)
    house.clock.advance(BEGINS_MS / 1_000 + 60)
    looks = house.engine.looks
    await house.until(lambda: house.engine.looks > looks + 2)
    assert house.file.exists()  # perhaps the clock is wrong
    house.clock.advance(HOLD_S)
    await house.until(lambda: not house.file.exists())
