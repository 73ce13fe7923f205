"""Which rules hold in a room; pure.

Keeps true: what an owner has written takes the place of all that is built in: a house whose rules
stand in one language has those, and no others, for readers of every language.
"""

from collections.abc import Mapping
from typing import Any

from hustings.base.errors import UserError
from hustings.pages.locales import LANGUAGES
from hustings.pages.render import render
from hustings.web.rooms.model import Wish, clean
from hustings.wire.rules import TEXT_CHARS

Texts = Mapping[str, str]  # language -> text


def built_in() -> dict[str, str]:
    """What holds until an owner has written something."""
    return {each: render("rules.txt", each).decode().strip() for each in LANGUAGES}


def in_force(written: Texts) -> dict[str, str]:
    """The house's rules. written: by its owners, perhaps nothing."""
    said = {language: text for language, text in written.items() if text}
    return said or built_in()


def wanted(wish: Wish, written: Texts) -> dict[str, Any]:
    """What the stage is to make true in a room (`PUT /rooms/{room}`, `rules`)."""
    alone = wish.rules_alone and bool(wish.own_rules)
    return {"house": {} if alone else in_force(written), "own": wish.own_rules}


def texts_from_form(fields: Mapping[str, str]) -> dict[str, str]:
    """Read `rules-en`, `rules-de`, ...; raises UserError `rules_long` with the field."""
    found = {}
    for each in LANGUAGES:
        text = clean(fields.get(f"rules-{each}", ""), TEXT_CHARS + 1, lines=True)
        if len(text) > TEXT_CHARS:
            raise UserError(
                "rules_long", f"Rules hold {TEXT_CHARS:,} letters.", field=f"rules-{each}"
            )
        found[each] = text
    return found
