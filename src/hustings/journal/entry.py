"""One entry of a journal: a header that the chain and the tree cover, and a body that may go.

Keeps true: the header's bytes are never re-encoded once made (its hash is over those bytes), and
a header binds its body by SHA-256(nonce ‖ body), so that body and nonce can be erased or withheld
and everything still verifies; the nonce keeps a short erased body from being guessed.
Format: docs/protocol.md 2.2. Called by the writer (`journal.file`) and by every reader through
`journal.records`. Pure.
"""

from enum import IntEnum
from hashlib import sha256
from typing import Any, Final, TypeVar

import msgspec

from hustings.base.errors import PeerError, UserError

HEADER_VERSION: Final = 1
HASH_BYTES: Final = 32
NONCE_BYTES: Final = 16
NO_HASH: Final = bytes(HASH_BYTES)  # `prev` of entry 0
MAX_PAYLOAD: Final = 1 << 20  # bytes of one record's payload
MAX_HEADER: Final = 1_024
MAX_BODY: Final = MAX_PAYLOAD - 2 - MAX_HEADER - NONCE_BYTES
MAX_KIND: Final = 64

T = TypeVar("T")


class Visibility(IntEnum):
    """Who may read a body; a reader sees those up to its own level."""

    PUBLIC = 0
    STAGE = 1
    PRIVATE = 2


class Header(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What the chain and the tree cover; on disk a msgpack array in this order."""

    version: int
    seq: int  # from 0, without a hole
    media_time: int  # samples at 48 kHz since the room's epoch
    wall_ms: int
    kind: str
    visibility: int
    prev: bytes  # SHA-256 of the header before
    digest: bytes  # SHA-256(nonce ‖ body)


class Entry(msgspec.Struct, frozen=True, gc=False):
    """A header with its exact bytes and, unless erased or withheld, nonce and body (msgpack)."""

    header: Header
    raw: bytes
    nonce: bytes = b""
    body: bytes | None = None

    @property
    def seq(self) -> int:
        """Position in the journal, from 0."""
        return self.header.seq

    @property
    def kind(self) -> str:
        """What it says; `wire.kinds` names those we know."""
        return self.header.kind

    @property
    def media_time(self) -> int:
        """Samples at 48 kHz since the room's epoch."""
        return self.header.media_time

    @property
    def visibility(self) -> int:
        """A `Visibility`; unknown larger numbers are for nobody."""
        return self.header.visibility

    @property
    def hash(self) -> bytes:
        """SHA-256 of the header: what the next entry's `prev` repeats."""
        return sha256(self.raw).digest()

    def bare(self) -> "Entry":
        """The same entry without nonce and body."""
        return Entry(self.header, self.raw) if self.body is not None else self

    def body_matches(self) -> bool:
        """Whether nonce and body are those that the header binds; a bare entry matches."""
        if self.body is None:
            return True
        return sha256(self.nonce + self.body).digest() == self.header.digest

    def decode(self, type_: type[T]) -> T:
        """The body as `type_`; PeerError `entry_bare` or `entry_body` if it is not there or not one."""
        if self.body is None:
            raise PeerError("entry_bare", f"Entry {self.seq} has no body: erased or withheld.")
        try:
            return msgspec.msgpack.decode(self.body, type=type_)
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise PeerError(
                "entry_body", f"Entry {self.seq} is not a {self.kind} that we can read: {error}"
            ) from None

    def plain(self) -> Any:
        """The body as plain dicts and lists, of whatever kind; errors as `decode`."""
        return self.decode(object)


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Header).decode


def make_entry(
    *,
    seq: int,
    media_time: int,
    wall_ms: int,
    kind: str,
    visibility: int,
    prev: bytes,
    nonce: bytes,
    body: bytes,
) -> Entry:
    """Bind a body to its place in the chain.

    nonce: 16 random bytes, never used twice. body: msgpack, at most `MAX_BODY` bytes.
    Raises UserError `entry_size` or `entry_kind`.
    """
    if len(body) > MAX_BODY:
        raise UserError("entry_size", f"An entry's body is at most {MAX_BODY} bytes.", status=413)
    if not 0 < len(kind) <= MAX_KIND:
        raise UserError("entry_kind", f"An entry's kind is 1 to {MAX_KIND} letters.")
    if len(nonce) != NONCE_BYTES or len(prev) != HASH_BYTES:
        raise ValueError("a nonce has 16 bytes and a hash 32")
    digest = sha256(nonce + body).digest()
    header = Header(HEADER_VERSION, seq, media_time, wall_ms, kind, visibility, prev, digest)
    return Entry(header, _encode(header), nonce, body)


def read_header(raw: bytes) -> Header:
    """Decode a header's bytes, or raise PeerError `header_bad`."""
    try:
        header = _decode(raw)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise PeerError("header_bad", f"This is no entry header: {error}") from None
    if header.version != HEADER_VERSION:
        raise PeerError("header_bad", f"Header version {header.version} is unknown here.")
    if header.seq < 0 or len(header.prev) != HASH_BYTES or len(header.digest) != HASH_BYTES:
        raise PeerError("header_bad", "A header needs a sequence number and two 32-byte hashes.")
    return header
