"""The small player for frames, and the card of a link, as the server writes them."""

import gzip
import re

import pytest

from hustings.archive.podcast import house_of
from hustings.pages import assets, locales
from hustings.pages.render import page_headers, render
from hustings.settings import HouseSettings, Settings
from hustings.wire.kinds import Room, RoomState

HOUSE = house_of(Settings(house=HouseSettings(title="House & sons", image="https://e.example/i.png")))  # fmt: skip


def embed(language: str = "en", *, state: RoomState = "live", **facts: object) -> str:
    room = Room(**{"room": "square", "title": "The <bridge>", "state": state, **facts})  # type: ignore[arg-type]
    return render("embed.html", language, room=room, room_id="square").decode()


@pytest.mark.parametrize("language", locales.LANGUAGES)
def test_it_is_no_larger_than_the_listeners_page(language: str) -> None:
    html = gzip.compress(embed(language).encode(), 9)
    styles = [assets.asset(assets.asset_url(name)) for name in ("base.css", "embed.css")]
    assert len(html) + sum(len(each.gzip or each.body) for each in styles if each) <= 12_000
    scripts = [assets.asset(url) for url in assets.modules("listener/embed.js")]
    assert sum(len(each.gzip or each.body) for each in scripts if each) <= 20_000


def test_every_state_has_its_words_and_a_way_out_of_the_frame() -> None:
    start = {"start_ms": 1_800_000_000_000}
    assert "Starts on <time" in embed(state="scheduled", **start)
    assert "was cancelled" in embed(state="scheduled", cancelled_ms=5, **start)
    assert "has ended" in embed(state="ended")
    assert "<noscript><audio controls" in embed()
    for state in ("scheduled", "lobby", "live", "ended"):
        html = embed(state=state)  # type: ignore[arg-type]
        assert "The &lt;bridge&gt;" in html
        assert re.search(r'href="/r/square\?lang=en" target="_blank" rel="noopener"', html)
    nobody = render("embed.html", "en", room=None, room_id="x").decode()
    assert "<script" not in nobody


def test_a_recording_plays_without_scripts_of_ours() -> None:
    room = Room("square", "R", state="ended")
    html = render("embed.html", "en", room=room, room_id="square", replay=True).decode()
    assert '<audio controls preload="none" src="/r/square/audio.m4a"' in html
    assert "embed.js" not in html


def test_only_the_small_player_may_be_framed_by_anybody() -> None:
    assert "frame-ancestors 'self'" in dict(page_headers())["Content-Security-Policy"]
    policy = dict(page_headers(framed_by_all=True))["Content-Security-Policy"]
    assert policy.endswith("frame-ancestors *")
    assert "default-src 'none'; script-src 'self'" in policy


def test_a_link_to_a_room_has_a_card() -> None:
    room = Room("square", 'A "bridge"', description="Two candidates.")
    html = render(
        "listener.html", "en", room=room, room_id="square", edge="https://e.example", house=HOUSE
    ).decode()
    meta = dict(
        re.findall(r'<meta (?:property|name)="((?:og|twitter):\w+)" content="([^"]*)"', html)
    )
    assert meta == {
        "og:title": "A &#34;bridge&#34;",
        "og:description": "Two candidates.",
        "og:type": "website",
        "og:url": "https://e.example/r/square",
        "og:site_name": "House &amp; sons",
        "og:image": "https://e.example/i.png",
        "twitter:card": "summary",
    }
    assert 'href="https://e.example/oembed?url=https%3A//e.example/r/square"' in html
