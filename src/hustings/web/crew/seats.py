"""Seats that people of the house have on stages: they end as soon as the right to them does.

Keeps true: in the transaction that takes a right away, the seat goes and the stage is told to put
out whoever sits there. Whoever gets a right again gets another seat: the stage has revoked the first.
"""

from sqlalchemy.ext.asyncio import AsyncConnection

from hustings.base.ids import RoomId
from hustings.web.accounts.rules import stage_role
from hustings.web.crew import queries
from hustings.web.crew.model import Seat
from hustings.web.outbox import queries as outbox


async def settle(
    connection: AsyncConnection, account: str, role: str, now_ms: int, room: RoomId | None = None
) -> None:
    """End the seats of somebody (or the one in this room) that they would not be given now.

    role: theirs in the house, as it is from now on. Raises TryLater `outbox_full`.
    """
    for seat, there in await queries.seats_of(connection, account, room):
        if stage_role(role, there) != seat.role:
            await _end(connection, seat, now_ms)


async def end_all(connection: AsyncConnection, account: str, now_ms: int) -> None:
    """Their account ends. Raises TryLater `outbox_full`."""
    for seat, _ in await queries.seats_of(connection, account):
        await _end(connection, seat, now_ms)


async def _end(connection: AsyncConnection, seat: Seat, now_ms: int) -> None:
    await queries.remove_seats(connection, [seat])
    body = {"participant": seat.seat}
    await outbox.add(connection, RoomId(seat.room), "revoke", body, now_ms)
