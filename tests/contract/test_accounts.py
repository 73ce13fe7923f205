"""Accounts on both databases: made once, signed in by passkey or code, ended by themselves or an owner."""

import asyncio
from dataclasses import dataclass

import pytest
from sqlalchemy import select

from hustings.base.clock import ManualClock
from hustings.base.errors import Denied, NotFound, TryLater, UserError
from hustings.store import Database
from hustings.store.schema import metadata
from hustings.web.accounts.challenges import BURST, GOOD_S
from hustings.web.accounts.model import DAY_MS, Welcome, Who
from hustings.web.accounts.passkeys import Party
from hustings.web.accounts.rules import Role
from hustings.web.accounts.service import Accounts
from hustings.web.house.queries import SESSIONS
from hustings.web.house.service import House
from hustings.web.people.service import People
from hustings.wire.tokens import KeyRing
from tests.fakes.authenticator import Authenticator

PARTY = Party("localhost", "http://localhost:8000")
HERE = {"browser": "Firefox · Linux", "address": "192.0.2.1", "before": ""}


@dataclass
class Door:
    """The three services of one house, and people who come to it."""

    house: House
    accounts: Accounts
    people: People
    clock: ManualClock

    async def make(
        self, device: Authenticator, *, name: str = "Ada", role: Role = "owner"
    ) -> tuple[Who, Welcome]:
        code = await self.house.new_code(role)
        asked = await self.accounts.ask_account(PARTY, "192.0.2.1", code=code, name=name)
        welcome = await self.accounts.make_account(
            PARTY, device.create(asked), code=code, name=name, browser="Firefox · Linux"
        )
        return await self.who(welcome.session), welcome

    async def who(self, session: str) -> Who:
        who = await self.house.who(session)
        assert who is not None
        return who

    async def sign_in(self, device: Authenticator, before: str = "") -> str:
        self.clock.advance(5)
        asked = self.accounts.ask_sign_in(PARTY, "192.0.2.1")
        return await self.accounts.sign_in(PARTY, device.get(asked), **HERE | {"before": before})


@pytest.fixture
def door(database: Database) -> Door:
    clock = ManualClock()
    people = People(database, clock, KeyRing([bytes(32)]))
    return Door(House(database, clock), Accounts(database, clock), people, clock)


@pytest.fixture
def device() -> Authenticator:
    return Authenticator(PARTY.origin)


async def test_a_link_becomes_an_account_that_signs_in(door: Door, device: Authenticator) -> None:
    who, welcome = await door.make(device)
    assert (who.name, who.role) == ("Ada", "owner")
    session = await door.sign_in(device)
    assert session != welcome.session
    assert (await door.who(session)).account == who.account


async def test_a_code_makes_one_account_however_often_it_is_posted(
    door: Door, device: Authenticator
) -> None:
    code = await door.house.new_code()
    asked = [
        await door.accounts.ask_account(PARTY, "192.0.2.1", code=code, name="Ada") for _ in range(3)
    ]
    answers = [device.create(each) for each in asked]
    results = await asyncio.gather(
        *(
            door.accounts.make_account(PARTY, each, code=code, name="Ada", browser="")
            for each in answers
        ),
        return_exceptions=True,
    )
    assert sorted(type(each).__name__ for each in results) == ["Denied", "Denied", "Welcome"]
    assert len(await door.people.everybody()) == 1
    with pytest.raises(Denied) as caught:
        await door.accounts.ask_account(PARTY, "192.0.2.1", code=code, name="Ada")
    assert caught.value.code == "code_bad"


async def test_signing_in_ends_the_session_that_was_there(
    door: Door, device: Authenticator
) -> None:
    _, welcome = await door.make(device)
    session = await door.sign_in(device, before=welcome.session)
    assert await door.house.who(welcome.session) is None
    assert await door.house.who(session)


async def test_an_answer_is_good_once_and_for_five_minutes(
    door: Door, device: Authenticator
) -> None:
    await door.make(device)
    said = device.get(door.accounts.ask_sign_in(PARTY, "192.0.2.1"))
    await door.accounts.sign_in(PARTY, said, **HERE)
    late = device.get(door.accounts.ask_sign_in(PARTY, "192.0.2.1"))
    for answer in (said, late):
        with pytest.raises(Denied) as caught:
            await door.accounts.sign_in(PARTY, answer, **HERE)
        assert caught.value.code == "challenge_bad"
        door.clock.advance(GOOD_S + 1)
        late = answer


async def test_unknown_stolen_and_foreign_passkeys_are_refused_alike(
    door: Door, device: Authenticator
) -> None:
    await door.make(device)
    key = device.keys[0]
    stranger = Authenticator(PARTY.origin)
    stranger.create(door.accounts.ask_upgrade(PARTY, Who("x", "", "", "host"), "Eve"))
    ask = door.accounts.ask_sign_in
    for said in (
        stranger.get(ask(PARTY, "192.0.2.1")),
        device.get(ask(PARTY, "192.0.2.1"), key, userHandle=b"somebody else"),
        device.get(ask(PARTY, "192.0.2.1"), key, userHandle=b""),
        device.get(ask(PARTY, "192.0.2.1"), key, signature=b"0"),
        "{}",
    ):
        with pytest.raises(Denied) as caught:
            await door.accounts.sign_in(PARTY, said, **HERE)
        assert caught.value.code == "passkey_bad"


async def test_a_copied_authenticator_is_noticed(door: Door, device: Authenticator) -> None:
    await door.make(device)
    await door.sign_in(device)
    device.counter = 0
    with pytest.raises(Denied):
        await door.sign_in(device)


async def test_a_second_passkey_and_the_first_goes(door: Door, device: Authenticator) -> None:
    who, _ = await door.make(device)
    (first,) = await door.accounts.passkeys(who)
    with pytest.raises(UserError) as caught:
        await door.accounts.remove_passkey(who, first.passkey)
    assert caught.value.code == "passkey_last"
    asked = await door.accounts.ask_passkey(PARTY, who)
    await door.accounts.add_passkey(PARTY, who, device.create(asked), "Chrome · Android")
    await door.accounts.remove_passkey(who, first.passkey)
    assert [each.browser for each in await door.accounts.passkeys(who)] == ["Chrome · Android"]
    assert await door.sign_in(device)
    old = device.get(door.accounts.ask_sign_in(PARTY, "192.0.2.1"), device.keys[0])
    with pytest.raises(Denied):
        await door.accounts.sign_in(PARTY, old, **HERE)


async def test_nobody_touches_what_is_somebody_elses(door: Door, device: Authenticator) -> None:
    ada, ada_welcome = await door.make(device)
    bo, _ = await door.make(device, name="Bo", role="host")
    asked = await door.accounts.ask_passkey(PARTY, bo)
    await door.accounts.add_passkey(PARTY, bo, device.create(asked), "")
    (key,) = await door.accounts.passkeys(ada)
    await door.accounts.remove_passkey(bo, key.passkey)
    await door.accounts.sign_out(bo, ada.session)
    await door.accounts.sign_out_everywhere(bo)
    assert await door.accounts.passkeys(ada) == [key]
    assert await door.house.who(ada_welcome.session)
    asked = await door.accounts.ask_passkey(PARTY, bo)  # made for Bo, answered as Ada
    with pytest.raises(Denied):
        await door.accounts.add_passkey(PARTY, ada, device.create(asked), "")


async def test_a_recovery_code_lets_in_once(door: Door, device: Authenticator) -> None:
    who, welcome = await door.make(device)
    assert await door.accounts.codes_left(who) == 10
    session = await door.accounts.recover(welcome.codes[3].upper(), **HERE)
    assert (await door.who(session)).account == who.account
    assert await door.accounts.codes_left(who) == 9
    with pytest.raises(Denied) as caught:
        await door.accounts.recover(welcome.codes[3], **HERE)
    assert caught.value.code == "recovery_bad"
    fresh = await door.accounts.renew_codes(who)
    with pytest.raises(Denied):
        await door.accounts.recover(welcome.codes[0], **HERE)
    assert await door.accounts.recover(fresh[0], **HERE)


async def test_guessing_is_slowed_down(door: Door) -> None:
    for _ in range(int(BURST)):
        with pytest.raises(Denied):
            await door.accounts.recover("guess", **HERE)
    with pytest.raises(TryLater) as caught:
        await door.accounts.recover("guess", **HERE)
    assert caught.value.code == "sign_in_rate"


async def test_devices_are_listed_by_day_and_signed_out(door: Door, device: Authenticator) -> None:
    who, welcome = await door.make(device)
    door.clock.advance(3 * 86_400)
    session = await door.sign_in(device)
    newest, oldest = await door.accounts.devices(who)
    assert newest.seen_ms % DAY_MS == oldest.seen_ms % DAY_MS == 0
    assert newest.seen_ms - oldest.seen_ms == 3 * DAY_MS
    assert await door.house.who(welcome.session)  # seen again today
    assert {each.seen_ms for each in await door.accounts.devices(who)} == {newest.seen_ms}
    await door.accounts.sign_out(who, oldest.session)
    assert await door.house.who(welcome.session) is None
    assert await door.house.who(session)
    await door.accounts.sign_out_everywhere(who)
    assert await door.house.who(session) is None


async def test_one_person_has_so_many_sessions_and_the_oldest_ends(
    door: Door, device: Authenticator
) -> None:
    who, welcome = await door.make(device)
    for _ in range(SESSIONS):
        session = await door.sign_in(device)
    assert len(await door.accounts.devices(who)) == SESSIONS
    assert await door.house.who(welcome.session) is None
    assert await door.house.who(session)


async def test_a_session_without_account_becomes_one_with_its_role(
    door: Door, device: Authenticator
) -> None:
    session = await door.house.redeem(await door.house.new_code("checker"))
    plain = await door.who(session)
    assert (plain.account, plain.role) == ("", "checker")
    said = device.create(door.accounts.ask_upgrade(PARTY, plain, "Kim"))
    welcome = await door.accounts.upgrade(PARTY, said, who=plain, name="Kim", browser="")
    assert await door.house.who(session) is None
    assert (await door.who(welcome.session)).role == "checker"


async def test_invitations_are_used_once_and_can_be_withdrawn(
    door: Door, device: Authenticator
) -> None:
    ada, _ = await door.make(device)
    code, _ = await door.people.invite(ada, "Bo", "host")
    other, _ = await door.people.invite(ada, "Kim", "checker")
    assert {each.name for each in await door.people.invitations()} == {"Bo", "Kim"}
    bo = await door.who(await door.house.redeem(code))
    assert bo.role == "host"
    (waiting,) = await door.people.invitations()  # the first use did not end the other
    await door.people.withdraw(waiting.code)
    with pytest.raises(Denied):
        await door.house.redeem(other)
    await door.people.withdraw(waiting.code)


async def test_the_last_owner_stays(door: Door, device: Authenticator) -> None:
    ada, _ = await door.make(device)
    bo, bo_welcome = await door.make(device, name="Bo", role="staff")
    for act in (door.people.remove(ada.account), door.people.set_role(ada.account, "staff")):
        with pytest.raises(UserError) as caught:
            await act
        assert caught.value.code == "owner_last"
    await door.people.set_role(bo.account, "owner")
    results = await asyncio.gather(
        door.people.set_role(ada.account, "host"),
        door.people.remove(bo.account),
        return_exceptions=True,
    )
    assert sum(isinstance(each, UserError) for each in results) == 1
    assert [each.role for each in await door.people.everybody()].count("owner") == 1
    with pytest.raises(NotFound):
        await door.people.remove("nobody")
    assert bo_welcome.codes


async def test_who_goes_loses_everything_at_once(door: Door, device: Authenticator) -> None:
    ada, _ = await door.make(device)
    bo, welcome = await door.make(device, name="Bo")
    code, _ = await door.people.invite(bo, "Eve", "owner")
    await door.people.remove(bo.account)
    assert await door.house.who(welcome.session) is None
    for lost in (
        door.accounts.recover(welcome.codes[0], **HERE),
        door.house.redeem(code),
        door.sign_in(device),
    ):
        with pytest.raises(Denied):
            await lost
    assert [each.account for each in await door.people.everybody()] == [ada.account]


async def test_a_changed_role_holds_in_open_sessions_and_ends_invitations(
    door: Door, device: Authenticator
) -> None:
    await door.make(device)
    bo, welcome = await door.make(device, name="Bo")
    code, _ = await door.people.invite(bo, "Eve", "owner")
    await door.people.set_role(bo.account, "host")
    assert not (await door.who(welcome.session)).may("people")
    with pytest.raises(Denied):
        await door.house.redeem(code)


async def test_browsers_without_account_are_counted_and_signed_out(
    door: Door, device: Authenticator
) -> None:
    _, welcome = await door.make(device)
    plain = await door.house.redeem(await door.house.new_code())
    assert await door.people.plain_sessions() == 1
    await door.people.end_plain_sessions()
    assert await door.house.who(plain) is None
    assert await door.house.who(welcome.session)


async def test_neither_secrets_nor_addresses_stand_in_the_database(
    door: Door, device: Authenticator, database: Database
) -> None:
    _, welcome = await door.make(device)
    session = await door.sign_in(device)
    found = ""
    async with database.read() as connection:
        for table in metadata.sorted_tables:
            found += str([tuple(row) for row in await connection.execute(select(table))])
    assert "Firefox" in found
    secrets = [session, welcome.session, "192.0.2.1", *welcome.codes]
    secrets += [code.replace("-", "") for code in welcome.codes]
    assert [each for each in secrets if each in found] == []
