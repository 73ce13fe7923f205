"""Forgets what has run out, also in a house where nobody comes by any more.

Keeps true: an invitation that nobody used, a link that was mailed (each with its address) and a
session are gone within an hour after their end; while the database is away, a minute after it is back.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Final

from hustings.base.clock import Clock
from hustings.base.errors import TryLater
from hustings.store import Database
from hustings.web.house import queries as house
from hustings.web.mailbox import queries as mailbox

log = logging.getLogger(__name__)

EACH_S: Final = 3_600.0
AGAIN_S: Final = 60.0  # while the database is away


async def run(*turns: Callable[[], Awaitable[object]]) -> None:
    """Tidy for ever; a fault of the database is logged and tried again. Ends by being cancelled.

    turns: of this module, and of packages that forget by rules of their own; each may raise TryLater.
    """
    while True:
        wait_s = EACH_S
        for tidied in turns:
            try:
                await tidied()
            except TryLater as error:
                log.warning("tidy: %s", error.title)
                wait_s = AGAIN_S
        await asyncio.sleep(wait_s)


async def turn(database: Database, clock: Clock) -> None:
    """Forget what has run out by now. Raises TryLater."""
    now_ms = clock.wall_ms()
    async with database.write() as connection:
        await house.forget_codes(connection, now_ms)
        await house.forget_sessions(connection, now_ms)
        await mailbox.forget_links(connection, now_ms)
