"""Web is killed in the middle of a window of reminders: at the receiving end nobody got one twice."""

import contextlib
import json
import sqlite3
import time
from pathlib import Path
from typing import Any

import msgspec
import pytest

from hustings.journal.reader import JournalReader
from tests.support.house import House
from tests.support.recipients import Recipients, recipients

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]
EACH = 200  # by mail, and as many by push
ROOM = "town-hall"
WINDOW_S, AHEAD_S, BEFORE_S = 10.0, 10.0, 4.0  # a new web needs some seconds to start


def rows(house: House, query: str) -> list[Any]:
    database = house.data / "hustings.sqlite"
    with contextlib.closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
        return connection.execute(query).fetchall()


def wait_until(what: str, house: House, ready: Any, *, seconds: float = 70.0) -> None:
    until = time.monotonic() + seconds
    while not ready():
        assert time.monotonic() < until, (
            f"{what}: {rows(house, 'SELECT room, call, error, refused FROM outbox')} {promotions(house)} {rows(house, 'SELECT * FROM promotions')}\n{house.log.read_text()[-3_000:]}"
        )
        time.sleep(0.1)


def promotions(house: House) -> list[dict[str, Any]]:
    """The newest entry of each, as the journal has them."""
    with JournalReader(house.data / "rooms" / ROOM) as reader:
        bodies = [
            msgspec.msgpack.decode(entry.body)
            for entry in reader.entries()
            if entry.kind == "promotion" and entry.body
        ]
    newest = {body["id"]: body for body in bodies}
    return [newest[each] for each in sorted(newest)]


@pytest.fixture
def crowd() -> Any:
    with recipients() as made:
        yield made


def test_killed_in_the_middle_nobody_is_reminded_twice_and_all_are_accounted_for(
    tmp_path: Path, crowd: Recipients
) -> None:
    pace = {
        "HUSTINGS_REMINDERS_MINUTES": str(WINDOW_S / 60),
        "HUSTINGS_REMINDERS_AHEAD_MIN": str(AHEAD_S / 60),
    }
    with House(tmp_path, **crowd.settings, **pace) as house:
        house.put(ROOM, title="Town hall")
        known = f"SELECT 1 FROM rooms WHERE room = '{ROOM}'"
        wait_until("web does not learn of the room", house, lambda: rows(house, known))
        start_ms = int((time.time() + BEFORE_S + WINDOW_S + AHEAD_S) * 1_000)
        crowd.subscribe(house.data / "hustings.sqlite", ROOM, start_ms, EACH)
        house.put(ROOM, start_ms=start_ms)
        wait_until(
            "nothing is sent",
            house,
            lambda: sum(map(crowd.so_far().get, ("mail", "push"))) > EACH // 3,  # type: ignore[arg-type]
        )
        house.child("web").kill()
        at_the_kill = crowd.so_far()
        over = "SELECT COUNT(*) FROM promotions WHERE state = 'done'"
        wait_until("it does not end", house, lambda: rows(house, over) == [(2,)])
        told = [
            json.loads(body) for (body,) in rows(house, "SELECT body FROM promotions ORDER BY id")
        ]
        came = crowd.so_far()
        wait_until("the journal is not told", house, lambda: promotions(house) == told)
    print(at_the_kill, came, told)
    assert at_the_kill["recipients"] < came["recipients"]  # it went on
    assert came["twice"] == 0
    for body in told:
        assert body["planned"] == EACH
        counts = {name: body.get(name, 0) for name in ("sent", "failed", "uncertain", "late")}
        assert sum(counts.values()) == EACH, counts
        assert counts["sent"] <= came[body["channel"]] <= counts["sent"] + counts["uncertain"]
        assert counts["uncertain"] <= 32  # those that were under way
    assert came["read"] >= 2
