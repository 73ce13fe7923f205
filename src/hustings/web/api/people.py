"""`/api/v1/people` for owners' keys, and `/api/v1/me`: the key that calls."""

from typing import Annotated, Any

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, Field

from hustings.base.errors import NotFound
from hustings.web.accounts.model import NAME_CHARS, Account, name_from_form
from hustings.web.accounts.model import Invitation as Waiting
from hustings.web.accounts.rules import Role
from hustings.web.api.caller import Known, OnceName, PeopleReader, PeopleWriter
from hustings.web.api.fields import Asked
from hustings.web.api.told import ONCE, told
from hustings.web.keys.model import Scope

router = APIRouter(prefix="/api/v1")

PersonName = Annotated[str, Path(max_length=32, pattern=r"^[a-z0-9]+$", description="`person`.")]
CodeName = Annotated[str, Path(pattern=r"^[0-9a-f]{64}$", description="`invitation`.")]


class Person(BaseModel):
    """Somebody with an account."""

    person: str
    name: str
    role: str
    made_ms: int


class People(BaseModel):
    """Everybody, by name: a house has at most 1,000."""

    people: list[Person]


class PersonInvited(BaseModel):
    """A one-time link that waits; the link itself is in the answer to its making alone."""

    invitation: str
    name: str
    role: str
    made_ms: int
    expires_ms: int


class PersonInvitedNow(PersonInvited):
    """A new one-time link."""

    link: str = Field(description="Works once, within a week; nobody can be told it again.")


class PeopleInvited(BaseModel):
    """Links that wait, newest first."""

    invitations: list[PersonInvited]


class NewPerson(Asked):
    """Whom to invite to this house."""

    name: Annotated[str, Field(min_length=1, max_length=NAME_CHARS, examples=["Kim"])]
    role: Role


class RoleChange(Asked):
    """What somebody may from now on."""

    role: Role


class Me(BaseModel):
    """The key that calls, and what it may do now."""

    key: str = Field(description="The key's name: its first part, which is no secret.")
    name: str
    person: str
    person_name: str
    role: str
    scopes: list[Scope] = Field(description="Those of the key that its person's role allows.")
    expires_ms: int


@router.get("/me", tags=["me"], **told("getMe"))
async def me(caller: Known) -> Me:
    """Which key this is, whose, and what it may do."""
    holder = caller.holder
    assert holder is not None
    return Me(
        key=holder.key.key,
        name=holder.key.name,
        person=holder.who.account,
        person_name=holder.who.name,
        role=holder.who.role,
        scopes=sorted(holder.scopes),
        expires_ms=holder.key.expires_ms,
    )


@router.get("/people", tags=["people"], **told("listPeople", scope="people:read"))
async def people(caller: PeopleReader) -> People:
    """Everybody with an account."""
    found = await caller.services.people.everybody()
    return People(people=[_person(each) for each in found])


@router.get("/people/invitations", tags=["people"], **told("listInvited", scope="people:read"))
async def invited(caller: PeopleReader) -> PeopleInvited:
    """One-time links that nobody used yet."""
    found = await caller.services.people.invitations()
    return PeopleInvited(invitations=[PersonInvited(**_waiting(each)) for each in found])


@router.post(
    "/people/invitations",
    tags=["people"],
    **told(
        *("invitePerson", "name_missing", "accounts_many", *ONCE),
        scope="people:write",
        writes=True,
        status=201,
    ),
)
async def invite_person(
    caller: PeopleWriter, body: NewPerson, once: OnceName = None
) -> PersonInvitedNow:
    """A one-time link by which somebody makes an account in this role."""
    call = caller.once(once, body.model_dump())
    name = name_from_form(body.name)
    code, made = await caller.services.people.invite(caller.who, name, body.role, once=call)
    return PersonInvitedNow(link=caller.lasting_links.start(code), **_waiting(made))


@router.delete(
    "/people/invitations/{invitation}",
    tags=["people"],
    **told(
        *("withdrawInvited", "invitation_unknown"), scope="people:write", writes=True, status=204
    ),
)
async def withdraw(caller: PeopleWriter, invitation: CodeName) -> None:
    """The link is good no more."""
    waiting = await caller.services.people.invitations()
    if invitation not in {each.code for each in waiting}:
        raise NotFound("invitation_unknown", "There is no such invitation.")
    await caller.services.people.withdraw(invitation)


@router.patch(
    "/people/{person}",
    tags=["people"],
    **told(
        *("changeRole", "account_unknown", "owner_last", "outbox_full"),
        scope="people:write",
        writes=True,
    ),
)
async def change_role(caller: PeopleWriter, person: PersonName, body: RoleChange) -> Person:
    """Another role, at once and in all their browsers and keys."""
    await caller.services.people.set_role(person, body.role)
    caller.services.outbox.wake()
    return _person(await caller.services.people.person(person))


@router.delete(
    "/people/{person}",
    tags=["people"],
    **told(
        *("removePerson", "account_unknown", "owner_last", "outbox_full"),
        scope="people:write",
        writes=True,
        status=204,
    ),
)
async def remove(
    caller: PeopleWriter,
    person: PersonName,
    links: Annotated[
        bool, Query(description="Withdraw also the links to stages that they made.")
    ] = False,
) -> None:
    """Somebody's account ends, with passkeys, sessions, keys, unused invitations and seats on stages."""
    await caller.services.people.remove(person, links=links)
    caller.services.outbox.wake()


def _person(account: Account) -> Person:
    return Person(
        person=account.account, name=account.name, role=account.role, made_ms=account.made_ms
    )


def _waiting(made: Waiting) -> dict[str, Any]:
    return {
        "invitation": made.code,
        "name": made.name,
        "role": made.role,
        "made_ms": made.made_ms,
        "expires_ms": made.expires_ms,
    }
