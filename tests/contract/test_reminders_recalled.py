"""Letters that are on their way while the plan changes or their reader goes, and are asked to come again."""

import asyncio
from typing import Any

import pytest
from sqlalchemy import select

from hustings.store import Database
from hustings.store.schema import letters, subscriptions
from hustings.web.post.model import Letter, Outcome, Sent, TryAgain, Unsure
from hustings.web.reminders.queries import subscribers
from hustings.wire.kinds import Deleted
from tests.fakes.reminders import MINUTE, Desk

LATER_MS = 24 * 60 * MINUTE


@pytest.fixture
async def desk(database: Database) -> Desk:
    """Ten subscribers, the window open since a third of its time, one letter at a time on its way."""
    opened = await Desk(database).open()
    opened.transports["mail"].most = 1
    opened.restart()
    await opened.subscribe(10)
    opened.clock.advance(30 * 60)
    await opened.go_on(7 * 60, step_s=60)
    assert 0 < len(opened.given()) < 8
    return opened


async def one_under_way(desk: Desk) -> Letter:
    """The next letter hangs on its way."""
    mail = desk.transports["mail"]
    before = len(mail.given)
    mail.gate.clear()
    while len(mail.given) == before:
        desk.clock.advance(10)
        await desk.dispatch.turn()
        await desk.post.turn()
        await asyncio.sleep(0)
    return mail.given[-1]


async def it_comes_back(desk: Desk, outcome: Outcome) -> None:
    """What was on its way ends like this; all after it is taken."""
    mail = desk.transports["mail"]
    mail.answer = lambda _: outcome
    mail.gate.set()
    await desk.post.settled()
    mail.answer = lambda _: Sent()


async def finals(desk: Desk) -> dict[str, dict[str, Any]]:
    """The last entry of each occasion."""
    return {each["occasion"]: each for each in await desk.told() if each.get("final")}


@pytest.mark.parametrize("scope", ["letter", "transport"])
async def test_what_comes_back_after_the_evening_was_moved_goes_no_more_and_its_reader_is_told(
    desk: Desk, scope: Any
) -> None:
    letter = await one_under_way(desk)
    await desk.change(start_ms=desk.start_ms + LATER_MS)
    await it_comes_back(desk, TryAgain("451 later", scope=scope))
    given = len(desk.given())
    await desk.go_on(110, step_s=10)
    assert len(desk.given()) == given
    await desk.go_on(23 * 60, step_s=60)
    told = [each.recipient for each in desk.given()[given:]]
    assert sorted(set(told)) == sorted(told)
    assert len(told) == 10
    assert letter.recipient in told
    reminder, moved = (await finals(desk))["reminder"], (await finals(desk))["moved"]
    assert reminder["sent"] == given - 1
    assert (reminder["planned"], reminder["dropped"]) == (10, 10 - reminder["sent"])
    assert (moved["planned"], moved["sent"]) == (10, 10)


async def test_what_comes_back_after_a_cancellation_goes_no_more(desk: Desk) -> None:
    letter = await one_under_way(desk)
    await desk.change(cancelled_ms=desk.clock.wall_ms(), cancelled_why="Storm")
    await it_comes_back(desk, TryAgain("421 closing", scope="transport"))
    given = len(desk.given())
    await desk.go_on(40 * 60, step_s=60)
    after = [each for each in desk.given()[given:] if each.recipient == letter.recipient]
    assert len(after) == 1
    assert after[0].key.split(":")[2] != letter.key.split(":")[2]  # of the notice, not the reminder
    assert (await finals(desk))["cancelled"]["sent"] == 10


async def test_of_a_room_that_was_deleted_nothing_is_sent(desk: Desk) -> None:
    await one_under_way(desk)
    gone = Deleted(at_ms=desk.clock.wall_ms(), reason="By mistake")
    await desk.change(deleted=gone, state="ended", ended_ms=desk.clock.wall_ms())
    await it_comes_back(desk, TryAgain("451 later"))
    given = len(desk.given())
    await desk.go_on(40 * 60, step_s=120)
    assert len(desk.given()) == given
    [final] = [each for each in await desk.told() if each.get("final")]
    assert final["dropped"] == final["planned"] - final["sent"] > 0
    assert await desk.subscribers() == 0


async def test_who_went_meanwhile_gets_nothing_and_is_counted_as_dropped(desk: Desk) -> None:
    letter = await one_under_way(desk)
    async with desk.database.write() as connection:
        await subscribers.end(connection, letter.key.rpartition(":")[2])
    await it_comes_back(desk, TryAgain("451 later"))
    await desk.go_on(25 * 60, step_s=30)
    assert [each.recipient for each in desk.given()].count(letter.recipient) == 1
    [final] = [each for each in await desk.told() if each.get("final")]
    assert [final[name] for name in ("planned", "sent", "dropped")] == [10, 9, 1]
    async with desk.database.read() as connection:
        named = await connection.execute(select(letters.c.recipient))
        assert {row.recipient for row in named} == {""}


async def test_what_may_have_arrived_stays_told(desk: Desk) -> None:
    letter = await one_under_way(desk)
    await desk.change(start_ms=desk.start_ms + 1_000)
    await it_comes_back(desk, Unsure("gone", scope="letter"))
    await desk.change(start_ms=desk.start_ms)
    await desk.go_on(30 * 60, step_s=60)
    reminded = [each.recipient for each in desk.given()]
    assert sorted(reminded) == sorted(set(reminded))
    assert len(reminded) == 10
    assert letter.recipient in reminded


async def test_from_the_moment_of_the_change_no_letter_sets_out_that_says_what_was(
    desk: Desk,
) -> None:
    for _ in range(12):
        desk.clock.advance(10)
        await desk.dispatch.turn()  # letters, which nobody carries yet
    given = len(desk.given())
    await desk.change(start_ms=desk.start_ms + LATER_MS)
    for _ in range(3):  # before the dispatch looked again
        await desk.post.turn()
        await desk.post.settled()
    assert len(desk.given()) == given
    await desk.dispatch._make_letters(desk.dispatch._open[0])  # nor is one made that it had in mind
    async with desk.database.read() as connection:
        waiting = select(letters.c.key).where(letters.c.state == "waiting")
        assert (await connection.execute(waiting)).all() == []


async def test_put_back_at_once_all_are_reminded_once(desk: Desk) -> None:
    letter = await one_under_way(desk)
    await desk.change(cancelled_ms=desk.clock.wall_ms())
    await desk.change(cancelled_ms=0)
    desk.clock.advance(10)
    await desk.dispatch.turn()  # the reminder is begun anew while the letter is still on its way
    await it_comes_back(desk, TryAgain("451 later"))
    await desk.go_on(30 * 60, step_s=60)
    arrived = [each.recipient for each in desk.given() if each is not letter]
    assert sorted(arrived) == sorted(set(arrived))
    assert len(arrived) == 10
    async with desk.database.read() as connection:
        marked = select(subscriptions.c.subscription).where(
            subscriptions.c.reminded_ms == desk.start_ms
        )
        assert len((await connection.execute(marked)).all()) == 10


async def test_what_a_slow_server_did_not_take_in_time_is_late_and_what_it_refused_has_failed(
    desk: Desk,
) -> None:
    sent = len(desk.given())
    await one_under_way(desk)
    await it_comes_back(desk, TryAgain("452 full"))
    desk.transports["mail"].answer = lambda _: TryAgain("no server", scope="transport")
    await desk.go_on(26 * 60, step_s=30)
    [final] = [each for each in await desk.told() if each.get("final")]
    counts = [final.get(name, 0) for name in ("planned", "sent", "failed", "late", "dropped")]
    assert counts == [10, sent, 1, 9 - sent, 0]
