"""The languages of the interface: gettext catalogues, read as they are (.po), kept in memory.

`locales/<language>/<area>.po`, one file for each area (base, listener, stage, agenda, web …), so that
translators and engineers work on one page at a time; all areas of a language are one catalogue.
English is the language of the message ids and needs no file. A test asks that every message of
every template and script is translated, with all plural forms. Called by `render` and `assets`.
"""

import gettext
import io
import json
from functools import cache
from pathlib import Path
from typing import Final

from babel import Locale
from babel.messages import Catalog
from babel.messages.extract import extract_javascript
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.support import Translations

LANGUAGES: Final = ("en", "de", "ar")

_FOLDER: Final = Path(__file__).parent
_CALLS: Final = {"t": None, "n": (1, 2)}  # what scripts call; see static/strings.js


def direction(language: str) -> str:
    """`ltr` or `rtl`, for `<html dir>`."""
    return Locale.parse(language).text_direction


def own_name(language: str) -> str:
    """The language's name in itself: English, Deutsch, العربية."""
    name = Locale.parse(language).get_display_name(language) or language
    return name[:1].upper() + name[1:]


@cache
def catalog(language: str) -> Catalog:
    """All areas of one language as one catalogue, with the plural rule of the files' header."""
    whole = Catalog(locale=language)
    for path in sorted((_FOLDER / "locales" / language).glob("*.po")):
        with path.open("rb") as file:
            area = read_po(file, locale=language, abort_invalid=True)
        whole.mime_headers = area.mime_headers
        for message in area:
            if message.id:
                whole[message.id] = message
    return whole


@cache
def translations(language: str) -> gettext.NullTranslations:
    """What Jinja asks; unknown messages come back as they are."""
    if language == "en":
        return gettext.NullTranslations()
    compiled = io.BytesIO()
    write_mo(compiled, catalog(language))
    compiled.seek(0)
    return Translations(compiled)


def script_messages(area: str) -> list[str | tuple[str, str]]:
    """What the scripts of `static/<area>/`, and those shared by all, may say: id, or (one, many)."""
    folder = _FOLDER / "static"
    paths = sorted([*folder.glob("*.js"), *(folder / area).rglob("*.js")])
    return list(dict.fromkeys(message for path in paths for message in _said_in(path)))


@cache  # reading a script takes 3 ms; each is asked for by several areas, in all languages
def _said_in(script: Path) -> tuple[str | tuple[str, str], ...]:
    found: dict[str | tuple[str, str], None] = {}
    with script.open("rb") as file:
        for _, call, said, _ in extract_javascript(file, _CALLS, (), {}):
            texts = (said,) if isinstance(said, str) else said
            found[texts[0] if call == "t" else (texts[0], texts[1])] = None
    return tuple(found)


def script_strings(area: str, language: str) -> bytes:
    """JSON for `static/strings.js`: id -> text, or id -> {plural category: text}."""
    known = catalog(language)
    strings: dict[str, str | dict[str, str]] = {}
    for message in script_messages(area):
        entry = known.get(message if isinstance(message, str) else message[0])
        if entry is None or not entry.string:
            continue
        if isinstance(entry.string, str):
            strings[entry.id if isinstance(entry.id, str) else entry.id[0]] = entry.string
        else:
            strings[entry.id[0]] = dict(zip(plural_categories(language), entry.string, strict=True))
    return json.dumps(strings, ensure_ascii=False, separators=(",", ":")).encode()


@cache
def plural_categories(language: str) -> list[str]:
    """The CLDR name (zero, one, two, few, many, other) of each gettext form, in gettext's order.

    Both follow the same rules, so counting to 200 meets every form of our languages.
    """
    known = catalog(language)
    form_of = gettext.c2py(known.plural_expr)
    category_of = Locale.parse(language).plural_form
    names = {form_of(count): category_of(count) for count in range(200)}
    return [names[form] for form in range(known.num_plurals)]
