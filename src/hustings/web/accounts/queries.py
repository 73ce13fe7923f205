"""SQL of accounts, passkeys and recovery codes; secrets are looked up by their hash."""

from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from hustings.store.schema import accounts, passkeys, recovery_codes
from hustings.web.accounts.model import Account, Passkey
from hustings.web.accounts.passkeys import NewKey


async def add_account(connection: AsyncConnection, account: Account) -> None:
    """A new person."""
    await connection.execute(
        insert(accounts).values(
            account=account.account,
            name=account.name,
            role=account.role,
            made_ms=account.made_ms,
        )
    )


async def find_account(
    connection: AsyncConnection, account: str, *, lock: bool = False
) -> Account | None:
    """One person, or None. lock: what else asks so waits (PostgreSQL; SQLite has one writer)."""
    query = select(accounts).where(accounts.c.account == account)
    query = query.with_for_update() if lock else query
    row = (await connection.execute(query)).mappings().one_or_none()
    return Account(**row) if row else None


async def all_accounts(connection: AsyncConnection) -> list[Account]:
    """Everybody, by name."""
    rows = await connection.execute(select(accounts).order_by(accounts.c.name, accounts.c.account))
    return [Account(**row) for row in rows.mappings()]


async def owners(connection: AsyncConnection) -> list[str]:
    """Who owns the house; in PostgreSQL two transactions that ask take turns from here on."""
    query = select(accounts.c.account).where(accounts.c.role == "owner").with_for_update()
    return [row.account for row in await connection.execute(query)]


async def change_account(
    connection: AsyncConnection, account: str, *, role: str | None = None, name: str | None = None
) -> None:
    """Another role or name."""
    values = {k: v for k, v in (("role", role), ("name", name)) if v is not None}
    await connection.execute(update(accounts).where(accounts.c.account == account).values(**values))


async def delete_account(connection: AsyncConnection, account: str) -> None:
    """Forget a person; passkeys, recovery codes and sessions go with them."""
    await connection.execute(delete(accounts).where(accounts.c.account == account))


async def add_passkey(
    connection: AsyncConnection, account: str, passkey: str, key: NewKey, browser: str, now_ms: int
) -> None:
    """One more passkey of this person. IntegrityError if somebody has it already."""
    await connection.execute(
        insert(passkeys).values(
            passkey=passkey,
            account=account,
            credential=key.credential,
            public_key=key.public_key,
            counter=key.counter,
            browser=browser,
            made_ms=now_ms,
            used_ms=0,
        )
    )


async def find_passkey(connection: AsyncConnection, passkey: str) -> Passkey | None:
    """The passkey with this hash of its id, or None."""
    query = select(passkeys).where(passkeys.c.passkey == passkey)
    row = (await connection.execute(query)).mappings().one_or_none()
    return Passkey(**row) if row else None


async def passkeys_of(connection: AsyncConnection, account: str) -> list[Passkey]:
    """All of one person, oldest first."""
    query = (
        select(passkeys)
        .where(passkeys.c.account == account)
        .order_by(passkeys.c.made_ms, passkeys.c.passkey)
    )
    return [Passkey(**row) for row in (await connection.execute(query)).mappings()]


async def count_use(
    connection: AsyncConnection, passkey: Passkey, counter: int, used_ms: int
) -> bool:
    """Write down a use; False if another use came between, or the passkey is gone."""
    result = await connection.execute(
        update(passkeys)
        .where(passkeys.c.passkey == passkey.passkey, passkeys.c.counter == passkey.counter)
        .values(counter=counter, used_ms=used_ms)
    )
    return bool(result.rowcount)


async def delete_passkey(connection: AsyncConnection, account: str, passkey: str) -> None:
    """Forget one, if it is this person's."""
    await connection.execute(
        delete(passkeys).where(passkeys.c.account == account, passkeys.c.passkey == passkey)
    )


async def set_codes(connection: AsyncConnection, account: str, hashes: list[str]) -> None:
    """New recovery codes instead of all old ones."""
    await connection.execute(delete(recovery_codes).where(recovery_codes.c.account == account))
    await connection.execute(
        insert(recovery_codes), [{"code_hash": each, "account": account} for each in hashes]
    )


async def count_codes(connection: AsyncConnection, account: str) -> int:
    """How many recovery codes are left."""
    query = select(func.count()).where(recovery_codes.c.account == account)
    return (await connection.execute(query)).scalar_one()


async def use_code(connection: AsyncConnection, code_hash: str) -> str | None:
    """Use a recovery code up; whose it was, or None."""
    result = await connection.execute(
        delete(recovery_codes)
        .where(recovery_codes.c.code_hash == code_hash)
        .returning(recovery_codes.c.account)
    )
    row = result.one_or_none()
    return row.account if row else None
