"""SQL of identities: which account is somebody of a provider."""

from dataclasses import dataclass

from sqlalchemy import delete, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from hustings.store.schema import identities


@dataclass(frozen=True)
class Identity:
    """That somebody of a provider is an account here."""

    identity: str  # SHA-256 of issuer and subject
    account: str
    issuer: str
    made_ms: int


async def add(connection: AsyncConnection, identity: Identity) -> None:
    """One more. IntegrityError if it is somebody's already."""
    await connection.execute(insert(identities).values(vars(identity)))


async def find(connection: AsyncConnection, identity: str) -> Identity | None:
    """Whose this is, or None."""
    query = select(identities).where(identities.c.identity == identity)
    row = (await connection.execute(query)).mappings().one_or_none()
    return Identity(**row) if row else None


async def of(connection: AsyncConnection, account: str) -> list[Identity]:
    """All of one person, the oldest first."""
    query = (
        select(identities)
        .where(identities.c.account == account)
        .order_by(identities.c.made_ms, identities.c.identity)
    )
    return [Identity(**row) for row in (await connection.execute(query)).mappings()]


async def remove(connection: AsyncConnection, account: str, issuer: str) -> None:
    """Forget what links this account to this provider."""
    await connection.execute(
        delete(identities).where(identities.c.account == account, identities.c.issuer == issuer)
    )
