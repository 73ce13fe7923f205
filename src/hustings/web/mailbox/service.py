"""Links by mail: asked for, sent, used once.

Keeps true: whoever asks learns nothing about an address, not even by how long it takes, because a
request only leaves a note here and the looking up happens behind it; a link is good for 15 minutes, once,
and its use ends all others of that address; each sign-in is a new session; a link of another browser
signs nobody in before they were told whose account it is.
"""

import logging
from collections import deque
from collections.abc import Sequence
from typing import Final

from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from hustings.base.clock import Clock
from hustings.base.errors import Denied, TryLater, UserError
from hustings.base.ids import new_secret
from hustings.pages.render import render_text
from hustings.store import Database
from hustings.web.accounts import queries as accounts
from hustings.web.accounts.challenges import Patience
from hustings.web.accounts.model import Who
from hustings.web.accounts.service import Accounts
from hustings.web.house.service import hashed
from hustings.web.mailbox import queries
from hustings.web.mailbox.limits import Asking
from hustings.web.mailbox.model import (
    ADDRESSES,
    GOOD_S,
    Ask,
    Confirm,
    Email,
    Purpose,
    Shown,
    SignedIn,
    Verified,
)
from hustings.web.notes import Notes
from hustings.web.post import queries as letters
from hustings.web.post.addresses import Address
from hustings.web.post.message import SECRET, Note, draft, secret_of
from hustings.web.post.service import Post
from hustings.wire.tokens import KeyRing

log = logging.getLogger(__name__)

SHOWN: Final = 20  # links of a house without mail


class Mailbox:
    """Addresses and links of one house."""

    def __init__(
        self,
        database: Database,
        accounts: Accounts,
        post: Post,
        keys: KeyRing,
        clock: Clock,
        *,
        web: str,
        title: str,
    ) -> None:
        """web: the house's own address, never what a request claims. title: its name, for mails."""
        self._database = database
        self._accounts = accounts
        self._post = post
        self._keys = keys
        self._clock = clock
        self._web = web
        self._title = title
        self._asking = Asking()
        self._patience = Patience()
        self._asks: Notes[Ask] = Notes("mailbox", self._look_up)
        self._shown: deque[Shown] = deque(maxlen=SHOWN)

    # -- asking ----------------------------------------------------------------------------------

    def ask(
        self, to: Address, *, source: str, language: str, asked: str, account: str = ""
    ) -> None:
        """Leave a note that somebody wants a link. Raises TryLater: sign_in_rate, sign_in_busy.

        source: whence the request came. asked: a secret that the browser keeps.
        account: who wants to prove that the address is theirs; "": to sign in.
        """
        if self._asks.full:
            raise TryLater("sign_in_busy", "Too many people are trying.")
        self._asking.charge(to.text, source, self._clock.monotonic())
        now_ms = self._clock.wall_ms()
        self._asks.leave(Ask(to.text, to.host, account, language, hashed(asked), now_ms))

    async def run(self) -> None:
        """Answer for ever."""
        await self._asks.run()

    async def turn(self) -> None:
        """Answer all who wait. Raises TryLater."""
        await self._asks.turn()

    async def _look_up(self, asks: Sequence[Ask]) -> None:
        """Write to those who are somebody here. Raises TryLater."""
        async with self._database.read() as connection:
            known = await queries.owners_of(connection, {each.address for each in asks})
        late_ms = self._clock.wall_ms() - GOOD_S * 1_000  # the database was away for long
        due = [
            each
            for each in asks
            if bool(each.account) != (each.address in known) and each.at_ms > late_ms
        ]
        shown: list[Shown] = []
        if due:
            async with self._database.write() as connection:
                for ask in due:
                    await self._answer(connection, ask, known.get(ask.address, ""), shown)
        self._show(shown)
        self._post.wake()

    # -- using -----------------------------------------------------------------------------------

    async def use(
        self,
        code: str,
        *,
        who: Who | None,
        asked: str,
        sure: bool,
        source: str,
        browser: str,
        before: str,
    ) -> SignedIn | Confirm | Verified:
        """What a link is good for. Raises TryLater, Denied: link_bad, link_elsewhere.

        who: the visitor, if signed in. asked: the secret of this browser, "" for none.
        sure: they were told whose account it is. before: the session's secret, which ends.
        """
        self._patience.charge(source, self._clock.monotonic())
        now_ms = self._clock.wall_ms()
        async with self._database.read() as connection:
            link = await queries.find_link(connection, hashed(code), now_ms)
            person = await accounts.find_account(connection, link.account) if link else None
        if link is None or person is None:
            raise _link_bad()
        if link.purpose == "verify":
            if who is None or who.account != link.account:
                raise Denied("link_elsewhere", "Sign in here first, then open this link again.")
            return await self._verify(code, link.account, link.address)
        if link.asked_hash != hashed(asked) and not sure:
            return Confirm(person.name)
        async with self._database.write() as connection:
            if not await queries.use_link(connection, hashed(code), now_ms):
                raise _link_bad()
            await queries.drop_links(connection, link.address)
            session = await self._accounts.new_session(connection, link.account, browser, before)
        return SignedIn(session)

    async def _verify(self, code: str, account: str, address: str) -> Verified:
        now_ms = self._clock.wall_ms()
        try:
            async with self._database.write() as connection:
                if not await queries.use_link(connection, hashed(code), now_ms):
                    raise _link_bad()
                if await queries.count_emails(connection, account) >= ADDRESSES:
                    raise UserError("addresses_many", "One person has at most 5 addresses.")
                await queries.add_email(connection, account, address, now_ms)
        except IntegrityError:  # somebody else was quicker
            raise _link_bad() from None
        return Verified(address)

    # -- what belongs to somebody ----------------------------------------------------------------

    async def emails(self, who: Who) -> list[Email]:
        """Addresses of the visitor, oldest first."""
        async with self._database.read() as connection:
            return await queries.emails_of(connection, who.account)

    async def remove(self, who: Who, address: str) -> None:
        """One of them is theirs no more."""
        async with self._database.write() as connection:
            await queries.remove_email(connection, who.account, address)

    def shown(self) -> list[Shown]:
        """Links of a house without mail that are good still, newest first, for its owners."""
        now_ms = self._clock.wall_ms()
        return [each for each in reversed(self._shown) if each.until_ms >= now_ms]

    # -- within ----------------------------------------------------------------------------------

    async def _answer(
        self, connection: AsyncConnection, ask: Ask, owner: str, shown: list[Shown]
    ) -> None:
        purpose: Purpose = "verify" if ask.account else "sign_in"
        key = f"{purpose}:{new_secret()}"
        secret, until_ms = secret_of(self._keys, key), ask.at_ms + GOOD_S * 1_000
        try:
            async with connection.begin_nested():
                await queries.add_link(
                    connection,
                    hashed(secret),
                    address=ask.address,
                    account=ask.account or owner,
                    purpose=purpose,
                    asked_hash=ask.asked_hash,
                    now_ms=self._clock.wall_ms(),
                    expires_ms=until_ms,
                )
        except IntegrityError:  # the account has gone since they asked
            return
        link = f"{self._web}/sign-in/link#"
        if not self._post.carries("mail"):
            shown.append(Shown(ask.address, link + secret, until_ms))
            return
        subject, text = render_text(
            f"mail_{purpose}.txt", ask.language, title=self._title, link=link + SECRET
        )
        letter = draft(
            Address(ask.address, ask.host),
            Note(subject, text, ask.language),
            key=key,
            batch="sign-in",
            until_ms=until_ms,
            urgent=True,
        )
        await letters.add(connection, [letter], self._clock.wall_ms())

    def _show(self, shown: list[Shown]) -> None:
        """To whoever runs the machine: they could let anybody in by `hustings host-link` anyway."""
        for each in shown:
            self._shown.append(each)
            log.warning("no mail server is set up; the link for %s: %s", each.address, each.link)


def _link_bad() -> Denied:
    return Denied("link_bad", "This link was used already, or has run out.")
