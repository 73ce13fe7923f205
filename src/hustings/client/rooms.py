"""Rooms and their invitations."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Final, TypeVar

import httpx
import msgspec
from msgspec import UNSET, UnsetType

from hustings.client.http import Line, read
from hustings.client.types import (
    Guest,
    Helper,
    Invitation,
    Person,
    Reminders,
    Room,
    RoomMade,
    RoomPlan,
    Words,
    wall_ms,
)

R = TypeVar("R", bound=RoomPlan)
_PAGE: Final = 200  # rooms a call, when all are wanted


class _Page(msgspec.Struct):
    rooms: list[Room]
    next: str | None = None


class _Invitations(msgspec.Struct):
    invitations: list[Invitation]


class _Crew(msgspec.Struct):
    crew: list[Helper]


class _Guests(msgspec.Struct):
    guests: list[Guest]


class Rooms:
    """`house.rooms`."""

    def __init__(self, line: Line) -> None:
        self._line = line

    def list(
        self,
        *states: str,
        since: datetime | None = None,
        until: datetime | None = None,
        words: str = "",
        earliest_first: bool = False,
        page: int = _PAGE,
    ) -> Iterator[Room]:
        """All rooms in these states (none: in any), asked for a page at a time as they are used."""
        query: dict[str, Any] = {
            "state": states,
            "from_ms": wall_ms(since),
            "until_ms": wall_ms(until),
            "words": words,
            "order": "earliest" if earliest_first else "latest",
            "limit": page,
        }
        after: str | None = ""
        while after is not None:
            found = self._line.get("/rooms", _Page, query | {"after": after})
            yield from found.rooms
            after = found.next

    def get(self, room: str) -> RoomPlan:
        """One room. Raises NotFound `room_unknown`."""
        return _versioned(self._line.call("GET", f"/rooms/{room}"), RoomPlan)

    def create(
        self,
        title: str,
        *,
        host: str = "",
        start: datetime | None = None,
        cohosts: Sequence[str] = (),
        speakers: Sequence[str] = (),
        address: str = "",
        description: str = "",
        language: str = "en",
        radio: bool = False,
        expected: int = 0,
        delay_s: int = 0,
        keep_days: int | UnsetType | None = UNSET,
        lobby_min: int | UnsetType | None = UNSET,
        doors: str | UnsetType | None = UNSET,
        own_rules: str = "",
        rules_alone: bool = False,
        texts: Mapping[str, Words] | None = None,
    ) -> RoomMade:
        """Plan a room. keep_days: None is for ever; left out: as the house is used to.

        lobby_min: minutes before the start at which its lobby opens; 0: by hand, None: as usual.
        doors: `lobby` or `live`: when the waiting line of a full house begins to move.
        own_rules: beside the house's, which people agree to; or, with rules_alone, in their place.
        texts: title and description for readers of other languages, as {"de": Words("Der Hafen")}.
        """
        asked = {
            "title": title,
            "host": host,
            "start_ms": wall_ms(start),
            "cohosts": cohosts,
            "speakers": speakers,
            "address": address or UNSET,
            "description": description,
            "language": language,
            "radio": radio,
            "expected": expected,
            "delay_s": delay_s,
            "keep_days": keep_days,
            "lobby_min": lobby_min,
            "doors": doors,
            "own_rules": own_rules,
            "rules_alone": rules_alone,
            "texts": texts or UNSET,
        }
        answer = self._line.call("POST", "/rooms", body=_sent(asked), once=True)
        return _versioned(answer, RoomMade)

    def change(
        self,
        room: RoomPlan | str,
        *,
        title: str | UnsetType = UNSET,
        host: str | UnsetType = UNSET,
        start: datetime | UnsetType | None = UNSET,
        description: str | UnsetType = UNSET,
        language: str | UnsetType = UNSET,
        radio: bool | UnsetType = UNSET,
        expected: int | UnsetType = UNSET,
        delay_s: int | UnsetType = UNSET,
        keep_days: int | UnsetType | None = UNSET,
        lobby_min: int | UnsetType | None = UNSET,
        doors: str | UnsetType | None = UNSET,
        own_rules: str | UnsetType = UNSET,
        rules_alone: bool | UnsetType = UNSET,
        texts: Mapping[str, Words] | UnsetType = UNSET,
    ) -> RoomPlan:
        """Change what is named. A room as it was read: raises Changed if it is not so any more.

        An address alone changes whatever is there. texts: these and no others; {}: none.
        """
        asked = {
            "title": title,
            "host": host,
            "start_ms": UNSET if isinstance(start, UnsetType) else wall_ms(start),
            "description": description,
            "language": language,
            "radio": radio,
            "expected": expected,
            "delay_s": delay_s,
            "keep_days": keep_days,
            "lobby_min": lobby_min,
            "doors": doors,
            "own_rules": own_rules,
            "rules_alone": rules_alone,
            "texts": texts,
        }
        version = room.etag if isinstance(room, RoomPlan) and room.etag else "*"
        answer = self._line.call(
            "PATCH", f"/rooms/{_name(room)}", body=_sent(asked), headers={"If-Match": version}
        )
        return _versioned(answer, RoomPlan)

    def open_lobby(self, room: Room | str) -> RoomPlan:
        """Listeners may come in and wait."""
        return self._do(room, "lobby", None)

    def cancel(self, room: Room | str, why: str = "") -> RoomPlan:
        """It does not take place."""
        return self._do(room, "cancel", {"why": why})

    def revive(self, room: Room | str, start: datetime | None) -> RoomPlan:
        """A cancelled room takes place after all."""
        return self._do(room, "revive", {"start_ms": wall_ms(start)})

    def erase(self, room: Room | str, from_s: int, to_s: int, reason: str) -> None:
        """Take back a stretch of the past for good; seconds since the room's epoch."""
        asked = {"from_s": from_s, "to_s": to_s, "reason": reason}
        self._line.call("POST", f"/rooms/{_name(room)}/erase", body=asked)

    def delete(self, room: Room, reason: str) -> RoomPlan:
        """Delete the whole recording for good. It takes the room itself: its title is sent along."""
        return self._do(room, "delete", {"title": room.title, "reason": reason})

    def show_picture(self, room: Room | str, alt: str, photo: bytes | None = None) -> RoomPlan:
        """A picture (JPEG, PNG, WebP) and what it shows; without one, new words for what is there."""
        form: dict[str, Any] = {"alt": (None, alt)}
        form |= {"photo": ("photo", photo)} if photo is not None else {}
        answer = self._line.call("PUT", f"/rooms/{_name(room)}/picture", form=form)
        return _versioned(answer, RoomPlan)

    def remove_picture(self, room: Room | str) -> RoomPlan:
        """It goes, everywhere."""
        answer = self._line.call("DELETE", f"/rooms/{_name(room)}/picture")
        return _versioned(answer, RoomPlan)

    def invitations(self, room: Room | str) -> Sequence[Invitation]:
        """Who is invited, also those whose pass was withdrawn."""
        return self._line.get(f"/rooms/{_name(room)}/invitations", _Invitations).invitations

    def invite(
        self, room: Room | str, name: str = "", *, role: str = "speaker", kind: str = "invite"
    ) -> Invitation:
        """One more seat. kind whip: a pass for an encoder."""
        asked = {"name": name, "role": role, "kind": kind}
        path = f"/rooms/{_name(room)}/invitations"
        return read(self._line.call("POST", path, body=asked, once=True), Invitation)

    def revoke(self, room: Room | str, invitation: Invitation | str) -> None:
        """Withdraw a pass; whoever sits there is put out."""
        jti = invitation if isinstance(invitation, str) else invitation.invitation
        self._line.call("DELETE", f"/rooms/{_name(room)}/invitations/{jti}")

    def crew(self, room: Room | str) -> Sequence[Helper]:
        """Who has a role in this room alone, by name."""
        return self._line.get(f"/rooms/{_name(room)}/crew", _Crew).crew

    def give_role(self, room: Room | str, person: Person | str, role: str) -> Helper:
        """host, cohost, moderator or checker in this room, at once; another one takes its place."""
        path = f"/rooms/{_name(room)}/crew/{_whose(person)}"
        return read(self._line.call("PUT", path, body={"role": role}), Helper)

    def take_role(
        self, room: Room | str, person: Person | Helper | str, *, links: bool = False
    ) -> None:
        """They have none any more, and leave its stage. links: what they made for it is withdrawn too."""
        query = {"links": "true"} if links else None
        path = f"/rooms/{_name(room)}/crew/{_whose(person)}"
        self._line.call("DELETE", path, query=query)

    def reminders(self, room: Room | str) -> Reminders:
        """How many are told of this room, and what was sent."""
        return self._line.get(f"/rooms/{_name(room)}/reminders", Reminders)

    def guests(self, room: Room | str) -> Sequence[Guest]:
        """Whom the evening announces, in order, and what each of them agreed to."""
        return self._line.get(f"/rooms/{_name(room)}/guests", _Guests).guests

    def add_guest(self, room: Room | str, name: str, *, line: str = "", url: str = "") -> Guest:
        """One more guest; nothing of them is public before they agree by their link."""
        asked = {"name": name, "line": line, "url": url}
        path = f"/rooms/{_name(room)}/guests"
        return read(self._line.call("POST", path, body=asked, once=True), Guest)

    def change_guest(
        self,
        room: Room | str,
        guest: Guest | str,
        *,
        name: str | UnsetType = UNSET,
        line: str | UnsetType = UNSET,
        url: str | UnsetType = UNSET,
        place: int | UnsetType = UNSET,
    ) -> Guest:
        """Change what is named; place: 0 is first. Who agreed to other words is asked anew."""
        asked = {"name": name, "line": line, "url": url, "place": place}
        path = _guest(room, guest)
        return read(self._line.call("PATCH", path, body=_sent(asked)), Guest)

    def renew_guest_link(self, room: Room | str, guest: Guest | str) -> Guest:
        """Another link; the one before is good no more."""
        return read(self._line.call("POST", f"{_guest(room, guest)}/link"), Guest)

    def remove_guest(self, room: Room | str, guest: Guest | str) -> None:
        """No guest any more: all that is kept of them goes."""
        self._line.call("DELETE", _guest(room, guest))

    def _do(self, room: Room | str, what: str, asked: dict[str, Any] | None) -> RoomPlan:
        answer = self._line.call("POST", f"/rooms/{_name(room)}/{what}", body=asked)
        return _versioned(answer, RoomPlan)


def _name(room: Room | str) -> str:
    return room if isinstance(room, str) else room.room


def _whose(person: Person | Helper | str) -> str:
    return person if isinstance(person, str) else person.person


def _guest(room: Room | str, guest: Guest | str) -> str:
    return f"/rooms/{_name(room)}/guests/{guest if isinstance(guest, str) else guest.guest}"


def _sent(asked: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in asked.items() if value is not UNSET}


def _versioned(answer: httpx.Response, kind: type[R]) -> R:
    return msgspec.structs.replace(read(answer, kind), etag=answer.headers.get("etag", ""))
