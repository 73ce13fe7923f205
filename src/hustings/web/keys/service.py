"""Makes keys, and finds out who calls with one.

Keeps true: what a key may is asked of its person's role at each call; a key of somebody who is
gone is gone too (the database sees to it); of its use only the day is kept.
"""

import contextlib
from typing import Final, NamedTuple

from hustings.base.clock import Clock
from hustings.base.errors import Denied, TryLater, UserError
from hustings.store import Database
from hustings.web.accounts.model import Who, to_the_day
from hustings.web.keys import queries
from hustings.web.keys.model import (
    Key,
    KeyWish,
    Scope,
    expiry_ms,
    granted,
    hash_of,
    is_the_key,
    name_of,
    new_key,
)

KEYS: Final = 20  # of one person


class Holder(NamedTuple):
    """Who calls, by which key, and what it may do now."""

    who: Who
    key: Key
    scopes: frozenset[Scope]


class Keys:
    """The keys of this house."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def make(self, who: Who, wish: KeyWish) -> str:
        """The whole new key, for this one look. Raises UserError("keys_many")."""
        name, written = new_key()
        now_ms = self._clock.wall_ms()
        key = Key(name, who.account, wish.name, wish.scopes, now_ms, expiry_ms(wish, now_ms), 0)
        async with self._database.write() as connection:
            if await queries.count(connection, who.account) >= KEYS:
                raise UserError("keys_many", f"One person has at most {KEYS} keys.")
            await queries.add(connection, key, hash_of(written))
        return written

    async def of(self, who: Who) -> list[Key]:
        """All keys of this person, newest first."""
        async with self._database.read() as connection:
            return await queries.keys_of(connection, who.account)

    async def revoke(self, who: Who, key: str) -> None:
        """One of this person's keys is good no more."""
        async with self._database.write() as connection:
            await queries.revoke(connection, who.account, key)

    async def holder(self, written: str) -> Holder:
        """Whose key this is. Raises Denied (401): key_bad, key_expired."""
        now_ms = self._clock.wall_ms()
        found = None
        if name := name_of(written):
            async with self._database.read() as connection:
                found = await queries.find(connection, name)
        if not is_the_key(written, found[1] if found else None) or found is None:
            raise Denied("key_bad", "This is no key of this house, or it was revoked.", status=401)
        key, _, who = found
        if key.expires_ms < now_ms:
            raise Denied("key_expired", "This key has run out.", status=401)
        if key.used_ms < to_the_day(now_ms):
            with contextlib.suppress(TryLater):  # reading goes on while nothing can be written
                async with self._database.write() as connection:
                    await queries.use(connection, key.key, to_the_day(now_ms))
        return Holder(who, key, granted(key.scopes, who.role))
