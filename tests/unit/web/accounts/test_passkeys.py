"""What browsers are asked and what is believed, with an authenticator of the tests' own."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hustings.base.errors import Denied
from hustings.web.accounts.passkeys import (
    Answer,
    Party,
    party_for,
    registration_options,
    sign_in_options,
)
from tests.fakes.authenticator import Authenticator

PARTY = Party("debate.example", "https://debate.example")
CHALLENGE = bytes(range(32))


def new() -> tuple[Authenticator, bytes]:
    authenticator = Authenticator(PARTY.origin)
    asked = registration_options(PARTY, CHALLENGE, account="a" * 26, name="Ada", known=[])
    return authenticator, Answer(authenticator.create(asked)).registered(PARTY).public_key


@pytest.mark.parametrize(
    ("web", "host", "party"),
    [
        ("https://debate.example", "", PARTY),
        ("https://debate.example:443/", "x", PARTY),
        ("https://debate.example:8443", "", Party("debate.example", "https://debate.example:8443")),
        ("http://localhost:8000", "", Party("localhost", "http://localhost:8000")),
        ("http://127.0.0.1:8000", "localhost:8000", Party("localhost", "http://localhost:8000")),
        ("http://localhost:8000", "localhost:9", Party("localhost", "http://localhost:9")),
        ("http://[::1]:8000", "localhost:9", Party("localhost", "http://localhost:9")),
        ("http://127.0.0.1:8000", "127.0.0.1:8000", None),
        ("http://127.0.0.1:8000", "evil.example", None),
        ("http://127.0.0.1:8000", "localhost:99999999", None),
        ("http://192.0.2.7:8000", "localhost:8000", None),
        ("https://192.0.2.7", "", None),
        ("http://debate.example", "", None),
        ("https://debate.example", "localhost", PARTY),
    ],
)
def test_a_house_is_a_relying_party_where_browsers_allow_it(
    web: str, host: str, party: Party | None
) -> None:
    assert party_for(web, host) == party


def test_what_is_asked_makes_a_discoverable_passkey_and_no_attestation() -> None:
    asked = json.loads(
        registration_options(PARTY, CHALLENGE, account="abc", name="Ada", known=[b"old"])
    )
    assert asked["attestation"] == "none"
    assert asked["authenticatorSelection"]["residentKey"] == "required"
    assert asked["authenticatorSelection"]["userVerification"] == "preferred"
    assert asked["excludeCredentials"][0]["id"] == "b2xk"
    assert json.loads(sign_in_options(PARTY, CHALLENGE))["allowCredentials"] == []


@pytest.mark.parametrize("counts", [True, False])
def test_a_passkey_signs_in(counts: bool) -> None:
    authenticator, key = new()
    authenticator.counts = counts
    for before in (0, 1):
        said = authenticator.get(sign_in_options(PARTY, CHALLENGE))
        counter = Answer(said).signed_in(PARTY, key, before if counts else 0)
        assert counter == (before + 1 if counts else 0)
    assert Answer(said).account == "a" * 26


def test_a_counter_that_goes_back_is_a_copy() -> None:
    authenticator, key = new()
    said = authenticator.get(sign_in_options(PARTY, CHALLENGE))
    with pytest.raises(Denied):
        Answer(said).signed_in(PARTY, key, 1)


@pytest.mark.parametrize("field", ["signature", "authenticatorData", "clientDataJSON"])
def test_nothing_in_an_answer_can_be_changed(field: str) -> None:
    authenticator, key = new()
    said = json.loads(authenticator.get(sign_in_options(PARTY, CHALLENGE)))
    text = said["response"][field]
    said["response"][field] = ("B" if text[8] == "A" else "A").join((text[:8], text[9:]))
    with pytest.raises(Denied) as caught:
        Answer(json.dumps(said)).signed_in(PARTY, key, 0)
    assert caught.value.code == "passkey_bad"


def test_another_sites_signature_is_worth_nothing() -> None:
    authenticator, key = new()
    authenticator.origin = "https://debate.example.evil"
    said = authenticator.get(sign_in_options(PARTY, CHALLENGE))
    with pytest.raises(Denied):
        Answer(said).signed_in(PARTY, key, 0)
    other = Party("evil.example", PARTY.origin)
    authenticator.origin = PARTY.origin
    with pytest.raises(Denied):
        Answer(authenticator.get(sign_in_options(other, CHALLENGE))).signed_in(PARTY, key, 0)


def test_an_unknown_passkey_is_refused_after_the_same_work() -> None:
    authenticator, _ = new()
    said = authenticator.get(sign_in_options(PARTY, CHALLENGE))
    with pytest.raises(Denied) as caught:
        Answer(said).signed_in(PARTY, None, 0)
    assert "signature" in str(caught.value.__cause__)  # it was checked, against nobody's key


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner),
    max_leaves=8,
)


@given(st.text(max_size=200) | JSON.map(json.dumps))
def test_nonsense_is_no_answer(text: str) -> None:
    with pytest.raises(Denied):
        Answer(text)


@given(st.data())
def test_a_broken_registration_is_refused_whatever_broke(data: st.DataObject) -> None:
    authenticator = Authenticator(PARTY.origin)
    asked = registration_options(PARTY, CHALLENGE, account="abc", name="Ada", known=[])
    said = json.loads(authenticator.create(asked))
    text = said["response"]["attestationObject"]
    cut = data.draw(st.integers(0, len(text) - 60))
    said["response"]["attestationObject"] = text[:cut] + data.draw(st.text(max_size=9))
    with pytest.raises(Denied):
        Answer(json.dumps(said)).registered(PARTY)


def test_ids_longer_than_the_specification_allows_are_refused() -> None:
    authenticator, _ = new()
    authenticator.keys[-1].credential = bytes(1_024)
    with pytest.raises(Denied):
        Answer(authenticator.get(sign_in_options(PARTY, CHALLENGE)))
