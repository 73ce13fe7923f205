"""Who helps with one room without being staff of the house, and how people come on its stage.

Keeps true: a role in a room holds at once and in that room alone; it ends with the account, with the
room's recording, or when somebody who leads the room takes it back, and with it the seat on the
stage that came of it. `accounts.rules` says what it allows.
"""

from typing import Final

from hustings.base.clock import Clock
from hustings.base.errors import Denied, NotFound, UserError
from hustings.base.ids import RoomId, new_id
from hustings.store import Database
from hustings.web.accounts.model import Account, Who
from hustings.web.accounts.queries import find_account
from hustings.web.accounts.rules import RoomRole, may, stage_role
from hustings.web.crew import queries, seats
from hustings.web.crew.model import Member, Place, Seat
from hustings.web.guests import queries as guests
from hustings.web.rooms import queries as rooms
from hustings.wire.tokens import PASS_SECONDS, Claims, KeyRing

MOST: Final = 20  # of one room
PLACES: Final = 200  # rooms on somebody's page


class Crew:
    """Of all rooms."""

    def __init__(self, database: Database, clock: Clock, keys: KeyRing) -> None:
        self._database = database
        self._clock = clock
        self._keys = keys

    async def role_in(self, room: RoomId, account: str) -> str:
        """The role of one person there; "": none. One query."""
        if not account:
            return ""
        async with self._database.read() as connection:
            return await queries.role_in(connection, room, account)

    async def of(self, room: RoomId) -> tuple[list[Member], list[Account]]:
        """Who helps with a room, and who else could: people who do not lead every room anyway."""
        async with self._database.read() as connection:
            people = await queries.everybody(connection, room)
        there = [Member(each.account, each.name, role) for each, role in people if role]
        others = [each for each, role in people if not role and not may(each.role, "lead")]
        return there, others

    async def places(self, account: str) -> list[Place]:
        """The rooms in which somebody has a role, or was on stage from their account."""
        async with self._database.read() as connection:
            return await queries.places(connection, account, limit=PLACES)

    async def give(self, room: RoomId, account: str, role: RoomRole) -> Member:
        """Give somebody a role there, or another one; again is as once.

        Raises NotFound `account_unknown`, UserError `crew_many`, TryLater `outbox_full`.
        """
        now_ms = self._clock.wall_ms()
        async with self._database.write() as connection:
            person = await find_account(connection, account, lock=True)
            if person is None:
                raise NotFound("account_unknown", "There is no such person here.")
            before = await queries.role_in(connection, room, account)
            if before:
                await queries.change(connection, room, account, role)
            elif await queries.count(connection, room) >= MOST:
                raise UserError("crew_many", f"At most {MOST} people help with a room.")
            else:
                await queries.add(connection, room, account, role, now_ms)
            await seats.settle(connection, account, person.role, now_ms, room)
        return Member(person.account, person.name, role)

    async def remove(self, room: RoomId, account: str, *, links: bool = False) -> None:
        """Take it back; also of somebody who has none. links: and every pass that they made there, and guests' links, which they may have seen.

        Raises TryLater `outbox_full`.
        """
        now_ms = self._clock.wall_ms()
        async with self._database.write() as connection:
            person = await find_account(connection, account, lock=True)
            await queries.remove(connection, room, account)
            if person is not None:
                await seats.settle(connection, account, person.role, now_ms, room)
            if links:
                await rooms.revoke_made_by(connection, account, now_ms, room)
                await guests.renew_links(connection, room)

    async def come(self, who: Who, room: RoomId) -> tuple[Seat, str]:
        """Somebody's seat on this stage, and a pass that takes them there once, soon.

        Raises NotFound `room_unknown`, Denied `permission`, UserError `room_state`.
        """
        now_ms = self._clock.wall_ms()
        async with self._database.write() as connection:
            planned = await rooms.room_named(connection, room)
            if planned is None:
                raise NotFound("room_unknown", "There is no room with this address.", room=room)
            person = await find_account(connection, who.account, lock=True)
            seat = await queries.seat_of(connection, room, who.account)
            there = await queries.role_in(connection, room, who.account)
            role = stage_role(person.role, there) if person else None
            if person is None or (role is None and seat is None):
                raise Denied("permission", "Your role in this house does not allow this.")
            if planned.state == "ended":
                if seat is None:
                    raise UserError("room_state", "The room is ended already.")
            elif role is None:
                raise Denied("permission", "Your role in this house does not allow this.")
            elif seat is None or seat.role != role:
                await seats.settle(connection, who.account, person.role, now_ms, room)
                seat = Seat(room, who.account, new_id(), role, now_ms)
                await queries.add_seat(connection, seat)
        return seat, self._signed(seat, person.name)

    def _signed(self, seat: Seat, name: str) -> str:
        now_s = self._clock.wall_ms() // 1_000
        claims = Claims(
            typ="invite",
            jti=new_id(16),
            iat=now_s,
            exp=now_s + PASS_SECONDS,
            room=seat.room,
            sub=seat.seat,
            role=seat.role,
            name=name,
        )
        return self._keys.sign(claims)
