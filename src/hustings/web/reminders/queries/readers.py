"""SQL of those who are told: who was not yet, who comes next, who has a letter now."""

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import ColumnElement, Select, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from hustings.base.ids import RoomId
from hustings.store.schema import subscriptions
from hustings.web.reminders.model import UNTOLD, Channel, Sending, Subscription

_NAMES: Final = 500  # in one query
_FIELDS: Final = Subscription.__struct_fields__
_s = subscriptions.c


async def rooms_with_any(connection: AsyncConnection) -> list[RoomId]:
    """Rooms that somebody is told of."""
    found = await connection.execute(select(_s.room).distinct())
    return [RoomId(row.room) for row in found]


async def waiting(
    connection: AsyncConnection, room: RoomId, *, start_ms: int | None = None, told_ms: int = 0
) -> dict[Channel, int]:
    """How many, by channel, were not reminded of this start; without one: do not know `told_ms`."""
    wanted = _s.told_ms != told_ms if start_ms is None else _s.reminded_ms != start_ms
    query = (
        select(_s.channel, func.count().label("many"))
        .where(_s.room == room, _s.confirmed_ms > 0, wanted)
        .group_by(_s.channel)
    )
    return {row.channel: row.many for row in await connection.execute(query)}


async def overdue(connection: AsyncConnection, sending: Sending, from_place: int, cut: int) -> int:
    """How many have their place in [from_place, cut) and were not sent it."""
    chosen = _still(sending, select(func.count()))
    query = chosen.where(_s.place >= from_place, _s.place < cut)
    return int((await connection.execute(query)).scalar_one())


async def next_due(
    connection: AsyncConnection, sending: Sending, from_place: int, cut: int, limit: int
) -> list[Subscription]:
    """The first of them, by place."""
    columns = [subscriptions.c[name] for name in _FIELDS]
    query = (
        _still(sending, select(*columns))
        .where(_s.place >= from_place, _s.place < cut)
        .order_by(_s.place, _s.subscription)
        .limit(limit)
    )
    return [Subscription(**row) for row in (await connection.execute(query)).mappings()]


async def left(connection: AsyncConnection, sending: Sending) -> int:
    """All who were not sent it yet."""
    return int((await connection.execute(_still(sending, select(func.count())))).scalar_one())


async def mark(
    connection: AsyncConnection, sending: Sending, told_ms: int, who: Sequence[Subscription]
) -> None:
    """They get it: to be done in the transaction that makes the letters."""
    values = {"told_ms": told_ms}
    if sending.occasion == "reminder":
        values["reminded_ms"] = sending.start_ms
    ids = [each.subscription for each in who]
    for at in range(0, len(ids), _NAMES):
        chosen = update(subscriptions).where(_s.subscription.in_(ids[at : at + _NAMES]))
        await connection.execute(chosen.values(values))


async def unmark(connection: AsyncConnection, sending: Sending, keys: Sequence[str]) -> None:
    """Their letters, of these keys, were withdrawn: they did not get it, unless another told them the same."""
    if sending.occasion == "reminder":
        marked, values = _s.reminded_ms == sending.start_ms, {"reminded_ms": 0}
    else:
        marked, values = _s.told_ms == sending.told_start_ms, {"told_ms": UNTOLD}
    ids = [key.removeprefix(sending.key("")) for key in keys]
    for at in range(0, len(ids), _NAMES):
        chosen = update(subscriptions).where(_s.subscription.in_(ids[at : at + _NAMES]), marked)
        await connection.execute(chosen.values(values))


def _still(sending: Sending, query: Select[Any]) -> Select[Any]:
    wanted: ColumnElement[bool]
    if sending.occasion == "reminder":
        wanted = _s.reminded_ms != sending.start_ms
    else:
        wanted = _s.told_ms != sending.told_start_ms
    return query.where(
        _s.room == sending.room, _s.channel == sending.channel, _s.confirmed_ms > 0, wanted
    )
