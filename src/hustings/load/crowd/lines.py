"""A connection of one person of the crowd: an asyncio protocol, no task, no queue.

One for each attempt. It reads the answer's head, then only part numbers (`load.crowd.scanning`), and
tells its `Crowd`. Sockets close with a reset (SO_LINGER 0): thousands of them in TIME_WAIT
would make the generator's own connect() crawl, and the figures lie.
"""

import asyncio
import errno
import socket
import ssl
import struct
from typing import TYPE_CHECKING, Final, cast

from hustings.base.errors import PeerError
from hustings.load.crowd.hearing import Hearing
from hustings.load.crowd.member import Member
from hustings.load.crowd.scanning import AnswerReader, PartScanner
from hustings.load.rehearsal.orders import Target

if TYPE_CHECKING:
    from hustings.load.crowd.process import Crowd

_RESET: Final = struct.pack("ii", 1, 0)
_NO_PORT: Final = getattr(socket, "IP_BIND_ADDRESS_NO_PORT", 24)
_SLOW_BYTES: Final = 2_048  # receive buffer of one who reads too slowly
_SLOW_S: Final = 2.0  # ... and reads a little so seldom
_REFUSAL_BYTES: Final = 64 * 1024


def open_socket(host: str, source: str, *, slow: bool) -> socket.socket:
    """A socket that has its source address (if one is given) and will close at once."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        if slow:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _SLOW_BYTES)
        if source:
            # The port is chosen at connect(): else the range of ports is used up by addresses.
            sock.setsockopt(socket.IPPROTO_IP, _NO_PORT, 1)
            sock.bind((source, 0))
    except OSError:
        sock.close()
        raise
    return sock


def source_address(number: int) -> tuple[str, int]:
    """A loopback address for a person, and its group (of about 250), spread over all prefixes."""
    spread = number * 2_654_435_761 & 0xFFFF_FFFF
    group = spread >> 24
    return f"127.{1 + group % 254}.{spread >> 16 & 255}.{1 + (spread & 0xFFFF) % 254}", group


def tls_of(target: Target) -> ssl.SSLContext | None:
    """How the target is checked; None if it speaks plainly."""
    if not target.tls:
        return None
    context = ssl.create_default_context()
    if target.ca:
        context.load_verify_locations(target.ca)
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
        here = all(each.startswith("127.") for each in target.addresses)
        context.check_hostname = not here  # loopback: called anything
    return context


def why(error: BaseException | None) -> str:
    """A fault's name, the same for the same fault: it is counted by it."""
    if isinstance(error, OSError) and error.errno:
        return errno.errorcode.get(error.errno, "OSError")
    if isinstance(error, PeerError):
        return error.code
    return "closed" if error is None else type(error).__name__


class Line(asyncio.Protocol):
    """One attempt of one person."""

    __slots__ = (
        "_body",
        "_crowd",
        "_reader",
        "_scanner",
        "before",
        "done",
        "heard_s",
        "hearing",
        "member",
        "successor",
        "transport",
    )

    def __init__(self, crowd: "Crowd", member: Member, now_s: float) -> None:
        self._crowd = crowd
        self._reader = AnswerReader()
        self._scanner: PartScanner | None = None  # once it is a stream
        self._body = b""  # of a refusal
        self.member = member
        self.transport: asyncio.Transport | None = None
        self.done = False  # nothing that comes matters any more
        self.heard_s = now_s  # when something came, or it began
        self.hearing: Hearing | None = None  # of one who really decodes
        self.before: Line | None = None  # that this one takes over from
        self.successor: Line | None = None  # that takes over from this one

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask."""
        self.transport = cast("asyncio.Transport", transport)
        if self.done:
            self.transport.abort()
            return
        self.member.connected(self._crowd.now_s())
        self.transport.write(self._crowd.request(self.member))

    def data_received(self, data: bytes) -> None:
        """Part numbers, or a refusal."""
        if self.done:
            return
        now_s = self._crowd.now_s()
        self.heard_s = now_s
        self._crowd.notes.bytes += len(data)
        try:
            pieces = self._reader.feed(data)
            scanner = self._scanner
            if scanner is None:
                if self._reader.status != 200:
                    self._refusal(pieces)
                    return
                scanner = self._scanner = PartScanner()
                self._crowd.streams(self, self._reader.headers, now_s)
            for piece in pieces:
                for span in scanner.feed(piece):
                    self._crowd.took(self, span, now_s)
                if self.hearing is not None:
                    self.hearing.feed(piece)
            for word in scanner.words():
                self._crowd.told(self, word)
        except PeerError as error:
            self._crowd.broke(self, why(error))
            return
        if self._reader.complete:
            self._crowd.room_ended(self)
        elif self.member.manner == "slow" and self.transport is not None:
            self.transport.pause_reading()
            self._crowd.later(_SLOW_S, self._read_again)

    def connection_lost(self, exc: Exception | None) -> None:
        """The server, or the network, has let go."""
        if not self.done:
            self._crowd.broke(self, why(exc))

    def close(self) -> None:
        """Let go at once; nothing is told any more."""
        self.done = True
        if self.transport is not None:
            self.transport.abort()

    @property
    def is_stream(self) -> bool:
        """Whether the answer is a stream."""
        return self._scanner is not None

    def _refusal(self, pieces: list[bytes]) -> None:
        if not self._reader.status:
            return
        self._body += b"".join(pieces)
        if self._reader.complete or len(self._body) > _REFUSAL_BYTES:
            headers = self._reader.headers
            self._crowd.refused(self, self._reader.status, headers, self._body)

    def _read_again(self) -> None:
        if self.transport is not None and not self.done and not self.transport.is_closing():
            self.transport.resume_reading()
