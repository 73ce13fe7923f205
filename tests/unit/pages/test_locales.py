"""Every word of every page and script exists in every language, with all its plural forms."""

import json
import re
from pathlib import Path

import pytest
from babel.messages.pofile import read_po
from jinja2.ext import babel_extract

from hustings.pages import assets, locales

PAGES = Path(locales.__file__).parent
TRANSLATED = [language for language in locales.LANGUAGES if language != "en"]
AREAS = sorted({p.parent.name for p in (PAGES / "static").rglob("*/*.js")} - {"static"})
PLACE = re.compile(r"%\(\w+\)s|\{\w+\}")

Message = str | tuple[str, str]


def said() -> dict[Message, str]:
    """Every message of templates and scripts -> the file that says it."""
    found: dict[Message, str] = {}
    templates = PAGES / "templates"
    for path in sorted([*templates.rglob("*.html"), *templates.rglob("*.txt")]):
        with path.open("rb") as file:
            options = {"trimmed": "true", "newstyle_gettext": "true", "trim_blocks": "true"}
            for _, _, message, _ in babel_extract(file, ("_", "gettext", "ngettext"), (), options):
                texts = [message] if isinstance(message, str) else [m for m in message if m]
                found[texts[0] if len(texts) == 1 else (texts[0], texts[1])] = path.name
    for area in AREAS:
        found.update(dict.fromkeys(locales.script_messages(area), f"{area}/*.js"))
    return found


@pytest.mark.parametrize("language", TRANSLATED)
def test_every_message_is_translated(language: str) -> None:
    known = locales.catalog(language)
    missing = []
    for message, where in said().items():
        entry = known.get(message if isinstance(message, str) else message[0])
        forms = (
            [entry.string] if entry and isinstance(entry.string, str) else entry and entry.string
        )
        plural = not isinstance(message, str)
        wanted = known.num_plurals if plural else 1
        if not forms or len(forms) != wanted or not all(forms):
            missing.append(f"# {where}\nmsgid {json.dumps(message, ensure_ascii=False)}")
    assert not missing, f"add to locales/{language}/*.po:\n\n" + "\n\n".join(missing)


@pytest.mark.parametrize("language", TRANSLATED)
def test_no_translation_is_for_words_nobody_says(language: str) -> None:
    ids = {message if isinstance(message, str) else message[0] for message in said()}
    known = [m.id if isinstance(m.id, str) else m.id[0] for m in locales.catalog(language)]
    assert [each for each in known if each and each not in ids] == []


@pytest.mark.parametrize("language", TRANSLATED)
def test_translations_keep_the_places_for_values(language: str) -> None:
    for entry in locales.catalog(language):
        if not entry.id:
            continue
        ids = [entry.id] if isinstance(entry.id, str) else list(entry.id)
        forms = [entry.string] if isinstance(entry.string, str) else list(entry.string)
        allowed = {place for each in ids for place in PLACE.findall(each)}
        for form in forms:
            found = set(PLACE.findall(form))
            assert found <= allowed, form
            # a form for one or two may say the number as a word, but not in the general form
            assert form is not forms[-1] or found == allowed, form


@pytest.mark.parametrize("language", TRANSLATED)
def test_plural_rules_are_those_of_the_language(language: str) -> None:
    folder = PAGES / "locales" / language
    for path in folder.glob("*.po"):
        with path.open("rb") as file:
            raw = path.read_text()
            assert read_po(file).num_plurals == locales.catalog(language).num_plurals, path
            assert f'"Language: {language}\\n"' in raw
    assert len(set(locales.plural_categories(language))) == locales.catalog(language).num_plurals


def test_arabic_has_six_forms_in_gettexts_order() -> None:
    assert locales.plural_categories("ar") == ["zero", "one", "two", "few", "many", "other"]
    assert locales.plural_categories("de") == ["one", "other"]


def test_arabic_is_written_from_the_right() -> None:
    assert [locales.direction(each) for each in ("en", "de", "ar")] == ["ltr", "ltr", "rtl"]
    assert locales.own_name("ar") == "العربية"


def test_scripts_get_only_their_own_areas_words() -> None:
    for area in AREAS:
        for language in TRANSLATED:
            asset = assets.asset(assets.strings_url(area, language))
            assert asset is not None
            words = json.loads(asset.body)
            ids = {m if isinstance(m, str) else m[0] for m in locales.script_messages(area)}
            assert set(words) == ids
