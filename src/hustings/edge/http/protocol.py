"""HTTP/1.1 as the edge speaks it: bytes in, requests out; answers as bytes. Pure.

`edge.http.server` owns the sockets and feeds one `RequestReader` a connection. A reader never holds
more than one head (8 KiB) and one body (64 KiB), says when its peer's time is up (`deadline`),
and after any error refuses everything: the connection is answered once and closed.

Why not httptools: our whole grammar is a GET line and a small POST; reading it strictly takes
90 lines, and there is nothing lenient left to smuggle through. A body has a Content-Length or
none; `Transfer-Encoding` in a request is refused (501), with a Content-Length or without.
Sources: RFC 9112 (grammar), RFC 9110 (fields), RFC 9457 (problem documents).
"""

import re
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import parse_qsl, unquote_to_bytes

import msgspec

from hustings.base.errors import HustingsError, NotFound, PeerError, TryLater, UserError

HEAD_BYTES: Final = 8 * 1024
BODY_BYTES: Final = 64 * 1024
TARGET_BYTES: Final = 2 * 1024
HEADER_LINES: Final = 64

FIRST_BYTE_S: Final = 3.0  # from the connection to its first byte
HEAD_S: Final = 5.0  # from the first byte to the end of the head
BODY_S: Final = 10.0  # from the end of the head to the end of the body
IDLE_S: Final = 15.0  # from an answer to the next request's first byte

_REQUEST_LINE: Final = re.compile(rb"([A-Z]{1,16}) ([\x21-\x7e]+) HTTP/(\d)\.(\d)")
_HEADER: Final = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([\x20-\x7e\x80-\xff\t]*)")
_LENGTH: Final = re.compile(r"\d{1,9}")
_ONCE: Final = frozenset({"content-length", "host", "transfer-encoding"})


class Request(msgspec.Struct, frozen=True):
    """One request. `path` is decoded; `query` keeps the first value of each name."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]  # names in lower case; repeated ones joined by ", "
    body: bytes = b""
    minor: int = 1  # HTTP/1.minor

    @property
    def keep_alive(self) -> bool:
        """Whether the client lets us keep the connection after the answer."""
        options = {word.strip() for word in self.headers.get("connection", "").lower().split(",")}
        return "close" not in options and (self.minor == 1 or "keep-alive" in options)

    def holds(self, etag: str) -> bool:
        """Whether the client has these very bytes already (If-None-Match)."""
        tags = self.headers.get("if-none-match", "").split(",")
        return etag in (tag.strip().removeprefix("W/") for tag in tags)

    @property
    def gzip(self) -> bool:
        """Whether the client reads gzip."""
        wishes = self.headers.get("accept-encoding", "").replace(" ", "").lower().split(",")
        return any(w.partition(";")[0] == "gzip" and not w.endswith(";q=0") for w in wishes)


class RequestReader:
    """Reads the requests of one connection, one at a time.

    `deadline` is the monotonic second after which the peer is too slow; it belongs to the phase
    the reader is in and never moves while a peer only drips.
    """

    __slots__ = ("_buffer", "_head", "_length", "_seen", "deadline")

    def __init__(self, now_s: float) -> None:
        self._buffer = bytearray()
        self._head: Request | None = None  # read, and waiting for its body
        self._length = 0
        self._seen = 0  # of the buffer, searched for the end of the head already
        self.deadline = now_s + FIRST_BYTE_S

    @property
    def started(self) -> bool:
        """Whether a part of a request has been read (so silence is an error, not idleness)."""
        return bool(self._buffer) or self._head is not None

    def feed(self, data: bytes, now_s: float) -> Request | None:
        """Take bytes; return a request when one is whole. Raises PeerError: answer and close.

        Bytes of a following, pipelined request stay inside: call `answered()` for it.
        """
        if not self.started and data:
            self.deadline = now_s + HEAD_S
        self._buffer += data
        if len(self._buffer) > HEAD_BYTES + BODY_BYTES:
            raise PeerError(
                "http_too_large", "More was sent than one request may hold.", status=413
            )
        return self._read(now_s)

    def keep(self, data: bytes) -> None:
        """Take bytes that came before the last request was answered. Raises as `feed`."""
        self._buffer += data
        if len(self._buffer) > HEAD_BYTES + BODY_BYTES:
            raise PeerError("http_too_large", "Wait for answers before asking on.", status=413)

    def answered(self, now_s: float, idle_s: float = IDLE_S) -> Request | None:
        """The last request is answered: wait for the next, or return it if it is here."""
        self.deadline = now_s + (HEAD_S if self._buffer else idle_s)
        return self._read(now_s)

    def _read(self, now_s: float) -> Request | None:
        if self._head is None and not self._read_head(now_s):
            return None
        if len(self._buffer) < self._length or self._head is None:
            return None
        request = msgspec.structs.replace(self._head, body=bytes(self._buffer[: self._length]))
        del self._buffer[: self._length]
        self._head, self._seen = None, 0
        return request

    def _read_head(self, now_s: float) -> bool:
        end = self._buffer.find(b"\r\n\r\n", max(0, self._seen - 3))
        self._seen = len(self._buffer)
        if end > HEAD_BYTES or (end < 0 and len(self._buffer) > HEAD_BYTES):
            raise PeerError("http_too_large", "The request's head is over 8 KiB.", status=431)
        if end < 0:
            return False
        self._head = parse_head(bytes(self._buffer[:end]))
        self._length = _body_length(self._head)
        del self._buffer[: end + 4]
        self.deadline = now_s + BODY_S
        return True


def parse_head(head: bytes) -> Request:
    """Read a request line and header lines (without the empty line), or raise PeerError."""
    lines = head.split(b"\r\n")
    line = _REQUEST_LINE.fullmatch(lines[0])
    if line is None:
        raise PeerError("http_malformed", "This is not an HTTP request.")
    method, target, major, minor = line.groups()
    if major != b"1" or minor not in {b"0", b"1"}:
        raise PeerError("http_version", "This port speaks HTTP/1.1.", status=505)
    if len(target) > TARGET_BYTES:
        raise PeerError("http_too_large", "The address is over 2 KiB.", status=414)
    if not target.startswith(b"/"):
        raise PeerError("http_malformed", "The address must be a path.")
    headers = _headers(lines[1:])
    if minor == b"1" and "host" not in headers:
        raise PeerError("http_malformed", "A request needs a Host header.")
    path, _, query = target.partition(b"?")
    return Request(
        method=method.decode(),
        path=unquote_to_bytes(path).decode(errors="replace"),
        query=_query(query.decode()),
        headers=headers,
        minor=int(minor),
    )


def _headers(lines: list[bytes]) -> dict[str, str]:
    if len(lines) > HEADER_LINES:
        raise PeerError("http_too_large", "Too many header lines.", status=431)
    headers: dict[str, str] = {}
    for text in lines:
        line = _HEADER.fullmatch(text)
        if line is None:  # also a folded line, a space before the colon, a bare CR or LF, NUL
            raise PeerError("http_malformed", "A header line is malformed.")
        name, value = line[1].decode().lower(), line[2].decode("latin-1").strip()
        if name in headers:
            if name in _ONCE:
                raise PeerError("http_malformed", f"{name} may be given once.")
            value = f"{headers[name]}, {value}"
        headers[name] = value
    return headers


def _query(text: str) -> dict[str, str]:
    try:
        pairs = parse_qsl(text, keep_blank_values=True, max_num_fields=16)
    except ValueError:
        raise PeerError("http_malformed", "Too many fields in the address.") from None
    return dict(reversed(pairs))


def _body_length(request: Request) -> int:
    if "transfer-encoding" in request.headers:
        raise PeerError("http_encoding", "Send a body with Content-Length.", status=501)
    length = request.headers.get("content-length", "0")
    if not _LENGTH.fullmatch(length):
        raise PeerError("http_malformed", "Content-Length is not a number.")
    if int(length) > BODY_BYTES:
        raise PeerError("http_too_large", "A body may hold 64 KiB.", status=413)
    return int(length)


def head(status: int, headers: Mapping[str, str], *, close: bool = False) -> bytes:
    """A status line and header lines, with the empty line; values must be free of CR and LF."""
    lines = [f"HTTP/1.1 {status} {HTTPStatus(status).phrase}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    lines += ["Connection: close"] if close else []
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1", "replace")


class Answer(msgspec.Struct, frozen=True):
    """A whole answer; `encode` makes the bytes, which many connections may share."""

    status: int = 200
    headers: dict[str, str] = {}
    body: bytes = b""

    def encode(self, *, close: bool = False, with_body: bool = True) -> bytes:
        """The answer's bytes; without the body for HEAD and 304."""
        headers = dict(self.headers)
        if self.status != HTTPStatus.NOT_MODIFIED:
            headers["Content-Length"] = str(len(self.body))
        return head(self.status, headers, close=close) + (self.body if with_body else b"")


def problem(error: HustingsError, headers: Mapping[str, str] | None = None) -> Answer:
    """The RFC 9457 answer to an error; TryLater carries Retry-After (whole seconds, up).

    What is refused for its address alone may be cached for a moment, so that a cache in front
    absorbs repeats; a broken request never, or one client's headers would refuse all.
    """
    document: dict[str, Any] = error.problem()
    brief = isinstance(error, NotFound | UserError) or document["status"] == 503
    fields = {
        "Content-Type": "application/problem+json",
        "Cache-Control": "public, max-age=1" if brief else "no-store",
    }
    fields.update(headers or {})
    if isinstance(error, TryLater):
        fields["Retry-After"] = str(max(1, -int(-error.delay_s // 1)))
    return Answer(document["status"], fields, msgspec.json.encode(document))


def chunk(data: bytes) -> bytes:
    """One chunk of a chunked body (RFC 9112 7.1); made once for all who get the same data."""
    return b"%x\r\n%b\r\n" % (len(data), data)


LAST_CHUNK: Final = b"0\r\n\r\n"
