"""RFC 8292: what a push service checks, checked by another hand than the one that signs."""

import pytest

from hustings.web.push.vapid import TOKEN_S, Vapid
from tests.fakes.push_service import raw, vapid_claims

ENDPOINT = "https://push.example:8443/wpush/v2/abc"


def test_a_token_names_the_service_its_end_and_who_sends() -> None:
    vapid = Vapid(b"\x01" * 32, "mailto:desk@house.example")
    claims = vapid_claims(vapid.authorization(ENDPOINT, 1_000), vapid.public)
    assert claims == {
        "aud": "https://push.example:8443",
        "exp": 1_000 + TOKEN_S,
        "sub": "mailto:desk@house.example",
    }


def test_who_names_no_contact_sends_none() -> None:
    vapid = Vapid(b"\x01" * 32, "")
    assert "sub" not in vapid_claims(vapid.authorization(ENDPOINT, 1_000), vapid.public)


def test_one_token_serves_a_service_until_an_hour_before_its_end() -> None:
    vapid = Vapid(b"\x01" * 32, "")
    first = vapid.authorization(ENDPOINT, 1_000)
    assert vapid.authorization(ENDPOINT + "d", 1_000 + TOKEN_S - 3_601) == first
    assert vapid.authorization(ENDPOINT, 1_000 + TOKEN_S - 3_600) != first
    assert vapid.authorization("https://other.example/", 1_000) != first


def test_a_clock_that_is_set_back_gets_a_token_that_is_not_too_long() -> None:
    vapid = Vapid(b"\x01" * 32, "")
    vapid.authorization(ENDPOINT, 1_000_000)
    claims = vapid_claims(vapid.authorization(ENDPOINT, 1_000), vapid.public)
    assert claims["exp"] == 1_000 + TOKEN_S


@pytest.mark.parametrize("seed", [bytes(32), b"\xff" * 32, bytes(range(32))])
def test_any_seed_makes_a_key_and_always_the_same(seed: bytes) -> None:
    public = Vapid(seed, "").public
    assert len(raw(public)) == 65
    assert Vapid(seed, "x").public == public


def test_tokens_of_ever_new_services_do_not_pile_up() -> None:
    vapid = Vapid(b"\x01" * 32, "")
    for number in range(250):
        vapid.authorization(f"https://push{number}.example/", 1_000)
    assert len(vapid._tokens) <= 100
