"""SQL of host codes and sessions; secrets are looked up by their hash."""

from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from hustings.store.schema import host_codes, sessions


async def add_code(
    connection: AsyncConnection, code_hash: str, *, now_ms: int, expires_ms: int
) -> None:
    """A new one-time code; those that have run out are forgotten."""
    await connection.execute(
        delete(host_codes).where(host_codes.c.expires_ms < now_ms, host_codes.c.used_ms == 0)
    )
    await connection.execute(
        insert(host_codes).values(
            code_hash=code_hash, made_ms=now_ms, expires_ms=expires_ms, used_ms=0
        )
    )


async def use_code(connection: AsyncConnection, code_hash: str, now_ms: int) -> bool:
    """Use a code up, and with it all others that wait; False if it is not good."""
    good = (host_codes.c.used_ms == 0) & (host_codes.c.expires_ms >= now_ms)
    result = await connection.execute(
        update(host_codes).where(good, host_codes.c.code_hash == code_hash).values(used_ms=now_ms)
    )
    if not result.rowcount:
        return False
    await connection.execute(delete(host_codes).where(host_codes.c.used_ms == 0))
    return True


async def ever_used(connection: AsyncConnection) -> bool:
    """Whether somebody ever became host here."""
    query = select(func.count()).where(host_codes.c.used_ms > 0)
    return bool((await connection.execute(query)).scalar_one())


async def add_session(
    connection: AsyncConnection, session_hash: str, *, now_ms: int, expires_ms: int
) -> None:
    """A new session; those that have run out are forgotten."""
    await connection.execute(delete(sessions).where(sessions.c.expires_ms < now_ms))
    await connection.execute(
        insert(sessions).values(session_hash=session_hash, made_ms=now_ms, expires_ms=expires_ms)
    )


async def has_session(connection: AsyncConnection, session_hash: str, now_ms: int) -> bool:
    """Whether this session is good now."""
    query = select(sessions.c.made_ms).where(
        sessions.c.session_hash == session_hash, sessions.c.expires_ms >= now_ms
    )
    return (await connection.execute(query)).one_or_none() is not None


async def end_session(connection: AsyncConnection, session_hash: str) -> None:
    """Forget a session."""
    await connection.execute(delete(sessions).where(sessions.c.session_hash == session_hash))
