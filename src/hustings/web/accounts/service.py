"""Making an account, signing in, and what belongs to one: passkeys, recovery codes, devices.

Keeps true: each sign-in is a new session id, and the one before is ended; a challenge and a code
are good once; whoever fails learns nothing but that they failed. What owners decide (invitations,
roles) is in `web.people`.
"""

from dataclasses import asdict
from typing import Any, Final

from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from hustings.base.clock import Clock
from hustings.base.errors import Denied, UserError
from hustings.base.ids import new_id, new_secret
from hustings.store import Database
from hustings.web.accounts import passkeys, queries
from hustings.web.accounts.challenges import Challenges, Patience
from hustings.web.accounts.model import (
    Account,
    Device,
    Passkey,
    Welcome,
    Who,
    new_codes,
    plain_code,
    to_the_day,
)
from hustings.web.accounts.passkeys import Answer, NewKey, Party
from hustings.web.crew.queries import all_seats, duties
from hustings.web.house import queries as house
from hustings.web.house.service import SESSION_S, hashed
from hustings.web.keys.queries import keys_of
from hustings.web.mailbox import queries as mailbox
from hustings.web.oidc.queries import of as identities_of
from hustings.web.once import kept_of

PASSKEYS: Final = 20  # of one person
_ID_LETTERS: Final = 26  # 128 random bits


class Accounts:
    """People of this house, as they themselves use it."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._challenges = Challenges()
        self._patience = Patience()

    # -- asking ----------------------------------------------------------------------------------

    def ask_sign_in(self, party: Party, address: str) -> str:
        """Options for a sign-in, as JSON. Raises TryLater."""
        self._patience.charge(address, self._clock.monotonic())
        challenge = self._challenges.issue(f"sign in {party.id}", self._clock.monotonic())
        return passkeys.sign_in_options(party, challenge)

    async def ask_account(self, party: Party, address: str, *, code: str, name: str) -> str:
        """Options for the first passkey of whoever holds a good one-time code. Raises Denied."""
        self._patience.charge(address, self._clock.monotonic())
        async with self._database.read() as connection:
            found = await house.find_code(connection, hashed(code), self._clock.wall_ms())
        if found is None:
            raise _code_bad()
        return self._ask_new(party, f"code {hashed(code)}", name)

    def ask_upgrade(self, party: Party, who: Who, name: str) -> str:
        """Options for the first passkey of a browser that has a session without an account."""
        return self._ask_new(party, f"session {who.session}", name)

    async def ask_passkey(self, party: Party, who: Who) -> str:
        """Options for one more passkey."""
        known = [each.credential for each in await self.passkeys(who)]
        purpose = f"account {who.account} {party.id}"
        challenge = self._challenges.issue(purpose, self._clock.monotonic())
        return passkeys.registration_options(
            party, challenge, account=who.account, name=who.name, known=known
        )

    def _ask_new(self, party: Party, purpose: str, name: str) -> str:
        account = new_id(_ID_LETTERS)
        challenge = self._challenges.issue(
            f"{purpose} {party.id}", self._clock.monotonic(), note=account
        )
        return passkeys.registration_options(party, challenge, account=account, name=name, known=[])

    # -- answering -------------------------------------------------------------------------------

    async def make_account(
        self,
        party: Party,
        credential: str,
        *,
        code: str,
        name: str,
        browser: str,
        keep_address: bool = False,
    ) -> Welcome:
        """A code becomes an account. Raises Denied: challenge_bad, passkey_bad, code_bad.

        keep_address: whoever has the mailbox to which the code was sent may sign in by it from now on.
        """
        account, key = self._new_key(party, credential, f"code {hashed(code)}")
        now_ms = self._clock.wall_ms()
        async with self._database.write() as connection:
            address = await house.mailed_to(connection, hashed(code)) if keep_address else ""
            used = await house.use_code(connection, hashed(code), now_ms)
            if used is None:
                raise _code_bad()
            person = Account(account, name, used.role, now_ms)
            return await self._welcome(connection, person, key, browser, address)

    async def upgrade(
        self, party: Party, credential: str, *, who: Who, name: str, browser: str
    ) -> Welcome:
        """A session without an account becomes one, with the role it had. Raises Denied."""
        account, key = self._new_key(party, credential, f"session {who.session}")
        async with self._database.write() as connection:
            if not await house.end_session(connection, who.session):
                raise _code_bad()  # twice at once: the other one has it
            person = Account(account, name, who.role, self._clock.wall_ms())
            return await self._welcome(connection, person, key, browser)

    async def sign_in(
        self, party: Party, credential: str, *, address: str, browser: str, before: str
    ) -> str:
        """The secret of a new session; `before`, the cookie's old one, ends.

        Raises TryLater, Denied: challenge_bad, passkey_bad.
        """
        self._patience.charge(address, self._clock.monotonic())
        answer = Answer(credential)
        self._challenges.take(answer.challenge, f"sign in {party.id}", self._clock.monotonic())
        async with self._database.read() as connection:
            known = await queries.find_passkey(connection, _key_hash(answer.credential))
        counter = answer.signed_in(
            party, known.public_key if known else None, known.counter if known else 0
        )
        if known is None or answer.account != known.account:
            raise Denied("passkey_bad", "This passkey is not one of this house.")
        async with self._database.write() as connection:
            today = to_the_day(self._clock.wall_ms())
            if not await queries.count_use(connection, known, counter, today):
                raise Denied("passkey_bad", "This passkey was used twice at once.")
            return await self.new_session(connection, known.account, browser, before)

    async def recover(self, code: str, *, address: str, browser: str, before: str) -> str:
        """A new session for a recovery code, which is used up. Raises TryLater, Denied."""
        self._patience.charge(address, self._clock.monotonic())
        async with self._database.write() as connection:
            account = await queries.use_code(connection, hashed(plain_code(code)))
            if account is None:
                raise Denied("recovery_bad", "This code is not one of this house, or was used.")
            return await self.new_session(connection, account, browser, before)

    # -- what belongs to somebody ----------------------------------------------------------------

    async def passkeys(self, who: Who) -> list[Passkey]:
        """All of them, oldest first."""
        async with self._database.read() as connection:
            return await queries.passkeys_of(connection, who.account)

    async def add_passkey(self, party: Party, who: Who, credential: str, browser: str) -> None:
        """One more. Raises Denied, UserError("passkeys_many")."""
        answer = Answer(credential)
        purpose = f"account {who.account} {party.id}"
        self._challenges.take(answer.challenge, purpose, self._clock.monotonic())
        key = answer.registered(party)
        async with self._database.write() as connection:
            if len(await queries.passkeys_of(connection, who.account)) >= PASSKEYS:
                raise UserError("passkeys_many", f"One person has at most {PASSKEYS} passkeys.")
            await self._add_key(connection, who.account, key, browser)

    async def remove_passkey(self, who: Who, passkey: str) -> None:
        """Forget one; the last one stays. Raises UserError("passkey_last")."""
        async with self._database.write() as connection:
            await queries.find_account(connection, who.account, lock=True)
            left = [each.passkey for each in await queries.passkeys_of(connection, who.account)]
            if left == [passkey]:
                raise UserError("passkey_last", "Add another passkey first.", status=409)
            await queries.delete_passkey(connection, who.account, passkey)

    async def codes_left(self, who: Who) -> int:
        """How many recovery codes are unused."""
        async with self._database.read() as connection:
            return await queries.count_codes(connection, who.account)

    async def renew_codes(self, who: Who) -> tuple[str, ...]:
        """Ten new ones; the old ones end."""
        codes = new_codes()
        async with self._database.write() as connection:
            await queries.set_codes(connection, who.account, _code_hashes(codes))
        return codes

    async def devices(self, who: Who) -> list[Device]:
        """Where this person is signed in, newest first."""
        async with self._database.read() as connection:
            return await house.sessions_of(connection, who.account, self._clock.wall_ms())

    async def sign_out(self, who: Who, session: str) -> None:
        """End one of this person's sessions (by its hash)."""
        async with self._database.write() as connection:
            await house.end_session(connection, session, account=who.account)

    async def sign_out_everywhere(self, who: Who) -> None:
        """End all of them, this one too."""
        async with self._database.write() as connection:
            await house.end_sessions(connection, who.account)

    async def everything(self, who: Who) -> dict[str, Any]:
        """All that is kept about this person, for themselves: plain JSON types, times in ms UTC."""
        now_ms = self._clock.wall_ms()
        async with self._database.read() as connection:
            person = await queries.find_account(connection, who.account)
            if person is None:  # removed since the request came
                raise Denied("account_needed", "This account is gone.")
            keys = await queries.passkeys_of(connection, who.account)
            devices = await house.sessions_of(connection, who.account, now_ms)
            return {
                "account": asdict(person),
                "emails": [
                    asdict(each) for each in await mailbox.emails_of(connection, who.account)
                ],
                "passkeys": [asdict(each) | _texts(each) for each in keys],
                "linked": [asdict(each) for each in await identities_of(connection, who.account)],
                "devices": [asdict(each) for each in devices],
                "api_keys": [asdict(each) for each in await keys_of(connection, who.account)],
                "api_calls": await kept_of(connection, who.account),
                "rooms": [asdict(each) for each in await duties(connection, who.account)],
                "seats": [asdict(each) for each in await all_seats(connection, who.account)],
                "recovery_codes_left": await queries.count_codes(connection, who.account),
                "invitations": [
                    asdict(each)
                    for each in await house.invitations(connection, now_ms, made_by=who.account)
                ],
            }

    # -- within ----------------------------------------------------------------------------------

    def _new_key(self, party: Party, credential: str, purpose: str) -> tuple[str, NewKey]:
        """The account for which the challenge was made, and its first passkey."""
        answer = Answer(credential)
        account = self._challenges.take(
            answer.challenge, f"{purpose} {party.id}", self._clock.monotonic()
        )
        return account, answer.registered(party)

    async def _welcome(
        self,
        connection: AsyncConnection,
        person: Account,
        key: NewKey,
        browser: str,
        address: str = "",
    ) -> Welcome:
        await queries.add_account(connection, person)
        await self._add_key(connection, person.account, key, browser)
        return await self.welcome(connection, person.account, browser, address)

    async def welcome(
        self, connection: AsyncConnection, account: str, browser: str, address: str = ""
    ) -> Welcome:
        """Recovery codes and a session for an account that was made just now.

        address: one that its invitation proved, to be theirs unless it is somebody's; "": none.
        """
        codes, now_ms = new_codes(), self._clock.wall_ms()
        await queries.set_codes(connection, account, _code_hashes(codes))
        if address and not await mailbox.keep_email(connection, account, address, now_ms):
            address = ""
        return Welcome(await self.new_session(connection, account, browser, ""), codes, address)

    async def _add_key(
        self, connection: AsyncConnection, account: str, key: NewKey, browser: str
    ) -> None:
        hash_, now_ms = _key_hash(key.credential), self._clock.wall_ms()
        try:
            await queries.add_passkey(connection, account, hash_, key, browser, now_ms)
        except IntegrityError:  # somebody's already: an authenticator makes new ones
            raise Denied("passkey_bad", "This passkey cannot be added.") from None

    async def new_session(
        self, connection: AsyncConnection, account: str, browser: str, before: str
    ) -> str:
        """A new id at each sign-in: one that was planted in this browser is worth nothing."""
        secret, now_ms = new_secret(), self._clock.wall_ms()
        if before:
            await house.end_session(connection, hashed(before))
        await house.add_session(
            connection,
            hashed(secret),
            now_ms=now_ms,
            expires_ms=now_ms + SESSION_S * 1_000,
            account=account,
            browser=browser,
        )
        return secret


def _key_hash(credential: bytes) -> str:
    return hashed(credential.hex())


def _texts(key: Passkey) -> dict[str, str]:
    return {"credential": key.credential.hex(), "public_key": key.public_key.hex()}


def _code_hashes(codes: tuple[str, ...]) -> list[str]:
    """SHA-256 as for all secrets here: 99 random bits cannot be tried out, so none needs to be slow."""
    return [hashed(plain_code(each)) for each in codes]


def _code_bad() -> Denied:
    return Denied("code_bad", "This link was used already, or has run out.")
