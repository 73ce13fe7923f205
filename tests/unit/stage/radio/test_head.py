"""What studios say first: two dialects, one answer; and bodies in chunks."""

import base64
import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hustings.base.errors import Denied, HustingsError, PeerError
from hustings.stage.radio.head import Dechunker, read_head

BASIC = base64.b64encode(b"source:secret").decode()


def head(first: str, **headers: str) -> bytes:
    lines = [first, *(f"{name.replace('_', '-')}: {value}" for name, value in headers.items())]
    return "\r\n".join(lines).encode()


def test_both_dialects_say_the_same():
    old = read_head(head("SOURCE /square/ab2 HTTP/1.0", authorization=f"Basic {BASIC}"))
    new = read_head(
        head(
            "PUT /square/ab2.mp3 HTTP/1.1",
            Authorization=f"Basic {BASIC}",
            Content_Type="audio/mpeg; charset=x",
            Expect="100-continue",
            Ice_Name="Studio Süd",
        )
    )
    for found in (old, new):
        assert (found.verb, found.room, found.seat) == ("send", "square", "ab2")
        assert (found.password, found.format) == ("secret", "mp3")
    assert (new.expects, new.name, old.expects) == (True, "Studio Süd", False)


def test_a_title_is_for_the_mount_it_names():
    found = read_head(
        head(
            "GET /admin/metadata?mode=updinfo&mount=%2Fsquare%2Fab2&song=x HTTP/1.0",
            authorization=f"Basic {BASIC}",
        )
    )
    assert (found.verb, found.room, found.seat) == ("title", "square", "ab2")


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "source_head"),
        (b"GET / HTTP/1.1", "source_head"),
        (b"PUT /a/b", "source_head"),
        (head("PUT / HTTP/1.1", authorization=f"Basic {BASIC}"), "source_head"),
        (head("PUT /a/b/c HTTP/1.1", authorization=f"Basic {BASIC}"), "source_head"),
        (head("PUT /a/b HTTP/1.1", content_type="video/mp4"), "source_format"),
        (head("PUT /a/b HTTP/1.1"), "token_missing"),
        (head("PUT /a/b HTTP/1.1", authorization="Bearer x"), "token_missing"),
        (head("PUT /a/b HTTP/1.1", authorization="Basic %%%"), "token_missing"),
    ],
)
def test_what_is_no_source_is_told_why(data: bytes, code: str):
    with pytest.raises((PeerError, Denied)) as caught:
        read_head(data)
    assert caught.value.code == code


@given(st.binary(max_size=300))
def test_no_bytes_break_the_reader(data: bytes):
    with contextlib.suppress(HustingsError):
        read_head(data)


@given(st.lists(st.binary(min_size=1, max_size=40), max_size=6), st.integers(1, 9))
def test_chunks_come_off_wherever_the_body_is_cut(pieces: list[bytes], step: int):
    body = b"".join(b"%x;a=b\r\n%s\r\n" % (len(p), p) for p in pieces) + b"0\r\n\r\n"
    dechunker = Dechunker()
    found = b"".join(dechunker.feed(body[at : at + step]) for at in range(0, len(body), step))
    assert found == b"".join(pieces)
    assert dechunker.ended


@pytest.mark.parametrize("body", [b"zz\r\n", b"-5\r\n", b"fffffff\r\n", b"1" * 200])
def test_a_body_that_is_not_chunked_is_refused(body: bytes):
    with pytest.raises(PeerError) as caught:
        Dechunker().feed(body)
    assert caught.value.code == "source_body"
