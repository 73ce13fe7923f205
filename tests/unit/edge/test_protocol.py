"""HTTP reading: every split, every limit, no smuggling."""

import contextlib
import itertools

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hustings.base.errors import HustingsError, PeerError, TryLater, UserError
from hustings.edge.http import protocol
from hustings.edge.http.protocol import Answer, Request, RequestReader

POST = (
    b"POST /live/demo/hand?a=1&b=%20x HTTP/1.1\r\nHost: e\r\nContent-Length: 5\r\n"
    b"X-A: 1\r\nX-A: 2\r\n\r\nhello"
)


def read(*pieces: bytes) -> list[Request]:
    reader, found = RequestReader(0.0), []
    for piece in pieces:
        request = reader.feed(piece, 0.0)
        while request is not None:
            found.append(request)
            request = reader.answered(0.0)
    return found


def refuse(data: bytes) -> PeerError:
    with pytest.raises(PeerError) as caught:
        read(data)
    return caught.value


def test_a_request_is_read() -> None:
    [request] = read(POST)
    assert (request.method, request.path) == ("POST", "/live/demo/hand")
    assert request.query == {"a": "1", "b": " x"}
    assert request.headers["x-a"] == "1, 2"
    assert request.body == b"hello"
    assert request.keep_alive


@pytest.mark.parametrize("at", range(len(POST) + 1))
def test_a_request_split_at_any_byte_is_the_same(at: int) -> None:
    assert read(POST[:at], POST[at:]) == read(POST)


def test_byte_by_byte_and_pipelined() -> None:
    stream = POST + b"GET / HTTP/1.0\r\n\r\n" + POST
    requests = read(*[stream[i : i + 1] for i in range(len(stream))])
    assert requests == read(stream)
    assert [r.method for r in requests] == ["POST", "GET", "POST"]
    assert not requests[1].keep_alive


@pytest.mark.parametrize(
    ("head", "status", "code"),
    [
        (b"GARBAGE\r\n\r\n", 400, "http_malformed"),
        (b"GET / HTTP/2.0\r\nHost: e\r\n\r\n", 505, "http_version"),
        (b"GET http://evil/ HTTP/1.1\r\nHost: e\r\n\r\n", 400, "http_malformed"),
        (b"GET / HTTP/1.1\r\n\r\n", 400, "http_malformed"),
        (b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400, "http_malformed"),
        (b"GET / HTTP/1.1\r\nHost : e\r\n\r\n", 400, "http_malformed"),
        (b"GET / HTTP/1.1\r\nHost: e\r\n folded: x\r\n\r\n", 400, "http_malformed"),
        (b"GET / HTTP/1.1\r\nHost: e\nX: y\r\n\r\n", 400, "http_malformed"),
        (b"GET /\x00 HTTP/1.1\r\nHost: e\r\n\r\n", 400, "http_malformed"),
        (b"GET / HTTP/1.1\r\nHost: e\x00\r\n\r\n", 400, "http_malformed"),
        (b"GET /" + b"a" * 3000 + b" HTTP/1.1\r\nHost: e\r\n\r\n", 414, "http_too_large"),
        (b"GET /" + b"a" * 9000, 431, "http_too_large"),
        (b"GET / HTTP/1.1\r\nHost: e\r\n" + b"X: y\r\n" * 70 + b"\r\n", 431, "http_too_large"),
        (b"GET /?" + b"a&" * 20 + b" HTTP/1.1\r\nHost: e\r\n\r\n", 400, "http_malformed"),
    ],
)
def test_bad_heads_are_refused(head: bytes, status: int, code: str) -> None:
    error = refuse(head)
    assert (error.problem()["status"], error.code) == (status, code)


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        (b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", 501),
        (b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", 501),
        (b"Transfer-Encoding: chunked\r\n", 501),
        (b"Transfer-Encoding: identity, xchunked\r\n", 501),
        (b"Content-Length: 5\r\nContent-Length: 6\r\n", 400),
        (b"Content-Length: 5\r\nContent-Length: 5\r\n", 400),
        (b"Content-Length: +5\r\n", 400),
        (b"Content-Length: -1\r\n", 400),
        (b"Content-Length: 0x5\r\n", 400),
        (b"Content-Length: 5, 5\r\n", 400),
        (b"Content-Length: \xb2\r\n", 400),
        (b"Content-Length: 65537\r\n", 413),
        (b"Content-Length: 99999999999\r\n", 400),
    ],
)
def test_smuggling_is_refused(fields: bytes, status: int) -> None:
    error = refuse(b"POST / HTTP/1.1\r\nHost: e\r\n" + fields + b"\r\nhello")
    assert error.problem()["status"] == status


@given(st.lists(st.binary(max_size=200), max_size=40))
def test_garbage_never_gets_beyond_a_peer_error_or_the_bound(pieces: list[bytes]) -> None:
    reader = RequestReader(0.0)
    with contextlib.suppress(PeerError):
        for piece in pieces:
            reader.feed(piece, 0.0)
            assert len(reader._buffer) <= protocol.HEAD_BYTES + protocol.BODY_BYTES


@given(
    method=st.sampled_from(["GET", "POST", "HEAD"]),
    body=st.binary(max_size=300),
    names=st.dictionaries(
        st.from_regex(r"x-[a-z0-9]{1,12}", fullmatch=True),
        st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=40),
        max_size=8,
    ),
    cuts=st.lists(st.integers(0, 1_000), max_size=6),
)
def test_what_is_written_is_read(
    method: str, body: bytes, names: dict[str, str], cuts: list[int]
) -> None:
    data = f"{method} /p HTTP/1.1\r\nHost: e\r\nContent-Length: {len(body)}\r\n".encode()
    data += b"".join(f"{k}: {v}\r\n".encode() for k, v in names.items()) + b"\r\n" + body
    edges = sorted({0, len(data), *(min(cut, len(data)) for cut in cuts)})
    [request] = read(*[data[a:b] for a, b in itertools.pairwise(edges)])
    assert (request.method, request.body) == (method, body)
    assert {k: v for k, v in request.headers.items() if k.startswith("x-")} == names


def test_timers_never_move_while_a_peer_drips() -> None:
    reader = RequestReader(100.0)
    assert reader.deadline == 103.0
    reader.feed(b"P", 101.0)
    assert reader.deadline == 106.0
    reader.feed(POST[1:20], 105.0)
    assert reader.deadline == 106.0
    reader.feed(POST[20:-2], 105.5)
    assert reader.deadline == 115.5
    reader.feed(POST[-2:-1], 115.0)
    assert reader.deadline == 115.5
    assert reader.feed(POST[-1:], 115.1) is not None
    assert reader.answered(116.0) is None
    assert reader.deadline == 131.0
    assert not reader.started


def test_answers() -> None:
    answer = Answer(200, {"Content-Type": "text/plain"}, b"hi")
    assert answer.encode() == (
        b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\nhi"
    )
    assert answer.encode(close=True, with_body=False).endswith(b"Connection: close\r\n\r\n")
    assert b"Content-Length" not in Answer(304).encode()
    assert protocol.chunk(b"x" * 26) == b"1a\r\n" + b"x" * 26 + b"\r\n"


@pytest.mark.parametrize(
    ("error", "status", "retry"),
    [
        (UserError("a_code", "Mend it."), 400, None),
        (TryLater("full", "Later.", delay_s=1.2), 503, "2"),
        (TryLater("full", "Later.", delay_s=0), 503, "1"),
    ],
)
def test_problems(error: HustingsError, status: int, retry: str | None) -> None:
    answer = protocol.problem(error)
    assert (answer.status, answer.headers.get("Retry-After")) == (status, retry)
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert msgspec.json.decode(answer.body)["code"] == error.code
