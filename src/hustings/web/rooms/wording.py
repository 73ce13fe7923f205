"""A room announced in further languages: its title and description for readers of each; pure."""

from collections.abc import Iterable, Mapping
from typing import Final

from hustings.base.errors import UserError
from hustings.pages.locales import LANGUAGES
from hustings.web.rooms.model import TEXT_CHARS, TITLE_CHARS, clean
from hustings.wire.kinds import Words

Texts = Mapping[str, Words]
_PARTS: Final = ("title", "description")


def others(spoken: str) -> list[str]:
    """Languages of our pages beside the one that is spoken: their readers may have words of their own."""
    return [each for each in LANGUAGES if each != spoken]


def texts_from_form(fields: Mapping[str, str], languages: Iterable[str]) -> dict[str, Words]:
    """Read `title-de`, `description-de`, ...; empty ones are not said in that language.

    Raises UserError `title_missing` with the field where there is a description alone.
    """
    found = {}
    for each in languages:
        title = clean(fields.get(f"title-{each}", ""), TITLE_CHARS)
        about = clean(fields.get(f"description-{each}", ""), TEXT_CHARS, lines=True)
        if about and not title:
            raise UserError("title_missing", "Give it a title too.", field=f"title-{each}")
        if title:
            found[each] = Words(title, about)
    return found


def fields_of_texts(texts: Texts) -> dict[str, str]:
    """The same as the form shows them."""
    return {
        f"{part}-{each}": getattr(words, part) for each, words in texts.items() for part in _PARTS
    }
