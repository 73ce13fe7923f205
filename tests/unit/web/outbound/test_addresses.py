"""F24: where nobody may send the house, in all the ways of writing it."""

import pytest

from hustings.base.errors import UserError
from hustings.web.outbound.addresses import is_public, reachable, target

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
    "https://exa mple.org/",
    "https://example.org/\r\nHost: x",
    "https://example.org\\@127.0.0.1/",
    "https://[::1/",
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
    assert reachable(target("https://example.org/"), [address]) == address


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


def test_http_goes_to_this_machine_alone_and_only_where_that_is_allowed():
    here = target("http://localhost:8080/hook?x=1", loopback=True)
    assert here == ("http", "localhost", 8080, "/hook?x=1")
    assert reachable(here, ["127.0.0.1"], loopback=True) == "127.0.0.1"
    for address in ("8.8.8.8", "10.0.0.1", "169.254.169.254", "::ffff:127.0.0.1"):
        with pytest.raises(UserError):
            reachable(here, [address], loopback=True)
    with pytest.raises(UserError):
        reachable(here, ["127.0.0.1"])
