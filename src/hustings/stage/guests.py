"""Guests of an evening as the stage keeps them: who is announced, who may be recorded. Pure.

Keeps true: web says who there is, in order (`RoomModel.put`), and each change is one `guest` entry
that the stage alone may read; the newest of an id counts, and the entry before it is to be erased
(`Hall` does), so a name that was taken back stands nowhere. Snapshots name entries, never people.
Everybody sees the announced ones beside the room's facts (`RoomModel.told`).
"""

import logging
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

import msgspec

from hustings.base.errors import HustingsError
from hustings.stage.names import alike, clean
from hustings.wire.kinds import Booking, Guest

log = logging.getLogger(__name__)

LINE_CHARS: Final = 120


class Guests:
    """Those of one room."""

    def __init__(self) -> None:
        self._booked: dict[str, Booking] = {}
        self.at: dict[str, int] = {}  # guest -> the entry that says so

    @property
    def announced(self) -> list[Guest]:
        """Whom everybody may see, in the hosts' order."""
        return [each.guest for each in self._ordered() if each.announced]

    def told(self, host: str) -> list[Guest]:
        """The same, marked where a name can be taken for the host's or that of one before."""
        names, found = [host] if host else [], []
        for guest in self.announced:
            seen = bool(alike(guest.name, names))
            found.append(msgspec.structs.replace(guest, alike=True) if seen else guest)
            names.append(guest.name)
        return found

    @property
    def unrecorded(self) -> list[str]:
        """Names of those who have not agreed to be recorded, in the hosts' order."""
        return [each.guest.name for each in self._ordered() if not each.recorded]

    def __len__(self) -> int:
        return len(self._booked)

    def _ordered(self) -> list[Booking]:
        return sorted(self._booked.values(), key=lambda each: (each.place, each.guest.id))

    def put(self, wanted: Sequence[Booking]) -> list[Booking]:
        """These and no others: what changes by that."""
        said = {each.guest.id: _cleaned(each, place) for place, each in enumerate(wanted)}
        gone = [Booking(Guest(who), gone=True) for who in self._booked if who not in said]
        return [*gone, *(each for who, each in said.items() if self._booked.get(who) != each)]

    def announces(self, changes: Iterable[Booking]) -> bool:
        """Whether everybody sees something of these changes: what a guest agrees to beside it is no news."""
        after = Guests()
        after._booked = dict(self._booked)
        for each in changes:
            after.fold(each, 0)
        return after.announced != self.announced

    def fold(self, body: object, seq: int) -> int | None:
        """Take over what entry `seq` says, if it is of a guest; returns the entry that it outdates."""
        if not isinstance(body, Booking):
            return None
        who = body.guest.id
        before = self.at.pop(who, None)
        self._booked.pop(who, None)
        if not body.gone:
            self._booked[who], self.at[who] = body, seq
        return before

    def read_back(self, booking: Callable[[int], Booking]) -> None:
        """Fetch what a snapshot only names, by the entry's number; what is lost is a guest less."""
        for who, seq in list(self.at.items()):
            try:
                self._booked[who] = booking(seq)
            except HustingsError as error:  # until web says the guests anew
                log.error("entry %d, which is of a guest, cannot be read: %s", seq, error.title)
                del self.at[who]


def bookings(said: Iterable[Any]) -> list[Booking]:
    """Guests as web says them (`stage.http.services.WantedGuest`), in order."""
    return [
        Booking(
            Guest(each.id, each.name, each.line, each.url, each.picture if each.announced else ""),
            announced=each.announced,
            recorded=each.recorded,
        )
        for each in said
    ]


def _cleaned(said: Booking, place: int) -> Booking:
    guest = msgspec.structs.replace(
        said.guest, name=clean(said.guest.name), line=clean(said.guest.line, LINE_CHARS)
    )
    return msgspec.structs.replace(said, guest=guest, place=place)
