"""Past bytes in memory: read once for all who ask, within bounds, with rests."""

import asyncio
from collections import OrderedDict
from collections.abc import Hashable, Iterator

import pytest

from hustings.base.clock import SystemClock
from hustings.base.errors import HustingsError, NotFound, TryLater
from hustings.edge.past import shelf as shelf_module
from hustings.edge.past.shelf import ABSENT_S, KEPT_S, REST, Shelf

pytestmark = pytest.mark.looptime


class LoopClock(SystemClock):
    def monotonic(self) -> float:
        return asyncio.get_running_loop().time()


class Library:
    """Something that takes a tenth of a second to read, and counts."""

    def __init__(self) -> None:
        self.read: list[str] = []
        self.got: list[tuple[str, bytes]] = []
        self.refused: list[str] = []

    async def load(self, key: str) -> bytes:
        self.read.append(key)
        await asyncio.sleep(0.1)
        if key == "gone":
            raise NotFound("part_gone", "Gone.")
        if key == "bug":
            raise ZeroDivisionError
        return key.encode() * 10

    def ask(self, shelf: Shelf, key: str) -> None:
        def refuse(error: HustingsError) -> None:
            self.refused.append(error.code)

        shelf.ask(key, lambda: self.load(key), lambda data: self.got.append((key, data)), refuse)


async def test_what_many_ask_for_is_read_once():
    shelf, library = Shelf(LoopClock(), most_bytes=1_000), Library()
    for _ in range(50):
        library.ask(shelf, "a")
    await asyncio.sleep(1)
    library.ask(shelf, "a")
    assert library.read == ["a"]
    assert library.got == [("a", b"a" * 10)] * 51
    await shelf.close()


async def test_the_reader_rests_so_that_live_sound_goes_first():
    shelf, library = Shelf(LoopClock(), most_bytes=1_000), Library()
    for key in "abcdefghij":
        library.ask(shelf, key)
    await asyncio.sleep(0.1 * (1 + REST) * 4 + 0.05)
    assert library.read == list("abcde")
    await shelf.close()


async def test_beyond_its_bounds_newcomers_are_told_to_come_later(monkeypatch):
    monkeypatch.setattr(shelf_module, "ON_ORDER", 3)
    monkeypatch.setattr(shelf_module, "WAITS", 5)
    shelf, library = Shelf(LoopClock(), most_bytes=1_000), Library()
    for key in "abc":
        library.ask(shelf, key)
    with pytest.raises(TryLater, match="past"):
        library.ask(shelf, "d")
    library.ask(shelf, "a")
    library.ask(shelf, "b")
    with pytest.raises(TryLater, match="past"):
        library.ask(shelf, "c")
    await asyncio.sleep(5)
    assert len(library.got) == 5
    library.ask(shelf, "d")
    await shelf.close()


async def test_memory_is_bounded_and_the_longest_unused_goes():
    shelf, library = Shelf(LoopClock(), most_bytes=25, rest=0), Library()
    for key in "abac":
        library.ask(shelf, key)
        await asyncio.sleep(1)
    assert shelf.bytes == 20
    library.ask(shelf, "a")
    library.ask(shelf, "b")
    await asyncio.sleep(1)
    assert library.read == list("abcb")
    await shelf.close()


async def test_what_was_erased_is_forgotten_after_a_minute():
    shelf, library = Shelf(LoopClock(), most_bytes=1_000, rest=0), Library()
    library.ask(shelf, "a")
    await asyncio.sleep(KEPT_S + 1)
    library.ask(shelf, "a")
    await asyncio.sleep(1)
    assert library.read == ["a", "a"]
    assert shelf.bytes == 10
    await shelf.close()


async def test_a_fault_is_told_and_the_next_is_read():
    shelf, library = Shelf(LoopClock(), most_bytes=1_000, rest=0), Library()
    for key in ("gone", "bug", "a"):
        library.ask(shelf, key)
    await asyncio.sleep(1)
    assert library.refused == ["part_gone", "past_away"]
    assert library.got == [("a", b"a" * 10)]
    await shelf.close()


async def test_a_fault_of_one_who_asked_costs_the_others_nothing():
    shelf, library = Shelf(LoopClock(), most_bytes=1_000), Library()
    given_up = asyncio.get_running_loop().create_future()
    shelf.ask("a", lambda: library.load("a"), given_up.set_result, given_up.set_exception)
    library.ask(shelf, "a")
    library.ask(shelf, "b")
    given_up.cancel()  # a download that lost its patience
    await asyncio.sleep(5)
    assert [key for key, _ in library.got] == ["a", "b"]
    await shelf.close()


async def test_that_something_is_not_there_is_known_for_a_second():
    shelf, library = Shelf(LoopClock(), most_bytes=1_000), Library()
    library.ask(shelf, "gone")
    await asyncio.sleep(0.2)
    for _ in range(1_000):
        with pytest.raises(NotFound, match="Gone"):
            library.ask(shelf, "gone")
    await asyncio.sleep(ABSENT_S)
    library.ask(shelf, "gone")
    await asyncio.sleep(0.2)
    assert library.read == ["gone", "gone"]
    assert library.refused == ["part_gone", "part_gone"]
    await shelf.close()


async def test_nothing_of_a_deleted_room_stays_and_the_others_are_not_looked_at():
    shelf = Shelf(LoopClock(), most_bytes=1_000, rest=0)
    read: list[tuple[str, str]] = []

    def ask(room: str, name: str) -> None:
        async def load() -> bytes:
            read.append((room, name))
            return b"x" * 10

        shelf.ask((room, name), load, lambda data: None, lambda error: None)

    for room in ("a", "b"):
        for name in "123":
            ask(room, name)
    await asyncio.sleep(1)
    shelf._kept = Untouched(shelf._kept)
    shelf.forget_room("a")
    shelf.forget_room("nowhere")
    assert shelf.bytes == 30
    for room in ("a", "b"):
        ask(room, "1")
    await asyncio.sleep(1)
    assert read[6:] == [("a", "1")]
    assert shelf.bytes == 40
    await shelf.close()


class Untouched(OrderedDict[Hashable, tuple[bytes, float]]):
    """Nobody may walk it: a stage names thousands of deleted rooms at each reconnect."""

    def __iter__(self) -> Iterator[Hashable]:
        raise AssertionError("walked")


async def test_what_went_for_want_of_memory_leaves_no_trace():
    shelf = Shelf(LoopClock(), most_bytes=25, rest=0)
    for n in range(9):
        shelf._keep((f"room{n}", "1"), b"x" * 10)
    assert list(shelf._by_room) == ["room7", "room8"]
    shelf.forget(("room7", "1"))
    shelf.forget_room("room8")
    assert (shelf.bytes, shelf._by_room) == (0, {})
