"""Entries bind their bodies by hash and let them go."""

from hashlib import sha256

import msgspec
import pytest

from hustings.base.errors import PeerError, UserError
from hustings.journal.entry import MAX_BODY, NO_HASH, Visibility, make_entry, read_header
from hustings.wire import kinds


def entry(body=b"\x80", **changes):
    given = {
        "seq": 7,
        "media_time": 15_360,
        "wall_ms": 1_800_000_000_000,
        "kind": "level",
        "visibility": Visibility.PUBLIC,
        "prev": NO_HASH,
        "nonce": b"n" * 16,
        "body": body,
    }
    return make_entry(**{**given, **changes})


def test_the_header_is_the_array_of_the_protocol():
    made = entry()
    assert msgspec.msgpack.decode(made.raw) == [
        1,
        7,
        15_360,
        1_800_000_000_000,
        "level",
        0,
        NO_HASH,
        sha256(b"n" * 16 + b"\x80").digest(),
    ]
    assert made.hash == sha256(made.raw).digest()
    assert read_header(made.raw) == made.header


def test_a_body_goes_and_the_hash_stays():
    made = entry(kinds.encode(kinds.Level(["ann"])))
    assert made.decode(kinds.Level).speaking == ["ann"]
    bare = made.bare()
    assert (bare.body, bare.nonce) == (None, b"")
    assert bare.hash == made.hash
    assert bare.body_matches()
    assert bare.bare() is bare
    with pytest.raises(PeerError) as caught:
        bare.plain()
    assert caught.value.code == "entry_bare"


def test_another_body_or_nonce_does_not_match():
    made = entry()
    assert made.body_matches()
    assert not msgspec.structs.replace(made, body=b"\xc0").body_matches()
    assert not msgspec.structs.replace(made, nonce=b"m" * 16).body_matches()


def test_a_body_of_another_kind_is_an_error_of_the_peer():
    with pytest.raises(PeerError) as caught:
        entry(b"\x93\x01").decode(kinds.Level)
    assert caught.value.code == "entry_body"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"body": bytes(MAX_BODY + 1)}, "entry_size"),
        ({"kind": ""}, "entry_kind"),
        ({"kind": "k" * 65}, "entry_kind"),
    ],
)
def test_what_cannot_be_an_entry_is_refused(changes, code):
    with pytest.raises(UserError) as caught:
        entry(**changes)
    assert caught.value.code == code


@pytest.mark.parametrize(
    "header",
    [
        [2, 0, 0, 0, "k", 0, NO_HASH, NO_HASH],
        [1, -1, 0, 0, "k", 0, NO_HASH, NO_HASH],
        [1, 0, 0, 0, "k", 0, b"short", NO_HASH],
        [1, 0, 0],
        "words",
    ],
)
def test_what_is_no_header_is_refused(header):
    with pytest.raises(PeerError) as caught:
        read_header(msgspec.msgpack.encode(header))
    assert caught.value.code == "header_bad"
