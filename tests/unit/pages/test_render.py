"""Pages: escaped, in the visitor's language and direction, without inline code."""

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jinja2 import UndefinedError

from hustings.pages import locales, render

TEMPLATES = Path(render.__file__).parent / "templates"


@pytest.mark.parametrize("language", locales.LANGUAGES)
def test_the_frame_says_its_language_and_direction(language: str) -> None:
    page = render.render("base.html", language).decode()
    assert f'<html lang="{language}" dir="{locales.direction(language)}"' in page
    assert f'href="?lang={language}" lang="{language}" hreflang="{language}" aria-current' in page


def test_no_template_holds_inline_code_or_turns_escaping_off() -> None:
    inline = re.compile(
        r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son\w+=|\|\s*safe\b|autoescape false"
    )
    for path in TEMPLATES.rglob("*.html"):
        assert inline.search(path.read_text()) is None, path.name


def test_a_missing_value_is_an_error() -> None:
    environment = render._environment("en")
    with pytest.raises(UndefinedError):
        environment.from_string("{{ nobody }}").render()


def test_values_are_escaped() -> None:
    page = render.render("base.html", "en", home='"><script>alert(1)</script>').decode()
    assert "<script>alert" not in page


@pytest.mark.parametrize(
    ("accept", "query", "wanted"),
    [
        (None, None, "en"),
        ("", "", "en"),
        ("de", None, "de"),
        ("de-AT,de;q=0.9,en;q=0.8", None, "de"),
        ("ar-EG", None, "ar"),
        ("fr-FR, fr;q=0.9", None, "en"),
        ("fr;q=1, de;q=0.3, ar;q=0.7", None, "ar"),
        ("de;q=0, en", None, "en"),
        ("de;q=nonsense, ar", None, "ar"),
        ("de", "lang=ar", "ar"),
        ("de", "ar", "ar"),
        ("de", "x=1&lang=ar&lang=en", "ar"),
        ("de", "lang=klingon", "de"),
        ("de", "lang=../../etc", "de"),
    ],
)
def test_the_language_is_chosen(accept: str | None, query: str | None, wanted: str) -> None:
    assert render.choose_language(accept, query) == wanted


@given(st.none() | st.text(max_size=200), st.none() | st.text(max_size=200))
def test_any_header_gives_a_language_we_have(accept: str | None, query: str | None) -> None:
    assert render.choose_language(accept, query) in locales.LANGUAGES


def test_a_moment_is_written_in_utc_for_machines_and_people() -> None:
    text = str(render._moment(1_800_000_000_000, "de"))
    assert text == '<time datetime="2027-01-15T08:00:00Z">15. Januar 2027, 08:00 UTC</time>'


def test_the_policy_allows_no_inline_code_and_no_foreign_host() -> None:
    headers = dict(render.page_headers(connect=("wss://stage.example",)))
    policy = headers["Content-Security-Policy"]
    assert "unsafe" not in policy
    assert "connect-src 'self' wss://stage.example;" in policy
    assert policy.startswith("default-src 'none'")


@pytest.mark.parametrize("kind", ["starting", "busy", "missing", "broken"])
@pytest.mark.parametrize("language", locales.LANGUAGES)
def test_a_problem_is_a_page_that_tries_again_by_itself(kind: str, language: str) -> None:
    page = render.render("problem.html", language, kind=kind, retry_s=7).decode()
    assert '<meta http-equiv="refresh" content="7">' in page
    assert "refresh" not in render.render("problem.html", language, kind=kind, retry_s=0).decode()


def test_the_stage_may_stand_in_the_edges_page_and_nowhere_else() -> None:
    stage = dict(render.page_headers(framed_by=["https://edge.example"]))
    assert "frame-ancestors 'self' https://edge.example" in stage["Content-Security-Policy"]
    edge = dict(render.page_headers(frames=["https://stage.example"]))
    assert edge["Content-Security-Policy"].endswith("; frame-src https://stage.example")
    assert "frame-src" not in dict(render.page_headers())["Content-Security-Policy"]
