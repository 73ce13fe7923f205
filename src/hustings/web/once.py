"""A call that a program may repeat until it is answered, and that is carried out once.

The caller names it (`Idempotency-Key`); the name is kept in the transaction of what it makes, for
a day: both are there or neither is. Only what was made is kept, by name: a repetition's answer is
made anew from it. Of one person's names the newest 1,000 are kept.
"""

import hashlib
from typing import Any, Final

import msgspec
from sqlalchemy import delete, insert, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from hustings.base.errors import TryLater, UserError
from hustings.store.schema import done_once

KEPT_MS: Final = 86_400_000
MOST: Final = 1_000


class Once(msgspec.Struct, frozen=True):
    """A call by its name and what it asks for."""

    account: str
    once: str
    digest: str


class Repeated(Exception):
    """Not raised for a mistake: the call was carried out before; `made` names what came of it."""

    def __init__(self, made: str) -> None:
        super().__init__(made)
        self.made = made


def once_for(account: str, once: str, call: str, body: Any) -> Once:
    """call: which one it is. body: what it asks for, of plain types."""
    asked = call.encode() + b"\n" + msgspec.json.encode(body, order="sorted")
    return Once(account, once, hashlib.sha256(asked).hexdigest())


async def kept_of(connection: AsyncConnection, account: str) -> list[dict[str, Any]]:
    """All that is kept of one person's calls, newest first."""
    query = (
        select(done_once.c.once, done_once.c.made, done_once.c.made_ms)
        .where(done_once.c.account == account)
        .order_by(done_once.c.made_ms.desc(), done_once.c.once)
    )
    return [dict(row) for row in (await connection.execute(query)).mappings()]


async def expect_first(
    connection: AsyncConnection, once: Once | None, made: str, now_ms: int
) -> None:
    """Keep the call's name, in the transaction that makes `made`. None: the call has no name.

    Raises Repeated, UserError `once_differs`, TryLater `once_busy`.
    """
    if once is None:
        return
    mine = done_once.c.account == once.account
    await connection.execute(delete(done_once).where(done_once.c.made_ms < now_ms - KEPT_MS))
    query = select(done_once).where(mine, done_once.c.once == once.once)
    before = (await connection.execute(query)).one_or_none()
    if before is not None:
        if before.digest != once.digest:
            raise UserError("once_differs", "This Idempotency-Key had another call.", status=422)
        raise Repeated(before.made)
    try:
        await connection.execute(
            insert(done_once).values(**msgspec.structs.asdict(once), made=made, made_ms=now_ms)
        )
    except IntegrityError:  # PostgreSQL: the same call was carried out beside us
        raise TryLater("once_busy", "The same call is being carried out.", delay_s=1) from None
    newest = (
        select(done_once.c.once)
        .where(mine)
        .order_by(done_once.c.made_ms.desc(), done_once.c.once)
        .offset(MOST)
    )
    too_many = [row.once for row in await connection.execute(newest)]
    if too_many:
        await connection.execute(delete(done_once).where(mine, done_once.c.once.in_(too_many)))
