"""Ends sendings whose plan changed: what is not on its way is taken back, and who got none is due again.

Keeps true: from the transaction in which web learns of a change on, no letter sets out that says what
was true before, also none that was under way then and is asked to come again.
"""

from collections.abc import Sequence

from sqlalchemy.ext.asyncio import AsyncConnection

from hustings.web.post import queries as post
from hustings.web.reminders.events import evening_as_said
from hustings.web.reminders.model import Sending
from hustings.web.reminders.occasions import stands
from hustings.web.reminders.queries import readers, sendings
from hustings.wire.kinds import Room


async def learn(
    connection: AsyncConnection, changes: Sequence[tuple[Room | None, Room]], _now_ms: int
) -> None:
    """Rooms are not as they were: in the transaction that writes it down (`web.rooms.service.Tell`)."""
    for before, after in changes:
        evening = evening_as_said(after)
        if before is None or evening_as_said(before) == evening:
            continue
        for sending in await sendings.not_done(connection, after.room):
            if not stands(sending, evening):
                await close(connection, sending)


async def close(connection: AsyncConnection, sending: Sending) -> None:
    """What it says is not true any more."""
    was_open = await sendings.close(connection, sending)  # first: no letter of it is made any more
    left = await readers.left(connection, sending) if was_open else 0
    await readers.unmark(connection, sending, await post.withdraw(connection, sending.batch))
    await sendings.drop(connection, sending, left)
