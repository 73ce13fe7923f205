"""A subscription that ends while its letters wait, on both databases."""

from typing import Any

import pytest
from sqlalchemy import event, func, select, text

from hustings.base.ids import RoomId
from hustings.settings import ReminderSettings
from hustings.store import Database
from hustings.store.schema import letters
from hustings.web.outbound.budget import Budget
from hustings.web.outbound.door import Door
from hustings.web.outbound.names import Resolver
from hustings.web.post import queries as post
from hustings.web.post.model import Draft
from hustings.web.reminders.links import ReminderLinks
from hustings.web.reminders.service import Reminders
from tests.fakes.reminders import Desk


async def test_the_letters_of_one_subscription_are_found_by_their_keys(database: Database) -> None:
    drafts = [
        Draft(
            transport="push",
            key=f"remind:hall:1:{number}",
            batch="remind:hall:1",
            host="push.example",
            recipient="https://push.example/",
            body=b"x",
            until_ms=10**13,
        )
        for number in range(2_000)
    ]
    async with database.write() as connection:
        await post.add(connection, drafts, 1)
        await connection.execute(text("ANALYZE"))
        asked: list[tuple[str, Any]] = []
        engine = database._engine.sync_engine
        event.listen(engine, "before_cursor_execute", lambda *given: asked.append(given[2:4]))
        await post.withdraw_keys(connection, ["remind:hall:1:a", "remind:hall:2:a"])
        both = asked.copy()  # those that wait, and those on their way
        explain = "EXPLAIN QUERY PLAN" if database.embedded else "EXPLAIN"
        for statement, values in both:
            rows = await connection.exec_driver_sql(f"{explain} {statement}", values)
            plan = "\n".join(str(row[-1]) for row in rows)
            assert "(key=?)" in plan or "uq_letters_key" in plan, plan
    assert len(both) == 2


@pytest.mark.parametrize("room", [None, RoomId("hall")])
async def test_what_waits_for_a_browser_that_is_gone_is_not_sent(
    database: Database, room: RoomId | None
) -> None:
    desk = await Desk(database).open()
    await desk.subscribe(20, "push")
    desk.clock.advance(30 * 60)
    for _ in range(12):
        desk.clock.advance(60)
        await desk.dispatch.turn()  # letters, which nobody carries yet
    to = select(letters.c.recipient).where(letters.c.state == "waiting")
    async with database.read() as connection:
        waiting = [row.recipient for row in await connection.execute(to.order_by(letters.c.id))]
    assert len(waiting) > 1
    door = Door(desk.clock, resolve=Resolver(desk.clock), allow=[], budget=Budget(rate=1, burst=1))
    links = ReminderLinks(b"x" * 32, "https://house.example")
    reminders = Reminders(database, desk.clock, ReminderSettings(), links, door)
    if room:
        await reminders.end_browser(waiting[0], room, "192.0.2.1")
    else:
        await reminders.forget_browser(waiting[0])
    assert await desk.subscribers() == 19
    async with database.read() as connection:
        assert [
            r.recipient for r in await connection.execute(to.order_by(letters.c.id))
        ] == waiting[1:]
        named = select(func.count()).where(letters.c.recipient == waiting[0])
        assert (await connection.execute(named)).scalar_one() == 0
