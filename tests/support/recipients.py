"""Mailboxes and browsers by the thousand, in a process of their own: a real SMTP server and a push service.

`python -m tests.support.recipients` prints where they are, and the keys that all its browsers share;
to each line it is given it answers with what came so far. It counts at the receiving end: how often
each recipient got something, how much came in each second, and it decrypts one push in a hundred.
"""

import asyncio
import contextlib
import json
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from aiosmtpd.smtp import SMTP

from hustings.web.reminders.service import address_hash
from hustings.web.reminders.spread import place_of
from tests.fakes.push_service import Browser, b64, push_service, raw

ROOT = Path(__file__).parents[2]
_SAMPLE = 100


class Mailboxes:
    """The SMTP server's handler."""

    def __init__(self) -> None:
        self.count: Counter[str] = Counter()
        self.each_second: Counter[int] = Counter()

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:
        for address in envelope.rcpt_tos:
            self.count[address] += 1
        self.each_second[int(time.time())] += 1
        return "250 OK"


async def serve() -> None:
    """Until nobody asks any more."""
    loop, boxes, browser = asyncio.get_running_loop(), Mailboxes(), Browser()
    server = await loop.create_server(
        lambda: SMTP(boxes, hostname="localhost", loop=loop), "127.0.0.1", 0
    )
    async with push_service() as pushes:
        pushes.sample = (_SAMPLE, browser)
        said = {
            "smtp": server.sockets[0].getsockname()[1],
            "push": pushes.url,
            "keys": b64(browser.point + browser.auth),
        }
        print(json.dumps(said), flush=True)
        while await asyncio.to_thread(sys.stdin.readline):
            both = boxes.count + pushes.count
            seconds = boxes.each_second + pushes.each_second
            answer = {
                "mail": boxes.count.total(),
                "push": pushes.count.total(),
                "recipients": len(both),
                "twice": sum(count > 1 for count in both.values()),
                "seconds": len(seconds),
                "most_in_a_second": max(seconds.values(), default=0),
                "read": len(pushes.messages),
            }
            print(json.dumps(answer), flush=True)
    server.close()


class Recipients:
    """The process, as a test or a measurement holds it."""

    def __init__(self, process: "subprocess.Popen[str]", said: dict[str, Any]) -> None:
        self._process = process
        self.smtp_port: int = said["smtp"]
        self.push_url: str = said["push"]
        self.keys = raw(said["keys"])

    def so_far(self) -> dict[str, int]:
        """What came."""
        assert self._process.stdin
        assert self._process.stdout
        print(file=self._process.stdin, flush=True)
        answer: dict[str, int] = json.loads(self._process.stdout.readline())
        return answer

    @property
    def settings(self) -> dict[str, str]:
        """What a house needs in its environment to reach them."""
        return {
            "HUSTINGS_MAIL_HOST": "127.0.0.1",
            "HUSTINGS_MAIL_PORT": str(self.smtp_port),
            "HUSTINGS_MAIL_TLS": "none",
            "HUSTINGS_MAIL_SENDER": "Town Hall <no-reply@debate.example>",
            "HUSTINGS_OUTBOUND_ALLOW": self.push_url,
        }

    def subscribe(self, database: Path, room: str, start_ms: int, each: int) -> None:
        """So many by mail and as many by push, confirmed, straight into a SQLite database."""
        rows = []
        for number in range(each):
            for channel in ("mail", "push"):
                name = f"{channel}{number}"
                mail = channel == "mail"
                address = f"{name}@example.org" if mail else f"{self.push_url}/{name}"
                keys = b"" if mail else self.keys
                hashed, place = address_hash(channel, address), place_of(name)  # type: ignore[arg-type]
                language = ("en", "de", "ar")[number % 3]
                known = (
                    name,
                    room,
                    channel,
                    address,
                    hashed,
                    keys,
                    language,
                    "Europe/Berlin",
                    place,
                )
                rows.append((*known, 1, 1, start_ms, 0))
        with contextlib.closing(sqlite3.connect(database, timeout=30)) as connection:
            marks = ",".join("?" * 13)
            connection.executemany(f"INSERT INTO subscriptions VALUES ({marks})", rows)
            connection.commit()


@contextlib.contextmanager
def recipients() -> Iterator[Recipients]:
    """Start the process; it ends with the block."""
    with subprocess.Popen(
        (sys.executable, "-m", "tests.support.recipients"),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    ) as process:
        try:
            assert process.stdout
            yield Recipients(process, json.loads(process.stdout.readline()))
        finally:
            process.kill()


if __name__ == "__main__":
    asyncio.run(serve())
