"""SQL of the letters; `add` runs in the transaction of whatever the letters tell of."""

from collections.abc import Collection, Sequence
from typing import Any, Final

from sqlalchemy import ColumnElement, bindparam, delete, func, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from hustings.base.errors import TryLater, UserError
from hustings.store.schema import letters
from hustings.web.post.lanes import Lane
from hustings.web.post.model import (
    BODY_BYTES,
    KEY_CHARS,
    TRANSPORTS,
    Draft,
    Letter,
    Standing,
    State,
    TransportName,
    Trouble,
)
from hustings.web.post.verdicts import Verdict

PENDING: Final = 250_000  # letters that wait, of all transports; beyond it none are taken
URGENT: Final = 1_000  # more than that for those that somebody waits for
TROUBLES: Final = 20  # lines on the page
_LOOKS: Final = 5  # of one claim: one more for each time that one host fills all that was read
RECALLED_MS: Final = 0  # `until_ms` of what is on its way and, should it come back, goes no more
RECALL_KEPT_MS: Final = 300_000  # after it came back; whoever recalled it looks for it meanwhile
_URGENT, _ORDINARY = 0, 1
_OVER: Final = {"body": b"", "recipient": ""}  # of what is over nobody needs to know to whom


async def add(connection: AsyncConnection, drafts: Sequence[Draft], now_ms: int) -> None:
    """Queue letters, but none whose key is there. Raises TryLater("post_full"), UserError("letter_large")."""
    if not drafts:
        return
    if any(len(each.body) > BODY_BYTES or len(each.key) > KEY_CHARS for each in drafts):
        raise UserError("letter_large", "A letter has at most 64 KiB.")
    urgent = all(each.urgent for each in drafts)
    await expect_space(connection, len(drafts), urgent=urgent)
    await connection.execute(_insert(connection), [_row(each, now_ms) for each in drafts])


async def expect_space(connection: AsyncConnection, more: int, *, urgent: bool) -> None:
    """Whether so many can be queued. Raises TryLater("post_full")."""
    if await pending(connection) + more > PENDING + (URGENT if urgent else 0):
        raise TryLater("post_full", "Too many letters wait to be sent.", delay_s=60)


async def claim(
    connection: AsyncConnection,
    transport: TransportName,
    lane: Lane,
    found: list[Letter],
    *,
    now_ms: int,
    now_s: float,
) -> None:
    """Mark as `sending` what is due and has room in its lane, urgent ones first.

    They have begun in the lane and stand in `found`, also when this fails half way.
    """
    for rank in (_URGENT, _ORDINARY):
        for _ in range(_LOOKS):
            room = lane.room(now_s)
            rows = await _due(connection, transport, rank, lane.closed(now_s), room * 4, now_ms)
            fitting = []
            for letter in rows:
                if lane.room(now_s) and lane.takes(letter.host, now_s):
                    lane.begin(letter.host)
                    found.append(letter)
                    fitting.append(letter.id)
            await _mark(connection, fitting, "sending", now_ms)
            if len(rows) < room * 4 or not fitting:
                break


async def settle(connection: AsyncConnection, verdicts: Collection[Verdict], now_ms: int) -> None:
    """Write down what became of letters; what is over keeps neither body nor recipient."""
    for over in (False, True):
        rows = [
            {
                "letter": each.id,
                "state": each.state,
                "next_ms": each.next_ms,
                "attempts": each.attempts,
                "error": each.error,
                "changed_ms": now_ms,
            }
            for each in verdicts
            if (each.state != "waiting") == over
        ]
        if not rows:
            continue
        which = (letters.c.id == bindparam("letter")) & (letters.c.state == "sending")
        values: dict[str, Any] = {name: bindparam(name) for name in rows[0] if name != "letter"}
        change = update(letters).where(which).values(values | (_OVER if over else {}))
        await connection.execute(change, rows)


async def orphans(
    connection: AsyncConnection,
    transport: TransportName,
    *,
    again: bool,
    before_ms: int,
    but: Collection[int],
    now_ms: int,
) -> int:
    """Letters marked as `sending` that nobody sends any more; returns how many.

    again: they wait once more; else they are `unsure` for good. but: those that are under way.
    """
    which = (
        (letters.c.transport == transport)
        & (letters.c.state == "sending")
        & (letters.c.changed_ms <= before_ms)
        & letters.c.id.not_in(but)
    )
    values: dict[str, Any] = {"state": "waiting", "next_ms": now_ms, "changed_ms": now_ms}
    if not again:
        said = "The house was stopped while this was on its way."
        values |= {"state": "unsure", "error": said} | _OVER
    return (await connection.execute(update(letters).where(which).values(**values))).rowcount


async def expire(connection: AsyncConnection, now_ms: int) -> None:
    """Give up what waits and is of no use any more; forget what was recalled and came back."""
    waits, recalled = letters.c.state == "waiting", letters.c.until_ms == RECALLED_MS
    old = waits & recalled & (letters.c.changed_ms < now_ms - RECALL_KEPT_MS)
    await connection.execute(delete(letters).where(old))
    which = waits & ~recalled & (letters.c.until_ms < now_ms)
    late = func.coalesce(func.nullif(letters.c.error, ""), "It could not be sent in time.")
    await connection.execute(
        update(letters)
        .where(which)
        .values(state="given_up", changed_ms=now_ms, error=late, **_OVER)
    )


async def forget(
    connection: AsyncConnection, transport: TransportName, state: State, before_ms: int, limit: int
) -> int:
    """Delete what has been over for long, at most `limit` at once; returns how many."""
    old = (
        select(letters.c.id)
        .where(_of(transport, state), letters.c.changed_ms < before_ms)
        .limit(limit)
    )
    return (await connection.execute(delete(letters).where(letters.c.id.in_(old)))).rowcount


async def withdraw(connection: AsyncConnection, batch: str) -> list[str]:
    """Forget what waits of a batch: it is not to be sent any more. What is under way goes, once.

    Returns the keys of what is forgotten. What comes back to be tried again: `came_back`.
    """
    return await _recall(connection, letters.c.batch == batch)


async def withdraw_keys(connection: AsyncConnection, keys: Collection[str]) -> None:
    """The same of single letters."""
    await _recall(connection, letters.c.key.in_(keys))


async def came_back(connection: AsyncConnection, batch: str) -> list[str]:
    """Forget what was under way when it was withdrawn, and came back unsent; its keys."""
    recalled = (letters.c.batch == batch) & (letters.c.until_ms == RECALLED_MS)
    return await _forget_waiting(connection, recalled)


async def _recall(connection: AsyncConnection, which: ColumnElement[bool]) -> list[str]:
    keys = await _forget_waiting(connection, which)
    under_way = update(letters).where(which, letters.c.state == "sending")
    await connection.execute(under_way.values(until_ms=RECALLED_MS))
    return keys


async def _forget_waiting(connection: AsyncConnection, which: ColumnElement[bool]) -> list[str]:
    gone = delete(letters).where(which, letters.c.state == "waiting").returning(letters.c.key)
    return [row.key for row in await connection.execute(gone)]


async def pending(connection: AsyncConnection) -> int:
    """How many letters wait, of all transports."""
    which = letters.c.transport.in_(TRANSPORTS) & (letters.c.state == "waiting")  # by its index
    query = select(func.count()).select_from(letters).where(which)
    return int((await connection.execute(query)).scalar_one())


async def counts(connection: AsyncConnection) -> dict[tuple[TransportName, State], int]:
    """How many letters of each transport are in each state; none where there are none."""
    query = select(letters.c.transport, letters.c.state, func.count().label("n"))
    grouped = query.group_by(letters.c.transport, letters.c.state)
    return {(r.transport, r.state): r.n for r in await connection.execute(grouped)}


async def standing(connection: AsyncConnection, transport: TransportName) -> Standing:
    """How this transport's letters stand, and the most frequent troubles."""
    latest = select(func.max(letters.c.changed_ms)).where(_of(transport, "sent"))
    columns = (letters.c.batch, letters.c.host, letters.c.state, letters.c.error.label("reason"))
    count = func.count().label("count")
    query = (
        select(*columns, count, func.max(letters.c.changed_ms).label("latest_ms"))
        .where(letters.c.transport == transport, letters.c.state != "sent", letters.c.error != "")
        .group_by(*columns)
        .order_by(count.desc(), letters.c.batch, letters.c.host)
        .limit(TROUBLES)
    )
    return Standing(
        transport,
        {k[1]: v for k, v in (await counts(connection)).items() if k[0] == transport},
        (await connection.execute(latest)).scalar_one() or 0,
        [Trouble(**row) for row in (await connection.execute(query)).mappings()],
    )


def _of(transport: TransportName, state: State) -> ColumnElement[bool]:
    return (letters.c.transport == transport) & (letters.c.state == state)


async def _due(
    connection: AsyncConnection,
    transport: TransportName,
    rank: int,
    closed: list[str],
    limit: int,
    now_ms: int,
) -> list[Letter]:
    if not limit:
        return []
    c = letters.c
    query = (
        select(c.id, c.key, c.host, c.recipient, c.body, c.made_ms, c.until_ms, c.attempts)
        .where(_of(transport, "waiting"), c.rank == rank, c.next_ms <= now_ms)
        .where(c.until_ms >= now_ms, c.host.not_in(closed))
        .order_by(c.next_ms, c.id)
        .limit(limit)
        .with_for_update(skip_locked=True)  # PostgreSQL: what is being withdrawn is not claimed
    )
    return [Letter(**row) for row in (await connection.execute(query)).mappings()]


async def _mark(connection: AsyncConnection, ids: list[int], state: State, now_ms: int) -> None:
    if ids:
        change = update(letters).where(letters.c.id.in_(ids))
        await connection.execute(change.values(state=state, changed_ms=now_ms))


def _insert(connection: AsyncConnection) -> Any:
    if connection.dialect.name == "postgresql":
        return postgresql.insert(letters).on_conflict_do_nothing(index_elements=["key"])
    return sqlite.insert(letters).on_conflict_do_nothing(index_elements=["key"])


def _row(draft: Draft, now_ms: int) -> dict[str, Any]:
    return {
        "transport": draft.transport,
        "key": draft.key,
        "batch": draft.batch,
        "host": draft.host,
        "recipient": draft.recipient,
        "body": draft.body,
        "rank": _URGENT if draft.urgent else _ORDINARY,
        "made_ms": now_ms,
        "next_ms": max(now_ms, draft.not_before_ms),
        "until_ms": draft.until_ms,
        "attempts": 0,
        "error": "",
        "state": "waiting",
        "changed_ms": now_ms,
    }
