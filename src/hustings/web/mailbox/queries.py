"""SQL of addresses and of the links that were sent there; links are looked up by their hash."""

from collections.abc import Collection

from sqlalchemy import delete, func, insert, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from hustings.store.schema import emails, letters, mail_links
from hustings.web.mailbox.model import Email, MailLink, Purpose


async def owners_of(connection: AsyncConnection, addresses: Collection[str]) -> dict[str, str]:
    """Whose these are: address -> account, for those that are somebody's."""
    query = select(emails.c.address, emails.c.account).where(emails.c.address.in_(addresses))
    return {row.address: row.account for row in await connection.execute(query)}


async def emails_of(connection: AsyncConnection, account: str) -> list[Email]:
    """One person's, oldest first."""
    query = (
        select(emails.c.address, emails.c.made_ms)
        .where(emails.c.account == account)
        .order_by(emails.c.made_ms, emails.c.address)
    )
    return [Email(**row) for row in (await connection.execute(query)).mappings()]


async def add_email(connection: AsyncConnection, account: str, address: str, now_ms: int) -> None:
    """One more. IntegrityError if it is somebody's."""
    values = {"address": address, "account": account, "made_ms": now_ms}
    await connection.execute(insert(emails).values(values))


async def keep_email(connection: AsyncConnection, account: str, address: str, now_ms: int) -> bool:
    """As `add_email`; False if it is somebody's."""
    try:
        async with connection.begin_nested():
            await add_email(connection, account, address, now_ms)
    except IntegrityError:
        return False
    return True


async def remove_email(connection: AsyncConnection, account: str, address: str) -> None:
    """Forget one, its links, and letters that wait, if it is this person's."""
    which = (emails.c.account == account) & (emails.c.address == address)
    if (await connection.execute(delete(emails).where(which))).rowcount:
        await drop_links(connection, address)
        await _unsend(connection, [address])


async def forget_person(connection: AsyncConnection, account: str) -> None:
    """Before an account goes: letters to its addresses that wait are not sent (the rest goes with it)."""
    await _unsend(connection, [each.address for each in await emails_of(connection, account)])


async def add_link(
    connection: AsyncConnection,
    link_hash: str,
    *,
    address: str,
    account: str,
    purpose: Purpose,
    asked_hash: str,
    now_ms: int,
    expires_ms: int,
) -> None:
    """A new link; those that have run out are forgotten."""
    await forget_links(connection, now_ms)
    await connection.execute(
        insert(mail_links).values(
            link_hash=link_hash,
            address=address,
            account=account,
            purpose=purpose,
            asked_hash=asked_hash,
            expires_ms=expires_ms,
        )
    )


async def forget_links(connection: AsyncConnection, now_ms: int) -> None:
    """Those that have run out."""
    await connection.execute(delete(mail_links).where(mail_links.c.expires_ms < now_ms))


async def find_link(connection: AsyncConnection, link_hash: str, now_ms: int) -> MailLink | None:
    """A link that is good now, or None."""
    c = mail_links.c
    query = select(c.address, c.account, c.purpose, c.asked_hash)
    query = query.where(c.link_hash == link_hash, c.expires_ms >= now_ms)
    row = (await connection.execute(query)).mappings().one_or_none()
    return MailLink(**row) if row else None


async def use_link(connection: AsyncConnection, link_hash: str, now_ms: int) -> bool:
    """Use a link up; False if it is not good (any more)."""
    which = (mail_links.c.link_hash == link_hash) & (mail_links.c.expires_ms >= now_ms)
    return bool((await connection.execute(delete(mail_links).where(which))).rowcount)


async def drop_links(connection: AsyncConnection, address: str) -> None:
    """All links that were sent to this address end."""
    await connection.execute(delete(mail_links).where(mail_links.c.address == address))


async def count_emails(connection: AsyncConnection, account: str) -> int:
    """How many addresses a person has."""
    query = select(func.count()).where(emails.c.account == account)
    return int((await connection.execute(query)).scalar_one())


async def _unsend(connection: AsyncConnection, addresses: Collection[str]) -> None:
    which = letters.c.recipient.in_(addresses) & (letters.c.state == "waiting")
    await connection.execute(delete(letters).where(which, letters.c.transport == "mail"))
