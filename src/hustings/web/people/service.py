"""What owners decide: who is invited to this house, in which role, and who goes.

Keeps true: a house that has an owner with an account never loses its last one.
"""

from typing import Final

from sqlalchemy.ext.asyncio import AsyncConnection

from hustings.base.clock import Clock
from hustings.base.errors import NotFound, UserError
from hustings.base.ids import new_secret
from hustings.store import Database
from hustings.web.accounts import queries
from hustings.web.accounts.model import Account, Invitation, Who
from hustings.web.accounts.rules import Role
from hustings.web.crew import seats
from hustings.web.house import queries as house
from hustings.web.house.service import CODE_S, hashed
from hustings.web.mailbox import queries as mailbox
from hustings.web.once import Once, Repeated, expect_first
from hustings.web.post import queries as letters
from hustings.web.post.addresses import Address
from hustings.web.post.message import Note, draft, secret_of
from hustings.web.rooms import queries as rooms
from hustings.wire.tokens import KeyRing

PEOPLE: Final = 1_000  # accounts, and invitations that wait


class People:
    """The people of this house, as its owners see them."""

    def __init__(self, database: Database, clock: Clock, keys: KeyRing) -> None:
        self._database = database
        self._clock = clock
        self._keys = keys

    async def everybody(self) -> list[Account]:
        """All accounts, by name."""
        async with self._database.read() as connection:
            return await queries.all_accounts(connection)

    async def invitations(self) -> list[Invitation]:
        """One-time links that wait, newest first."""
        async with self._database.read() as connection:
            return await house.invitations(connection, self._clock.wall_ms())

    async def plain_sessions(self) -> int:
        """How many browsers are in without an account."""
        async with self._database.read() as connection:
            return await house.count_plain(connection, self._clock.wall_ms())

    async def invite(
        self, who: Who, name: str, role: Role, *, once: Once | None = None
    ) -> tuple[str, Invitation]:
        """A new one-time link's code, good for a week. Raises UserError("accounts_many").

        once: a repeated call is answered with the same code, which is made again, not kept.
        """
        now_ms = self._clock.wall_ms()
        code = self._code(once, now_ms) if once else new_secret()
        try:
            async with self._database.write() as connection:
                await expect_first(connection, once, str(now_ms), now_ms)
                await self._add_code(connection, who, code, name, role, now_ms)
        except Repeated as before:
            assert once is not None
            now_ms = int(before.made)
            code = self._code(once, now_ms)
        expires_ms = now_ms + CODE_S * 1_000
        return code, Invitation(hashed(code), name, role, now_ms, expires_ms)

    def _code(self, once: Once, made_ms: int) -> str:
        return self._keys.code_for(f"{once.account}\0{once.once}\0{made_ms}")

    async def invite_by_mail(
        self, who: Who, name: str, role: Role, to: Address, note: Note
    ) -> None:
        """Send the link: nobody here sees it. note: its text has `SECRET` where the code stands.

        Raises UserError("accounts_many"), TryLater("post_full").
        """
        key, now_ms = f"invite:{new_secret()}", self._clock.wall_ms()
        until_ms = now_ms + CODE_S * 1_000
        letter = draft(to, note, key=key, batch="invite", until_ms=until_ms, urgent=True)
        async with self._database.write() as connection:
            code = secret_of(self._keys, key)
            await self._add_code(connection, who, code, name, role, now_ms, to.text)
            await letters.add(connection, [letter], now_ms)

    async def withdraw(self, code_hash: str) -> None:
        """An invitation is good no more."""
        async with self._database.write() as connection:
            await house.withdraw(connection, code_hash=code_hash)

    async def person(self, account: str) -> Account:
        """Somebody. Raises NotFound("account_unknown")."""
        async with self._database.read() as connection:
            found = await queries.find_account(connection, account)
        if found is None:
            raise NotFound("account_unknown", "There is no such person here.")
        return found

    async def set_role(self, account: str, role: Role) -> None:
        """Another role, at once, in all their browsers and on stages.

        Raises UserError("owner_last"), TryLater("outbox_full").
        """
        async with self._database.write() as connection:
            person = await self._leaving(connection, account, stays_owner=role == "owner")
            await queries.change_account(connection, person.account, role=role)
            await seats.settle(connection, person.account, role, self._clock.wall_ms())
            if role != "owner":  # what they handed out goes with the right to hand it out
                await house.withdraw(connection, made_by=person.account)

    async def remove(self, account: str, *, links: bool = False) -> None:
        """Forget somebody: their passkeys, sessions, invitations and seats. Raises as `set_role`.

        links: withdraw also the passes to stages that they made.
        """
        now_ms = self._clock.wall_ms()
        async with self._database.write() as connection:
            person = await self._leaving(connection, account, stays_owner=False)
            await house.withdraw(connection, made_by=person.account)
            await seats.end_all(connection, person.account, now_ms)
            if links:
                await rooms.revoke_made_by(connection, person.account, now_ms)
            await rooms.forget_maker(connection, person.account)
            await mailbox.forget_person(connection, person.account)
            await queries.delete_account(connection, person.account)

    async def end_plain_sessions(self) -> None:
        """Sign out every browser that is in without an account."""
        async with self._database.write() as connection:
            await house.end_sessions(connection, None)

    async def _add_code(
        self,
        connection: AsyncConnection,
        who: Who,
        code: str,
        name: str,
        role: Role,
        now_ms: int,
        address: str = "",
    ) -> None:
        there = len(await queries.all_accounts(connection))
        if there + len(await house.invitations(connection, now_ms)) >= PEOPLE:
            raise UserError("accounts_many", f"A house has room for {PEOPLE} people.")
        await house.add_code(
            connection,
            hashed(code),
            now_ms=now_ms,
            expires_ms=now_ms + CODE_S * 1_000,
            role=role,
            name=name,
            made_by=who.account or "-",
            address=address,
        )

    async def _leaving(
        self, connection: AsyncConnection, account: str, *, stays_owner: bool
    ) -> Account:
        owners = await queries.owners(connection)
        person = await queries.find_account(connection, account, lock=True)
        if person is None:
            raise NotFound("account_unknown", "There is no such person here.")
        if owners == [account] and not stays_owner:
            raise UserError("owner_last", "Make somebody else owner first.", status=409)
        return person
