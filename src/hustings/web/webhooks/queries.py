"""SQL of hooks and deliveries; called inside a transaction of `store.Database`."""

from collections.abc import Collection
from typing import Any

from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from hustings.store.schema import awaited_replays, deliveries, hooks
from hustings.web.webhooks.model import KEPT, Delivery, Hook


def _hook(row: Any) -> Hook:
    return Hook(**{**row, "events": tuple(row["events"].split())})


async def add_hook(connection: AsyncConnection, hook: Hook) -> None:
    """One more."""
    await connection.execute(insert(hooks).values({**vars(hook), "events": " ".join(hook.events)}))


async def change_hook(connection: AsyncConnection, hook: str, **values: Any) -> None:
    """Other values in its columns."""
    await connection.execute(update(hooks).where(hooks.c.hook == hook).values(**values))


async def delete_hook(connection: AsyncConnection, hook: str) -> None:
    """Forget it, and its deliveries."""
    await connection.execute(delete(hooks).where(hooks.c.hook == hook))


async def find_hook(connection: AsyncConnection, hook: str, *, lock: bool = False) -> Hook | None:
    """One, or None. lock: what else asks so waits (PostgreSQL; SQLite has one writer)."""
    query = select(hooks).where(hooks.c.hook == hook)
    query = query.with_for_update() if lock else query
    row = (await connection.execute(query)).mappings().one_or_none()
    return _hook(row) if row else None


async def all_hooks(connection: AsyncConnection) -> list[Hook]:
    """All, in the order they were made."""
    query = select(hooks).order_by(hooks.c.made_ms, hooks.c.hook)
    return [_hook(row) for row in (await connection.execute(query)).mappings()]


async def add_delivery(connection: AsyncConnection, delivery: Delivery) -> None:
    """One more message; of the hook's oldest that do not wait any more only so many stay.

    Those that wait are as many as there are letters (`post_full`), or older than `USEFUL_MS`.
    """
    await connection.execute(insert(deliveries).values(vars(delivery)))
    newest = (
        select(deliveries.c.delivery)
        .where(deliveries.c.hook == delivery.hook)
        .where((deliveries.c.state != "waiting") | (deliveries.c.until_ms < delivery.made_ms))
        .order_by(deliveries.c.made_ms.desc(), deliveries.c.delivery)
        .offset(KEPT)
        .limit(KEPT)
    )
    old = [row.delivery for row in await connection.execute(newest)]
    if old:
        await connection.execute(delete(deliveries).where(deliveries.c.delivery.in_(old)))


async def change_delivery(connection: AsyncConnection, delivery: str, **values: Any) -> None:
    """Other values in its columns."""
    await connection.execute(
        update(deliveries).where(deliveries.c.delivery == delivery).values(**values)
    )


async def find_delivery(connection: AsyncConnection, delivery: str) -> Delivery | None:
    """One, or None."""
    query = select(deliveries).where(deliveries.c.delivery == delivery)
    row = (await connection.execute(query)).mappings().one_or_none()
    return Delivery(**row) if row else None


async def deliveries_of(connection: AsyncConnection, hook: str) -> list[Delivery]:
    """The last ones of a hook, the newest first, at most `KEPT`."""
    query = (
        select(deliveries)
        .where(deliveries.c.hook == hook)
        .order_by(deliveries.c.made_ms.desc(), deliveries.c.delivery)
        .limit(KEPT)
    )
    return [Delivery(**row) for row in (await connection.execute(query)).mappings()]


async def await_replay(connection: AsyncConnection, room: str, now_ms: int) -> None:
    """Its replay is to come."""
    postgres = connection.dialect.name == "postgresql"
    add: Any = (postgresql.insert if postgres else sqlite.insert)(awaited_replays)
    await connection.execute(add.values(room=room, since_ms=now_ms).on_conflict_do_nothing())


async def awaited(connection: AsyncConnection) -> list[str]:
    """Rooms whose replay is to come, those that waited longest first."""
    query = select(awaited_replays.c.room).order_by(awaited_replays.c.since_ms)
    return [row.room for row in await connection.execute(query)]


async def await_no_more(
    connection: AsyncConnection, rooms: Collection[str] = (), *, before_ms: int = 0
) -> int:
    """Not to come any more: those named, and those since before then; how many there were."""
    which = awaited_replays.c.room.in_(rooms) | (awaited_replays.c.since_ms < before_ms)
    return (await connection.execute(delete(awaited_replays).where(which))).rowcount


async def count_hooks(connection: AsyncConnection) -> int:
    """How many there are."""
    return int((await connection.execute(select(func.count()).select_from(hooks))).scalar_one())
