"""A guest, what they agreed to and when, and the forms that say so; pure.

Keeps true: nothing is agreed to that was not ticked and sent; each answer is kept with its time and
the number of the words it was given to; a host who changes what is announced of somebody asks anew.
"""

import hashlib
import re
from collections.abc import Mapping
from typing import Any, Final, Literal
from urllib.parse import urlsplit

import msgspec

from hustings.base.errors import UserError
from hustings.base.ids import RoomId
from hustings.web.rooms.model import NAME_CHARS, clean

MOST: Final = 12  # of one evening; as many as a stage takes (`stage.http.services`)
LINE_CHARS: Final = 120
URL_CHARS: Final = 300
ANSWERS: Final = 60  # kept of one guest; then the oldest go
WORDS: Final = 1  # number of the words in `_web_guest_words.html`: another meaning, another number

Purpose = Literal["announce", "picture", "record"]
PURPOSES: Final[tuple[Purpose, ...]] = ("announce", "picture", "record")
_UNFIT: Final = re.compile(r"[\s\"'<>\\^`{|}\x00-\x20\x7f-\x9f]")


class Answer(msgspec.Struct, frozen=True, omit_defaults=True):
    """One thing that was agreed to, or taken back."""

    purpose: Purpose
    agreed: bool
    at_ms: int  # wall
    words: int = WORDS
    by_host: bool = False  # it ended since a host changed what was agreed to
    keep_days: int | None = (
        None  # of a recording that was agreed to, as they were told; None: for ever
    )


class Guest(msgspec.Struct, frozen=True):
    """One guest. The link is signed anew each time it is shown, always the same until it is renewed."""

    guest: str
    room: RoomId
    place: int
    name: str
    line: str
    url: str
    link: str  # id of the one link that is good
    made_ms: int
    answers: list[Answer] = []
    picture: str = ""  # hash of what they gave; empty: nothing

    def answer(self, purpose: Purpose) -> Answer | None:
        """The last they gave; None: none yet."""
        given = [each for each in self.answers if each.purpose == purpose]
        return given[-1] if given else None

    def agrees(self, purpose: Purpose) -> bool:
        """Whether they agree now."""
        last = self.answer(purpose)
        return last is not None and last.agreed

    @property
    def announced(self) -> bool:
        """Whether everybody may see name and line."""
        return self.agrees("announce")

    @property
    def shown(self) -> str:
        """The picture that everybody may see; empty: none."""
        return self.picture if self.announced and self.agrees("picture") else ""

    @property
    def seen(self) -> str:
        """Differs whenever something differs that hosts may correct."""
        said = msgspec.json.encode([self.name, self.line, self.url])
        return hashlib.sha256(said).hexdigest()[:20]

    def told(self) -> dict[str, Any]:
        """As the stage hears of them (docs/protocol.md 4)."""
        return {
            "id": self.guest,
            "name": self.name,
            "line": self.line,
            "url": self.url,
            "picture": self.shown,
            "announced": self.announced,
            "recorded": self.agrees("record"),
        }


class Card(msgspec.Struct, frozen=True):
    """What is announced of a guest."""

    name: str
    line: str = ""
    url: str = ""


class TypedGuest(msgspec.Struct, frozen=True):
    """What a host wrote that could not be taken; it stands in its form again."""

    guest: str  # whose form it is; "new": of one more
    name: str
    line: str
    url: str
    error: str  # code

    @property
    def wrong(self) -> str:
        """The field to mend; "": none of them."""
        return {"name_missing": "name", "guest_url": "url"}.get(self.error, "")


class Back(msgspec.Struct, frozen=True):
    """What the hosts' page says back about guests."""

    new_link: tuple[str, str] = ("", "")  # a guest's id and their link, which is shown this once
    typed: TypedGuest | None = None


def card_from_form(fields: Mapping[str, str]) -> Card:
    """Read a form. Raises UserError `name_missing`, `guest_url`."""
    name = clean(fields.get("name", ""), NAME_CHARS)
    if not name:
        raise UserError("name_missing", "Give the guest's name.", field="name")
    line = clean(fields.get("line", ""), LINE_CHARS)
    return Card(name, line, web_address(fields.get("url", "")))


def corrected(guest: Guest, fields: Mapping[str, str], seen: str = "") -> Card:
    """What hosts make of it; fields that are not there stay as they are.

    seen: what they saw of it (`Guest.seen`); "": whatever it is. Raises as `card_from_form`, and
    UserError `room_changed` (412).
    """
    if seen and seen != guest.seen:
        raise UserError("room_changed", "The guest was changed meanwhile.", status=412)
    before = {"name": guest.name, "line": guest.line, "url": guest.url}
    return card_from_form(before | {each: fields[each] for each in before if each in fields})


def web_address(typed: str) -> str:
    """An http or https address, as it was typed; "" for none. Raises UserError `guest_url`."""
    url = typed.strip()
    if not url:
        return ""
    if "://" not in url and ":" not in url.partition("/")[0]:
        url = f"https://{url}"
    try:
        parts = urlsplit(url)
        fit = parts.scheme in {"http", "https"} and bool(parts.hostname) and "@" not in parts.netloc
    except ValueError:
        fit = False
    if not fit or clean(url, URL_CHARS) != url or _UNFIT.search(url):
        raise UserError("guest_url", "Give a web address, like example.org.", field="url")
    return url


def by_host(guest: Guest, card: Card, now_ms: int) -> Guest:
    """As a host corrects it. Whoever agreed to be announced in other words is asked anew."""
    same = (card.name, card.line, card.url) == (guest.name, guest.line, guest.url)
    changed = msgspec.structs.replace(guest, **msgspec.structs.asdict(card))
    if same or not guest.announced:
        return changed
    return _answered(changed, Answer("announce", agreed=False, at_ms=now_ms, by_host=True))


def kept_longer(guest: Guest, now_ms: int) -> Guest:
    """The recording is to be kept for longer than they were told: they are asked anew."""
    if not guest.agrees("record"):
        return guest
    return _answered(guest, Answer("record", agreed=False, at_ms=now_ms, by_host=True))


class Said(msgspec.Struct, frozen=True):
    """A guest's form: what is told of them, what they agree to, and how long it said a recording is kept."""

    card: Card
    agreed: frozenset[Purpose]
    kept: str = ""  # as `kept_words`; "": it said nothing


def kept_words(days: int | None) -> str:
    """`keep_days` of a room as the guest's form carries it."""
    return "ever" if days is None else str(days)


def said_in(fields: Mapping[str, str]) -> Said:
    """Read the guest's form. Raises as `card_from_form`."""
    return Said(card_from_form(fields), agreed_in(fields), fields.get("kept", ""))


def by_guest(guest: Guest, said: Said, days: int | None, now_ms: int) -> Guest:
    """As the guest corrects it and decides; what they decided before already is no news.

    Without a picture there is nothing to agree to about one; who takes that back takes it along.
    days: for how long a recording is kept now. Raises UserError `guest_kept` for who agrees to one
    by a form that said otherwise.
    """
    card, agreed = said.card, said.agreed
    if not guest.picture:
        agreed -= {"picture"}
    changed = msgspec.structs.replace(guest, **msgspec.structs.asdict(card))
    for purpose in PURPOSES:
        if (yes := purpose in agreed) == guest.agrees(purpose):
            continue
        answer = Answer(purpose, agreed=yes, at_ms=now_ms)
        if yes and purpose == "record":
            if said.kept != kept_words(days):
                raise UserError("guest_kept", "The recording is kept for another time now.")
            answer = msgspec.structs.replace(answer, keep_days=days)
        changed = _answered(changed, answer)
    took_back = guest.agrees("picture") and not changed.agrees("picture")
    return msgspec.structs.replace(changed, picture="") if took_back else changed


def agreed_in(fields: Mapping[str, str]) -> frozenset[Purpose]:
    """What is ticked in the guest's form."""
    return frozenset(each for each in PURPOSES if fields.get(each) == "yes")


def with_picture(guest: Guest, name: str, now_ms: int) -> Guest:
    """Another picture, or ("") none: what they agreed to was the one before."""
    changed = msgspec.structs.replace(guest, picture=name)
    if name == guest.picture or not guest.agrees("picture"):
        return changed
    return _answered(changed, Answer("picture", agreed=False, at_ms=now_ms))


def _answered(guest: Guest, answer: Answer) -> Guest:
    return msgspec.structs.replace(guest, answers=[*guest.answers, answer][-ANSWERS:])
