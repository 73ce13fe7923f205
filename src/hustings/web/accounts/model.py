"""What accounts are made of: frozen values, and what people type as their name or code."""

from dataclasses import dataclass
from typing import Final

from hustings.base.errors import UserError
from hustings.base.ids import new_id
from hustings.web.accounts.rules import Permission, may
from hustings.web.rooms.model import clean

NAME_CHARS: Final = 80
DAY_MS: Final = 86_400_000
FRESH_MS: Final = 15 * 60_000  # for what gives or takes a way in
CODES: Final = 10
CODE_LETTERS: Final = 20  # of 31: 99 random bits
_GROUP: Final = 5


@dataclass(frozen=True)
class Who:
    """The visitor behind a session."""

    session: str  # hash of its secret
    account: str  # "": a browser that used a one-time link, no person
    name: str
    role: str
    since_ms: int = 0  # when that session began; 0: it is no session

    def is_fresh(self, wall_ms: int) -> bool:
        """Whether they signed in just now: somebody at a screen that was left open did not."""
        return abs(wall_ms - self.since_ms) <= FRESH_MS

    def may(self, permission: Permission) -> bool:
        """Whether the table of `rules` lets them."""
        return may(self.role, permission)


@dataclass(frozen=True)
class Account:
    """One person."""

    account: str
    name: str
    role: str
    made_ms: int


@dataclass(frozen=True)
class Passkey:
    """One passkey, with what is needed to check its signatures."""

    passkey: str
    account: str
    credential: bytes
    public_key: bytes
    counter: int
    browser: str
    made_ms: int
    used_ms: int  # to the day; 0: never


@dataclass(frozen=True)
class Device:
    """One session, as its owner sees it."""

    session: str  # hash
    browser: str
    made_ms: int
    seen_ms: int  # to the day


@dataclass(frozen=True)
class Invitation:
    """A one-time link that waits for somebody; the link itself is known to nobody any more."""

    code: str  # hash
    name: str
    role: str
    made_ms: int
    expires_ms: int


@dataclass(frozen=True)
class Welcome:
    """What a new account gets, once: its session's secret and its recovery codes."""

    session: str
    codes: tuple[str, ...]
    address: str = ""  # to which the invitation came; links to it sign in, too


def name_from_form(text: str) -> str:
    """A person's name, or raise `name_missing`."""
    name = clean(text, NAME_CHARS)
    if not name:
        raise UserError("name_missing", "Give a name.", field="name")
    return name


def new_codes() -> tuple[str, ...]:
    """Ten recovery codes: `abcde-fghjk-mnpqr-stuvw`."""
    return tuple(_grouped(new_id(CODE_LETTERS)) for _ in range(CODES))


def plain_code(text: str) -> str:
    """A code as its letters alone, however it was typed."""
    return "".join(letter for letter in text[:200].lower() if letter.isalnum())


def to_the_day(wall_ms: int) -> int:
    """Coarse on purpose: when somebody was here is nobody's business to the minute."""
    return wall_ms - wall_ms % DAY_MS


def _grouped(letters: str) -> str:
    return "-".join(letters[i : i + _GROUP] for i in range(0, len(letters), _GROUP))
