"""Signing in through a provider: the way there, the way back, and what it links.

Keeps true: what comes back is good once, for five minutes, in the browser that set out, for what it
set out for; an account is known by the provider's issuer and subject alone, never by an e-mail; each
sign-in is a new session. Whoever fails learns nothing but that they failed (the log has more).
"""

import hashlib
import logging
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

import msgspec
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from hustings.base.clock import Clock
from hustings.base.errors import Denied, PeerError, UserError
from hustings.base.ids import new_id
from hustings.settings import OidcSettings
from hustings.store import Database
from hustings.web.accounts import queries as accounts_sql
from hustings.web.accounts.challenges import Challenges, Patience
from hustings.web.accounts.model import NAME_CHARS, Account, Welcome, Who
from hustings.web.accounts.service import Accounts
from hustings.web.house import queries as house
from hustings.web.house.service import hashed
from hustings.web.oidc import queries
from hustings.web.oidc.provider import Provider
from hustings.web.oidc.queries import Identity
from hustings.web.oidc.tokens import Claims
from hustings.web.people.service import PEOPLE
from hustings.web.rooms.model import clean
from hustings.wire.tokens import b64, unb64

log = logging.getLogger(__name__)

_ID_LETTERS: Final = 26
Purpose = Literal["sign_in", "code", "link"]


class Errand(msgspec.Struct, frozen=True):
    """What a browser set out for; kept until it is back."""

    purpose: Purpose
    redirect: str
    nonce: str
    verifier: str  # PKCE
    about: str = ""  # hash of a one-time code, or the account to link
    name: str = ""  # as typed, of a new account
    keep_address: bool = False  # the one to which the code was mailed


@dataclass(frozen=True)
class Back:
    """Who is in now. new: what an account gets that an invitation made, shown once."""

    purpose: Purpose
    session: str = ""
    new: Welcome | None = None


class Oidc:
    """The one provider of this house."""

    def __init__(
        self,
        settings: OidcSettings,
        database: Database,
        accounts: Accounts,
        provider: Provider,
        clock: Clock,
    ) -> None:
        self.name = settings.name
        self._settings = settings
        self._database = database
        self._accounts = accounts
        self._provider = provider
        self._clock = clock
        self._errands = Challenges()
        self._patience = Patience()

    async def set_out(
        self,
        purpose: Purpose,
        *,
        address: str,
        browser: str,
        redirect: str,
        about: str = "",
        name: str = "",
        keep_address: bool = False,
    ) -> str:
        """Where the browser goes on; `browser` is the secret of its cookie.

        about: a one-time code, or the account to link; name, keep_address: of a new account. Raises TryLater: sign_in_rate, sign_in_busy,
        oidc_away; PeerError `oidc_bad`; Denied `code_bad`.
        """
        now_s = self._clock.monotonic()
        self._patience.charge(address, now_s)
        if purpose == "code":
            about = hashed(about)
            async with self._database.read() as connection:
                if await house.find_code(connection, about, self._clock.wall_ms()) is None:
                    raise _code_bad()
        nonce, verifier = secrets.token_urlsafe(24), secrets.token_urlsafe(48)
        typed = clean(name, NAME_CHARS)
        errand = Errand(purpose, redirect, nonce, verifier, about, typed, keep_address)
        note = msgspec.json.encode(errand).decode()
        state = self._errands.issue(_bound(browser), now_s, note=note)
        digest = hashlib.sha256(verifier.encode()).digest()
        return await self._provider.address(
            redirect=redirect, state=b64(state), nonce=nonce, challenge=b64(digest)
        )

    async def come_back(
        self,
        query: Mapping[str, str],
        *,
        browser: str,
        who: Who | None,
        before: str,
        device: str,
    ) -> Back:
        """What the provider sent back with this browser.

        who: the visitor by their session, whose secret is `before`; device: as `Your devices` names it.
        Raises Denied: oidc_failed, oidc_unknown, code_bad. UserError: oidc_taken, accounts_many. TryLater.
        """
        errand = self._errand(query.get("state", ""), browser)
        try:
            await self._provider.expect_own(query.get("iss", ""))
            if not query.get("code"):
                raise PeerError("oidc_bad", f"It said {query.get('error', '')[:100]!r}.")
            claims = await self._provider.claims(
                query["code"],
                redirect=errand.redirect,
                verifier=errand.verifier,
                nonce=errand.nonce,
            )
        except PeerError as error:
            log.warning("oidc: %s", error.title)
            raise _failed() from None
        identity = hashed(f"{claims.iss}\0{claims.sub}")
        if errand.purpose == "link":
            await self._link(identity, errand.about, who)
            return Back("link")
        async with self._database.write() as connection:
            if errand.purpose == "code":
                welcome = await self._by_code(connection, errand, identity, claims, device)
                return Back("code", welcome.session, welcome)
            known = await queries.find(connection, identity)
            account = known.account if known else await self._newcomer(connection, identity, claims)
            session = await self._accounts.new_session(connection, account, device, before)
            return Back("sign_in", session)

    async def identities(self, who: Who) -> list[Identity]:
        """What links this person to this provider."""
        async with self._database.read() as connection:
            found = await queries.of(connection, who.account)
        return [each for each in found if each.issuer == self._settings.issuer]

    async def unlink(self, who: Who) -> None:
        """Forget the link, unless it is the only way in. Raises UserError("way_last")."""
        async with self._database.write() as connection:
            await accounts_sql.find_account(connection, who.account, lock=True)
            if not await accounts_sql.passkeys_of(connection, who.account):
                raise UserError("way_last", "Add a passkey first.", status=409)
            await queries.remove(connection, who.account, self._settings.issuer)

    # -- within ----------------------------------------------------------------------------------

    def _errand(self, state: str, browser: str) -> Errand:
        try:
            challenge = unb64(state)
            note = self._errands.take(challenge, _bound(browser), self._clock.monotonic())
        except (Denied, ValueError):
            raise _failed() from None
        return msgspec.json.decode(note, type=Errand)

    async def _link(self, identity: str, account: str, who: Who | None) -> None:
        if who is None or who.account != account:  # signed out, or somebody else, meanwhile
            raise _failed()
        async with self._database.write() as connection:
            if await accounts_sql.find_account(connection, account, lock=True) is None:
                raise _failed()
            has = [each.issuer for each in await queries.of(connection, account)]
            if self._settings.issuer in has:
                raise UserError("oidc_taken", "It is linked already.", status=409)
            await self._add(connection, identity, account)

    async def _by_code(
        self,
        connection: AsyncConnection,
        errand: Errand,
        identity: str,
        claims: Claims,
        device: str,
    ) -> Welcome:
        kept = errand.keep_address
        address = await house.mailed_to(connection, errand.about) if kept else ""
        used = await house.use_code(connection, errand.about, self._clock.wall_ms())
        if used is None:
            raise _code_bad()
        name = errand.name or used.name or _name(claims)
        account = await self._new_account(connection, name, used.role)
        await self._add(connection, identity, account)
        return await self._accounts.welcome(connection, account, device, address)

    async def _newcomer(self, connection: AsyncConnection, identity: str, claims: Claims) -> str:
        if self._settings.newcomers != "member":
            raise Denied("oidc_unknown", "Nobody here is linked to this account.")
        there = len(await accounts_sql.all_accounts(connection))
        waiting = await house.invitations(connection, self._clock.wall_ms())
        if there + len(waiting) >= PEOPLE:
            raise UserError("accounts_many", f"A house has room for {PEOPLE} people.")
        account = await self._new_account(connection, _name(claims), "member")
        await self._add(connection, identity, account)
        return account

    async def _new_account(self, connection: AsyncConnection, name: str, role: str) -> str:
        account = Account(new_id(_ID_LETTERS), name, role, self._clock.wall_ms())
        await accounts_sql.add_account(connection, account)
        return account.account

    async def _add(self, connection: AsyncConnection, identity: str, account: str) -> None:
        now_ms = self._clock.wall_ms()
        try:
            await queries.add(
                connection, Identity(identity, account, self._settings.issuer, now_ms)
            )
        except IntegrityError:
            raise UserError("oidc_taken", "It is somebody else's already.", status=409) from None


def _bound(browser: str) -> str:
    """What a state is good for: this browser alone."""
    return f"oidc {hashed(browser)}"


def _name(claims: Claims) -> str:
    said = clean(claims.name, NAME_CHARS) or clean(claims.preferred_username, NAME_CHARS)
    return said or "–"


def _failed() -> Denied:
    return Denied("oidc_failed", "Signing in there did not work. Try again.")


def _code_bad() -> Denied:
    return Denied("code_bad", "This link was used already, or has run out.")
