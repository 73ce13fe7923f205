"""The tombstone that stays: checked with a public key alone, and every change of it is found."""

import msgspec
import pytest

from hustings.base.errors import PeerError
from hustings.journal.proof import Proof, flaws, proof_of, read_proof, tombstone_in
from hustings.wire import kinds
from tests.fakes.journals import KEY, STRANGER
from tests.unit.journal.test_compaction import written

RECORDS = written([("part", b"a body that goes")])
PROOF = proof_of(RECORDS, key=KEY.vkey)
assert PROOF is not None


def test_it_is_whole_and_says_what_was_signed() -> None:
    again = read_proof(msgspec.json.encode(PROOF))
    assert again == PROOF
    assert list(flaws(again, KEY.public)) == []
    assert list(flaws(again, None)) == []
    assert tombstone_in(again).size == 1
    assert again.says["facts"]["title"] == "A title"


@pytest.mark.parametrize(
    "change",
    [
        {"body": kinds.encode(kinds.Tombstone(kinds.Room("r", "Another"), 1, bytes(32)))},
        {"says": {**PROOF.says, "size": 7}},
        {"nonce": bytes(range(16))},
        {"room": "other"},
        {"checkpoint": PROOF.checkpoint.replace("hustings/r\n2\n", "hustings/r\n3\n")},
        {"header": RECORDS[0].raw},
        {"header": b"nothing"},
        {"checkpoint": "nothing"},
    ],
)
def test_every_change_is_found(change: dict[str, object]) -> None:
    assert list(flaws(msgspec.structs.replace(PROOF, **change), KEY.public)) != []


def test_another_key_did_not_sign_it() -> None:
    assert list(flaws(PROOF, STRANGER.public)) == ["the checkpoint is not signed by this key"]


def test_a_journal_without_one_has_no_proof() -> None:
    assert proof_of(RECORDS[:-1], key="") is None  # not signed yet
    assert proof_of([], key="") is None
    assert proof_of([*RECORDS, *written([])[:1]], key="") is None  # something follows


@pytest.mark.parametrize("data", [b"", b"{}", b"\xff", b"[]", msgspec.json.encode(PROOF)[:-9]])
def test_what_is_none_is_refused(data: bytes) -> None:
    with pytest.raises(PeerError) as caught:
        read_proof(data)
    assert caught.value.code == "tombstone_bad"


def test_a_newer_version_is_refused() -> None:
    newer: Proof = msgspec.structs.replace(PROOF, v=2)
    with pytest.raises(PeerError):
        read_proof(msgspec.json.encode(newer))
