"""PROXY headers, read strictly: HAProxy's proxy-protocol.txt 2.1 and 2.2."""

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hustings.base.errors import PeerError
from hustings.edge.http import proxy_protocol
from hustings.edge.http.proxy_protocol import HEADER_BYTES, LINE_BYTES, client, missing

SIGNATURE = bytes.fromhex("0D0A0D0A000D0A515549540A")


def binary(
    body: bytes, *, command: int = 0x21, family: int = 0x11, length: int | None = None
) -> bytes:
    size = len(body) if length is None else length
    return SIGNATURE + bytes([command, family]) + size.to_bytes(2, "big") + body


def packed(*texts: str) -> bytes:
    return b"".join(ipaddress.ip_address(text).packed for text in texts) + bytes(4)


def read(stream: bytes) -> tuple[str, bytes]:
    """As the edge reads: only what is missing; the client, and what is left."""
    data = b""
    while size := missing(data):
        more, stream = stream[:size], stream[size:]
        if not more:
            raise EOFError
        data += more
    return client(data), stream


@pytest.mark.parametrize(
    ("header", "address"),
    [
        (b"PROXY TCP4 192.0.2.1 192.0.2.2 56324 443\r\n", "192.0.2.1"),
        (b"PROXY TCP4 255.255.255.255 255.255.255.255 65535 0\r\n", "255.255.255.255"),
        (b"PROXY TCP6 2001:db8::1 2001:db8::2 1 2\r\n", "2001:db8::1"),
        (b"PROXY UNKNOWN\r\n", ""),
        (b"PROXY UNKNOWN ffff::1 ffff::2 65535 65535\r\n", ""),
        (binary(packed("192.0.2.1", "192.0.2.2")), "192.0.2.1"),
        (binary(packed("2001:db8::1", "2001:db8::2"), family=0x21), "2001:db8::1"),
        (binary(packed("192.0.2.1", "192.0.2.2") + b"\x20\x00\x01x"), "192.0.2.1"),  # a TLV
        (binary(b"", command=0x20, family=0x00), ""),
        (binary(packed("192.0.2.1", "192.0.2.2"), command=0x20), ""),
        (binary(b"", family=0x00), ""),
        (binary(b"tlv", family=0x00), ""),
        (binary(packed("192.0.2.1", "192.0.2.2"), family=0x12), ""),  # datagrams
        (binary(bytes(216), family=0x31), ""),  # UNIX
    ],
)
@pytest.mark.parametrize(
    "rest", [b"", b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01", b"PROXY UNKNOWN\r\n"]
)
def test_a_header_is_read_and_nothing_behind_it(header, address, rest):
    assert read(header + rest) == (address, rest)


@pytest.mark.parametrize(
    "header",
    [
        b"GET / HTTP/1.1\r\nHost: e\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"proxy TCP4 192.0.2.1 192.0.2.2 1 2\r\n",
        b"PROXY TCP4 192.0.2.1 192.0.2.2 1 2\n",
        b"PROXY TCP4 192.0.2.1 192.0.2.2 1\r\n",
        b"PROXY TCP4 192.0.2.1 192.0.2.2 1 2 3\r\n",
        b"PROXY TCP4  192.0.2.1 192.0.2.2 1 2\r\n",
        b"PROXY TCP4 192.0.2.01 192.0.2.2 1 2\r\n",
        b"PROXY TCP4 192.0.2.1 192.0.2.2 01 2\r\n",
        b"PROXY TCP4 192.0.2.1 192.0.2.2 1 65536\r\n",
        b"PROXY TCP4 192.0.2.1 192.0.2.2 -1 2\r\n",
        b"PROXY TCP4 2001:db8::1 2001:db8::2 1 2\r\n",
        b"PROXY TCP6 192.0.2.1 192.0.2.2 1 2\r\n",
        b"PROXY TCP6 fe80::1%eth0 ::1 1 2\r\n",
        b"PROXY UDP4 192.0.2.1 192.0.2.2 1 2\r\n",
        b"PROXY UNKNOWNX\r\n",
        b"PROXY TCP4 192.0.2.1 192.0.2.2 1 2\rX\r\n",
        b"PROXY UNKNOWN " + b"x" * LINE_BYTES + b"\r\n",
        binary(packed("192.0.2.1", "192.0.2.2"), command=0x11),  # version 1 in binary
        binary(packed("192.0.2.1", "192.0.2.2"), command=0x22),
        binary(packed("192.0.2.1", "192.0.2.2"), family=0x41),
        binary(packed("192.0.2.1", "192.0.2.2"), family=0x13),
        binary(packed("192.0.2.1", "192.0.2.2")[:11]),
        binary(packed("192.0.2.1", "192.0.2.2"), family=0x21),
        binary(bytes(HEADER_BYTES)),
        SIGNATURE[:-1] + b"\x0b!\x11\x00\x0c" + bytes(12),
    ],
)
def test_what_is_no_header_is_an_error(header):
    with pytest.raises(PeerError) as caught:
        read(header)
    assert caught.value.code == "proxy_header"


ADDRESSES = st.one_of(st.ip_addresses(v=4), st.ip_addresses(v=6))


@given(ADDRESSES, st.integers(0, 65_535), st.binary(max_size=50), st.binary(max_size=99))
def test_both_versions_name_the_same_client(address, port, rest, tlvs):
    six = address.version == 6
    line = f"PROXY TCP{6 if six else 4} {address} {address} {port} {port}\r\n".encode()
    assert len(line) <= LINE_BYTES
    assert read(line + rest) == (str(address), rest)
    body = 2 * address.packed + 2 * port.to_bytes(2, "big") + tlvs
    assert read(binary(body, family=0x21 if six else 0x11) + rest) == (str(address), rest)


@given(st.one_of(st.binary(max_size=200), st.binary(max_size=60).map(lambda b: SIGNATURE + b)))
def test_any_bytes_are_a_header_an_error_or_too_few(data):
    try:
        address, rest = read(data)
    except (PeerError, EOFError):
        return
    header = data[: len(data) - len(rest)]
    assert header.startswith((b"PROXY ", SIGNATURE))
    assert address == "" or ipaddress.ip_address(address)


@given(st.sampled_from([b"PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n", binary(packed("::1", "::2"))]))
def test_the_beginning_of_a_header_is_never_an_error_nor_enough(header):
    for size in range(len(header)):
        assert 0 < proxy_protocol.missing(header[:size]) <= len(header) - size
