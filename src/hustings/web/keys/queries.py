"""SQL of programs' keys; called inside a transaction of `store.Database`."""

from typing import Any, Final

from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from hustings.store.schema import accounts, api_keys
from hustings.web.accounts.model import Who
from hustings.web.keys.model import Key

_SHOWN: Final = tuple(column for column in api_keys.c if column.name != "key_hash")


def _key(row: Any) -> Key:
    shown = {field: row[field] for field in Key.__dataclass_fields__}
    return Key(**shown | {"scopes": tuple(row["scopes"].split())})


async def add(connection: AsyncConnection, key: Key, key_hash: str) -> None:
    """One more key."""
    values = {**vars(key), "scopes": " ".join(key.scopes), "key_hash": key_hash}
    await connection.execute(insert(api_keys).values(values))


async def find(connection: AsyncConnection, key: str) -> tuple[Key, str, Who] | None:
    """A key by its name, its hash, and its person as they are now."""
    query = (
        select(*_SHOWN, api_keys.c.key_hash, accounts.c.name.label("person"), accounts.c.role)
        .join(accounts, accounts.c.account == api_keys.c.account)
        .where(api_keys.c.key == key)
    )
    row = (await connection.execute(query)).mappings().one_or_none()
    if row is None:
        return None
    return _key(row), row["key_hash"], Who("", row["account"], row["person"], row["role"])


async def keys_of(connection: AsyncConnection, account: str) -> list[Key]:
    """All of one person, newest first; also those that have run out."""
    query = (
        select(*_SHOWN)
        .where(api_keys.c.account == account)
        .order_by(api_keys.c.made_ms.desc(), api_keys.c.key)
    )
    return [_key(row) for row in (await connection.execute(query)).mappings()]


async def count(connection: AsyncConnection, account: str) -> int:
    """How many keys somebody has."""
    query = select(func.count()).where(api_keys.c.account == account)
    return int((await connection.execute(query)).scalar_one())


async def use(connection: AsyncConnection, key: str, today_ms: int) -> None:
    """Write down that a key is in use."""
    await connection.execute(update(api_keys).where(api_keys.c.key == key).values(used_ms=today_ms))


async def revoke(connection: AsyncConnection, account: str, key: str) -> None:
    """Forget a key, if it is this person's."""
    await connection.execute(
        delete(api_keys).where(api_keys.c.account == account, api_keys.c.key == key)
    )
