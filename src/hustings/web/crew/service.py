"""Who helps with one room without being staff of the house.

Keeps true: a role in a room holds at once and in that room alone; it ends with the account, with the
room's recording, or when somebody who may plan rooms takes it back. `accounts.rules` says what it allows.
"""

from typing import Final

from hustings.base.clock import Clock
from hustings.base.errors import NotFound, UserError
from hustings.base.ids import RoomId
from hustings.store import Database
from hustings.web.accounts.model import Account
from hustings.web.accounts.queries import find_account
from hustings.web.accounts.rules import RoomRole, may
from hustings.web.crew import queries
from hustings.web.crew.queries import Duty, Member

MOST: Final = 20  # of one room


class Crew:
    """Of all rooms."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def role_in(self, room: RoomId, account: str) -> str:
        """The role of one person there; "": none. One query."""
        if not account:
            return ""
        async with self._database.read() as connection:
            return await queries.role_in(connection, room, account)

    async def of(self, room: RoomId) -> tuple[list[Member], list[Account]]:
        """Who helps with a room, and who else could: people who may not edit every room anyway."""
        async with self._database.read() as connection:
            people = await queries.everybody(connection, room)
        there = [Member(each.account, each.name, role) for each, role in people if role]
        others = [each for each, role in people if not role and not may(each.role, "rooms")]
        return there, others

    async def duties(self, account: str) -> list[Duty]:
        """The rooms that somebody helps with."""
        async with self._database.read() as connection:
            return await queries.duties(connection, account)

    async def add(self, room: RoomId, account: str, role: RoomRole) -> None:
        """Give somebody a role there; again is as once.

        Raises NotFound `account_unknown`, UserError `crew_many`.
        """
        async with self._database.write() as connection:
            if await find_account(connection, account, lock=True) is None:
                raise NotFound("account_unknown", "There is no such person here.")
            if await queries.role_in(connection, room, account):
                return
            if await queries.count(connection, room) >= MOST:
                raise UserError("crew_many", f"At most {MOST} people help with a room.")
            await queries.add(connection, room, account, role, self._clock.wall_ms())

    async def remove(self, room: RoomId, account: str) -> None:
        """Take it back; also of somebody who has none."""
        async with self._database.write() as connection:
            await queries.remove(connection, room, account)
