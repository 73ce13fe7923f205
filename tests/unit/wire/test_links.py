"""Addresses that web hands out."""

import pytest

from hustings.base.errors import NotFound
from hustings.base.ids import RoomId
from hustings.settings import PublicUrl, Radio, Settings, StageSettings, Tls, WebSettings
from hustings.wire.links import elsewhere, lasting_links, links_for, stage_url

ROOM = RoomId("hall")


def test_by_default_the_house_has_the_name_that_passkeys_need() -> None:
    links = links_for(Settings())
    assert links.listen(ROOM) == "http://localhost:8002/r/hall"
    assert links.seat(ROOM, "x.y") == "http://localhost:8001/s/hall#i=x.y"
    assert links.whip(ROOM) == "http://localhost:8001/rooms/hall/whip"
    assert links.start("c") == "http://localhost:8000/start#c"
    assert links.start("c", mailed=True) == "http://localhost:8000/start?by=mail#c"
    assert not links.secure


@pytest.mark.parametrize(
    ("host", "asked", "web"),
    [
        ("127.0.0.1", "127.0.0.1:8000", "http://127.0.0.1:8000"),
        ("127.0.0.1", "localhost:8000", "http://localhost:8000"),
        ("127.0.0.1", "evil.example", "http://localhost:8000"),
        ("127.0.0.1", "192.0.2.1:8000", "http://localhost:8000"),
        ("localhost", "127.0.0.1:8000", "http://127.0.0.1:8000"),
        ("::1", "[::1]:8000", "http://[::1]:8000"),
        ("::1", "", "http://localhost:8000"),
        ("127.0.0.2", "127.0.0.1:8000", "http://127.0.0.2:8000"),  # localhost is not there
    ],
)
def test_on_this_machine_alone_links_lead_to_the_address_by_which_one_came(
    host: str, asked: str, web: str
) -> None:
    """Else a listener's page would frame a stage of another site, and lose its cookie there."""
    assert links_for(Settings(host=host), asked_host=asked).web == web


@pytest.mark.parametrize(
    ("settings", "asked", "right"),
    [
        (Settings(), "127.0.0.1:8000", "http://localhost:8000"),
        (Settings(), "127.0.0.1:9000", "http://localhost:9000"),  # through a tunnel
        (Settings(), "[::1]:8000", "http://localhost:8000"),
        (Settings(), "127.0.0.1", "http://localhost"),
        (Settings(), "localhost:8000", ""),
        (Settings(), "debate.example", ""),  # a proxy of which we were not told
        (Settings(host="localhost"), "127.0.0.1:8000", "http://localhost:8000"),
        (Settings(host="0.0.0.0"), "127.0.0.1:8000", ""),
        (Settings(public_url=PublicUrl(web="https://a.example/")), "a.example", ""),
        (Settings(public_url=PublicUrl(web="https://a.example/")), "A.example:443", ""),
        (Settings(public_url=PublicUrl(web="https://a.example/")), "", ""),
        (Settings(public_url=PublicUrl(web="https://a.example")), "www.a.example", "https://a.example"),
        (Settings(public_url=PublicUrl(web="https://a.example")), "127.0.0.1:1", "https://a.example"),
        (Settings(public_url=PublicUrl(web="https://a.example:8/")), "b", "https://a.example:8"),
    ],
)  # fmt: skip
def test_whoever_came_by_another_name_is_shown_the_houses_own(
    settings: Settings, asked: str, right: str
) -> None:
    assert elsewhere(settings, asked) == right
    lasting = lasting_links(settings, asked)
    assert lasting.web == (right or links_for(settings, asked_host=asked).web)


def test_public_urls_count() -> None:
    public = PublicUrl(
        web="https://a.example/", stage="https://a.example/st", edge="https://e.example"
    )
    links = links_for(Settings(public_url=public), asked_host="evil.example")
    assert links.web == "https://a.example"
    assert links.seat(ROOM, "i") == "https://a.example/st/s/hall#i=i"
    assert links.listen(ROOM) == "https://e.example/r/hall"
    assert links.secure


def test_the_way_to_the_rooms_never_leads_in_a_circle() -> None:
    links = links_for(Settings(public_url=PublicUrl(web="https://a.example")))
    assert links.rooms("127.0.0.1:8002") == "https://a.example/"
    with pytest.raises(NotFound):
        links.rooms("a.example")


def test_tls_in_the_service_makes_https() -> None:
    settings = Settings(tls=Tls(cert="c", key="k"), host="debate.example")
    assert links_for(settings).edge == "https://debate.example:8002"
    assert stage_url(settings) == "https://debate.example:8001"


@pytest.mark.parametrize(
    ("asked", "name"),
    [
        ("box.local:8000", "box.local"),
        ("192.168.1.4:8000", "192.168.1.4"),
        ("[fe80::1]:8000", "[fe80::1]"),
        ("", "localhost"),
        ("a b", "localhost"),
        ('x"><script>', "localhost"),
        ("user@box.local", "box.local"),
        ("[", "localhost"),
        ("[::1", "localhost"),
        ("a]:1", "localhost"),
        ("box.local/..", "localhost"),
    ],
)
@pytest.mark.parametrize("host", ["0.0.0.0", "::"])
def test_on_all_addresses_the_visitors_own_name_is_used(host: str, asked: str, name: str) -> None:
    assert links_for(Settings(host=host), asked_host=asked).edge == f"http://{name}:8002"


def test_an_ipv6_host_stands_in_brackets() -> None:
    assert links_for(Settings(host="2001:db8::1")).web == "http://[2001:db8::1]:8000"


def test_where_web_reaches_the_stage() -> None:
    assert stage_url(Settings(host="0.0.0.0")) == "http://127.0.0.1:8001"
    assert stage_url(Settings(web=WebSettings(stage="http://st:9/"))) == "http://st:9"


def test_radio_studios_send_to_the_stages_host() -> None:
    stage = StageSettings(radio=Radio(port=8003))
    assert links_for(Settings()).radio == ""
    assert links_for(Settings(stage=stage)).radio == "localhost:8003"
    public = PublicUrl(stage="https://[2001:db8::1]/st")
    assert links_for(Settings(stage=stage, public_url=public)).radio == "[2001:db8::1]:8003"
