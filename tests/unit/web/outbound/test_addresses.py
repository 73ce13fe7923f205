"""F24: where nobody may send the house, in all the ways of writing it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hustings.base.errors import OperatorError, UserError
from hustings.web.outbound.addresses import is_public, is_unicast, origins, reachable, target

NEVER = [
    "0.0.0.0",
    "0.1.2.3",
    "10.0.0.1",
    "10.255.255.255",
    "100.64.0.1",
    "127.0.0.1",
    "127.1.2.3",
    "169.254.169.254",
    "169.254.0.1",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.1",
    "192.0.0.170",
    "192.0.2.1",
    "192.88.99.1",
    "192.168.0.1",
    "198.18.0.1",
    "198.51.100.7",
    "203.0.113.9",
    "224.0.0.1",
    "239.255.255.255",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::127.0.0.1",
    "::8.8.8.8",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "::ffff:169.254.169.254",
    "::ffff:8.8.8.8",
    "64:ff9b::7f00:1",
    "64:ff9b::a9fe:a9fe",
    "64:ff9b::808:808",
    "64:ff9b:1::1",
    "100::1",
    "2001::1",
    "2001:db8::1",
    "2001:20::1",
    "2001:1::1",
    "3fff::1",
    "5f00::1",
    "4000::1",
    "2002:7f00:1::1",
    "2002:a00:1::1",
    "2002:808:808::1",
    "fc00::1",
    "fd00:ec2::254",
    "fdff::1",
    "fe80::1",
    "fe80::1%eth0",
    "2606:4700::1%1",
    "febf::1",
    "fec0::1",
    "ff02::1",
    "ff0e::1",
    "::ffff:0:127.0.0.1",
    "0177.0.0.1",
    "0x7f.0.0.1",
    "2130706433",
    "127.1",
    "localhost",
    "metadata.google.internal",
    "8.8.8.8/32",
]
FINE = ["8.8.8.8", "1.1.1.1", "93.184.216.34", "2606:4700:4700::1111", "2a00:1450:4001::1"]
BAD_URLS = [
    "http://example.org/",
    "ftp://example.org/",
    "file:///etc/passwd",
    "gopher://example.org/",
    "//example.org/",
    "example.org",
    "",
    "https://",
    "https:///x",
    "https://user@example.org/",
    "https://user:password@example.org/",
    "https://:@example.org/",
    "https://example.org:99999/",
    "https://example.org:x/",
    "https://example.org:0/",
    "https://exa mple.org/",
    "https://example.org/\r\nHost: x",
    "https://example.org\\@127.0.0.1/",
    "https://example.org\t/",
    "https://[::1/",
    "https://[::1%25lo]/",
    "https://[v1.x]/",
    "https://2130706433/",
    "https://127.1/",
    "https://0177.0.0.1/",
    "https://0x7f.0.0.1/",
    "https://0x7f000001/",
    "https://127.0.0.0x1/",
    "https://8.8.8/",
    "https://0x/",
    "https://127.0.0.01./",
    "https://example..org/",
    "https://.example.org/",
    "https://example.org../",
    "https://-x.example.org/",
    "https://%31%32%37.0.0.1/",
    "https://example.org%00.x/",
    "https://ex\u2100ample.org/",
    "https://xn--\u00e9.org/",
    "https://" + "a" * 64 + ".org/",
    "https://" + "a." * 130 + "org/",
    "https://example.org/" + "x" * 2_000,
]


@pytest.mark.parametrize("address", NEVER)
def test_F24_addresses_that_are_not_plainly_public_are_refused(address):
    assert not is_public(address)
    with pytest.raises(UserError) as caught:
        reachable(target("https://example.org/"), [address])
    assert caught.value.code == "outbound_address"


@pytest.mark.parametrize("address", FINE)
def test_public_addresses_are_taken(address):
    assert is_public(address)
    assert reachable(target("https://example.org/"), [address]) == [address]


@pytest.mark.parametrize("url", BAD_URLS)
def test_F24_addresses_that_are_no_plain_https_are_refused(url):
    with pytest.raises(UserError) as caught:
        target(url)
    assert caught.value.code == "outbound_url"


def test_F24_one_bad_address_among_good_ones_is_enough():
    with pytest.raises(UserError):
        reachable(target("https://example.org/"), ["8.8.8.8", "10.0.0.1"])
    with pytest.raises(UserError):
        reachable(target("https://example.org/"), [])


def test_F24_each_host_has_one_way_of_writing():
    for url in (
        "https://EXAMPLE.org",
        "https://example.org.:443/",
        "https://\uff45xample\u3002org/#x",
    ):
        assert target(url).origin == "https://example.org:443"
    assert target("https://stra\u00dfe.example/").host == "xn--strae-oqa.example"
    assert target("https://[2606:4700:0:0::1111]:8443/a?b").at("2606:4700::1") == (
        "https://[2606:4700::1]:8443/a?b"
    )
    assert target("https://1.1.1.1/").authority == "1.1.1.1:443"


@given(st.ip_addresses())
def test_an_embedded_or_mapped_address_is_never_public(address):
    if address.version == 4:
        assert not is_public(f"::ffff:{address}")
        assert not is_public(f"64:ff9b::{address}")
        assert is_public(str(address)) <= address.is_global
    elif is_public(str(address)):
        assert address.is_global
        assert str(address)[0] in "23"


def test_what_the_operator_named_may_lie_in_their_own_network_and_be_http():
    allowed = origins(["http://chat.lan:8065", "https://[fd00::7]:443"])
    here = target("http://Chat.LAN:8065/hook?x=1", allowed)
    assert here == ("http", "chat.lan", 8065, "/hook?x=1")
    for good in ("127.0.0.1", "10.0.0.7", "192.168.1.1", "fd00::7", "::1", "8.8.8.8"):
        assert reachable(here, [good], allowed) == [good]
    for bad in ("169.254.169.254", "fe80::1", "0.0.0.0", "224.0.0.1", "255.255.255.255"):
        with pytest.raises(UserError):
            reachable(here, [bad], allowed)
    assert not is_unicast("::ffff:127.0.0.1")


@pytest.mark.parametrize(
    "url", ["http://chat.lan/", "http://chat.lan:8066/", "http://x.chat.lan:8065/", "http://chat/"]
)
def test_F24_what_is_like_it_is_not_it(url):
    with pytest.raises(UserError):
        target(url, origins(["http://chat.lan:8065"]))


def test_F24_another_scheme_or_port_of_a_named_host_is_judged_as_any_other():
    allowed = origins(["https://chat.lan"])
    with pytest.raises(UserError):
        reachable(target("https://chat.lan:444/", allowed), ["10.0.0.1"], allowed)


@pytest.mark.parametrize(
    "text", ["chat.lan", "http://", "*", "http://chat.lan/x", "ftp://chat.lan"]
)
def test_a_name_that_is_no_origin_is_a_fault_of_the_settings(text):
    with pytest.raises(OperatorError) as caught:
        origins([text])
    assert caught.value.code == "outbound_allow"
