"""SQL of one-time codes and sessions; secrets are looked up by their hash."""

from typing import Final

from sqlalchemy import ColumnElement, delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from hustings.store.schema import accounts, host_codes, sessions
from hustings.web.accounts.model import Device, Invitation, Who, to_the_day

SESSIONS: Final = 50  # of one account; then the oldest ends
_CODE: Final = (
    host_codes.c.code_hash.label("code"),
    host_codes.c.name,
    host_codes.c.role,
    host_codes.c.made_ms,
    host_codes.c.expires_ms,
)


async def add_code(
    connection: AsyncConnection,
    code_hash: str,
    *,
    now_ms: int,
    expires_ms: int,
    role: str = "owner",
    name: str = "",
    made_by: str = "",
    address: str = "",
) -> None:
    """A new one-time code; those that have run out are forgotten.

    made_by: an account, or "". address: to which it is mailed, if it is.
    """
    await forget_codes(connection, now_ms)
    await connection.execute(
        insert(host_codes).values(
            code_hash=code_hash,
            made_ms=now_ms,
            expires_ms=expires_ms,
            used_ms=0,
            role=role,
            name=name,
            made_by=made_by,
            address=address,
        )
    )


async def forget_codes(connection: AsyncConnection, now_ms: int) -> None:
    """Those that have run out and nobody used; with them the addresses to which they were mailed."""
    which = (host_codes.c.expires_ms < now_ms) & (host_codes.c.used_ms == 0)
    await connection.execute(delete(host_codes).where(which))


async def mailed_to(connection: AsyncConnection, code_hash: str) -> str:
    """The address to which a code was mailed that is not used yet; ""."""
    query = select(host_codes.c.address).where(host_codes.c.code_hash == code_hash)
    return (await connection.execute(query)).scalar_one_or_none() or ""


async def find_code(connection: AsyncConnection, code_hash: str, now_ms: int) -> Invitation | None:
    """A code that is good now, or None."""
    query = select(*_CODE).where(host_codes.c.code_hash == code_hash, _good(now_ms))
    row = (await connection.execute(query)).mappings().one_or_none()
    return Invitation(**row) if row else None


async def use_code(connection: AsyncConnection, code_hash: str, now_ms: int) -> Invitation | None:
    """Use a code up; None if it is not good. Those that were printed end with the first of them."""
    result = await connection.execute(
        update(host_codes)
        .where(_good(now_ms), host_codes.c.code_hash == code_hash)
        .values(used_ms=now_ms, address="")  # whose it is now is for them to say
        .returning(*_CODE, host_codes.c.made_by)
    )
    row = result.mappings().one_or_none()
    if row is None:
        return None
    if not row["made_by"]:
        await connection.execute(
            delete(host_codes).where(host_codes.c.used_ms == 0, host_codes.c.made_by == "")
        )
    return Invitation(**{k: v for k, v in row.items() if k != "made_by"})


async def ever_used(connection: AsyncConnection) -> bool:
    """Whether somebody ever became host here."""
    query = select(func.count()).where(host_codes.c.used_ms > 0)
    return bool((await connection.execute(query)).scalar_one())


async def invitations(
    connection: AsyncConnection, now_ms: int, *, made_by: str = ""
) -> list[Invitation]:
    """Codes that people (or this one) made for others and nobody used yet, newest first."""
    whose = host_codes.c.made_by == made_by if made_by else host_codes.c.made_by != ""
    query = (
        select(*_CODE)
        .where(_good(now_ms), whose)
        .order_by(host_codes.c.made_ms.desc(), host_codes.c.code_hash)
    )
    return [Invitation(**row) for row in (await connection.execute(query)).mappings()]


async def withdraw(connection: AsyncConnection, *, code_hash: str = "", made_by: str = "") -> None:
    """Forget one invitation, or all that this person made and nobody used."""
    which = host_codes.c.code_hash == code_hash if code_hash else host_codes.c.made_by == made_by
    await connection.execute(
        delete(host_codes).where(host_codes.c.used_ms == 0, host_codes.c.made_by != "", which)
    )


async def add_session(
    connection: AsyncConnection,
    session_hash: str,
    *,
    now_ms: int,
    expires_ms: int,
    account: str | None = None,
    role: str = "",
    browser: str = "",
) -> None:
    """A new session; those that have run out are forgotten, and the oldest of too many."""
    await forget_sessions(connection, now_ms)
    await connection.execute(
        insert(sessions).values(
            session_hash=session_hash,
            made_ms=now_ms,
            expires_ms=expires_ms,
            account=account,
            role=role,
            browser=browser,
            seen_ms=to_the_day(now_ms),
        )
    )
    if account is not None:
        newest = (
            select(sessions.c.session_hash)
            .where(sessions.c.account == account)
            .order_by(sessions.c.made_ms.desc(), sessions.c.session_hash)
            .offset(SESSIONS)
        )
        too_many = [row.session_hash for row in await connection.execute(newest)]
        await connection.execute(delete(sessions).where(sessions.c.session_hash.in_(too_many)))


async def forget_sessions(connection: AsyncConnection, now_ms: int) -> None:
    """Those that have run out."""
    await connection.execute(delete(sessions).where(sessions.c.expires_ms < now_ms))


async def find_session(
    connection: AsyncConnection, session_hash: str, now_ms: int
) -> tuple[Who, int] | None:
    """Who this is and when they were seen last, if the session is good now."""
    query = (
        select(
            sessions.c.role.label("plain_role"),
            sessions.c.seen_ms,
            sessions.c.made_ms,
            accounts.c.account,
            accounts.c.name,
            accounts.c.role,
        )
        .outerjoin(accounts, accounts.c.account == sessions.c.account)
        .where(sessions.c.session_hash == session_hash, sessions.c.expires_ms >= now_ms)
    )
    row = (await connection.execute(query)).one_or_none()
    if row is None:
        return None
    role = row.role if row.account else row.plain_role
    return Who(session_hash, row.account or "", row.name or "", role, row.made_ms), row.seen_ms


async def see(connection: AsyncConnection, session_hash: str, today_ms: int) -> None:
    """Write down that this session is in use."""
    await connection.execute(
        update(sessions).where(sessions.c.session_hash == session_hash).values(seen_ms=today_ms)
    )


async def sessions_of(connection: AsyncConnection, account: str, now_ms: int) -> list[Device]:
    """One person's sessions, newest first."""
    query = (
        select(
            sessions.c.session_hash.label("session"),
            sessions.c.browser,
            sessions.c.made_ms,
            sessions.c.seen_ms,
        )
        .where(sessions.c.account == account, sessions.c.expires_ms >= now_ms)
        .order_by(sessions.c.made_ms.desc(), sessions.c.session_hash)
    )
    return [Device(**row) for row in (await connection.execute(query)).mappings()]


async def count_plain(connection: AsyncConnection, now_ms: int) -> int:
    """How many browsers are here without an account."""
    query = select(func.count()).where(
        sessions.c.account.is_(None), sessions.c.expires_ms >= now_ms
    )
    return (await connection.execute(query)).scalar_one()


async def end_session(
    connection: AsyncConnection, session_hash: str, *, account: str | None = None
) -> bool:
    """Forget a session (account: only if it is theirs); whether there was one."""
    which = sessions.c.session_hash == session_hash
    if account is not None:
        which &= sessions.c.account == account
    return bool((await connection.execute(delete(sessions).where(which))).rowcount)


async def end_sessions(connection: AsyncConnection, account: str | None) -> None:
    """Forget all of one person; None: all without an account."""
    which = sessions.c.account == account if account else sessions.c.account.is_(None)
    await connection.execute(delete(sessions).where(which))


def _good(now_ms: int) -> ColumnElement[bool]:
    return (host_codes.c.used_ms == 0) & (host_codes.c.expires_ms >= now_ms)
