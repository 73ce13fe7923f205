"""The people of a house, for owners' keys."""

from collections.abc import Sequence

import msgspec

from hustings.client.http import Line, read
from hustings.client.types import Person, PersonInvited


class _People(msgspec.Struct):
    people: list[Person]


class _Invited(msgspec.Struct):
    invitations: list[PersonInvited]


class People:
    """`house.people`."""

    def __init__(self, line: Line) -> None:
        self._line = line

    def list(self) -> Sequence[Person]:
        """Everybody with an account, by name."""
        return self._line.get("/people", _People).people

    def invited(self) -> Sequence[PersonInvited]:
        """One-time links that nobody used yet."""
        return self._line.get("/people/invitations", _Invited).invitations

    def invite(self, name: str, role: str) -> PersonInvited:
        """A one-time link; it is in this answer alone."""
        asked = {"name": name, "role": role}
        answer = self._line.call("POST", "/people/invitations", body=asked, once=True)
        return read(answer, PersonInvited)

    def withdraw(self, invited: PersonInvited) -> None:
        """The link is good no more."""
        self._line.call("DELETE", f"/people/invitations/{invited.invitation}")

    def set_role(self, person: Person, role: str) -> Person:
        """Another role, at once."""
        answer = self._line.call("PATCH", f"/people/{person.person}", body={"role": role})
        return read(answer, Person)

    def remove(self, person: Person) -> None:
        """Their account ends."""
        self._line.call("DELETE", f"/people/{person.person}")
