"""An evening's reminders through a real SMTP server that is slow, lies, refuses and breaks off: none is lost.

What such a server costs is time. In virtual time: each round the clock goes on by 10 s.
"""

from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from hustings.store import open_database
from hustings.web.post import mail as module
from hustings.web.post.mail import Mail
from hustings.wire.tokens import KeyRing
from tests.fakes.reminders import Desk
from tests.fakes.smtp import Postman, smtp_server

PLAIN = {"on_mail": "", "on_any_rcpt": "", "on_text": "", "on_data": ""}
SUBSCRIBED = 24


class Evening:
    """A desk whose mail goes over a real line."""

    def __init__(self, desk: Desk, postman: Postman) -> None:
        self.desk = desk
        self.postman = postman

    async def until_the_start(self) -> dict[str, Any]:
        """From the opening of the window on; the last entry in the journal."""
        desk = self.desk
        desk.clock.advance(30 * 60)
        while desk.clock.wall_ms() < desk.start_ms + 60_000:
            desk.clock.advance(10)
            await desk.dispatch.turn()
            await desk.post.turn()
            await desk.post.settled()
        [final] = [each for each in await desk.told() if each.get("final")]
        return final


@pytest.fixture
async def evening(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Evening]:
    monkeypatch.setattr(module, "STEP_S", 2.0)
    database = await open_database("", folder=tmp_path)
    async with smtp_server() as postman:
        desk = await Desk(database).open()
        mail = Mail(postman.settings, desk.clock, KeyRing([b"k" * 32]))
        desk.transports["mail"] = mail  # type: ignore[assignment]
        desk.restart()
        await desk.subscribe(SUBSCRIBED)
        yield Evening(desk, postman)
        await mail.close()
    await database.close()


async def test_a_server_that_is_slow_and_refuses_and_breaks_off_costs_time_and_no_letter(
    evening: Evening,
) -> None:
    postman = evening.postman
    postman.slow_s = 0.02
    troubles = [
        {"on_any_rcpt": "421 too many connections"},
        {"on_any_rcpt": "451 greylisted, come back"},
        {"on_data": "451 too busy"},
        {"on_data": "421 shutting down"},
        {"on_text": "refuse"},
        {"on_any_rcpt": "drop"},
        {"on_any_rcpt": "lie"},
        {"on_data": "slow"},
        {"on_data": "slow"},
    ]
    postman.plan = lambda n: {**PLAIN, **troubles[n % len(troubles)]}
    final = await evening.until_the_start()
    assert Counter(postman.recipients) == Counter(f"mail{n}@example.org" for n in range(SUBSCRIBED))
    assert (final["planned"], final["sent"]) == (SUBSCRIBED, SUBSCRIBED)
    assert postman.tries > 2 * SUBSCRIBED


async def test_until_shortly_before_the_start_a_server_that_refuses_all_loses_none(
    evening: Evening,
) -> None:
    postman, desk = evening.postman, evening.desk
    good_from_ms = desk.start_ms - 60_000

    def plan(_: int) -> dict[str, str]:
        busy = desk.clock.wall_ms() < good_from_ms
        return {**PLAIN, "on_any_rcpt": "451 try again later" if busy else ""}

    postman.plan = plan
    final = await evening.until_the_start()
    assert (final["planned"], final["sent"]) == (SUBSCRIBED, SUBSCRIBED)
    assert final["first_ms"] >= good_from_ms


async def test_what_broke_off_after_its_text_is_uncertain_and_nobody_gets_it_twice(
    evening: Evening,
) -> None:
    postman = evening.postman
    troubles = [{"on_data": "drop"}, {"on_text": "drop"}, {"on_data": "lie"}, {}, {}, {}]
    postman.plan = lambda n: {**PLAIN, **troubles[n % len(troubles)]}
    final = await evening.until_the_start()
    assert final["sent"] + final["uncertain"] == final["planned"] == SUBSCRIBED
    assert 0 < final["sent"] <= len(postman.recipients) <= SUBSCRIBED
    assert max(Counter(postman.recipients).values()) == 1
