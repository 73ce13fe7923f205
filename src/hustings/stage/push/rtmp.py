"""An RTMP publisher's side of the conversation, without any I/O; pure.

`take` is what to send, `feed` what came. The way: handshake, `connect`, `createStream`, `publish`; then
`ready`, and tags may be put. Without a key it ends before `publish`, at `created`. What a server refuses is told by a code and never in its own words: they
like to repeat the key. Source: RTMP 1.0 (Adobe 2012), and what FFmpeg and OBS say on it.
"""

from struct import pack, unpack_from
from typing import Any, Final

from hustings.base.errors import PeerError
from hustings.stage.push import amf
from hustings.stage.push.chunks import (
    ACKNOWLEDGEMENT,
    BANDWIDTH,
    COMMAND,
    DATA,
    OUR_CHUNK,
    SET_CHUNK,
    USER_CONTROL,
    WINDOW,
    ChunkReader,
    Message,
    chunked,
)

HANDSHAKE: Final = 1_536
AGENT: Final = "FMLE/3.0 (compatible; Hustings)"  # some servers let in only who says FMLE
_PING, _PONG = 6, 7
_CONNECT, _CREATE = 1, 4


class Publisher:
    """One connection's conversation. Raises PeerError `push_protocol`, `push_refused`, `push_key`."""

    def __init__(self, app: str, url: str, key: str | None, noise: bytes) -> None:
        """app, key: the two halves of what a platform names; url: without the key. noise: 1,528 bytes.

        key: None asks whether the server knows the application, and publishes nothing.
        """
        self.created = False  # it gave us a stream
        self.ready = False
        self._app, self._url, self._key = app, url, key
        self._challenge = bytes(8) + noise[: HANDSHAKE - 8]
        self._out = [b"\x03", self._challenge]
        self._answer = bytearray()  # S0, S1, S2 as far as they came
        self._reader: ChunkReader | None = None
        self._stream = 0
        self._received = self._told = 0
        self._window = 2_500_000

    def take(self) -> bytes:
        """What is to be sent now."""
        data = b"".join(self._out)
        self._out.clear()
        return data

    def put(self, kind: int, time_ms: int, body: bytes) -> None:
        """A tag of the stream; only once `ready`."""
        self._out.append(chunked(Message(kind, self._stream, time_ms, body)))

    def metadata(self, facts: dict[str, Any]) -> None:
        """What the stream is, for players that ask before they look."""
        self.put(DATA, 0, amf.encode("@setDataFrame", "onMetaData", facts))

    def goodbye(self) -> None:
        """The stream ends here; the platform need not wait for us."""
        self._command(0, "FCUnpublish", 6, None, self._key)
        self._command(0, "deleteStream", 7, None, self._stream)

    def feed(self, data: bytes) -> None:
        """Bytes of the server."""
        if self._reader is None:
            self._answer += data
            if self._answer and self._answer[0] != 3:
                raise PeerError("push_protocol", "This is not RTMP: another version.")
            if len(self._answer) < 1 + 2 * HANDSHAKE:
                return
            self._out.append(bytes(self._answer[1 : 1 + HANDSHAKE]))  # C2 repeats S1
            data = bytes(self._answer[1 + 2 * HANDSHAKE :])
            self._reader = ChunkReader()
            self._connect()
        self._received += len(data)
        for message in self._reader.feed(data):
            self._hear(message, self._reader)
        if self._received - self._told >= self._window // 2:
            self._told = self._received
            self._control(ACKNOWLEDGEMENT, pack(">I", self._received & 0xFFFFFFFF))

    def _connect(self) -> None:
        self._control(SET_CHUNK, pack(">I", OUR_CHUNK))
        about = {"app": self._app, "type": "nonprivate", "flashVer": AGENT, "tcUrl": self._url}
        self._command(0, "connect", _CONNECT, about)

    def _hear(self, message: Message, reader: ChunkReader) -> None:
        body = message.body
        if message.kind == SET_CHUNK and len(body) >= 4:
            reader.chunk_bytes = max(1, min(unpack_from(">I", body)[0] & 0x7FFFFFFF, 1 << 24))
        elif message.kind in {WINDOW, BANDWIDTH} and len(body) >= 4:
            self._window = max(1_024, unpack_from(">I", body)[0])
            if message.kind == BANDWIDTH:
                self._control(WINDOW, pack(">I", self._window))
        elif message.kind == USER_CONTROL and body[:2] == pack(">H", _PING):
            self._control(USER_CONTROL, pack(">H", _PONG) + body[2:6])
        elif message.kind in {COMMAND, 17}:  # 17: the same with a byte before it (AMF3)
            self._answered(amf.decode(body if message.kind == COMMAND else body[1:]))

    def _answered(self, words: list[Any]) -> None:
        name, number = (*words[:2], None, None)[:2]
        if name == "_result" and number == _CONNECT:
            if self._key is not None:
                self._command(0, "releaseStream", 2, None, self._key)
                self._command(0, "FCPublish", 3, None, self._key)
            self._command(0, "createStream", _CREATE, None)
        elif name == "_result" and number == _CREATE:
            self._stream = int(words[3]) if len(words) > 3 and isinstance(words[3], float) else 1
            self.created = True
            if self._key is not None:
                self._command(self._stream, "publish", 5, None, self._key, "live")
        elif name == "_error" and number in {_CONNECT, _CREATE}:
            raise PeerError("push_refused", "The platform does not take us under this address.")
        elif name == "onStatus":
            said = words[3] if len(words) > 3 and isinstance(words[3], dict) else {}
            self._status(str(said.get("code", "")), str(said.get("level", "")))

    def _status(self, code: str, level: str) -> None:
        if code == "NetStream.Publish.Start":
            self.ready = True
        elif level == "error" or code in {"NetStream.Publish.BadName", "NetStream.Publish.Denied"}:
            raise PeerError("push_key", "The platform does not take this key, or it is in use.")

    def _command(self, stream: int, *words: Any) -> None:
        self._out.append(chunked(Message(COMMAND, stream, 0, amf.encode(*words))))

    def _control(self, kind: int, body: bytes) -> None:
        self._out.append(chunked(Message(kind, 0, 0, body)))
