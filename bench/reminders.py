"""A hundred thousand reminders, half by mail and half by push, through a house that is killed once.

    python -m bench reminders

Not part of `make bench`: it takes half an hour. REMINDERS and REMINDERS_MINUTES make it smaller.
A real house, a real SMTP server (aiosmtpd) and a push service on loopback; what came is counted
there, in a process of its own. Web is killed (SIGKILL) in the middle.
"""

import contextlib
import json
import os
import sqlite3
import tempfile
import time
from pathlib import Path
from typing import Any

from bench.processes import cpu_s
from bench.report import Row
from tests.support.house import House
from tests.support.recipients import Recipients, recipients

ROOM = "town-hall"
AHEAD_S, BEFORE_S = 20.0, 45.0  # after the window, and for the house to start and learn of the room
PER_S = 200.0


def measure() -> list[Row]:
    each = int(os.environ.get("REMINDERS", "100000")) // 2
    window_s = float(os.environ.get("REMINDERS_MINUTES", "20")) * 60
    settings = {
        "HUSTINGS_REMINDERS_MINUTES": str(window_s / 60),
        "HUSTINGS_REMINDERS_AHEAD_MIN": str(AHEAD_S / 60),
        "HUSTINGS_REMINDERS_PER_S": str(PER_S),
    }
    with recipients() as crowd, tempfile.TemporaryDirectory() as folder:
        environment = {**crowd.settings, **settings}
        with House(Path(folder), **environment) as house:
            return _evening(house, crowd, each, window_s)


def _evening(house: House, crowd: Recipients, each: int, window_s: float) -> list[Row]:
    start_ms = int((time.time() + BEFORE_S + window_s + AHEAD_S) * 1_000)
    house.put(ROOM, title="Town hall", start_ms=start_ms)
    while not _rows(house, f"SELECT 1 FROM rooms WHERE room = '{ROOM}'"):
        time.sleep(0.2)
    crowd.subscribe(house.data / "hustings.sqlite", ROOM, start_ms, each)
    opens_s = start_ms / 1_000 - AHEAD_S - window_s
    while time.time() < opens_s + window_s / 2:
        time.sleep(1)
    web = house.child("web")
    cpu = cpu_s([web.pid])
    web.kill()
    killed = crowd.so_far()
    print(f"  killed with {killed} after {cpu:.0f} s of CPU", flush=True)
    while _rows(house, "SELECT COUNT(*) FROM promotions WHERE state = 'done'") != [(2,)]:
        time.sleep(2)
    bodies = [json.loads(row[0]) for row in _rows(house, "SELECT body FROM promotions")]
    return _table(bodies, killed, crowd.so_far(), each, window_s, cpu)


def _table(
    bodies: list[dict[str, Any]],
    killed: dict[str, int],
    came: dict[str, int],
    each: int,
    window_s: float,
    cpu: float,
) -> list[Row]:
    total = {
        name: sum(body.get(name, 0) for body in bodies)
        for name in ("planned", "sent", "failed", "uncertain", "late")
    }
    arrived = came["mail"] + came["push"]
    mean = 2 * each / window_s
    bound = 2 * (1.5 * mean + 4)  # two turns of both channels may fall into one second
    counted = sum(total[name] for name in ("sent", "failed", "uncertain", "late"))
    said = ", ".join(f"{value:,} {name}" for name, value in total.items())
    sent_to = total["sent"] <= arrived <= total["sent"] + total["uncertain"]
    last_s = max(body["last_ms"] for body in bodies) / 1_000
    over_s = last_s - max(body["to_ms"] for body in bodies) / 1_000
    sent_us = cpu / max(1, killed["mail"] + killed["push"]) * 1e6
    return [
        Row("reminders: what the journal says", "adds up", said, counted == total["planned"]),
        Row("reminders: arrived", "as said", f"{arrived:,}", sent_to),
        Row("reminders: got by anybody twice", "0", f"{came['twice']}", came["twice"] == 0),
        Row("reminders: most in one second", f"≤ {bound:.0f}", f"{came['most_in_a_second']}",
            came["most_in_a_second"] <= bound, f"mean {mean:.0f}"),
        Row("reminders: the last one, after the window", f"≤ {AHEAD_S:.0f} s", f"{over_s:.1f} s", over_s <= AHEAD_S),
        Row("reminders: CPU of web for each", "–", f"{sent_us:,.0f} µs"),
        Row("reminders: pushes decrypted as a sample", "all whole", f"{came['read']}", came["read"] > 0),
    ]  # fmt: skip


def _rows(house: House, query: str) -> list[Any]:
    database = house.data / "hustings.sqlite"
    with contextlib.closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
        return connection.execute(query).fetchall()
