"""Lists of rooms on both databases: pages without gap or repetition, along the index, few queries."""

from itertools import pairwise

import pytest
from sqlalchemy import text

from hustings.base.clock import ManualClock
from hustings.store import Database
from hustings.web.rooms.lists import CANCELLED, Query, place_of
from hustings.web.rooms.queries import _listing
from hustings.web.rooms.service import LISTED, Rooms
from hustings.wire.tokens import KeyRing
from tests.support.counting import counted
from tests.support.many_rooms import fill

COUNT = 3_000
PLACE = (1_700_000_000_000, "room-7")


@pytest.fixture
async def rooms(database: Database) -> Rooms:
    clock = ManualClock()
    await fill(database, COUNT, clock.wall_ms())
    return Rooms(database, KeyRing([bytes(32)]), clock)


async def plan_of(database: Database, query: Query) -> str:
    """How the database would carry the query out."""
    embedded = database.embedded
    async with database.write() as connection:
        await connection.execute(text("ANALYZE"))
        dialect = connection.dialect
        said = _listing(query).compile(
            dialect=dialect, compile_kwargs={"literal_binds": True, "render_postcompile": True}
        )
        explain = "EXPLAIN QUERY PLAN" if embedded else "EXPLAIN"
        rows = await connection.exec_driver_sql(f"{explain} {said}")
        return "\n".join(str(row[-1]) for row in rows)


@pytest.mark.parametrize(
    "query",
    [
        Query(states=("scheduled",), limit=LISTED),
        Query(states=("scheduled",), after=PLACE, limit=LISTED),
        Query(states=(CANCELLED,), from_ms=PLACE[0], limit=LISTED),
        Query(states=("ended",), latest_first=True, limit=LISTED),
        Query(states=("ended",), latest_first=True, after=PLACE, limit=LISTED),
        Query(latest_first=True, after=PLACE, limit=LISTED),
        Query(latest_first=True, from_ms=PLACE[0] - 10**9, until_ms=PLACE[0], limit=LISTED),
    ],
    ids=["coming", "more coming", "cancelled", "past", "more past", "all", "month"],
)
async def test_every_list_of_the_pages_is_read_along_an_index(
    rooms: Rooms, database: Database, query: Query
) -> None:
    plan = await plan_of(database, query)
    assert "ix_rooms_s" in plan, plan  # ix_rooms_state or ix_rooms_sort_ms
    assert "SCAN rooms\n" not in plan + "\n"
    assert "Seq Scan" not in plan
    assert "TEMP B-TREE" not in plan
    if query.states != (CANCELLED,):  # three rows, which PostgreSQL may as well sort
        assert "Sort" not in plan


async def test_home_asks_four_times_however_many_rooms_there_are(
    rooms: Rooms, database: Database
) -> None:
    with counted(database) as asked:
        calendar = await rooms.calendar()
    assert len(asked) == 4
    assert len(calendar.live) == 3
    assert (len(calendar.coming.rooms), len(calendar.past.rooms)) == (LISTED, LISTED)
    assert [r.room for r in calendar.coming.rooms[:3]] == ["room-0", "room-2", "room-10"]
    assert calendar.past.rooms[0].room == "room-3"


async def test_the_pages_of_what_comes_are_the_whole_of_it_in_order(rooms: Rooms) -> None:
    found, after = [], None
    while True:
        page = await rooms.coming(after)
        found += page.rooms
        if not page.next:
            break
        after = place_of(page.next)
    assert len(found) == COUNT // 10 + 3
    assert all((a.sort_ms, a.room) < (b.sort_ms, b.room) for a, b in pairwise(found))


async def test_a_search_finds_words_without_case_and_accents(rooms: Rooms) -> None:
    page, (first_ms, last_ms) = await rooms.found(Query(words="EVENING 2999:", limit=5))
    assert [room.room for room in page.rooms] == ["room-2999"]
    assert 0 < first_ms < last_ms
    assert not (await rooms.page(Query(words="100%", limit=5))).rooms
