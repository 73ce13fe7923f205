"""An evening that is moved or cancelled while its reminders go out, and put back; on both databases."""

from collections import Counter

import pytest
from sqlalchemy import select

from hustings.store import Database
from hustings.store.schema import promotions, subscriptions
from tests.fakes.reminders import MINUTE, Desk


@pytest.fixture
async def desk(database: Database) -> Desk:
    """The window is open since a third of its time; 30 subscribers."""
    opened = await Desk(database).open()
    await opened.subscribe(30)
    opened.clock.advance(30 * 60)
    await opened.go_on(7 * 60, step_s=60)
    assert 3 < len(opened.given()) < 20
    return opened


async def given(desk: Desk, occasion: str, start_ms: int) -> Counter[str]:
    """Letters by recipient, of all sendings of this occasion and start."""
    c = promotions.c
    query = select(c.id).where(c.occasion == occasion, c.start_ms == start_ms)
    async with desk.database.read() as connection:
        batches = {f"remind:hall:{row.id}" for row in await connection.execute(query)}
    letters = [each for each in desk.given() if each.key.rpartition(":")[0] in batches]
    return Counter(each.recipient for each in letters)


async def to_the_start(desk: Desk) -> None:
    left_s = (desk.start_ms - desk.clock.wall_ms()) / 1_000
    await desk.go_on(left_s + 120, step_s=60)


@pytest.mark.parametrize("how", ["moved", "cancelled"])
@pytest.mark.parametrize("looks", [1, 3])
async def test_who_was_not_reminded_yet_is_when_it_is_put_back(
    desk: Desk, how: str, looks: int
) -> None:
    off = {"start_ms": desk.start_ms + 24 * 60 * MINUTE}
    await desk.change(**off if how == "moved" else {"cancelled_ms": desk.clock.wall_ms()})
    await desk.go_on(30 * looks, step_s=30)
    await desk.change(start_ms=desk.start_ms, cancelled_ms=0)
    await to_the_start(desk)
    reminded = await given(desk, "reminder", desk.start_ms)
    assert (len(reminded), set(reminded.values())) == (30, {1})


async def test_a_letter_that_was_withdrawn_is_made_again(desk: Desk) -> None:
    sent = len(desk.given())
    for _ in range(4):  # no transport takes them
        desk.clock.advance(30)
        await desk.dispatch.turn()
    marked = select(subscriptions.c.subscription).where(subscriptions.c.reminded_ms > 0)
    async with desk.database.read() as connection:
        assert len((await connection.execute(marked)).all()) > sent
    await desk.change(start_ms=desk.start_ms + 24 * 60 * MINUTE)
    desk.clock.advance(30)
    await desk.dispatch.turn()
    async with desk.database.read() as connection:
        assert len((await connection.execute(marked)).all()) == sent
    await desk.change(start_ms=desk.start_ms)
    await to_the_start(desk)
    reminded = await given(desk, "reminder", desk.start_ms)
    assert (len(reminded), set(reminded.values())) == (30, {1})


async def test_reminded_of_another_start_meanwhile_nobody_is_of_the_first_twice(desk: Desk) -> None:
    first_ms, second_ms = desk.start_ms, desk.start_ms + 2 * MINUTE
    await desk.change(start_ms=second_ms)
    await desk.go_on(90, step_s=30)
    assert 0 < len(await given(desk, "reminder", second_ms)) < 30
    await desk.change(start_ms=first_ms)
    await to_the_start(desk)
    for start_ms in (first_ms, second_ms):
        assert set((await given(desk, "reminder", start_ms)).values()) == {1}
    assert len(await given(desk, "reminder", first_ms)) == 30


async def test_who_was_told_that_it_is_off_is_told_when_it_is_on_again(desk: Desk) -> None:
    before = set(await given(desk, "reminder", desk.start_ms))
    await desk.change(cancelled_ms=desk.clock.wall_ms(), cancelled_why="Storm")
    await desk.go_on(7 * 60, step_s=60)
    off = await given(desk, "cancelled", desk.start_ms)
    assert 3 < len(off) < 27
    await desk.change(cancelled_ms=0, cancelled_why="")
    await to_the_start(desk)
    reminded, on = [await given(desk, each, desk.start_ms) for each in ("reminder", "moved")]
    assert (len(reminded), set(reminded.values())) == (30, {1})
    assert before & set(off)
    assert before & set(off) <= set(on) <= set(off)  # the others' reminder says it
    assert set(on.values()) == {1}
