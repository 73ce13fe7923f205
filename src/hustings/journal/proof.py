"""A tombstone that anyone can check with the stage's public key alone: `tombstone.json`.

Keeps true: what is said (`body`) is bound by the header's digest, the header is the last entry that
the checkpoint covers (its hash is the checkpoint's head), and the checkpoint is signed. So nobody
but the stage can have said it, and the stage cannot say something else of the same journal without
showing a fork. Format: docs/protocol.md 2.7. Pure.
"""

from collections.abc import Iterable, Iterator
from hashlib import sha256
from typing import Any, Final

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from hustings.base.errors import PeerError
from hustings.journal.checkpoint import Checkpoint, read_checkpoint
from hustings.journal.entry import Entry, read_header
from hustings.wire import kinds

VERSION: Final = 1


class Proof(msgspec.Struct, frozen=True):
    """The file; bytes are base64 in JSON."""

    v: int
    room: str
    says: dict[str, Any]  # the body in plain, for whoever reads the file
    header: bytes
    nonce: bytes
    body: bytes
    checkpoint: str
    key: str  # the stage's public key (vkey); compare it with one that you have from elsewhere


def proof_of(records: Iterable[Entry | Checkpoint], *, key: str) -> Proof | None:
    """Of a journal that ends in a tombstone and the checkpoint over it; None: it does not."""
    last: Entry | None = None
    signed: Checkpoint | None = None
    for record in records:
        if isinstance(record, Checkpoint):
            signed = record
        else:
            last, signed = record, None
    if last is None or last.kind != kinds.TOMBSTONE or last.body is None or signed is None:
        return None
    says = msgspec.to_builtins(last.decode(kinds.Tombstone))
    return Proof(VERSION, signed.room, says, last.raw, last.nonce, last.body, signed.note, key)


def read_proof(data: bytes) -> Proof:
    """Read the file; PeerError `tombstone_bad` if it is none."""
    try:
        proof = msgspec.json.decode(data, type=Proof)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        proof = None
    if proof is None or proof.v != VERSION:
        raise PeerError("tombstone_bad", "This is not a tombstone that this program can read.")
    return proof


def tombstone_in(proof: Proof) -> kinds.Tombstone:
    """What the signed bytes say, whatever `says` pretends. Raises PeerError."""
    return Entry(read_header(proof.header), proof.header, proof.nonce, proof.body).decode(
        kinds.Tombstone
    )


def flaws(proof: Proof, public: Ed25519PublicKey | None) -> Iterator[str]:
    """What is wrong with it, in words; nothing: it is the stage's. public None: not compared."""
    try:
        header = read_header(proof.header)
        signed = read_checkpoint(proof.checkpoint.encode())
        said = tombstone_in(proof)
    except PeerError as error:
        yield error.title
        return
    if header.kind != kinds.TOMBSTONE or {said.facts.room, signed.room} != {proof.room}:
        yield "it is about something else than its checkpoint"
    if sha256(proof.nonce + proof.body).digest() != header.digest:
        yield "its words are not those that were signed"
    if msgspec.to_builtins(said) != msgspec.to_builtins(proof.says):
        yield "`says` is not what the signed body says"
    if (signed.size, signed.head) != (header.seq + 1, sha256(proof.header).digest()):
        yield "the checkpoint does not cover it as the last entry"
    if public is not None and not signed.is_signed_by(public):
        yield "the checkpoint is not signed by this key"
