"""Checkpoints are signed notes that other transparency tools can read."""

import base64

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from hustings.base.errors import PeerError
from hustings.journal.checkpoint import (
    key_id,
    make_checkpoint,
    read_checkpoint,
    read_vkey,
    vkey,
)

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
PUBLIC = KEY.public_key()


def checkpoint(key=KEY, **changes):
    given = {
        "room": "town-hall",
        "size": 3,
        "root": b"r" * 32,
        "head": b"h" * 32,
        "wall_ms": 1_800_000_000_000,
        "public": key.public_key().public_bytes_raw(),
        "sign": key.sign,
    }
    return make_checkpoint(**{**given, **changes})


def test_the_note_reads_as_the_protocol_says():
    made = checkpoint()
    lines = made.note.split("\n")
    assert lines[:6] == [
        "hustings/town-hall",
        "3",
        base64.b64encode(b"r" * 32).decode(),
        "head " + (b"h" * 32).hex(),
        "time 1800000000000",
        "",
    ]
    dash, name, signature = lines[6].split(" ")
    assert (dash, name, lines[7:]) == ("—", "hustings/town-hall", [""])
    signed = base64.b64decode(signature)
    assert signed[:4] == key_id("hustings/town-hall", PUBLIC.public_bytes_raw())
    PUBLIC.verify(signed[4:], "\n".join(lines[:5]).encode() + b"\n")


def test_it_is_read_back_and_its_signature_holds():
    made = checkpoint()
    read = read_checkpoint(made.note.encode())
    assert read == made
    assert read.is_signed_by(PUBLIC)
    assert read.key_ids() == [key_id("hustings/town-hall", PUBLIC.public_bytes_raw())]


@pytest.mark.parametrize(
    "change", [("\n3\n", "\n4\n"), ("town-hall\n3", "town-hell\n3"), ("time 18", "time 19")]
)
def test_one_changed_letter_breaks_the_signature(change):
    forged = read_checkpoint(checkpoint().note.replace(*change, 1).encode())
    assert not forged.is_signed_by(PUBLIC)


def test_a_foreign_key_is_not_ours():
    other = Ed25519PrivateKey.generate()
    assert not checkpoint(other).is_signed_by(PUBLIC)


def test_another_signers_line_beside_ours_does_no_harm():
    made = checkpoint()
    both = msgspec.structs.replace(made, note=made.note + "— witness.example/w AAAA\n")
    assert read_checkpoint(both.note.encode()).is_signed_by(PUBLIC)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xff\xfe",
        b"hustings/a\n1\n",
        b"x" * 5_000,
        b"hustings/a\n01\n\n\xe2\x80\x94 hustings/a AA\n",
    ],
)
def test_what_is_no_checkpoint_is_refused(data):
    with pytest.raises(PeerError) as caught:
        read_checkpoint(data)
    assert caught.value.code == "checkpoint_bad"


def test_the_public_key_travels_as_vkey():
    # key id and format worked out by hand from c2sp.org/signed-note
    text = vkey(PUBLIC.public_bytes_raw())
    name, hex_id, encoded = text.split("+", 2)
    assert (name, len(hex_id), base64.b64decode(encoded)[0]) == ("hustings", 8, 1)
    assert read_vkey(text + "\n").public_bytes_raw() == PUBLIC.public_bytes_raw()
    for wrong in (text[:-3], text.replace(hex_id, "00000000"), "", "hustings+zz+zz"):
        with pytest.raises(PeerError):
            read_vkey(wrong)
