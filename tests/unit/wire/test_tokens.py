"""Passes: what is accepted, and that nothing else is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hustings.base.errors import Denied
from hustings.wire.tokens import Claims, KeyRing

OLD, NEW = b"o" * 32, b"n" * 32
NOW = 1_800_000_000.0
CLAIMS = Claims(typ="token", jti="j", iat=int(NOW), exp=int(NOW) + 900, room="r", sub="p")


def code(
    token: str, ring: KeyRing, *, kind: str = "token", now_s: float = NOW, room: str = "r"
) -> str:
    with pytest.raises(Denied) as refused:
        ring.check(token, kind=kind, now_s=now_s, room=room)  # type: ignore[arg-type]
    return refused.value.code


def test_what_was_signed_is_what_is_read() -> None:
    ring = KeyRing([NEW])
    assert ring.check(ring.sign(CLAIMS), kind="token", now_s=NOW, room="r") == CLAIMS


def test_refusals_have_stable_codes() -> None:
    ring = KeyRing([NEW])
    token = ring.sign(CLAIMS)
    assert code("", ring) == "token_missing"
    assert code(token, KeyRing([OLD])) == "token_bad"
    assert code(token, ring, kind="edge") == "token_kind"
    assert code(token, ring, room="other") == "token_room"
    assert code(token, ring, now_s=NOW + 901) == "token_expired"
    assert code(token, ring, now_s=NOW - 61) == "token_early"


def test_keys_change_without_a_gap() -> None:
    token = KeyRing([OLD]).sign(CLAIMS)
    assert KeyRing([NEW, OLD]).check(token, kind="token", now_s=NOW).sub == "p"


@given(at=st.integers(0, 200), bit=st.integers(0, 7))
def test_no_flipped_bit_passes(at: int, bit: int) -> None:
    ring = KeyRing([NEW])
    token = bytearray(ring.sign(CLAIMS).encode())
    token[at % len(token)] ^= 1 << bit
    changed = token.decode("latin-1")
    assert code(changed, ring) == "token_bad"


@given(text=st.text(max_size=300))
def test_garbage_is_refused(text: str) -> None:
    assert code(text, KeyRing([NEW])) in {"token_bad", "token_missing"}


def test_short_keys_are_not_keys() -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        KeyRing([b"short"])
