"""Who may open rooms in this house: whoever used a one-time host link, for as long as a session.

On a fresh install there is no account; `hustings serve` (or `web`) prints the link. Only hashes
are stored: nobody who reads the database can become host. Until a link was used, each start
makes another and all stay good for a week; the first use ends them all.
"""

import asyncio
import hashlib
from pathlib import Path
from typing import Final

from hustings.base.clock import Clock, SystemClock
from hustings.base.errors import Denied
from hustings.base.ids import new_secret
from hustings.settings import Settings
from hustings.store import Database, open_database
from hustings.web.house import queries
from hustings.wire.links import links_for

CODE_S: Final = 7 * 86_400
SESSION_S: Final = 90 * 86_400
_LONGEST: Final = 200  # letters of a secret worth looking up


class House:
    """Codes and sessions."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def new_code(self) -> str:
        """A new one-time code, for whoever runs the machine."""
        code, now_ms = new_secret(), self._clock.wall_ms()
        async with self._database.write() as connection:
            await queries.add_code(
                connection, _hash(code), now_ms=now_ms, expires_ms=now_ms + CODE_S * 1_000
            )
        return code

    async def first_code(self) -> str | None:
        """A code while nobody has ever used one; None afterwards."""
        async with self._database.read() as connection:
            used = await queries.ever_used(connection)
        return None if used else await self.new_code()

    async def redeem(self, code: str) -> str:
        """Exchange a code for a session's secret. Raises Denied("code_bad")."""
        session, now_ms = new_secret(), self._clock.wall_ms()
        async with self._database.write() as connection:
            if not await queries.use_code(connection, _hash(code), now_ms):
                raise Denied("code_bad", "This link was used already, or has run out.")
            await queries.add_session(
                connection, _hash(session), now_ms=now_ms, expires_ms=now_ms + SESSION_S * 1_000
            )
        return session

    async def knows(self, session: str) -> bool:
        """Whether the visitor with this cookie is a host here."""
        if not session or len(session) > _LONGEST:
            return False
        async with self._database.read() as connection:
            return await queries.has_session(connection, _hash(session), self._clock.wall_ms())

    async def leave(self, session: str) -> None:
        """End a session."""
        async with self._database.write() as connection:
            await queries.end_session(connection, _hash(session))


def first_link(settings: Settings, clock: Clock | None = None) -> str | None:
    """The one-time host link of a house that has no host yet; None where there is one.

    For a process without an event loop (`hustings serve`). Raises OperatorError if the database
    cannot be opened.
    """
    return asyncio.run(_link(settings, clock or SystemClock(), first=True))


def new_link(settings: Settings, clock: Clock | None = None) -> str:
    """One more host link, for whoever lost theirs (`hustings host-link`)."""
    link = asyncio.run(_link(settings, clock or SystemClock(), first=False))
    assert link is not None
    return link


async def _link(settings: Settings, clock: Clock, *, first: bool) -> str | None:
    database = await open_database(settings.web.database, folder=Path(settings.data))
    try:
        house = House(database, clock)
        code = await house.first_code() if first else await house.new_code()
    finally:
        await database.close()
    return links_for(settings).start(code) if code else None


def _hash(secret: str) -> str:
    """192 random bits need no slow hash."""
    return hashlib.sha256(secret.encode(errors="replace")).hexdigest()
