"""A listener's signed pass: when they came, and until when it counts. Pure.

An edge signs one for everybody who waits (`wait`) and everybody who was let in (`seat`), and
keeps nothing: the ticket is the memory, any edge of the room can read it, and a listener who
comes back is whoever they were. No person is in it, only a random number.

Format: base64url, without padding, of

    version u8 | key id u8 | kind u8 | at_s u32 | exp_s u32 | id u64 | room | HMAC-SHA256[:16]

big endian; the MAC covers all before it. The text of a ticket is unique: other spellings of the
same bytes are refused. The stage makes the master key; the keys of a period are derived from it,
so that a stage that restarts hands out the same ones. Two are alive, so that no ticket ends with
a period. `stage.http.feeds` hands them out, `edge.waiting.keys` takes them. Cost (measured): 7 us to
sign, 9 us to check.
"""

import base64
import binascii
import hmac
import struct
from collections.abc import Mapping
from typing import Any, Final, Literal

import msgspec

from hustings.base.errors import Denied, PeerError

Kind = Literal["wait", "seat"]

PERIOD_S: Final = 43_200  # 12 h: a key signs for one period and is good for another
WAIT_S: Final = 6 * 3_600  # nobody waits longer; shorter than a period
SEAT_S: Final = 600  # who was let in is not queued again so long after the last word
LEEWAY_S: Final = 120  # between edges' clocks: 90 s of skew must not expire a crowd at once
_VERSION: Final = 1
_HEAD: Final = struct.Struct(">BBBIIQ")
_MAC_BYTES: Final = 16
_KINDS: Final[tuple[Kind, ...]] = ("wait", "seat")
_MOST: Final = 160  # letters: a room's name has at most 64
_KEY_BYTES: Final = 32
_LATEST: Final = 2**32 - 1


class Ticket(msgspec.Struct, frozen=True):
    """What a ticket says; times are wall seconds of the stage."""

    room: str
    at_s: int  # arrival: the place in the queue, for as long as it lasts
    id: int  # 64 random bits: the rank among those of one second, and in the lottery
    kind: Kind
    exp_s: int


class TicketKeys:
    """Signs with the current key, accepts both."""

    def __init__(self, keys: Mapping[int, bytes], current: int) -> None:
        """keys: one or two, by their id 0 to 255; ValueError if they are anything else."""
        sound = all(0 <= kid <= 255 and len(key) == _KEY_BYTES for kid, key in keys.items())
        if not 1 <= len(keys) <= 2 or current not in keys or not sound:
            raise ValueError("ticket keys are one or two of 32 bytes, with ids of one byte")
        self._keys = dict(keys)
        self.current = current

    def __eq__(self, other: object) -> bool:
        return isinstance(other, TicketKeys) and self.line() == other.line()

    def __hash__(self) -> int:
        return hash(self.current)

    def sign(self, ticket: Ticket) -> str:
        """The ticket as text, at most 132 letters."""
        head = _HEAD.pack(
            _VERSION,
            self.current,
            _KINDS.index(ticket.kind),
            min(max(ticket.at_s, 0), _LATEST),
            min(max(ticket.exp_s, 0), _LATEST),
            ticket.id,
        )
        data = head + ticket.room.encode()
        return _text(data + self._mac(self.current, data))

    def check(self, text: str, *, room: str, now_s: float) -> Ticket:
        """Read a ticket, or raise Denied: token_missing, token_bad, token_room, token_expired."""
        if not text:
            raise Denied("token_missing", "This needs a ticket.", status=401)
        data = _bytes(text) if len(text) <= _MOST else b""
        body, mac = data[:-_MAC_BYTES], data[-_MAC_BYTES:]
        if len(body) < _HEAD.size or data[0] != _VERSION:
            raise _forged()
        _, kid, kind, at_s, exp_s, number = _HEAD.unpack_from(body)
        if (
            kid not in self._keys
            or kind >= len(_KINDS)
            or not hmac.compare_digest(mac, self._mac(kid, body))
        ):
            raise _forged()
        ticket = Ticket(body[_HEAD.size :].decode(), at_s, number, _KINDS[kind], exp_s)
        if ticket.room != room:
            raise Denied("token_room", "This ticket is for another room.")
        if now_s > exp_s + LEEWAY_S:
            raise Denied("token_expired", "This ticket has expired.", status=401)
        return ticket

    def line(self) -> dict[str, Any]:
        """What the index feed says: `{"current": id, "keys": {id: base64}}`. Secret."""
        keys = {str(kid): base64.b64encode(key).decode() for kid, key in sorted(self._keys.items())}
        return {"current": self.current, "keys": keys}

    def _mac(self, kid: int, data: bytes) -> bytes:
        return hmac.digest(self._keys[kid], data, "sha256")[:_MAC_BYTES]


def keys_of(master: bytes, now_s: float) -> TicketKeys:
    """The keys of a period of 12 hours: its own, and the one before."""
    period = int(now_s) // PERIOD_S
    keys = {
        number % 256: hmac.digest(master, b"hustings ticket %d" % number, "sha256")
        for number in (period - 1, period)
    }
    return TicketKeys(keys, period % 256)


def read_line(line: object) -> TicketKeys:
    """The keys in a line of the index feed; PeerError `tickets_bad` for whatever is none."""
    try:
        told = msgspec.convert(line, _Line, strict=True)
        keys = {int(kid): base64.b64decode(key, validate=True) for kid, key in told.keys.items()}
        return TicketKeys(keys, told.current)
    except (msgspec.ValidationError, ValueError) as error:  # binascii.Error is a ValueError
        raise PeerError("tickets_bad", "The stage's ticket keys cannot be used.") from error


class _Line(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    current: int
    keys: dict[str, str]


def _text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _bytes(text: str) -> bytes:
    """The bytes of a ticket; empty if there is another way to write them, or none."""
    try:
        data = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return b""
    return data if _text(data) == text else b""


def _forged() -> Denied:
    return Denied("token_bad", "This ticket was not made here.", status=401)
