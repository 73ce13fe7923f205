"""`stage.rtc.fragment`: candidates that come after the offer."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hustings.base.errors import PeerError
from hustings.stage.rtc.fragment import read_fragment

# RFC 9725 4.3.2, with documents' addresses
FRAGMENT = """\
a=group:BUNDLE 0 1
m=audio 9 UDP/TLS/RTP/SAVPF 111
a=mid:0
a=ice-ufrag:EsAw
a=ice-pwd:P2uYro0UCOQ4zxjKXaWCBui1
a=candidate:1387637174 1 udp 2122260223 192.0.2.1 61764 typ host generation 0 ufrag EsAw
a=candidate:3471623853 1 udp 2122194687 198.51.100.2 61765 typ host generation 0 ufrag EsAw
a=candidate:473322822 1 tcp 1518280447 192.0.2.1 9 typ host tcptype active generation 0
a=end-of-candidates
""".replace("\n", "\r\n")


def test_what_is_taken_is_whose_they_are_and_those_that_we_can_reach() -> None:
    fragment = read_fragment(FRAGMENT)
    assert fragment.ufrag == "EsAw"
    assert fragment.candidates == (
        "1387637174 1 udp 2122260223 192.0.2.1 61764 typ host",
        "3471623853 1 udp 2122194687 198.51.100.2 61765 typ host",
    )


def test_the_end_alone_is_a_fragment_too() -> None:
    assert read_fragment("a=end-of-candidates\r\n") == ("", ())


@pytest.mark.parametrize(
    "text",
    [
        "",
        "hello",
        "a=x\r\n" * 5_000,
        FRAGMENT + "a=ice-ufrag:other\r\n",
        FRAGMENT + "a=candidate:1 1 udp 1 192.0.2.1 1 typ host\r\n" * 65,
    ],
)
def test_what_is_refused(text: str) -> None:
    with pytest.raises(PeerError) as refusal:
        read_fragment(text)
    assert refusal.value.code == "sdp_bad"


@given(st.text() | st.text(max_size=30).map(lambda more: FRAGMENT[:80] + more + FRAGMENT[80:]))
def test_garbage_raises_nothing_but_a_peer_error(text: str) -> None:
    with contextlib.suppress(PeerError):
        read_fragment(text)
