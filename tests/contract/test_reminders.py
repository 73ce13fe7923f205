"""An evening's reminders from the first look to the last entry, on both databases, in virtual time."""

from collections import Counter

import pytest
from sqlalchemy import select

from hustings.store import Database
from hustings.store.restored import end_sendings
from hustings.store.schema import letters
from hustings.web.post.model import Letter, Outcome, Refused, Sent, TryAgain, Unsure
from tests.fakes.reminders import MINUTE, Desk


@pytest.fixture
async def desk(database: Database) -> Desk:
    return await Desk(database).open()


async def test_each_subscriber_is_reminded_once_within_the_window(desk: Desk) -> None:
    await desk.subscribe(20)
    await desk.subscribe(20, "push")
    await desk.go_on(28 * 60, step_s=240)
    assert desk.given() == []
    desk.clock.advance(110)
    await desk.go_on(22 * 60, step_s=60)
    assert Counter(len({each.recipient for each in desk.given(c)}) for c in desk.transports) == {
        20: 2
    }
    assert len(desk.given()) == 40
    await desk.go_on(15 * 60, step_s=180)
    assert len(desk.given()) == 40
    final = [each for each in await desk.told() if each.get("final")]
    assert [(e["channel"], e["planned"], e["sent"]) for e in final] == [
        ("mail", 20, 20),
        ("push", 20, 20),
    ]
    opens, closes = desk.start_ms - 30 * MINUTE, desk.start_ms - 10 * MINUTE
    assert all(opens <= e["first_ms"] <= e["last_ms"] <= closes + 60_000 for e in final)
    interim = [each for each in await desk.told() if not each.get("final")]
    assert 4 <= len(interim) <= 8


async def test_a_restart_at_any_time_sends_nothing_twice(desk: Desk) -> None:
    await desk.subscribe(20)
    desk.clock.advance(30 * 60)
    for _ in range(12):
        await desk.go_on(110, step_s=110)
        desk.restart()
    assert Counter(each.key for each in desk.given()) == Counter(
        {each.key: 1 for each in desk.given()}
    )
    assert len(desk.given()) == 20


async def test_a_restored_house_reminds_nobody_where_the_one_before_had_begun(desk: Desk) -> None:
    await desk.subscribe(60)
    desk.clock.advance(35 * 60)
    await desk.go_on(10)
    before = len(desk.given())
    assert 0 < before < 60
    async with desk.database.write() as connection:
        await connection.run_sync(end_sendings, desk.clock.wall_ms())
    desk.restart()
    await desk.go_on(30 * 60, step_s=30)
    assert len(desk.given()) == before
    [final] = [each for each in await desk.told() if each.get("final")]
    assert (final["planned"], final["sent"], final["late"]) == (60, before, 60 - before)


async def test_a_house_that_was_down_sends_late_and_spread_and_then_not_at_all(desk: Desk) -> None:
    await desk.subscribe(600)
    desk.clock.advance(60 * 60 - 60)  # it comes up a minute before the start
    await desk.go_on(70)
    assert len(desk.given()) == 600
    assert max(desk.each_second.values()) <= 600 / 48 + 2
    await desk.subscribe(5, prefix="late-", told_ms=desk.start_ms)
    await desk.go_on(60, step_s=10)
    assert len(desk.given()) == 600


async def test_who_could_not_be_reached_before_the_start_is_said_to_be_late(desk: Desk) -> None:
    await desk.subscribe(600)
    desk.clock.advance(60 * 60 - 5)
    await desk.go_on(20)
    [final] = [each for each in await desk.told() if each.get("final")]
    assert (final["planned"], final["sent"] + final["late"]) == (600, 600)
    assert 100 < final["late"] < 550
    assert len(desk.given()) == final["sent"]


async def test_a_moved_evening_is_told_and_reminded_of_anew(desk: Desk) -> None:
    await desk.subscribe(10)
    later_ms = desk.start_ms + 24 * 60 * MINUTE
    await desk.change(start_ms=later_ms)
    await desk.go_on(110, step_s=55)
    assert desk.given() == []  # two minutes, in which hosts mend what they mistyped
    await desk.go_on(21 * 60, step_s=90)
    assert len(desk.given()) == 10
    await desk.go_on(60 * 60, step_s=600)
    assert len(desk.given()) == 10  # the old start brings no reminder
    desk.clock.advance((later_ms - desk.clock.wall_ms()) / 1_000 - 31 * 60)
    await desk.go_on(25 * 60, step_s=90)
    assert len(desk.given()) == 20
    told = [(e["occasion"], e["sent"]) for e in await desk.told() if e.get("sent") == 10]
    assert ("moved", 10) in told


async def test_a_change_that_is_taken_back_is_told_to_nobody(desk: Desk) -> None:
    await desk.subscribe(10)
    await desk.change(start_ms=desk.start_ms + MINUTE)
    await desk.go_on(60, step_s=60)
    await desk.change(start_ms=desk.start_ms)
    await desk.go_on(10 * 60, step_s=120)
    assert desk.given() == []


async def test_a_cancellation_in_the_middle_stops_the_reminders_and_is_told(desk: Desk) -> None:
    await desk.subscribe(30)
    desk.clock.advance(30 * 60)
    await desk.go_on(10 * 60, step_s=50)
    reminded = len(desk.given())
    assert 6 < reminded < 24
    await desk.change(cancelled_ms=desk.clock.wall_ms(), cancelled_why="Storm")
    await desk.go_on(110, step_s=55)
    assert len(desk.given()) <= reminded + 2
    await desk.go_on(40 * 60, step_s=100)
    finals = {each["occasion"]: each for each in await desk.told() if each.get("final")}
    assert finals["reminder"]["dropped"] == 30 - finals["reminder"]["sent"]
    assert (finals["cancelled"]["planned"], finals["cancelled"]["sent"]) == (30, 30)


async def test_what_became_of_each_letter_is_counted(desk: Desk) -> None:
    def answer(letter: Letter) -> Outcome:
        number = int(letter.recipient.partition("@")[0].removeprefix("mail"))
        return [Sent(), Refused("550"), Unsure("gone", scope="letter")][number % 3]

    desk.transports["mail"].answer = answer
    await desk.subscribe(30)
    desk.clock.advance(30 * 60)
    await desk.go_on(32 * 60, step_s=80)
    [final] = [each for each in await desk.told() if each.get("final")]
    assert [final[name] for name in ("planned", "sent", "failed", "uncertain")] == [30, 10, 10, 10]


async def test_while_a_transport_is_away_no_heap_of_letters_is_made(desk: Desk) -> None:
    desk.transports["mail"].answer = lambda _: TryAgain("no server", scope="transport")
    await desk.subscribe(1_200)
    desk.clock.advance(30 * 60)
    await desk.go_on(40)
    async with desk.database.read() as connection:
        waiting = len((await connection.execute(select(letters.c.id))).all())
    assert waiting <= 3 * 4 + 4  # some seconds' worth, of a letter a second
    desk.transports["mail"].answer = lambda _: Sent()
    desk.each_second.clear()
    await desk.go_on(70)
    assert max(desk.each_second.values()) <= 16 + 4  # and no burst when it is back


async def test_addresses_are_forgotten_a_day_after_the_end_and_so_are_letters(desk: Desk) -> None:
    await desk.subscribe(20)
    desk.clock.advance(30 * 60)
    await desk.go_on(31 * 60, step_s=60)
    await desk.change(state="ended", ended_ms=desk.clock.wall_ms())
    await desk.go_on(23 * 3_600, step_s=23 * 3_600)
    assert await desk.subscribers() == 20
    await desk.go_on(2 * 3_600, step_s=3_600)
    assert await desk.subscribers() == 0
    async with desk.database.read() as connection:
        assert (await connection.execute(select(letters.c.recipient))).all() == []


async def test_a_letter_speaks_its_readers_language_and_time(desk: Desk) -> None:
    await desk.subscribe(3)
    await desk.subscribe(3, "push")
    desk.clock.advance(30 * 60)
    await desk.go_on(25 * 60, step_s=120)
    english = next(e for e in desk.given("mail") if e.recipient.startswith("mail0@"))
    assert b"Soon: Town hall" in english.body
    assert b"with Ada" in english.body
    assert b"https://house.example/remind/hall/stop?lang=en&t=mail0." in english.body
    assert len({each.body for each in desk.given("push")}) == 3


async def test_unconfirmed_addresses_get_nothing_and_go_after_two_days(desk: Desk) -> None:
    from sqlalchemy import update

    from hustings.store.schema import subscriptions

    await desk.subscribe(3)
    async with desk.database.write() as connection:
        await connection.execute(
            update(subscriptions).values(confirmed_ms=0, made_ms=desk.clock.wall_ms())
        )
    desk.clock.advance(30 * 60)
    await desk.go_on(25 * 60, step_s=300)
    assert desk.given() == []
    await desk.go_on(2 * 86_400, step_s=43_200)
    assert await desk.subscribers() == 0
