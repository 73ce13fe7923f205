"""Addresses and links by mail on both databases: known or not looks the same, once, fifteen minutes, one person."""

import asyncio
import logging
from dataclasses import dataclass, field
from typing import Any

import msgspec
import pytest
from sqlalchemy import event, func, select

from hustings.base.clock import ManualClock
from hustings.base.errors import Denied, TryLater, UserError
from hustings.base.tasks import Tasks
from hustings.store import Database
from hustings.store.schema import emails, host_codes, letters, mail_links, metadata, sessions
from hustings.web import notes, tidy
from hustings.web.accounts import queries as accounts
from hustings.web.accounts.model import Account, Who
from hustings.web.accounts.passkeys import Party
from hustings.web.accounts.rules import Role
from hustings.web.accounts.service import Accounts
from hustings.web.house.service import CODE_S, SESSION_S, House
from hustings.web.mailbox import service as module
from hustings.web.mailbox.model import ADDRESSES, GOOD_S, Confirm, SignedIn, Verified
from hustings.web.mailbox.service import Mailbox
from hustings.web.people.service import People
from hustings.web.post.addresses import address_from_form
from hustings.web.post.message import Note, secret_of
from hustings.web.post.service import Post
from hustings.wire.tokens import KeyRing
from tests.fakes.authenticator import Authenticator
from tests.fakes.transports import FakeTransport

KEYS = KeyRing([b"k" * 32])
PARTY = Party("h.example", "https://h.example")
ADA = "ada@x.example"


@dataclass
class Desk:
    """A house with people, a mail carrier that takes everything, and a mailbox."""

    database: Database
    clock: ManualClock = field(default_factory=ManualClock)
    mail: FakeTransport = field(default_factory=FakeTransport)
    mails: bool = True
    number: int = 0

    def __post_init__(self) -> None:
        self.accounts = Accounts(self.database, self.clock)
        self.house = House(self.database, self.clock)
        self.people = People(self.database, self.clock, KEYS)
        self.post = Post(self.database, [self.mail] if self.mails else [], self.clock)
        self.mailbox = Mailbox(
            self.database,
            self.accounts,
            self.post,
            KEYS,
            self.clock,
            web="https://h.example",
            title="H",
        )

    async def person(self, name: str, *addresses: str, role: Role = "owner") -> Who:
        self.number += 1
        account = Account(f"account{self.number}", name, role, 0)
        async with self.database.write() as connection:
            await accounts.add_account(connection, account)
        who = Who("", account.account, name, role)
        for address in addresses:
            assert isinstance(await self.verify(who, address), Verified)
        return who

    def ask(self, to: str = ADA, asked: str = "nonce", who: Who | None = None) -> None:
        self.number += 1  # each from elsewhere, and after a while: limits are tested by themselves
        self.clock.advance(301)
        self.mailbox.ask(
            address_from_form(to),
            source=f"198.51.{self.number}.1",
            language="en",
            asked=asked,
            account=who.account if who else "",
        )

    async def sent(self) -> list[str]:
        """Codes of the links that leave the house now."""
        before = len(self.mail.given)
        await self.mailbox.turn()
        await self.post.turn()
        await self.post.settled()
        return [secret_of(KEYS, each.key) for each in self.mail.given[before:]]

    async def use(self, code: str, who: Who | None = None, **more: Any) -> object:
        self.number += 1
        usual = {"asked": "nonce", "sure": False, "browser": "", "before": ""}
        return await self.mailbox.use(
            code, who=who, source=f"203.0.{self.number}.1", **usual | more
        )

    async def codes(self) -> int:
        async with self.database.read() as connection:
            return len((await connection.execute(host_codes.select())).all())

    async def verify(self, who: Who, address: str) -> object:
        self.ask(address, asked="", who=who)
        [code] = await self.sent()
        return await self.use(code, who)


@pytest.fixture
def desk(database: Database) -> Desk:
    return Desk(database)


async def refused(action: Any, code: str) -> None:
    with pytest.raises((Denied, UserError, TryLater)) as caught:
        await action
    assert caught.value.code == code


async def test_a_link_signs_in_once_and_whose_it_is(desk: Desk) -> None:
    who = await desk.person("Ada", ADA)
    desk.ask()
    [code] = await desk.sent()
    done = await desk.use(code)
    assert isinstance(done, SignedIn)
    found = await desk.house.who(done.session)
    assert found is not None
    assert (found.account, found.role) == (who.account, "owner")
    await refused(desk.use(code), "link_bad")


async def test_used_twice_at_once_it_signs_in_once(desk: Desk) -> None:
    await desk.person("Ada", ADA)
    desk.ask()
    [code] = await desk.sent()
    done = await asyncio.gather(*(desk.use(code) for _ in range(4)), return_exceptions=True)
    assert sum(isinstance(each, SignedIn) for each in done) == 1
    assert {each.code for each in done if isinstance(each, Denied)} == {"link_bad"}


async def test_it_is_good_for_a_quarter_of_an_hour(desk: Desk) -> None:
    await desk.person("Ada", ADA)
    for seconds, good in ((GOOD_S - 1, True), (GOOD_S + 1, False)):
        desk.ask()
        [code] = await desk.sent()
        desk.clock.advance(seconds)
        if good:
            assert isinstance(await desk.use(code), SignedIn)
        else:
            await refused(desk.use(code), "link_bad")


async def test_the_use_of_one_ends_the_others_of_that_address(desk: Desk) -> None:
    await desk.person("Ada", ADA, "ada@y.example")
    desk.ask()
    desk.ask()
    desk.ask("ada@y.example")
    first, second, other = await desk.sent()
    assert isinstance(await desk.use(second), SignedIn)
    await refused(desk.use(first), "link_bad")
    assert isinstance(await desk.use(other), SignedIn)


async def test_a_new_session_each_time_and_the_one_before_ends(desk: Desk) -> None:
    await desk.person("Ada", ADA)
    desk.ask()
    done = await desk.use((await desk.sent())[0], before="planted")
    assert isinstance(done, SignedIn)
    desk.ask()
    again = await desk.use((await desk.sent())[0], before=done.session)
    assert isinstance(again, SignedIn)
    assert again.session != done.session
    assert await desk.house.who(done.session) is None
    assert await desk.house.who("planted") is None


async def test_in_another_browser_it_says_first_whose_account_it_is(desk: Desk) -> None:
    """Else somebody could sign others in as themselves, by sending them their own link."""
    await desk.person("Eve", "eve@x.example")
    desk.ask("eve@x.example")
    [code] = await desk.sent()
    for asked in ("", "another"):
        assert await desk.use(code, asked=asked) == Confirm("Eve")
    assert isinstance(await desk.use(code, asked="another", sure=True), SignedIn)


async def test_nobody_is_written_to_but_people_of_this_house(desk: Desk) -> None:
    await desk.person("Ada", ADA)
    desk.ask("nobody@x.example")
    assert await desk.sent() == []
    async with desk.database.read() as connection:
        assert (await connection.execute(select(mail_links))).all() == []


async def test_asking_asks_the_database_nothing_whoever_it_is(desk: Desk) -> None:
    await desk.person("Ada", ADA)
    said: list[str] = []
    engine = desk.database._engine.sync_engine
    event.listen(engine, "before_cursor_execute", lambda *what: said.append(what[2]))
    desk.ask(ADA)
    desk.ask("nobody@x.example")
    assert said == []


async def test_an_address_is_proved_only_where_its_account_is_signed_in(desk: Desk) -> None:
    ada, eve = await desk.person("Ada"), await desk.person("Eve")
    desk.ask("ada@x.example", asked="", who=ada)
    [code] = await desk.sent()
    await refused(desk.use(code), "link_elsewhere")
    await refused(desk.use(code, eve), "link_elsewhere")
    assert await desk.use(code, ada) == Verified("ada@x.example")
    await refused(desk.use(code, ada), "link_bad")
    assert [each.address for each in await desk.mailbox.emails(ada)] == ["ada@x.example"]


async def test_an_address_is_one_persons(desk: Desk) -> None:
    ada, eve = await desk.person("Ada"), await desk.person("Eve")
    for who in (ada, eve):
        desk.ask(ADA, asked="", who=who)
    first, second = await desk.sent()
    await desk.use(first, ada)
    await refused(desk.use(second, eve), "link_bad")
    desk.ask(ADA, asked="", who=eve)
    assert await desk.sent() == []  # and eve is not told why


async def test_five_addresses_are_enough(desk: Desk) -> None:
    ada = await desk.person("Ada", *(f"ada{n}@x.example" for n in range(ADDRESSES)))
    await refused(desk.verify(ada, "one@more.example"), "addresses_many")


async def test_an_address_that_is_removed_signs_nobody_in(desk: Desk) -> None:
    ada = await desk.person("Ada", ADA)
    desk.ask()
    [code] = await desk.sent()
    desk.ask()
    await desk.mailbox.turn()  # queued, not sent
    await desk.mailbox.remove(ada, ADA)
    await refused(desk.use(code), "link_bad")
    assert await desk.sent() == []
    eve = await desk.person("Eve", ADA)
    await desk.mailbox.remove(ada, ADA)  # not hers any more
    assert len(await desk.mailbox.emails(eve)) == 1


async def test_nobody_can_use_what_stands_in_the_database(desk: Desk) -> None:
    await desk.person("Ada", ADA)
    desk.ask()
    await desk.mailbox.turn()
    async with desk.database.read() as connection:
        rows = [
            str(tuple(row))
            for table in metadata.sorted_tables
            for row in await connection.execute(table.select())
        ]
        [body] = (
            await connection.execute(select(letters.c.body).where(letters.c.state == "waiting"))
        ).scalars()
    [code] = await desk.sent()
    assert not any(code in row for row in rows)
    note = msgspec.json.decode(body, type=Note)
    assert "https://h.example/sign-in/link#{secret}" in note.text
    assert isinstance(await desk.use(code), SignedIn)


async def test_who_goes_takes_addresses_links_and_letters_along(desk: Desk) -> None:
    await desk.person("Ada")
    bo = await desk.person("Bo", "bo@x.example", role="member")
    desk.ask("bo@x.example")
    await desk.mailbox.turn()
    everything = await desk.accounts.everything(bo)
    assert [each["address"] for each in everything["emails"]] == ["bo@x.example"]
    await desk.people.remove(bo.account)
    assert await desk.sent() == []
    async with desk.database.read() as connection:
        for table in (emails, mail_links):
            assert (await connection.execute(table.select())).all() == []
        kept = (await connection.execute(select(letters.c.recipient))).scalars().all()
    assert set(kept) <= {""}  # of what was sent nobody keeps to whom


async def test_an_invitation_goes_by_mail_and_nobody_here_sees_it(desk: Desk) -> None:
    ada = await desk.person("Ada")
    to, note = address_from_form("kim@x.example"), Note("Come", "https://h.example/start#{secret}")
    await desk.people.invite_by_mail(ada, "Kim", "host", to, note)
    [code] = await desk.sent()
    assert [each.name for each in await desk.people.invitations()] == ["Kim"]
    who = await desk.house.who(await desk.house.redeem(code))
    assert who is not None
    assert who.role == "host"


@pytest.mark.parametrize("taken", [False, True])
async def test_the_address_of_an_invitation_becomes_a_way_in_unless_it_is_somebodys(
    desk: Desk, taken: bool
) -> None:
    kims = "kim@x.example"
    ada = await desk.person("Ada", *([kims] if taken else []))
    note = Note("Come", "https://h.example/start#{secret}")
    await desk.people.invite_by_mail(ada, "Kim", "host", address_from_form(kims), note)
    [code] = await desk.sent()
    asked = await desk.accounts.ask_account(PARTY, "192.0.2.1", code=code, name="Kim")
    said = Authenticator(PARTY.origin).create(asked)
    welcome = await desk.accounts.make_account(
        PARTY, said, code=code, name="Kim", browser="", keep_address=True
    )
    assert welcome.address == ("" if taken else kims)
    kim = await desk.house.who(welcome.session)
    assert kim is not None
    assert [each.address for each in await desk.mailbox.emails(kim)] == [kims] * (not taken)
    async with desk.database.read() as connection:
        kept = (await connection.execute(select(host_codes.c.address))).scalars().all()
    assert kept == [""]  # used: nobody keeps to whom it went
    if not taken:
        desk.ask(kims)
        assert isinstance(await desk.use((await desk.sent())[0]), SignedIn)


async def test_what_nobody_used_is_forgotten_though_nobody_comes_by(desk: Desk) -> None:
    ada = await desk.person("Ada", ADA)
    note = Note("Come", "https://h.example/start#{secret}")

    async def there() -> tuple[int, int, int]:
        await tidy.turn(desk.database, desk.clock)
        async with desk.database.read() as connection:
            codes, links, browsers = [
                (await connection.execute(select(func.count()).select_from(table))).scalar_one()
                for table in (host_codes, mail_links, sessions)
            ]
        return codes, links, browsers

    desk.ask()
    await desk.use((await desk.sent())[0])  # a session
    await desk.people.invite_by_mail(ada, "Kim", "host", address_from_form("kim@x.example"), note)
    desk.ask()
    await desk.sent()
    assert await there() == (1, 1, 1)
    desk.clock.advance(GOOD_S + 1)
    assert await there() == (1, 0, 1)
    desk.clock.advance(CODE_S)
    assert await there() == (0, 0, 1)
    desk.clock.advance(SESSION_S)
    assert await there() == (0, 0, 0)


async def test_the_tidying_goes_on_for_ever_also_after_a_fault(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    for pause in ("EACH_S", "AGAIN_S"):
        monkeypatch.setattr(tidy, pause, 0.0)
    tasks, faults = Tasks(), ["database_gone"]

    async def once_gone() -> None:
        if faults:
            raise TryLater(faults.pop(), "The database does not answer.")
        await tidy.turn(desk.database, desk.clock)

    running = tasks.start(tidy.run(once_gone), name="tidy")
    await desk.house.new_code()
    desk.clock.advance(CODE_S + 1)
    async with asyncio.timeout(20):
        while await desk.codes():
            await asyncio.sleep(0.01)
    assert not faults
    assert not running.done()
    await tasks.close()


async def test_without_mail_whoever_runs_the_house_sees_the_link(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    desk = Desk(database, mails=False)
    ada = await desk.person("Ada")
    desk.ask(ADA, asked="", who=ada)
    with caplog.at_level(logging.WARNING):
        await desk.mailbox.turn()
    [shown] = desk.mailbox.shown()
    assert shown.address == ADA
    assert shown.link in caplog.text
    assert await desk.use(shown.link.rpartition("#")[2], ada) == Verified(ADA)
    desk.clock.advance(GOOD_S + 1)
    assert desk.mailbox.shown() == []


async def test_with_mail_no_link_is_ever_logged(
    desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    await desk.person("Ada", ADA)
    with caplog.at_level(logging.DEBUG):
        desk.ask()
        [code] = await desk.sent()
    assert code not in caplog.text
    assert desk.mailbox.shown() == []


async def test_asks_are_bounded_and_wait_for_the_database(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    await desk.person("Ada", ADA)
    monkeypatch.setattr(notes, "NOTES", 1)
    desk.ask()
    with pytest.raises(TryLater) as full:
        desk.ask()
    assert full.value.code == "sign_in_busy"
    add = module.letters.add

    async def gone(*_: object) -> None:
        raise TryLater("database_gone", "The database does not answer.")

    monkeypatch.setattr(module.letters, "add", gone)
    with pytest.raises(TryLater):
        await desk.mailbox.turn()
    monkeypatch.setattr(module.letters, "add", add)
    desk.clock.advance(-301 + GOOD_S - 60)
    assert len(await desk.sent()) == 1
