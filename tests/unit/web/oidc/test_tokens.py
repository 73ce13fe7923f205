"""A token is believed only if each of its parts is as it must be."""

import hmac

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet, RSAKey

from hustings.base.errors import PeerError
from hustings.web.oidc.tokens import believed, key_set
from hustings.wire.tokens import b64

ISSUER, CLIENT, NONCE, NOW = "https://login.example/realm", "house", "n" * 32, 1_800_000_000
RSA = RSAKey.generate_key(2_048, {"kid": "rsa", "use": "sig"})
EC = ECKey.generate_key("P-256", {"kid": "ec"})
STRANGER = RSAKey.generate_key(2_048, {"kid": "rsa"})
KEYS = KeySet([RSA, EC])
PUBLIC = KeySet([RSA, EC]).as_dict(private=False)
GOOD = {"iss": ISSUER, "sub": "ada", "aud": CLIENT, "exp": NOW + 300, "iat": NOW, "nonce": NONCE}


def token(key=RSA, algorithm="RS256", header=None, **changes):
    claims = {k: v for k, v in (GOOD | changes).items() if v is not None}
    head = {"alg": algorithm} | ({"kid": key.kid} if key.kid else {}) | (header or {})
    return jwt.encode(head, claims, key, algorithms=[algorithm])


def read(text, **more):
    how = {"issuer": ISSUER, "client": CLIENT, "nonce": NONCE, "now_s": NOW} | more
    return believed(text, KEYS, **how)


@pytest.mark.parametrize(
    "good",
    [
        token(),
        token(EC, "ES256"),
        token(algorithm="PS256"),
        token(algorithm="RS512"),
        token(aud=[CLIENT]),
        token(aud=[CLIENT, "other"], azp=CLIENT),
        token(iat=NOW + 59),
        token(exp=NOW - 59),
        token(email="ada@example.org", email_verified=True, name="Ada"),
    ],
)
def test_a_token_of_this_sign_in_is_believed(good):
    assert read(good).sub == "ada"


def unsigned():
    head = b64(b'{"alg":"none"}')
    return ".".join((head, token().split(".")[1], ""))


def by_public_key():
    """The old trick: the public key's text as a shared secret."""
    said = ".".join(
        b64(msgspec.json.encode(each)) for each in ({"alg": "HS256", "kid": "rsa"}, GOOD)
    )
    return f"{said}.{b64(hmac.digest(RSA.as_pem(private=False), said.encode(), 'sha256'))}"


@pytest.mark.parametrize(
    ("bad", "why"),
    [
        (token(STRANGER), "signed"),
        (token(ECKey.generate_key("P-256", {"kid": "nobody"}), "ES256"), "signed"),
        (by_public_key, "signed"),
        (unsigned, "signed"),
        (token()[:-4] + "AAAA", "signed"),
        (token().replace(".", "!"), "signed"),
        ("", "signed"),
        ("a.b.c", "signed"),
        ("a.b.c.d.e", "signed"),
        ("é.é.é", "signed"),
        (token(sub=None), "signed"),
        (token(exp=None), "signed"),
        (token(iat=None), "signed"),
        (token(aud=None), "signed"),
        (token(aud={"a": 1}), "signed"),
        (token(exp="soon"), "signed"),
        (token(sub=7), "signed"),
        (token(iss=ISSUER + "/"), "provider's"),
        (token(iss="https://login.example"), "provider's"),
        (token(aud="other"), "client"),
        (token(aud=[]), "client"),
        (token(aud=[CLIENT, "other"]), "client"),
        (token(aud=[CLIENT, "other"], azp="other"), "client"),
        (token(azp="other"), "client"),
        (token(nonce="m" * 32), "sign-in"),
        (token(nonce=None), "sign-in"),
        (token(nonce="é"), "sign-in"),
        (token(exp=NOW - 61), "too old"),
        (token(iat=NOW - 601), "too old"),
        (token(iat=NOW + 61), "too old"),
        (token(sub=""), "nobody"),
        (token(sub="x" * 256), "nobody"),
        (token(name="x" * 20_000), "long"),
    ],
)
def test_all_else_is_refused_and_the_log_knows_why(bad, why):
    with pytest.raises(PeerError) as refused:
        read(bad() if callable(bad) else bad)
    assert refused.value.code == "oidc_bad"
    assert why in refused.value.title


def test_a_sign_in_without_a_nonce_believes_nothing():
    with pytest.raises(PeerError):
        read(token(nonce=""), nonce="")


@given(st.text(max_size=200) | st.binary(max_size=200).map(lambda b: b.decode("latin-1")))
def test_no_text_does_more_than_to_be_refused(text):
    with pytest.raises(PeerError):
        read(text)


@pytest.mark.parametrize(
    "document", [b"", b"[]", b"{}", b'{"keys": 1}', b'{"keys": [{"kty": "??"}]}', b"\xff", b"null"]
)
def test_keys_that_are_none_are_refused(document):
    with pytest.raises(PeerError):
        key_set(document)


def test_a_providers_keys_are_read():
    assert len(key_set(msgspec.json.encode(PUBLIC)).keys) == 2
