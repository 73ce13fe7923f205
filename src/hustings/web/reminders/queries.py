"""SQL of subscriptions and of what is sent to them; called inside a transaction of `store.Database`."""

from collections.abc import Sequence
from typing import Any, Final

import msgspec
from sqlalchemy import ColumnElement, Select, Update, case, delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from hustings.base.ids import RoomId
from hustings.store.schema import letters, promotions, subscriptions
from hustings.web.reminders.model import UNTOLD, Channel, Fates, Sending, Subscription, batch_of
from hustings.web.reminders.occasions import Due
from hustings.web.reminders.spread import Spread
from hustings.wire.kinds import Promotion

PROMOTIONS: Final = 50  # of one room, on its pages
FORGOTTEN: Final = 5_000  # rows at once: a write of some ten milliseconds
ASKED: Final = "remind-ask"  # batch of the letters that ask whether somebody wants it
OVER: Final = ("sent", "given_up", "unsure")
_NAMES: Final = 500  # in one query
_FIELDS: Final = Subscription.__struct_fields__
_s = subscriptions.c


def _sending(row: Any) -> Sending:
    fields = {name: row[name] for name in Sending.__struct_fields__ if name in row}
    fields["spread"] = Spread(row["opens_ms"], row["closes_ms"], row["ends_ms"])
    fields["body"] = msgspec.json.decode(row["body"], type=Promotion) if row["body"] else None
    return Sending(**fields)


# --- those who ask --------------------------------------------------------------------------------


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


async def find(
    connection: AsyncConnection, room: RoomId, address_hash: str
) -> tuple[Subscription, bool, int] | None:
    """The subscription of an address, whether it is confirmed, and when it was made."""
    query = select(subscriptions).where(_s.room == room, _s.address_hash == address_hash)
    row = (await connection.execute(query)).mappings().one_or_none()
    if row is None:
        return None
    return Subscription(**{n: row[n] for n in _FIELDS}), row["confirmed_ms"] > 0, row["made_ms"]


async def confirm(
    connection: AsyncConnection, subscription: str, *, told_ms: int, place: int, now_ms: int
) -> bool:
    """It is wanted; whether it is there. What it should know is what its page says now."""
    which = _s.subscription == subscription
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


async def renew(connection: AsyncConnection, old: Subscription, new: Subscription) -> None:
    """The same browser with other keys, or in another language."""
    await connection.execute(
        update(subscriptions)
        .where(_s.subscription == old.subscription)
        .values(keys=new.keys, language=new.language, zone=new.zone)
    )


async def subscriptions_of(
    connection: AsyncConnection, address_hash: str
) -> list[tuple[str, RoomId]]:
    """All of an address, each with its room."""
    query = select(_s.subscription, _s.room).where(_s.address_hash == address_hash)
    return [(row.subscription, RoomId(row.room)) for row in await connection.execute(query)]


async def end(connection: AsyncConnection, subscription: str) -> None:
    """Forget it, if it is there. Its letters that wait are not sent, and name nobody any more."""
    gone = delete(subscriptions).where(_s.subscription == subscription).returning(_s.room)
    room = (await connection.execute(gone)).scalar_one_or_none()
    if room is None:
        return
    made = await connection.execute(select(promotions.c.id).where(promotions.c.room == room))
    keys = [f"{batch_of(room, row.id)}:{subscription}" for row in made]
    await connection.execute(end_letters([ask_key(subscription), *keys]))


def end_letters(keys: Sequence[str]) -> Update:
    """By their keys, which are unique: a batch may have 200,000 letters, and SQLite one writer."""
    ended = {"state": "given_up", "error": "It was ended.", "body": b"", "recipient": ""}
    which = letters.c.key.in_(keys) & (letters.c.state == "waiting")
    return update(letters).where(which).values(ended)


def ask_key(subscription: str) -> str:
    """Of the one letter that asks whether this is wanted."""
    return f"{ASKED}:{subscription}"


async def confirmed(connection: AsyncConnection, room: RoomId) -> dict[Channel, int]:
    """How many are told of a room, by channel."""
    query = select(_s.channel, func.count().label("many")).where(_s.room == room)
    grouped = query.where(_s.confirmed_ms > 0).group_by(_s.channel)
    return {row.channel: row.many for row in await connection.execute(grouped)}


async def asked(connection: AsyncConnection, address_hash: str) -> int:
    """In how many rooms this address waits to be confirmed."""
    query = select(func.count()).where(_s.address_hash == address_hash, _s.confirmed_ms == 0)
    return int((await connection.execute(query)).scalar_one())


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


# --- those who are due ----------------------------------------------------------------------------


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
    await connection.execute(
        update(promotions)
        .where(promotions.c.id == sending.id)
        .values(queued=promotions.c.queued + len(who))
    )


async def unmark(connection: AsyncConnection, sending: Sending, keys: Sequence[str]) -> None:
    """Their letters, of these keys, were withdrawn: they did not get it."""
    values = {"reminded_ms": 0} if sending.occasion == "reminder" else {"told_ms": UNTOLD}
    ids = [key.removeprefix(sending.key("")) for key in keys]
    for at in range(0, len(ids), _NAMES):
        chosen = update(subscriptions).where(_s.subscription.in_(ids[at : at + _NAMES]))
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


# --- what is sent ---------------------------------------------------------------------------------


async def open_sending(
    connection: AsyncConnection, room: RoomId, channel: Channel, due: Due, start_ms: int
) -> None:
    """Begin; nothing happens if it was begun before.

    A reminder that is no more open was ended by a change of plan (by itself it ends at the start,
    when none is due): it is begun anew, for those who have no letter of it. Not one whose end was put
    before the start: the house was restored meanwhile (`store.restored`), and the one before goes on.
    """
    p = promotions.c
    same = select(p.id, p.state, p.ends_ms).where(
        p.room == room,
        p.channel == channel,
        p.occasion == due.occasion,
        p.start_ms == start_ms,
        p.revision == due.revision,
    )
    before = (await connection.execute(same)).all()
    ended = all(row.state != "open" and row.ends_ms >= start_ms for row in before)
    if due.occasion == "reminder" and ended:
        for row in before:
            await _mark_reminded(connection, batch_of(room, row.id), start_ms)
    elif before:
        return
    await connection.execute(
        insert(promotions).values(
            room=room,
            occasion=due.occasion,
            channel=channel,
            start_ms=start_ms,
            revision=due.revision,
            **msgspec.structs.asdict(due.spread),
            state="open",
            queued=0,
            missed=0,
            dropped=0,
            told=0,
            told_ms=0,
            body=b"",
        )
    )


async def _mark_reminded(connection: AsyncConnection, batch: str, start_ms: int) -> None:
    """Whoever has a letter of this batch, also where another start's took its mark since."""
    who = select(func.substr(letters.c.key, len(batch) + 2)).where(letters.c.batch == batch)
    chosen = update(subscriptions).where(_s.subscription.in_(who))
    await connection.execute(chosen.values(reminded_ms=start_ms))


async def sendings(connection: AsyncConnection) -> list[Sending]:
    """Those that are not done."""
    query = select(promotions).where(promotions.c.state != "done").order_by(promotions.c.id)
    return [_sending(row) for row in (await connection.execute(query)).mappings()]


async def spread_of_reminder(
    connection: AsyncConnection, room: RoomId, channel: Channel
) -> Spread | None:
    """The window that is open for this room's reminders, if one is."""
    p = promotions.c
    query = select(p.opens_ms, p.closes_ms, p.ends_ms).where(
        p.room == room, p.channel == channel, p.occasion == "reminder", p.state == "open"
    )
    row = (await connection.execute(query.order_by(p.id.desc()))).first()
    return Spread(*row) if row else None


async def keep(connection: AsyncConnection, sending: Sending) -> None:
    """How it stands now."""
    names = ("state", "queued", "missed", "dropped", "told", "told_ms")
    values = {name: getattr(sending, name) for name in names}
    values["body"] = msgspec.json.encode(sending.body) if sending.body else b""
    chosen = update(promotions).where(promotions.c.id == sending.id)
    await connection.execute(chosen.values(**values))


async def promotions_of(connection: AsyncConnection, room: RoomId) -> list[Sending]:
    """All of a room, the latest first."""
    query = (
        select(promotions)
        .where(promotions.c.room == room)
        .order_by(promotions.c.id.desc())
        .limit(PROMOTIONS)
    )
    return [_sending(row) for row in (await connection.execute(query)).mappings()]


async def fates(connection: AsyncConnection, batch: str) -> Fates:
    """How a batch's letters stand: one walk over its index."""
    c = letters.c

    def when(*states: str) -> Any:
        return func.coalesce(func.sum(case((c.state.in_(states), 1), else_=0)), 0)

    at_ms = case((c.state == "sent", c.changed_ms), else_=None)
    query = select(
        when("waiting", "sending"),
        when("sent"),
        when("given_up"),
        when("unsure"),
        func.coalesce(func.min(at_ms), 0),
        func.coalesce(func.max(at_ms), 0),
    ).where(c.batch == batch)
    return Fates(*(int(value) for value in (await connection.execute(query)).one()))


async def unsent(connection: AsyncConnection, channel: Channel, now_ms: int) -> int:
    """Letters of this channel, whoever's, that are due and wait for their transport."""
    c = letters.c
    due = (c.transport == channel) & (c.state == "waiting") & (c.next_ms <= now_ms)
    query = select(func.count()).select_from(letters).where(due)
    return int((await connection.execute(query)).scalar_one())
