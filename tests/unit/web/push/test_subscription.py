"""What browsers say of themselves, and what strangers say instead."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hustings.base.errors import PeerError
from hustings.web.push.subscription import read, read_endpoint, with_keys
from tests.fakes.push_service import Browser, b64


def test_a_browser_is_understood_and_kept_in_one_piece() -> None:
    browser = Browser()
    found = read(json.dumps(browser.subscription).encode())
    assert (found.endpoint, found.point, found.auth) == (
        browser.endpoint,
        browser.point,
        browser.auth,
    )
    assert with_keys(found.endpoint, found.keys) == found


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"endpoint": ""}, "push_bad"),
        ({"endpoint": 7}, "push_bad"),
        ({"endpoint": "https://push.example/" + "x" * 1_000}, "push_bad"),
        ({"keys": None}, "push_bad"),
        ({"keys": {"p256dh": "a"}}, "push_bad"),
        ({"keys": {"p256dh": "x" * 200, "auth": "AAAA"}}, "push_bad"),
        ({"keys": {"p256dh": b64(bytes(65)), "auth": b64(bytes(16))}}, "push_keys"),
        ({"keys": {"p256dh": b64(Browser().point), "auth": b64(bytes(15))}}, "push_keys"),
    ],
)
def test_what_is_none_is_refused(change: dict[str, object], code: str) -> None:
    with pytest.raises(PeerError) as refused:
        read(json.dumps({**Browser().subscription, **change}).encode())
    assert refused.value.code == code


@given(
    body=st.binary(max_size=300) | st.text(max_size=50).map(lambda text: json.dumps(text).encode())
)
def test_whatever_comes_is_an_error_that_we_know(body: bytes) -> None:
    for reader in (read, read_endpoint):
        with pytest.raises(PeerError):
            reader(body)


def test_to_stop_the_endpoint_is_enough() -> None:
    assert read_endpoint(b'{"endpoint": "https://push.example/1"}') == "https://push.example/1"
