"""One-time codes and sessions: how somebody comes in who has no passkey here yet.

On a fresh install there is no account; `hustings serve` (or `web`) prints a link. Whoever opens
it makes an account (`web/accounts`), or becomes host in that browser alone, for as long as a
session. Only hashes are stored: nobody who reads the database can become host. Until a link was
used, each start makes another and all stay good for a week; the first use ends them all.
"""

import asyncio
import contextlib
import hashlib
from pathlib import Path
from typing import Final

from hustings.base.clock import Clock, SystemClock
from hustings.base.errors import Denied, TryLater
from hustings.base.ids import new_secret
from hustings.settings import Settings
from hustings.store import Database, open_database
from hustings.web.accounts.model import Who, to_the_day
from hustings.web.accounts.rules import Role
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

    async def new_code(self, role: Role = "owner") -> str:
        """A new one-time code, for whoever runs the machine."""
        code, now_ms = new_secret(), self._clock.wall_ms()
        async with self._database.write() as connection:
            await queries.add_code(
                connection,
                hashed(code),
                now_ms=now_ms,
                expires_ms=now_ms + CODE_S * 1_000,
                role=role,
            )
        return code

    async def first_code(self) -> str | None:
        """A code while nobody has ever used one; None afterwards."""
        async with self._database.read() as connection:
            used = await queries.ever_used(connection)
        return None if used else await self.new_code()

    async def redeem(self, code: str, browser: str = "") -> str:
        """Exchange a code for the secret of a session without account. Raises Denied("code_bad")."""
        session, now_ms = new_secret(), self._clock.wall_ms()
        async with self._database.write() as connection:
            used = await queries.use_code(connection, hashed(code), now_ms)
            if used is None:
                raise Denied("code_bad", "This link was used already, or has run out.")
            await queries.add_session(
                connection,
                hashed(session),
                now_ms=now_ms,
                expires_ms=now_ms + SESSION_S * 1_000,
                role=used.role,
                browser=browser,
            )
        return session

    async def who(self, session: str) -> Who | None:
        """Whose cookie this is; None if nobody's. Writes once a day that they were here."""
        if not session or len(session) > _LONGEST:
            return None
        now_ms = self._clock.wall_ms()
        async with self._database.read() as connection:
            found = await queries.find_session(connection, hashed(session), now_ms)
        if found is None:
            return None
        who, seen_ms = found
        if seen_ms < to_the_day(now_ms):
            with contextlib.suppress(TryLater):  # reading goes on while nothing can be written
                async with self._database.write() as connection:
                    await queries.see(connection, who.session, to_the_day(now_ms))
        return who

    async def leave(self, session: str) -> None:
        """End a session."""
        async with self._database.write() as connection:
            await queries.end_session(connection, hashed(session))


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


def hashed(secret: str) -> str:
    """How a secret stands in the database: what is random enough needs no slow hash."""
    return hashlib.sha256(secret.encode(errors="replace")).hexdigest()
