"""Guests who agreed to a recording are asked anew when it is to be kept for longer than that.

Called by `web.rooms.service` in the transaction that changes the plan.
"""

from sqlalchemy.ext.asyncio import AsyncConnection

from hustings.base.ids import RoomId
from hustings.web.guests import queries
from hustings.web.guests.model import kept_longer
from hustings.web.outbox import queries as outbox
from hustings.wire.kinds import keeps_shorter


async def asked_anew(
    connection: AsyncConnection, room: RoomId, now_ms: int, *, was: int | None, days: int | None
) -> None:
    """was, days: as `keep_days` of the room, before and from now on."""
    if not keeps_shorter(was, than=days):
        return
    there = await queries.of_room(connection, room)
    after = [kept_longer(each, now_ms) for each in there]
    if after == there:
        return
    for guest in after:
        await queries.change(connection, guest)
    await outbox.put_room(connection, room, {"guests": [each.told() for each in after]}, now_ms)
