"""RFC 8291: its own example byte for byte, and a browser's side that reads what we write."""

import base64

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given, settings
from hypothesis import strategies as st

from hustings.base.errors import PeerError
from hustings.web.push.encryption import MOST_BYTES, encrypt, public_key, raw_point
from tests.fakes.push_service import Browser


def raw(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def private(text: str) -> ec.EllipticCurvePrivateKey:
    return ec.derive_private_key(int.from_bytes(raw(text), "big"), ec.SECP256R1())


def test_the_example_of_rfc_8291_appendix_a() -> None:
    body = encrypt(
        b"When I grow up, I want to be a watermelon",
        raw(
            "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4"
        ),
        raw("BTBZMqHH6r4Tts7J_aSIgg"),
        salt=raw("DGv6ra1nlYgDCS1FRnbzlw"),
        own=private("yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw"),
    )
    assert body == raw(
        "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6Tlz"
        "AC8wEqKK6PBru3jl7A_yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN"
    )


@settings(max_examples=25)
@given(message=st.binary(max_size=MOST_BYTES))
def test_the_browser_reads_what_was_written_and_nobody_else_does(message: bytes) -> None:
    browser, other = Browser(), Browser()
    body = encrypt(message, browser.point, browser.auth)
    assert len(body) <= 4_096
    assert browser.read(body) == message
    with pytest.raises(Exception):  # noqa: B017, PT011 - whatever its library says
        other.read(body)


def test_no_two_are_alike() -> None:
    browser = Browser()
    assert encrypt(b"x", browser.point, browser.auth) != encrypt(b"x", browser.point, browser.auth)


def test_more_than_a_push_holds_is_our_own_mistake() -> None:
    browser = Browser()
    with pytest.raises(ValueError, match="3994 bytes"):
        encrypt(bytes(MOST_BYTES + 1), browser.point, browser.auth)


@pytest.mark.parametrize("point", [b"", bytes(65), b"\x04" + bytes(64), bytes(64)])
def test_what_is_no_point_of_the_curve_is_refused(point: bytes) -> None:
    with pytest.raises(PeerError) as refused:
        public_key(point)
    assert refused.value.code == "push_keys"


def test_a_key_travels_uncompressed() -> None:
    point = raw_point(ec.generate_private_key(ec.SECP256R1()).public_key())
    assert len(point) == 65
    assert raw_point(public_key(point)) == point
