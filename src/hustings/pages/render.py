"""Templates to bytes, the visitor's language, and the headers every page carries.

Every value is escaped; a missing one is an error (StrictUndefined), not an empty place. Pages
hold nothing personal, so a service may keep what `render` returns for as long as its context is
unchanged. Called by the three services; knows nothing of HTTP but header lines.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from functools import cache, lru_cache
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qs

from babel.core import negotiate_locale
from babel.dates import format_date, format_skeleton, format_time, get_datetime_format
from babel.numbers import format_decimal
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from markupsafe import Markup

from hustings.pages import assets, locales

_TEMPLATES: Final = Path(__file__).parent / "templates"


def render(template: str, language: str, **context: Any) -> bytes:
    """The page as UTF-8 bytes.

    template: file name below templates/. language: one of `locales.LANGUAGES`.
    context: what the template names in its first comment.
    """
    return _environment(language).get_template(template).render(context).encode()


def render_text(template: str, language: str, **context: Any) -> tuple[str, str]:
    """Subject and text of a mail: the template's first line, and what comes after the empty one.

    template: a .txt file below templates/, whose values are not escaped.
    """
    subject, _, text = render(template, language, **context).decode().partition("\n\n")
    return subject, text


def choose_language(accept_language: str | None, query: str | None = None) -> str:
    """The page's language: `?lang=` if we have it, else the browser's wish, else English.

    accept_language: the header as it came. query: the URL's query string, or just the value of
    `lang`. Neither is trusted; nonsense means English. Send `Vary: Accept-Language`.
    """
    if query:
        asked = parse_qs(query[:2_000]).get("lang", [query])[0]
        if asked in locales.LANGUAGES:
            return asked
    wishes: list[tuple[float, str]] = []
    for item in (accept_language or "")[:1_000].split(","):
        tag, _, weight = item.strip().partition(";q=")
        try:
            wishes.append((-float(weight or 1), tag.strip()))
        except ValueError:
            continue
    wanted = [tag for weight, tag in sorted(wishes, key=lambda wish: wish[0]) if weight < 0 and tag]
    return negotiate_locale(wanted, locales.LANGUAGES, sep="-") or "en"


def page_headers(
    *,
    connect: Sequence[str] = (),
    images: Sequence[str] = (),
    frames: Sequence[str] = (),
    framed_by: Sequence[str] = (),
    framed_by_all: bool = False,
) -> list[tuple[str, str]]:
    """Headers of every HTML page: type, and a policy without inline code or foreign hosts.

    connect: further origins that scripts may call (the stage page: its edge, its WebSocket).
    images: ... that pictures may come from (web's pages show those of rooms).
    frames, framed_by: a listener who was called up sees the stage's page in the edge's.
    framed_by_all: the small player alone, which does nothing but play.
    """
    calls = " ".join(("'self'", *connect))
    pictures = " ".join(("'self'", *images))
    ancestors = "*" if framed_by_all else " ".join(("'self'", *framed_by))
    policy = (
        "default-src 'none'; script-src 'self'; style-src 'self'; "
        f"img-src {pictures} data:; "
        f"connect-src {calls}; media-src {calls} blob:; manifest-src 'self'; worker-src 'self'; "
        "form-action 'self'; base-uri 'none'; "
        f"frame-ancestors {ancestors}"
    )
    if frames:
        policy += f"; frame-src {' '.join(frames)}"
    return [
        ("Content-Type", "text/html; charset=utf-8"),
        ("Content-Security-Policy", policy),
        ("X-Content-Type-Options", "nosniff"),
        ("Referrer-Policy", "strict-origin-when-cross-origin"),
    ]


@cache
def _environment(language: str) -> Environment:
    if language not in locales.LANGUAGES:
        raise ValueError(f"no such language: {language}")
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        extensions=["jinja2.ext.i18n"],
        autoescape=select_autoescape(),  # all but .txt
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    environment.policies["ext.i18n.trimmed"] = True
    known = locales.translations(language)
    environment.install_gettext_callables(  # type: ignore[attr-defined]  # by the extension
        known.gettext, known.ngettext, newstyle=True, pgettext=known.pgettext
    )
    environment.globals.update(
        language=language,
        direction=locales.direction(language),
        languages=[(each, locales.own_name(each)) for each in locales.LANGUAGES],
        asset_url=assets.asset_url,
        modules=assets.modules,
        strings_url=lambda area: assets.strings_url(area, language),
    )
    environment.filters["moment"] = lambda wall_ms: _moment(wall_ms, language)
    environment.filters["day"] = lambda wall_ms: _day(wall_ms, language)
    environment.filters["month"] = lambda wall_ms: format_skeleton(
        "yMMMM", datetime.fromtimestamp(wall_ms / 1000, UTC), locale=language
    )
    environment.filters["number"] = lambda value: format_decimal(
        value, locale=language, numbering_system="latn"
    )
    environment.filters["bdi"] = Markup("<bdi>{}</bdi>").format
    return environment


@lru_cache(maxsize=4_096)  # 0.25 ms each, and a list has dozens
def _moment(wall_ms: int, language: str) -> Markup:
    """A wall time as `<time>`: in UTC here, in the reader's own zone once scripts run."""
    at = datetime.fromtimestamp(wall_ms / 1000, UTC)
    day = format_date(at, "long", locale=language)
    hour = format_time(at, "short", locale=language) + " UTC"
    pattern = str(get_datetime_format("medium", locale=language))
    text = pattern.replace("{1}", day).replace("{0}", hour)
    return Markup('<time datetime="{}">{}</time>').format(f"{at:%Y-%m-%dT%H:%M:%SZ}", text)


def _day(wall_ms: int, language: str) -> Markup:
    """A day (UTC) as `<time>`: scripts move only those that have an hour."""
    at = datetime.fromtimestamp(wall_ms / 1000, UTC)
    day = format_date(at, "long", locale=language)
    return Markup('<time datetime="{}">{}</time>').format(f"{at:%Y-%m-%d}", day)
