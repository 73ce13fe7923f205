"""The listener page as an app of the device: what is served under `/r/` beside the rooms."""

import json
import re

import pytest

from hustings.base.errors import NotFound, UserError
from hustings.base.ids import room_id
from hustings.edge.http.protocol import Answer, Request
from hustings.edge.installable import installable
from hustings.pages.assets import asset
from hustings.pages.locales import LANGUAGES

ROOMS = {"square": {"room": "square", "title": "“Who pays?” </script>"}}


def ask(name: str, **query: str) -> Answer | None:
    return installable(Request("GET", f"/r/{name}", query, {}), name, ROOMS.get)


def ready(name: str, **query: str) -> Answer:
    answer = ask(name, **query)
    assert answer is not None
    return answer


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_room_can_be_put_on_the_home_screen(language: str) -> None:
    answer = ready("square.webmanifest", lang=language)
    assert answer.headers["Content-Type"] == "application/manifest+json"
    made = json.loads(answer.body)
    assert made["name"] == ROOMS["square"]["title"]
    assert made["start_url"].startswith(made["scope"])
    assert (made["lang"], made["dir"]) == (language, "rtl" if language == "ar" else "ltr")
    assert {icon["purpose"] for icon in made["icons"]} == {"any", "maskable"}
    for icon in made["icons"]:
        found = asset(icon["src"])
        assert found is not None
        assert found.immutable
        width, height = (int.from_bytes(found.body[at : at + 4], "big") for at in (16, 20))
        assert f"{width}x{height}" == icon["sizes"]
        assert width >= 192


def test_descriptions_are_translated() -> None:
    said = {
        json.loads(ready("square.webmanifest", lang=each).body)["description"] for each in LANGUAGES
    }
    assert len(said) == len(LANGUAGES)


def test_the_worker_may_call_nobody_else_and_is_asked_for_anew() -> None:
    answer = ready("worker.js")
    assert answer.headers["Content-Security-Policy"] == "default-src 'none'; connect-src 'self'"
    assert answer.headers["Cache-Control"] == "no-cache"
    assert answer.headers["Content-Type"].startswith("text/javascript")
    assert b'addEventListener("fetch"' in answer.body


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_page_without_a_connection_needs_only_files_that_can_be_kept(language: str) -> None:
    answer = ready("offline.html", lang=language)
    html = answer.body.decode()
    assert f'lang="{language}"' in html
    wanted = re.findall(r'(?:href|src)="([^"#]+)"', html)
    assert wanted
    for url in wanted:
        found = asset(url)
        assert found is not None, url
        assert found.immutable
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]


@pytest.mark.parametrize("name", ["worker.js", "offline.html", "square.webmanifest"])
def test_no_room_can_have_such_a_name(name: str) -> None:
    with pytest.raises(UserError):
        room_id(name)


def test_other_names_are_left_to_the_rooms() -> None:
    assert ask("square") is None
    assert ask("other.js") is None


@pytest.mark.parametrize("name", ["nobody.webmanifest", "UPPER.webmanifest", ".webmanifest"])
def test_a_manifest_of_no_room_is_refused(name: str) -> None:
    with pytest.raises((NotFound, UserError)):
        ask(name)


def test_made_once_for_all() -> None:
    assert ready("square.webmanifest").body is ready("square.webmanifest").body
    assert ready("offline.html").body is ready("offline.html").body
