"""What an Icecast source says before its sound. Pure.

Two dialects, as libshout, ffmpeg, BUTT and studio hardware speak them: `SOURCE /mount HTTP/1.0` and
`PUT /mount HTTP/1.1`, both with Basic credentials and a Content-Type, and then bytes until the line
ends (PUT perhaps chunked). Titles come on lines of their own: `GET /admin/metadata`.
Called by `stage.radio.port`. Source: icecast.org/docs/icecast-2.4.1, libshout's proto_http.c.
"""

import base64
from typing import Final, Literal
from urllib.parse import parse_qs, unquote, urlsplit

import msgspec

from hustings.base.errors import Denied, PeerError
from hustings.base.ids import RoomId

HEAD_BYTES: Final = 8_192
_CHUNK_BYTES: Final = 1 << 20
_SIZE_BYTES: Final = 100  # of a line that says how long a chunk is

# Content-Type -> how the sound is read; the newest of each family's names and the old ones.
FORMATS: Final = {
    "audio/mpeg": "mp3",
    "audio/mp3": "mp3",
    "audio/aac": "aac",
    "audio/aacp": "aac",
    "audio/ogg": "ogg",
    "application/ogg": "ogg",
    "audio/opus": "ogg",
    "audio/flac": "flac",
    "audio/x-flac": "flac",
    "audio/webm": "matroska",
    "video/webm": "matroska",
    "audio/x-matroska": "matroska",
}


class Wanted(msgspec.Struct, frozen=True):
    """What a studio asks for."""

    verb: Literal["send", "title", "options"]
    room: RoomId = RoomId("")
    seat: str = ""
    password: str = ""
    format: str = ""  # of FORMATS' values
    name: str = ""  # as the studio calls itself
    expects: bool = False  # it waits for "100 Continue"
    chunked: bool = False
    version: str = "1.0"


def read_head(data: bytes) -> Wanted:
    """A whole request head (up to and without the empty line).

    Raises PeerError `source_head` or `source_format`, Denied `token_missing`: no password is shown.
    """
    try:
        return _read_head(data)
    except ValueError:
        raise PeerError("source_head", "This is not an Icecast source's request.") from None


def _read_head(data: bytes) -> Wanted:
    first, *lines = data.decode("latin-1").split("\r\n")
    method, target, protocol = first.split(" ")
    headers = dict(_header(line) for line in lines if line)
    version = protocol.rpartition("/")[2]
    if method in {"SOURCE", "PUT"}:
        room, seat = _mount(urlsplit(target).path)
        kind = headers.get("content-type", "audio/mpeg").partition(";")[0].strip().lower()
        if kind not in FORMATS:
            raise PeerError("source_format", "Send MP3, AAC, Ogg, FLAC or WebM.", status=415)
        return Wanted(
            "send",
            room,
            seat,
            _password(headers),
            format=FORMATS[kind],
            name=_utf8(headers.get("ice-name", "")),
            expects=headers.get("expect", "").lower() == "100-continue",
            chunked="chunked" in headers.get("transfer-encoding", "").lower(),
            version=version,
        )
    if method == "OPTIONS":  # libshout asks first what we are
        return Wanted("options", version=version)
    asked = urlsplit(target)
    query = parse_qs(asked.query)
    if method == "GET" and asked.path == "/admin/metadata":
        room, seat = _mount(query.get("mount", [""])[0])
        return Wanted("title", room, seat, _password(headers), version=version)
    raise PeerError("source_head", "A source sends by PUT or SOURCE.", status=405)


def _header(line: str) -> tuple[str, str]:
    name, colon, value = line.partition(":")
    if not colon:
        raise ValueError(line)
    return name.strip().lower(), value.strip()


def _mount(path: str) -> tuple[RoomId, str]:
    """`/ROOM/SEAT`, perhaps with an ending that some encoders insist on."""
    room, _, seat = unquote(path).strip("/").partition("/")
    seat = seat.partition(".")[0]
    if not room or not seat or "/" in seat or len(room) > 64 or len(seat) > 64:
        raise PeerError("source_head", "A mount point is /ROOM/SEAT, as the room's page shows it.")
    return RoomId(room), seat


def _password(headers: dict[str, str]) -> str:
    scheme, _, coded = headers.get("authorization", "").partition(" ")
    try:
        if scheme.lower() == "basic":
            _, _, password = base64.b64decode(coded, validate=True).decode().partition(":")
            if password:
                return password
    except ValueError:
        pass
    raise Denied("token_missing", "A studio shows its password.", status=401)


def _utf8(text: str) -> str:
    """Header text that was UTF-8 all the time, as studios send it."""
    try:
        return text.encode("latin-1").decode()
    except UnicodeDecodeError:
        return text


class Dechunker:
    """Takes `Transfer-Encoding: chunked` off a body, cut anywhere (RFC 9112 7.1)."""

    def __init__(self) -> None:
        self.ended = False
        self._waiting = b""
        self._left = 0  # bytes of the chunk that are still to come
        self._skip = 0  # of the line's end behind it

    def feed(self, data: bytes) -> bytes:
        """The sound in these bytes. Raises PeerError `source_body`."""
        data, self._waiting = self._waiting + data, b""
        found = []
        while data and not self.ended:
            if self._left:
                found.append(data[: self._left])
                data, self._left = data[len(found[-1]) :], self._left - len(found[-1])
                self._skip = 0 if self._left else 2
            elif self._skip:
                data, self._skip = data[self._skip :], max(0, self._skip - len(data))
            else:
                line, end, rest = data.partition(b"\r\n")
                if not end:
                    self._waiting = self._bounded(line)
                    break
                self._left = self._size(line)
                self.ended = self._left == 0
                data = rest
        return b"".join(found)

    @staticmethod
    def _bounded(line: bytes) -> bytes:
        if len(line) > _SIZE_BYTES:
            raise PeerError("source_body", "This body is not chunked as it says.")
        return line

    def _size(self, line: bytes) -> int:
        digits = self._bounded(line).partition(b";")[0].strip()
        try:
            size = int(digits, 16) if digits.isalnum() else -1
        except ValueError:
            size = -1
        if not 0 <= size <= _CHUNK_BYTES:
            raise PeerError("source_body", "This body is not chunked as it says.")
        return size
