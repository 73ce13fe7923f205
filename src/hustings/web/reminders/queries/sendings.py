"""SQL of what is sent of a room: begun, kept, and how its letters stand."""

from typing import Any, Final

import msgspec
from sqlalchemy import ColumnElement, case, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from hustings.base.ids import RoomId
from hustings.store.schema import letters, promotions, subscriptions
from hustings.web.post.queries import RECALLED_MS
from hustings.web.reminders.model import Channel, Fates, Sending, batch_of
from hustings.web.reminders.occasions import Due
from hustings.web.reminders.spread import Spread
from hustings.wire.kinds import Promotion

PROMOTIONS: Final = 50  # of one room, on its pages


async def begin(
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
        (p.revision == due.revision) | (p.state == "open"),  # one of other words may be going on
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
    chosen = update(subscriptions).where(subscriptions.c.subscription.in_(who))
    await connection.execute(chosen.values(reminded_ms=start_ms))


async def not_done(connection: AsyncConnection, room: str = "") -> list[Sending]:
    """Those that go on, of a room or of all."""
    query = select(promotions).where(promotions.c.state != "done").order_by(promotions.c.id)
    if room:
        query = query.where(promotions.c.room == room)
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


async def one(connection: AsyncConnection, sending: int) -> Sending:
    """As it stands now."""
    found = await connection.execute(select(promotions).where(promotions.c.id == sending))
    return _sending(found.mappings().one())


async def count(connection: AsyncConnection, sending: Sending, more: int) -> bool:
    """So many become letters; False if it was closed since: then none may."""
    which = (promotions.c.id == sending.id) & (promotions.c.state == "open")
    chosen = update(promotions).where(which).values(queued=promotions.c.queued + more)
    return (await connection.execute(chosen)).rowcount > 0


async def close(connection: AsyncConnection, sending: Sending, *, missed: int = 0) -> bool:
    """No more of it become letters, for which it was too late for so many; whether it was open."""
    which = (promotions.c.id == sending.id) & (promotions.c.state == "open")
    chosen = update(promotions).where(which).values(state="closing", missed=missed)
    return (await connection.execute(chosen)).rowcount > 0


async def drop(connection: AsyncConnection, sending: Sending, more: int) -> None:
    """So many are not to get it, since the plan changed."""
    chosen = update(promotions).where(promotions.c.id == sending.id)
    await connection.execute(chosen.values(dropped=promotions.c.dropped + more))


async def tell(connection: AsyncConnection, sending: Sending) -> None:
    """What was said of it last; if that it is done, it is."""
    values: dict[str, Any] = {"told": sending.told, "told_ms": sending.told_ms}
    values["body"] = msgspec.json.encode(sending.body) if sending.body else b""
    if sending.state == "done":
        values["state"] = "done"
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
        return _sum(c.state.in_(states))

    at_ms = case((c.state == "sent", c.changed_ms), else_=None)
    recalled = (c.state == "waiting") & (c.until_ms == RECALLED_MS)
    late = (c.state == "given_up") & (c.attempts == 0)  # by `expire`, and nobody said no
    query = select(
        when("waiting", "sending"),
        _sum(recalled),
        when("sent"),
        when("given_up") - _sum(late),
        _sum(late),
        when("unsure"),
        func.coalesce(func.min(at_ms), 0),
        func.coalesce(func.max(at_ms), 0),
    ).where(c.batch == batch)
    return Fates(*(int(value) for value in (await connection.execute(query)).one()))


def _sum(which: ColumnElement[bool]) -> Any:
    return func.coalesce(func.sum(case((which, 1), else_=0)), 0)


async def unsent(connection: AsyncConnection, channel: Channel, now_ms: int) -> int:
    """Letters of this channel, whoever's, that are due and wait for their transport."""
    c = letters.c
    due = (c.transport == channel) & (c.state == "waiting") & (c.next_ms <= now_ms)
    query = select(func.count()).select_from(letters).where(due)
    return int((await connection.execute(query)).scalar_one())


def _sending(row: Any) -> Sending:
    fields = {name: row[name] for name in Sending.__struct_fields__ if name in row}
    fields["spread"] = Spread(row["opens_ms"], row["closes_ms"], row["ends_ms"])
    fields["body"] = msgspec.json.decode(row["body"], type=Promotion) if row["body"] else None
    return Sending(**fields)
