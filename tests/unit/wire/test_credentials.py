"""Edges' credentials: made by the house alone, checked by everybody who must know a friend."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hustings.base.errors import Denied, PeerError
from hustings.wire.credentials import EdgeCheck, EdgeSigner, is_credential, read_line
from hustings.wire.tokens import Claims, KeyRing

NOW = 1_800_000_000.0
HOUSE = EdgeSigner(b"h" * 32)
CHECK = EdgeCheck(HOUSE.public)
CLAIMS = Claims(typ="edge", jti="paris", iat=int(NOW), exp=int(NOW) + 900, name="paris")


def refusal(token: str, *, check: EdgeCheck = CHECK, now_s: float = NOW) -> str:
    with pytest.raises(Denied) as caught:
        check.check(token, now_s=now_s)
    return caught.value.code


def test_what_the_house_signed_counts_until_it_ends() -> None:
    token = HOUSE.sign(CLAIMS)
    assert CHECK.check(token, now_s=NOW) == CLAIMS
    assert is_credential(token)
    assert refusal("") == "token_missing"
    assert refusal(token, now_s=NOW + 961) == "token_expired"
    assert refusal(token, now_s=NOW - 61) == "token_early"
    assert refusal(token, check=EdgeCheck(HOUSE.public, ["paris"])) == "token_revoked"
    assert refusal(EdgeSigner(b"x" * 32).sign(CLAIMS)) == "token_bad"


def test_a_pass_of_another_kind_is_none() -> None:
    ring = KeyRing([b"k" * 32])
    assert not is_credential(ring.sign(CLAIMS))
    assert refusal(ring.sign(CLAIMS)) == "token_bad"
    assert refusal(HOUSE.sign(Claims(typ="service", jti="j", iat=int(NOW)))) == "token_kind"


@given(at=st.integers(0, 200), bit=st.integers(0, 7))
def test_no_flipped_bit_passes(at: int, bit: int) -> None:
    token = bytearray(HOUSE.sign(CLAIMS).encode())
    token[at % len(token)] ^= 1 << bit
    changed = token.decode("latin-1")
    assert refusal(changed) == "token_bad"


@given(st.text(max_size=300))
def test_nothing_else_passes(text: str) -> None:
    with pytest.raises(Denied):
        CHECK.check(text, now_s=NOW)


def test_edges_are_told_by_a_line_that_cannot_make_friends() -> None:
    told = json.loads(json.dumps(EdgeCheck(HOUSE.public, ["rome"]).line()))
    assert told["revoked"] == ["rome"]
    assert read_line(told).check(HOUSE.sign(CLAIMS), now_s=NOW) == CLAIMS
    rome = HOUSE.sign(Claims(typ="edge", jti="rome", iat=int(NOW)))
    assert refusal(rome, check=read_line(told)) == "token_revoked"


@pytest.mark.parametrize("line", [None, {}, {"key": "x"}, {"key": "AAAA"}, {"key": 1}, "key"])
def test_a_bad_line_is_an_error(line: object) -> None:
    with pytest.raises(PeerError):
        read_line(line)
