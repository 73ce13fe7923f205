"""A small authenticator of the tests' own: real P-256 keys, real CBOR, real signatures."""

import base64
import hashlib
import json
import struct
from dataclasses import dataclass, field
from typing import Any

import cbor2
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256

PRESENT, VERIFIED, ATTESTED = 0x01, 0x04, 0x40


@dataclass
class Key:
    """One discoverable credential."""

    credential: bytes
    account: bytes
    secret: ec.EllipticCurvePrivateKey


@dataclass
class Authenticator:
    """Makes passkeys and signs by them, as a browser would hand it on; holds any number."""

    origin: str
    counts: bool = True  # some authenticators say 0 for ever
    counter: int = 0
    keys: list[Key] = field(default_factory=list)

    def create(self, options: str) -> str:
        """Answer to `navigator.credentials.create(options)`."""
        asked = json.loads(options)
        number = len(self.keys).to_bytes(2, "big")
        name = hashlib.sha256(number + asked["challenge"].encode()).digest()
        key = Key(name, _bytes(asked["user"]["id"]), ec.generate_private_key(ec.SECP256R1()))
        self.keys.append(key)
        point = key.secret.public_key().public_numbers()
        cose = {
            1: 2,
            3: -7,
            -1: 1,
            -2: point.x.to_bytes(32, "big"),
            -3: point.y.to_bytes(32, "big"),
        }
        data = self._data(asked["rp"]["id"], PRESENT | VERIFIED | ATTESTED)
        data += bytes(16) + struct.pack(">H", len(name)) + name + cbor2.dumps(cose)
        attestation = cbor2.dumps({"fmt": "none", "attStmt": {}, "authData": data})
        return self._answer(key, "create", asked, {"attestationObject": attestation})

    def get(self, options: str, key: Key | None = None, **changed: bytes) -> str:
        """Answer to `navigator.credentials.get(options)`, by the newest key unless one is named.

        changed: fields of the response to falsify.
        """
        asked = json.loads(options)
        key = key or self.keys[-1]
        self.counter += self.counts
        data = self._data(asked["rpId"], PRESENT | VERIFIED)
        signed = data + hashlib.sha256(self._client_data("get", asked)).digest()
        said = {
            "authenticatorData": data,
            "signature": key.secret.sign(signed, ec.ECDSA(SHA256())),
            "userHandle": key.account,
        }
        return self._answer(key, "get", asked, said | changed)

    def _data(self, party: str, flags: int) -> bytes:
        count = self.counter if self.counts else 0
        return hashlib.sha256(party.encode()).digest() + struct.pack(">BI", flags, count)

    def _client_data(self, kind: str, asked: dict[str, Any]) -> bytes:
        said = {
            "type": f"webauthn.{kind}",
            "challenge": asked["challenge"],
            "origin": self.origin,
            "crossOrigin": False,
        }
        return json.dumps(said).encode()

    def _answer(self, key: Key, kind: str, asked: dict[str, Any], said: dict[str, bytes]) -> str:
        response = {"clientDataJSON": self._client_data(kind, asked)} | said
        name = _text(key.credential)
        texts = {each: _text(value) for each, value in response.items()}
        return json.dumps({"id": name, "rawId": name, "type": "public-key", "response": texts})


def _text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _bytes(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
