"""Where a program may be sent, and what is kept of that."""

from pathlib import Path

import pytest

from hustings.base.errors import PeerError, UserError
from hustings.base.ids import RoomId
from hustings.stage.push.order import good_key, reachable, where_to
from hustings.stage.push.store import Kept, PushStore, Target

HOUSE = "rtmp://127.0.0.1:1935"


def test_an_address_as_platforms_name_it() -> None:
    where = where_to("rtmps://Live.Example.org:443/rtmp/")
    assert (where.scheme, where.host, where.port, where.app) == (
        "rtmps",
        "live.example.org",
        443,
        "rtmp",
    )
    assert where.url == "rtmps://live.example.org/rtmp"
    assert where_to("rtmp://a.example/live2").port == 1_935
    assert (
        where_to("rtmp://[2001:4860::1]:99/app/inner?x=1").url
        == "rtmp://[2001:4860::1]:99/app/inner?x=1"
    )


@pytest.mark.parametrize(
    "url",
    [
        "", "live", "http://a.example/live", "rtmp://a.example", "rtmp:///live", "rtmpt://a.example/live",
        "rtmp://me:word@a.example/live", "rtmp://a.example:0/live", "rtmp://a.example:x/live",
        "rtmp://a.example/li ve", "rtmp://a.example\\@b/live", "rtmp://0x7f.1/live", "rtmp://2130706433/live",
        "rtmp://a.example/live#x", "rtmp://a.example/" + "x" * 600, "rtmp://[::1%25lo]/live",
    ],
)  # fmt: skip
def test_what_is_no_address_for_us(url: str) -> None:
    with pytest.raises(UserError) as refusal:
        where_to(url)
    assert refusal.value.code == "push_url"


@pytest.mark.parametrize(
    "address",
    ["127.0.0.1", "10.0.0.5", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "224.0.0.1", "::1",
     "fe80::1", "fd00::1", "::ffff:10.0.0.1", "64:ff9b::a00:1", "2002:a00:1::", "not one"],
)  # fmt: skip
def test_a_name_that_leads_inside_is_not_followed(address: str) -> None:
    where = where_to("rtmp://a.example/live")
    for found in ([address], ["93.184.216.34", address], []):
        with pytest.raises(PeerError) as refusal:
            reachable(where, found)
        assert refusal.value.code == "push_address"
    assert reachable(where, ["93.184.216.34", "93.184.216.34"]) == ["93.184.216.34"]


def test_the_operator_may_allow_a_server_inside_and_no_other_port_of_it() -> None:
    allow = ("nonsense", "rtmp://Relay.lan", HOUSE)
    assert reachable(where_to(f"{HOUSE}/live"), ["127.0.0.1"], allow) == ["127.0.0.1"]
    assert reachable(where_to("rtmp://relay.lan/live"), ["10.0.0.5"], allow) == ["10.0.0.5"]
    for url in ("rtmp://127.0.0.1:1936/live", "rtmps://relay.lan/live"):
        with pytest.raises(PeerError):
            reachable(where_to(url), ["10.0.0.5"], allow)
    with pytest.raises(PeerError):  # where clouds keep their machines' secrets
        reachable(where_to("rtmp://relay.lan/live"), ["169.254.169.254"], allow)


@pytest.mark.parametrize("key", ["", "  ", "a b", "é", "x" * 501, "a\nb"])
def test_a_key_is_one_word(key: str) -> None:
    assert good_key(" live_123-abc?x=1 ") == "live_123-abc?x=1"
    with pytest.raises(UserError) as refusal:
        good_key(key)
    assert refusal.value.code == "push_key_bad"


def test_keys_are_kept_for_the_owner_alone_and_forgotten(tmp_path: Path) -> None:
    store, room = PushStore(tmp_path), RoomId("evening")
    assert store.load() == {}
    kept = Kept((Target("1", f"{HOUSE}/live", "secret", hold=True),), b"\xff\xd8picture")
    store.save(room, kept)
    assert PushStore(tmp_path).load() == {room: kept}
    [file] = (tmp_path / "push").iterdir()
    assert (file.stat().st_mode & 0o777, file.parent.stat().st_mode & 0o777) == (0o600, 0o700)
    (file.parent / "other.json").write_bytes(b"{damaged")
    (file.parent / "..x.json").write_bytes(b"{}")
    assert list(store.load()) == [room]
    store.forget(room)
    store.forget(room)
    assert store.load() == {}
