"""The spoken languages that the room form offers, named in the reader's language; pure."""

from functools import cache
from typing import Final

from babel import Locale, UnknownLocaleError

# The official languages of the European Union and the United Nations, and widely spoken others.
OFFERED: Final = (
    *(
        "ar",
        "bg",
        "bn",
        "ca",
        "cs",
        "da",
        "de",
        "el",
        "en",
        "es",
        "et",
        "fa",
        "fi",
        "fr",
        "ga",
        "he",
    ),
    *(
        "hi",
        "hr",
        "hu",
        "id",
        "it",
        "ja",
        "ko",
        "lt",
        "lv",
        "ms",
        "mt",
        "nl",
        "no",
        "pl",
        "pt",
        "ro",
    ),
    *("ru", "sk", "sl", "sr", "sv", "sw", "ta", "th", "tr", "uk", "ur", "vi", "zh"),
)


@cache
def spoken_languages(reader: str, chosen: str = "") -> list[tuple[str, str]]:
    """Code and name of each language on offer, by name; `chosen` is kept even if it is not."""
    codes = dict.fromkeys((*OFFERED, *([chosen] if chosen else [])))
    named = [(code, _name(code, reader)) for code in codes]
    return sorted(named, key=lambda pair: pair[1].casefold())


def _name(code: str, reader: str) -> str:
    try:
        return Locale.parse(code, sep="-").get_display_name(reader) or code
    except (UnknownLocaleError, ValueError):
        return code
