"""A program's key: how it is written, what it may, and how a form asks for one; pure.

`hustings_<key>_<secret>`: the first part is a name, the second 192 random bits of which only the
SHA-256 is kept. A key may never do more than its person: the scopes are cut by the person's role
each time it is used.
"""

import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal, get_args

from hustings.base.errors import UserError
from hustings.base.ids import new_id, new_secret
from hustings.web.accounts.model import DAY_MS
from hustings.web.accounts.rules import Permission, may
from hustings.web.rooms.model import clean

Scope = Literal[
    "rooms:read",
    "rooms:write",
    "rooms:invite",
    "rooms:crew",
    "rooms:erase",
    "people:read",
    "people:write",
    "hooks:read",
    "hooks:write",
]

# What the role of the key's person must allow. rooms:read: what only hosts see of a room. write:
# plan, change, cancel. invite: passes with their links. crew: roles in a room. erase: take back sound, delete recordings.
NEEDS: Final[Mapping[Scope, Permission]] = {
    "rooms:read": "rooms",
    "rooms:write": "rooms",
    "rooms:invite": "rooms",
    "rooms:crew": "lead",
    "rooms:erase": "erase",
    "people:read": "people",
    "people:write": "people",
    "hooks:read": "hooks",
    "hooks:write": "hooks",
}
SCOPES: Final[tuple[Scope, ...]] = get_args(Scope)
DAYS: Final = (7, 30, 90, 365)  # that a key may be good for
NAME_CHARS: Final = 80
_WRITTEN: Final = re.compile(r"hustings_([a-z2-9]{10})_([A-Za-z0-9_-]{32})")
_NOBODYS: Final = "0" * 64  # a hash to compare with where there is no such key


@dataclass(frozen=True)
class Key:
    """One key, as its person sees it."""

    key: str
    account: str
    name: str
    scopes: tuple[str, ...]
    made_ms: int
    expires_ms: int
    used_ms: int  # to the day; 0: never


@dataclass(frozen=True)
class KeyWish:
    """What somebody wants a key for."""

    name: str
    scopes: tuple[Scope, ...]
    days: int


def new_key() -> tuple[str, str]:
    """A new key's name, and the whole of it, which is shown once."""
    name = new_id()
    return name, f"hustings_{name}_{new_secret()}"


def name_of(written: str) -> str:
    """The first part of a whole key; "" if it is none."""
    found = _WRITTEN.fullmatch(written)
    return found[1] if found else ""


def hash_of(written: str) -> str:
    """What is kept of a whole key."""
    return hashlib.sha256(written.encode(errors="replace")).hexdigest()


def is_the_key(written: str, key_hash: str | None) -> bool:
    """Whether that is the key with this hash; takes the same time for None: there is no such key."""
    same = hmac.compare_digest(hash_of(written), key_hash or _NOBODYS)
    return same and key_hash is not None


def granted(scopes: tuple[str, ...], role: str) -> frozenset[Scope]:
    """What a key with these scopes may do while its person has this role."""
    return frozenset(scope for scope in SCOPES if scope in scopes and may(role, NEEDS[scope]))


def on_offer(role: str) -> list[Scope]:
    """The scopes that somebody with this role can give to a key."""
    return [scope for scope in SCOPES if may(role, NEEDS[scope])]


def wish_from_form(fields: Mapping[str, str], role: str) -> KeyWish:
    """Read the form: name, one field for each scope, days. Raises UserError, see docs/protocol.md."""
    name = clean(fields.get("name", ""), NAME_CHARS)
    if not name:
        raise UserError("name_missing", "Give the key a name.", field="name")
    scopes = tuple(scope for scope in SCOPES if fields.get(scope) == "on")
    if not scopes or not set(scopes) <= set(on_offer(role)):
        raise UserError("scopes_bad", "Choose what the key may do.", field="scopes")
    days = fields.get("days", "")
    if days not in map(str, DAYS):
        raise UserError("days_bad", "Choose for how long the key is good.", field="days")
    return KeyWish(name, scopes, int(days))


def expiry_ms(wish: KeyWish, now_ms: int) -> int:
    """When the key will have run out, wall ms."""
    return now_ms + wish.days * DAY_MS
