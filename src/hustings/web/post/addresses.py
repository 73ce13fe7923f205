"""Mail addresses as people type them; pure.

Kept in one form: lower case, the domain in its ASCII form. The part before the @ is plain ASCII, so
that no letter that only looks like another (or that folds into one) can stand for somebody else.
"""

import re
from dataclasses import dataclass
from typing import Final

from hustings.base.errors import UserError

MOST: Final = 254  # RFC 5321, 4.5.3.1.3
_LOCAL: Final = re.compile(r"[a-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[a-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
_DOMAIN: Final = re.compile(
    r"(?=.*[a-z])[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)+"
)


@dataclass(frozen=True)
class Address:
    """An address that mail can be sent to."""

    text: str
    host: str  # its domain


def address_from_form(text: str) -> Address:
    """Accept an address, or raise UserError("address_bad")."""
    local, at, domain = text.strip()[: MOST + 1].lower().rpartition("@")
    try:
        host = domain.encode("idna").decode().lower()
    except UnicodeError:
        host = ""
    whole = f"{local}@{host}"
    if (
        at
        and len(whole) <= MOST
        and len(local) <= 64
        and _LOCAL.fullmatch(local)
        and _DOMAIN.fullmatch(host)
    ):
        return Address(whole, host)
    raise UserError("address_bad", "This is not an e-mail address.", field="address")
