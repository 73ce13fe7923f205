"""Checkpoints: the signed statement that a journal of a room had this tree and this head.

A checkpoint is a C2SP `tlog-checkpoint` in a signed note with Ed25519, so that other tools for
transparency logs can read it. Format: docs/protocol.md 2.3. Called by the writer each second, by
edges and by `verify`. Pure. Sources: c2sp.org/tlog-checkpoint, c2sp.org/signed-note.
"""

import base64
import binascii
import re
from collections.abc import Callable
from hashlib import sha256
from typing import Final

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from hustings.base.errors import PeerError

PREFIX: Final = "hustings"
KEY_ID_BYTES: Final = 4
_ED25519: Final = b"\x01"  # signature type of signed-note
_MAX_BYTES: Final = 4_096
_TEXT: Final = re.compile(
    r"hustings/(?P<room>[a-z0-9-]{1,64})\n"
    r"(?P<size>0|[1-9][0-9]{0,18})\n"
    r"(?P<root>[A-Za-z0-9+/]{43}=)\n"
    r"head (?P<head>[0-9a-f]{64})\n"
    r"time (?P<time>[0-9]{1,15})\n"
)


class Checkpoint(msgspec.Struct, frozen=True):
    """What was signed, read back; `note` is the exact text with its signature lines."""

    room: str
    size: int  # number of entries it covers
    root: bytes
    head: bytes  # SHA-256 of the last header
    wall_ms: int
    note: str

    def is_signed_by(self, public: Ed25519PublicKey) -> bool:
        """Whether one of the signature lines is this key's good signature over the text."""
        text, _, lines = self.note.partition("\n\n")
        name = signer_name(self.room)
        wanted = key_id(name, public.public_bytes_raw())
        for line in lines.splitlines():
            signature = _signature(line, name)
            if signature[:KEY_ID_BYTES] != wanted:
                continue
            try:
                public.verify(signature[KEY_ID_BYTES:], text.encode() + b"\n")
            except InvalidSignature:
                continue
            return True
        return False

    def key_ids(self) -> list[bytes]:
        """Ids of the keys that claim to have signed, to tell a foreign key from a bad signature."""
        lines = self.note.partition("\n\n")[2].splitlines()
        return [_signature(line, signer_name(self.room))[:KEY_ID_BYTES] for line in lines]


def signer_name(room: str) -> str:
    """The name that a room's checkpoints carry as origin and signer."""
    return f"{PREFIX}/{room}"


def key_id(name: str, public: bytes) -> bytes:
    """First 4 bytes of SHA-256(name ‖ 0x0A ‖ 0x01 ‖ public key)."""
    return sha256(name.encode() + b"\n" + _ED25519 + public).digest()[:KEY_ID_BYTES]


def vkey(public: bytes, name: str = PREFIX) -> str:
    """The public key as C2SP writes it: name+hex key id+base64(0x01 ‖ key)."""
    return f"{name}+{key_id(name, public).hex()}+{base64.b64encode(_ED25519 + public).decode()}"


def read_vkey(text: str) -> Ed25519PublicKey:
    """Read a vkey of whatever name; PeerError `vkey_bad` if it is none."""
    name, _, rest = text.strip().partition("+")
    given_id, _, encoded = rest.partition("+")
    try:
        raw = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        raw = b""
    if raw[:1] != _ED25519 or len(raw) != 33 or key_id(name, raw[1:]).hex() != given_id:
        raise PeerError("vkey_bad", "A public key reads name+8 hex digits+base64 (a C2SP vkey).")
    return Ed25519PublicKey.from_public_bytes(raw[1:])


def make_checkpoint(
    *,
    room: str,
    size: int,
    root: bytes,
    head: bytes,
    wall_ms: int,
    public: bytes,
    sign: Callable[[bytes], bytes],
) -> Checkpoint:
    """Write and sign the note. sign: Ed25519 over the text with its last newline."""
    name = signer_name(room)
    text = f"{name}\n{size}\n{base64.b64encode(root).decode()}\nhead {head.hex()}\ntime {wall_ms}\n"
    signature = base64.b64encode(key_id(name, public) + sign(text.encode())).decode()
    return Checkpoint(room, size, root, head, wall_ms, f"{text}\n— {name} {signature}\n")


def read_checkpoint(data: bytes) -> Checkpoint:
    """Read a note; PeerError `checkpoint_bad` if it is none. The signature is not checked here."""
    try:
        note = data.decode() if len(data) <= _MAX_BYTES else ""
    except UnicodeDecodeError:
        note = ""
    text, blank, _ = note.partition("\n\n")
    found = _TEXT.fullmatch(text + "\n") if blank else None
    if found is None:
        raise PeerError("checkpoint_bad", "This is not a checkpoint of a room's journal.")
    return Checkpoint(
        room=found["room"],
        size=int(found["size"]),
        root=base64.b64decode(found["root"]),
        head=bytes.fromhex(found["head"]),
        wall_ms=int(found["time"]),
        note=note,
    )


def _signature(line: str, name: str) -> bytes:
    """Key id and signature of one note line, or empty if it is another's or unreadable."""
    start = f"— {name} "
    if not line.startswith(start):
        return b""
    try:
        return base64.b64decode(line[len(start) :], validate=True)
    except (binascii.Error, ValueError):
        return b""
