"""The signature is the one that every library of Standard Webhooks checks."""

import time
from base64 import b64decode

import pytest
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from hustings.web.webhooks.signing import PREFIX, secret_of, signed
from hustings.wire.tokens import KeyRing

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"  # the specification's own example
KEYS = KeyRing([bytes(32)])


def test_the_specifications_example_comes_out():
    made = signed([SECRET], "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}')
    assert made == {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }


def test_another_library_reads_it_with_either_secret_while_two_overlap():
    old, new = secret_of(KEYS, "hook", 1), secret_of(KEYS, "hook", 2)
    now_s, body = int(time.time()), '{"a": "é"}'.encode()
    headers = signed([new, old], "msg_1", now_s, body)
    for secret in (old, new):
        assert Webhook(secret).verify(body, headers) == {"a": "é"}
    with pytest.raises(WebhookVerificationError):
        Webhook(old).verify(body, signed([new], "msg_1", now_s, body))
    for other in (b'{"a": "e"}', b""):
        with pytest.raises(WebhookVerificationError):
            Webhook(new).verify(other, headers)


def test_each_part_is_signed():
    base = signed([SECRET], "a", 1, b"x")["webhook-signature"]
    for other in (("b", 1, b"x"), ("a", 2, b"x"), ("a", 1, b"y")):
        assert signed([SECRET], *other)["webhook-signature"] != base


def test_a_secret_is_long_enough_and_of_one_hook_one_generation_one_house():
    secrets = {
        secret_of(keys, hook, generation)
        for keys in (KEYS, KeyRing([b"x" * 32]))
        for hook in ("a", "b")
        for generation in (1, 2)
    }
    assert len(secrets) == 8
    assert {len(b64decode(each.removeprefix(PREFIX))) for each in secrets} == {32}
    assert secret_of(KEYS, "a", 1) == secret_of(KeyRing([bytes(32)]), "a", 1)
