"""House rules as they travel: which version of them somebody has read. Pure.

Keeps true: the same texts have the same id everywhere, so that whoever agreed to a house's rules
once is not asked again in its next room, and other texts have another. Stage and edges refuse who
has not read the version that holds, and say it along; pages remember ids (`static/rules.js`).
"""

import hashlib
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from hustings.base.errors import UserError
from hustings.wire.kinds import Rules

TEXT_CHARS: Final = 1_500  # of one text: a page of a phone or two
UNREAD: Final = 428  # Precondition Required (RFC 6585)


def rules_of(house: Mapping[str, str], own: str) -> Rules:
    """The rules that consist of these texts; without any: none, with an empty id."""
    said = {language: text for language, text in sorted(house.items()) if text}
    if not said and not own:
        return Rules()
    digest = hashlib.sha256(msgspec.json.encode([list(said.items()), own])).hexdigest()
    return Rules(digest[:32], said, own)


def expect_read(holds: str, read: str, rules: Mapping[str, Any]) -> None:
    """Raises UserError `rules_unread`, with the rules that are to be read first.

    holds: id of those in force, "" for none; read: what somebody says they agreed to.
    """
    if holds and read != holds:
        raise UserError(
            "rules_unread",
            "Read the rules of this room, and say which ones you agreed to.",
            status=UNREAD,
            rules={"id": holds, **rules},
        )
