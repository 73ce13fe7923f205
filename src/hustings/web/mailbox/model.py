"""What the mailbox is made of; frozen values."""

from dataclasses import dataclass
from typing import Final, Literal

Purpose = Literal["sign_in", "verify"]

GOOD_S: Final = 900
"""A link is good for 15 minutes, once."""
ADDRESSES: Final = 5  # of one account


@dataclass(frozen=True)
class Ask:
    """Somebody wants a link. account: who wants to prove an address; "": somebody wants to sign in."""

    address: str
    host: str
    account: str
    language: str
    asked_hash: str  # of the secret that the asking browser keeps
    at_ms: int


@dataclass(frozen=True)
class Email:
    """An address that its owner has proved."""

    address: str
    made_ms: int


@dataclass(frozen=True)
class MailLink:
    """A link that is good now."""

    address: str
    account: str
    purpose: Purpose
    asked_hash: str


@dataclass(frozen=True)
class Shown:
    """A link of a house without mail, for whoever runs it."""

    address: str
    link: str
    until_ms: int


@dataclass(frozen=True)
class SignedIn:
    """The secret of a new session."""

    session: str


@dataclass(frozen=True)
class Confirm:
    """The link was asked for in another browser: whose it is has to be said, and agreed to, first."""

    name: str


@dataclass(frozen=True)
class Verified:
    """The address belongs to the account now."""

    address: str
