"""What web knows of a room, an invitation, and the form that asks for one; pure."""

import re
import unicodedata
from collections.abc import Mapping
from typing import Any, Final, Literal, get_args

import msgspec

from hustings.base.errors import UserError
from hustings.base.ids import RoomId, room_id
from hustings.settings import StageSettings
from hustings.web.rooms.local_time import shown, start_from_form, zone_named
from hustings.wire.kinds import (
    DELAYS_S,
    EXPECTED,
    KEEP_DAYS,
    LOBBY_MIN,
    Doors,
    Role,
    Room,
    RoomState,
    keeps_shorter,
)
from hustings.wire.rules import TEXT_CHARS as RULES_CHARS
from hustings.wire.wording import worded

TITLE_CHARS: Final = 200
NAME_CHARS: Final = 80
TEXT_CHARS: Final = 2_000
REASON_CHARS: Final = 280  # of a cancellation
NEVER_MS: Final = (1 << 53) - 1  # a start that was not said: behind all others, and exact in JSON
INVITED: Final = 50  # people in one room, as the stage counts them
_LANGUAGE: Final = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8}){0,3}")
_SLUG_CHARS: Final = 40
_GROUPED: Final = re.compile(r"(\d{1,3})(?:([\s.,\u066c’'])\d{3})(?:\2\d{3})*")  # 12,000; not 1.5
_STAGES_OWN: Final = (  # not only we change them
    *("start_ms", "expected", "delay_s", "keep_days", "lobby_min", "doors"),
)

ROLES: Final[tuple[Role, ...]] = ("host", "cohost", "moderator", "speaker")
FIELDS: Final = (
    *("title", "description", "language", "host", "start", "zone", "which", "radio"),
    *("cohosts", "speakers", "address", "expected", "delay_s", "keep", "keep_days", "lobby_min"),
    *("own_rules", "rules_alone", "doors"),
)
LEADS: Final = frozenset[Role]({"host", "cohost"})  # who ends the evening: the house's to invite
PassKind = Literal["invite", "whip"]
DOORS: Final[tuple[Doors, ...]] = get_args(Doors)


class Wish(msgspec.Struct, frozen=True):
    """What an owner asks for; the stage makes it true."""

    title: str
    description: str = ""
    language: str = "en"
    host: str = ""
    start_ms: int = 0
    radio: bool = False
    expected: int = 0  # listeners reckoned with; 0: not said
    delay_s: int = 0  # broadcast delay; one of DELAYS_S
    keep_days: int | None = None  # as in `wire.kinds.Room`
    lobby_min: int | None = None  # ... None: as the house does it
    doors: Doors | None = None  # when the queue begins to move; None: as the house does it
    own_rules: str = ""  # beside the house's, in the language that is spoken
    rules_alone: bool = False  # ... or in their place


class Person(msgspec.Struct, frozen=True):
    """Somebody to invite."""

    name: str
    role: Role


class PlannedRoom(msgspec.Struct, frozen=True):
    """A room in web's own table: the wish, and what the stage last said of it."""

    room: RoomId
    wish: Wish
    made_here: bool
    created_ms: int
    facts: Room | None = None
    sort_ms: int = 0  # its place in lists, as read; see `web.rooms.lists`

    @property
    def state(self) -> RoomState:
        """As the stage last said; a room that it has not heard of yet is scheduled."""
        return self.facts.state if self.facts else "scheduled"

    @property
    def title(self) -> str:
        """What listeners read, if the stage knows the room."""
        return self.facts.title if self.facts else self.wish.title

    def words(self, language: str) -> tuple[str, str]:
        """The title that a reader of this language gets, and its language."""
        if self.facts and worded(self.facts, language):
            return self.facts.texts[language].title, language
        return self.title, (self.facts or self.wish).language

    @property
    def start_ms(self) -> int:
        """When it is to begin; 0: not said."""
        return (self.facts or self.wish).start_ms

    @property
    def at_ms(self) -> int:
        """When it was held, or else is to begin; 0: not said."""
        return (self.facts.live_ms if self.facts else 0) or self.start_ms

    @property
    def is_recorded(self) -> bool:
        """Whether it is over, and what was said is kept."""
        facts = self.facts
        if facts is None or facts.state != "ended" or not facts.live_ms:
            return False
        return facts.keep_days != 0 and facts.deleted is None

    @property
    def is_off(self) -> bool:
        """Whether it was cancelled."""
        return self.facts is not None and self.facts.cancelled_ms > 0

    @property
    def current(self) -> Wish:
        """The wish, with what hosts may have changed on the stage since."""
        if self.facts is None:
            return self.wish
        facts = self.facts
        said = {name: getattr(facts, name) for name in _STAGES_OWN}
        return msgspec.structs.replace(self.wish, **said)


class Invitation(msgspec.Struct, frozen=True):
    """One seat's pass. The link is signed anew each time it is shown, always the same."""

    jti: str
    room: RoomId
    kind: PassKind
    seat: str
    role: Role
    name: str
    created_ms: int
    revoked_ms: int = 0
    made_by: str = ""  # account; "": not known, or none


def clean(text: str, limit: int, *, lines: bool = False) -> str:
    """Text without control and direction characters, trimmed and cut; `lines` keeps newlines."""
    kept = "".join(
        c
        for c in text.replace("\r\n", "\n")
        if (lines and c == "\n") or unicodedata.category(c) not in {"Cc", "Cf", "Cs"}
    )
    return kept.strip()[:limit].rstrip()


def folded(text: str) -> str:
    """Text as the search compares it: without case, accents and vowel points."""
    plain = unicodedata.normalize("NFKD", text.casefold())
    return "".join(c for c in plain if not unicodedata.combining(c))


def fields_of(wish: Wish) -> dict[str, str]:
    """A wish as the form shows it; the start in UTC, which the page's script moves to local time."""
    return {
        "title": wish.title,
        "description": wish.description,
        "language": wish.language,
        "host": wish.host,
        "start": shown(wish.start_ms, zone_named("UTC")) if wish.start_ms else "",
        "zone": "UTC",
        "radio": "on" if wish.radio else "",
        "expected": str(wish.expected or ""),
        "delay_s": str(wish.delay_s),
        "lobby_min": "" if wish.lobby_min is None else str(wish.lobby_min),
        **keeping(wish.keep_days),
        "doors": wish.doors or "",
        "own_rules": wish.own_rules,
        "rules_alone": "on" if wish.rules_alone else "",
    }


def keeping(days: int | None) -> dict[str, str]:
    """How long the recording stays, as the form shows it."""
    keep = "ever" if days is None else "days" if days else "none"
    return {"keep": keep, "keep_days": str(days or "")}


def wish_from_form(fields: Mapping[str, str], *, before_ms: int = 0) -> Wish:
    """Read the room form. Raises UserError with `field` naming what to mend.

    before_ms: the room's start until now.
    """
    title = clean(fields.get("title", ""), TITLE_CHARS)
    if not title:
        raise UserError("title_missing", "Give the room a title.", field="title")
    language = fields.get("language", "").strip() or "en"
    if not _LANGUAGE.fullmatch(language):
        raise UserError("language_bad", "Name a language, like en or de-CH.", field="language")
    return Wish(
        title=title,
        description=clean(fields.get("description", ""), TEXT_CHARS, lines=True),
        language=language,
        host=clean(fields.get("host", ""), NAME_CHARS),
        start_ms=start_from_form(fields, before_ms=before_ms),
        radio=fields.get("radio") == "on",
        expected=_number(fields.get("expected", ""), "expected", most=EXPECTED),
        delay_s=_delay_s(fields.get("delay_s", "")),
        keep_days=_keep_days(fields.get("keep", "ever"), fields.get("keep_days", "")),
        lobby_min=_lobby_min(fields.get("lobby_min", "")),
        doors=_doors(fields.get("doors", "")),
        **_rules(fields),
    )


def as_usual(wish: Wish, house: StageSettings) -> Wish:
    """The wish with the house's word where it says none, so that the stage has nothing to fill in."""
    lobby_min = house.lobby_min if wish.lobby_min is None else wish.lobby_min
    return msgspec.structs.replace(
        wish, lobby_min=lobby_min, doors=wish.doors or _doors(house.doors)
    )


def expect_kept(planned: PlannedRoom, wish: Wish) -> None:
    """After its end a recording goes by a deletion alone. Raises UserError `keep_days_shorter`."""
    if planned.state == "ended" and keeps_shorter(wish.keep_days, than=planned.current.keep_days):
        raise UserError(
            "keep_days_shorter", "After the end it can only be kept for longer.", field="keep_days"
        )


def people_from_form(fields: Mapping[str, str]) -> list[Person]:
    """Whom to invite: the host first, then one name a line for co-hosts and speakers."""
    people = [Person(clean(fields.get("host", ""), NAME_CHARS), "host")]
    roles: tuple[tuple[str, Role], ...] = (("cohosts", "cohost"), ("speakers", "speaker"))
    for field, role in roles:
        names = [clean(line, NAME_CHARS) for line in fields.get(field, "").splitlines()]
        people += [Person(name, role) for name in names if name]
        if len(people) > INVITED:
            raise UserError(
                "people_many", f"A room has room for {INVITED} named people.", field=field
            )
    return people


def address_from_form(fields: Mapping[str, str], *, title: str, suffix: str) -> RoomId:
    """The room's address: as asked for, or made from the title and a random `suffix`."""
    asked = fields.get("address", "").strip().lower()
    if asked:
        try:
            return room_id(asked)
        except UserError as error:
            raise UserError(error.code, error.title, field="address") from None
    plain = unicodedata.normalize("NFKD", title).encode("ascii", "ignore").decode().lower()
    slug = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:_SLUG_CHARS].strip("-")
    return room_id(f"{slug}-{suffix}" if slug else suffix)


def role_from_form(text: str) -> Role:
    """A role by its name."""
    if text not in ROLES:
        raise UserError("role_unknown", "A role is host, cohost, moderator or speaker.")
    return text


def _number(text: str, field: str, *, most: int) -> int:
    """A whole number 0 … most, as people write it; empty: 0."""
    text = text.strip()
    grouped = _GROUPED.fullmatch(text)
    if grouped and int(grouped[1]):  # 12,000 and 12.000 are the same; 0.500 is none of them
        text = "".join(filter(str.isdecimal, text))
    if not re.fullmatch(r"\d{0,12}", text) or int(text or 0) > most:
        raise UserError(f"{field}_bad", f"Give a whole number from 0 to {most:,}.", field=field)
    return int(text or 0)


def _delay_s(text: str) -> int:
    if text not in {"", *map(str, DELAYS_S)}:
        raise UserError("delay_bad", "A broadcast delay is none, or 3 to 7 s.", field="delay_s")
    return int(text or 0)


def _doors(text: str) -> Doors | None:
    for each in DOORS:
        if text == each:
            return each
    if text:
        raise UserError("doors_bad", "The line moves with the lobby, or live.", field="doors")
    return None


def _rules(fields: Mapping[str, str]) -> dict[str, Any]:
    own = clean(fields.get("own_rules", ""), RULES_CHARS + 1, lines=True)
    if len(own) > RULES_CHARS:
        raise UserError("rules_long", f"Rules hold {RULES_CHARS:,} letters.", field="own_rules")
    alone = fields.get("rules_alone") == "on"
    if alone and not own:
        raise UserError("rules_missing", "Write the rules that hold instead.", field="own_rules")
    return {"own_rules": own, "rules_alone": alone}


def _lobby_min(text: str) -> int | None:
    text = text.strip()
    if text and not (re.fullmatch(r"\d{1,3}", text) and int(text) <= LOBBY_MIN):
        raise UserError(
            "lobby_min_bad", f"Give minutes, at most {LOBBY_MIN}, or 0.", field="lobby_min"
        )
    return int(text) if text else None


def _keep_days(keep: str, text: str) -> int | None:
    """None: for ever; a recording is kept for a day at least, or not at all."""
    if keep in {"", "ever", "none"}:
        if text.strip():  # without our script: a number beside another choice is a slip
            raise UserError("keep_days_unchosen", "Choose the days, or none.", field="keep_days")
        return 0 if keep == "none" else None
    days = _number(text, "keep_days", most=KEEP_DAYS)
    if keep != "days" or not days:
        raise UserError("keep_days_bad", "Say for how many days.", field="keep_days")
    return days
