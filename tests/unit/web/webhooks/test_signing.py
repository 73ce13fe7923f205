"""The signature is the one that every library of Standard Webhooks checks."""

from base64 import b64decode

from hustings.web.webhooks.signing import PREFIX, new_secret, signed

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"  # the specification's own example


def test_the_specifications_example_comes_out():
    made = signed(SECRET, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}')
    assert made == {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }


def test_each_part_is_signed():
    base = signed(SECRET, "a", 1, b"x")["webhook-signature"]
    for other in (("b", 1, b"x"), ("a", 2, b"x"), ("a", 1, b"y")):
        assert signed(SECRET, *other)["webhook-signature"] != base
    assert signed(new_secret(), "a", 1, b"x")["webhook-signature"] != base


def test_a_secret_is_long_enough_and_never_the_same():
    one, two = new_secret(), new_secret()
    assert one != two
    assert 24 <= len(b64decode(one.removeprefix(PREFIX))) <= 64
