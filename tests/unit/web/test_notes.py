"""Notes that requests leave: in order, in groups, bounded, kept while the database is away, done before a stop."""

import asyncio
from collections.abc import Sequence

import pytest

from hustings.base.errors import TryLater
from hustings.base.tasks import Tasks
from hustings.web import notes as module
from hustings.web.notes import GROUP, NOTES, Notes

ADDRESS = "ada@example.org"


class Work:
    """Writes down what it is given; `away`: so many times it cannot; `bad`: a note that it stumbles over."""

    def __init__(self) -> None:
        self.done: list[int] = []
        self.groups: list[int] = []
        self.away = 0
        self.bad = -1
        self.gate = asyncio.Event()
        self.gate.set()

    async def __call__(self, group: Sequence[int]) -> None:
        await self.gate.wait()
        if self.away:
            self.away -= 1
            raise TryLater("database_gone", "The database does not answer.")
        if self.bad in group:
            raise ValueError(ADDRESS)
        self.done += group
        self.groups.append(len(group))


async def test_they_are_worked_off_in_order_a_few_at_once() -> None:
    work = Work()
    notes = Notes("test", work)
    for number in range(2 * GROUP + 1):
        notes.leave(number)
    await notes.turn()
    assert work.done == list(range(2 * GROUP + 1))
    assert work.groups == [GROUP, GROUP, 1]
    assert len(notes) == 0


async def test_it_is_full_at_a_bound() -> None:
    notes = Notes("test", Work())
    for number in range(NOTES):
        assert not notes.full
        notes.leave(number)
    assert notes.full


async def test_a_database_that_is_away_loses_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PACE_S", 0.0)
    monkeypatch.setattr(module, "AGAIN_S", 0.0)
    work, tasks = Work(), Tasks()
    work.away = 3
    notes = Notes("test", work)
    tasks.start(notes.run(), name="notes")
    notes.leave(1)
    async with asyncio.timeout(20):
        while not work.done:
            await asyncio.sleep(0)
    assert work.done == [1]
    await tasks.close()


async def test_a_fault_loses_its_own_note_alone_and_says_nothing_of_it(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(module, "PACE_S", 0.0)
    work, tasks = Work(), Tasks()
    work.bad = 3
    notes = Notes("test", work)
    running = tasks.start(notes.run(), name="notes")
    for number in range(GROUP + 2):
        notes.leave(number)
    async with asyncio.timeout(20):
        while len(notes):
            await asyncio.sleep(0)
    assert work.done == [number for number in range(GROUP + 2) if number != 3]
    assert work.groups == [1] * (GROUP - 1) + [2]  # what comes after it goes on as before
    assert not running.done()
    assert caplog.text.count("test: ValueError") == 2  # of the group, and of it alone
    assert caplog.text.count("a note is lost") == 1
    assert "in __call__" in caplog.text  # where it happened
    assert ADDRESS not in caplog.text
    await tasks.close()


async def test_a_database_that_goes_away_amid_a_faulty_group_loses_none_of_the_rest() -> None:
    done: list[int] = []
    away = [2]  # once, when it is worked off alone

    async def work(group: Sequence[int]) -> None:
        if 0 in group:
            raise ValueError
        if group == away:
            away.clear()
            raise TryLater("database_gone", "The database does not answer.")
        done.extend(group)

    notes = Notes("test", work)
    for number in range(4):
        notes.leave(number)
    with pytest.raises(TryLater):
        await notes.turn()
    assert (done, len(notes)) == ([1], 2)
    await notes.turn()
    assert done == [1, 2, 3]


async def test_an_orderly_stop_works_off_what_waits_also_what_it_interrupts() -> None:
    work, tasks = Work(), Tasks()
    notes = Notes("test", work)
    tasks.start(notes.run(), name="notes")
    await asyncio.sleep(0)
    for number in range(3):
        notes.leave(number)
    await tasks.close()
    assert work.done == [0, 1, 2]


async def test_a_stop_does_not_wait_for_ever(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(module, "CLOSE_S", 0.01)
    work, tasks = Work(), Tasks()
    work.gate.clear()
    notes = Notes("test", work)
    tasks.start(notes.run(), name="notes")
    await asyncio.sleep(0)
    notes.leave(1)
    await tasks.close()
    assert work.done == []
    assert "lost by this stop: 1" in caplog.text
