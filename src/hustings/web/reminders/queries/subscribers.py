"""SQL of those who ask to be told of a room: added, confirmed, ended, forgotten."""

from collections.abc import Collection
from typing import Final

import msgspec
from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from hustings.base.ids import RoomId
from hustings.store.schema import letters, promotions, subscriptions
from hustings.web.post import queries as post
from hustings.web.reminders.asking import Known
from hustings.web.reminders.model import Channel, Subscription, batch_of

FORGOTTEN: Final = 5_000  # rows at once: a write of some ten milliseconds
ASKED: Final = "remind-ask"  # batch of the letters that ask whether somebody wants it
OVER: Final = ("sent", "given_up", "unsure")
_s = subscriptions.c


async def add(
    connection: AsyncConnection,
    new: Subscription,
    address_hash: str,
    *,
    told_ms: int,
    now_ms: int,
    confirmed: bool,
) -> None:
    """A new subscription."""
    await connection.execute(
        insert(subscriptions).values(
            **msgspec.structs.asdict(new),
            address_hash=address_hash,
            told_ms=told_ms,
            reminded_ms=0,
            made_ms=now_ms,
            confirmed_ms=now_ms if confirmed else 0,
        )
    )


async def find(connection: AsyncConnection, room: RoomId, address_hash: str) -> str | None:
    """The subscription of an address in a room, if there is one."""
    query = select(_s.subscription).where(_s.room == room, _s.address_hash == address_hash)
    return (await connection.execute(query)).scalar_one_or_none()


async def known(connection: AsyncConnection, hashes: Collection[str]) -> list[Known]:
    """All subscriptions of these addresses."""
    columns = [subscriptions.c[name] for name in Known.__struct_fields__]
    query = select(*columns).where(_s.address_hash.in_(hashes))
    return [Known(**row) for row in (await connection.execute(query)).mappings()]


async def confirm(
    connection: AsyncConnection,
    room: RoomId,
    subscription: str,
    *,
    told_ms: int,
    place: int,
    now_ms: int,
) -> bool:
    """It is wanted; whether it is there. What it should know is what its page says now."""
    which = (_s.subscription == subscription) & (_s.room == room)
    await connection.execute(
        update(subscriptions)
        .where(which, _s.confirmed_ms == 0)
        .values(confirmed_ms=now_ms, told_ms=told_ms, place=place)
    )
    return (await connection.execute(select(_s.room).where(which))).first() is not None


async def ask_again(connection: AsyncConnection, subscription: str, now_ms: int) -> None:
    """Another letter is to be sent to confirm it; the one before makes room, unless it is on its way."""
    c = letters.c
    old = (c.key == ask_key(subscription)) & (c.state != "sending")
    await connection.execute(delete(letters).where(old))
    await connection.execute(
        update(subscriptions).where(_s.subscription == subscription).values(made_ms=now_ms)
    )


async def renew(connection: AsyncConnection, subscription: str, new: Subscription) -> None:
    """The same browser with other keys, or in another language."""
    await connection.execute(
        update(subscriptions)
        .where(_s.subscription == subscription)
        .values(keys=new.keys, language=new.language, zone=new.zone)
    )


async def end(connection: AsyncConnection, subscription: str) -> None:
    """Forget it, if it is there. Its letters that wait are not sent.

    By their keys, which are unique: a batch may have 200,000 letters, and SQLite one writer.
    """
    gone = delete(subscriptions).where(_s.subscription == subscription).returning(_s.room)
    room = (await connection.execute(gone)).scalar_one_or_none()
    if room is None:
        return
    made = await connection.execute(select(promotions.c.id).where(promotions.c.room == room))
    keys = [f"{batch_of(room, row.id)}:{subscription}" for row in made]
    await post.withdraw_keys(connection, [ask_key(subscription), *keys])


def ask_key(subscription: str) -> str:
    """Of the one letter that asks whether this is wanted."""
    return f"{ASKED}:{subscription}"


async def confirmed(connection: AsyncConnection, room: RoomId) -> dict[Channel, int]:
    """How many are told of a room, by channel."""
    query = select(_s.channel, func.count().label("many")).where(_s.room == room)
    grouped = query.where(_s.confirmed_ms > 0).group_by(_s.channel)
    return {row.channel: row.many for row in await connection.execute(grouped)}


async def count(connection: AsyncConnection, room: RoomId, channel: Channel) -> int:
    """All of a room, confirmed or not."""
    query = select(func.count()).where(_s.room == room, _s.channel == channel)
    return int((await connection.execute(query)).scalar_one())


async def forget_unconfirmed(connection: AsyncConnection, before_ms: int) -> None:
    """Whoever never opened the link, and the letters that asked them."""
    await connection.execute(
        delete(subscriptions).where(_s.confirmed_ms == 0, _s.made_ms < before_ms)
    )
    c = letters.c
    old = (c.batch == ASKED) & c.state.in_(OVER) & (c.changed_ms < before_ms)
    await connection.execute(delete(letters).where(old))


async def forget_room(connection: AsyncConnection, room: RoomId) -> None:
    """Nobody is told of this room any more: some of their addresses go, and where letters went."""
    mine = select(_s.subscription).where(_s.room == room).limit(FORGOTTEN)
    await connection.execute(delete(subscriptions).where(_s.subscription.in_(mine)))
    done = select(promotions.c.id).where(promotions.c.room == room, promotions.c.state == "done")
    for row in (await connection.execute(done)).all():
        c = letters.c
        which = (c.batch == batch_of(room, row.id)) & c.state.in_(OVER)
        some = select(c.id).where(which).limit(FORGOTTEN)
        await connection.execute(delete(letters).where(c.id.in_(some)))
