"""A push service on loopback and the browsers behind it: it checks who sends, counts, and decrypts.

What a real one does by RFC 8030 and 8292, written against the RFCs and not against our sender.
"""

import asyncio
import base64
import json
import os
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat


def b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def raw(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


class Browser:
    """One push subscription's far end."""

    def __init__(self, endpoint: str = "https://push.example/1") -> None:
        self.endpoint = endpoint
        self._key = ec.generate_private_key(ec.SECP256R1())
        self.point = self._key.public_key().public_bytes(
            Encoding.X962, PublicFormat.UncompressedPoint
        )
        self.auth = os.urandom(16)

    @property
    def subscription(self) -> dict[str, object]:
        """As `PushSubscription.toJSON()`."""
        keys = {"p256dh": b64(self.point), "auth": b64(self.auth)}
        return {"endpoint": self.endpoint, "expirationTime": None, "keys": keys}

    def read(self, body: bytes) -> bytes:
        """Decrypt (RFC 8291 3.4, RFC 8188 2)."""
        salt, size, length = body[:16], int.from_bytes(body[16:20], "big"), body[20]
        sender, record = body[21 : 21 + length], body[21 + length :]
        assert len(record) <= size
        other = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), sender)
        shared = self._key.exchange(ec.ECDH(), other)
        info = b"WebPush: info\x00" + self.point + sender
        secret = HKDF(SHA256(), 32, self.auth, info).derive(shared)
        key = HKDF(SHA256(), 16, salt, b"Content-Encoding: aes128gcm\x00").derive(secret)
        nonce = HKDF(SHA256(), 12, salt, b"Content-Encoding: nonce\x00").derive(secret)
        plain = AESGCM(key).decrypt(nonce, record, None).rstrip(b"\x00")
        assert plain[-1] == 2
        return plain[:-1]


def vapid_claims(authorization: str, public: str) -> dict[str, object]:
    """The claims of a VAPID header, whose signature and key are right; else AssertionError."""
    scheme, _, rest = authorization.partition(" ")
    assert scheme == "vapid"
    values = dict(part.strip().split("=", 1) for part in rest.split(","))
    assert values["k"] == public
    head, claims, signature = values["t"].split(".")
    assert json.loads(raw(head))["alg"] == "ES256"
    rs = raw(signature)
    assert len(rs) == 64
    der = encode_dss_signature(int.from_bytes(rs[:32], "big"), int.from_bytes(rs[32:], "big"))
    key = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), raw(public))
    try:
        key.verify(der, f"{head}.{claims}".encode(), ec.ECDSA(SHA256()))
    except InvalidSignature as error:
        raise AssertionError("the signature is wrong") from error
    return dict(json.loads(raw(claims)))


class PushService:
    """Takes pushes on loopback. Tell it what to answer; look at what it took."""

    def __init__(self) -> None:
        self.url = ""
        self.connections = 0
        self.answer = "201 Created"  # further header lines may follow
        self.hang = False  # take the push and say nothing
        self.delay_s = 0.0
        self.browsers: dict[str, Browser] = {}  # by path; others are taken and not read
        self.count: Counter[str] = Counter()  # by path: what was answered with 2xx
        self.each_second: Counter[int] = Counter()
        self.headers: dict[str, str] = {}  # of the last one
        self.messages: list[bytes] = []
        self.sample: tuple[int, Browser] | None = None  # one push in so many is read with its keys

    def browser(self, path: str = "/one") -> Browser:
        """A browser that this service knows."""
        made = Browser(self.url + path)
        self.browsers[path] = made
        return made

    async def take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection; requests until its other side closes it."""
        self.connections += 1
        try:
            while True:
                await self._one(reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        first, *lines = head.strip().split("\r\n")
        headers = {k.lower(): v for k, _, v in (line.partition(": ") for line in lines)}
        body = await reader.readexactly(int(headers.get("content-length", "0")))
        await self._taken(first.split(" ")[1], headers, body)
        if self.hang:
            await asyncio.sleep(60)
        writer.write(f"HTTP/1.1 {self.answer}\r\nContent-Length: 0\r\n\r\n".encode())
        await writer.drain()

    async def _taken(self, path: str, headers: dict[str, str], body: bytes) -> None:
        if self.delay_s:
            await asyncio.sleep(self.delay_s)
        self.headers = headers
        if not self.answer.startswith("2"):
            return
        self.count[path] += 1
        self.each_second[int(time.time())] += 1
        if self.sample and self.count.total() % self.sample[0] == 1:
            self.messages.append(self.sample[1].read(body))
        if path in self.browsers:
            self.messages.append(self.browsers[path].read(body))


@asynccontextmanager
async def push_service() -> AsyncIterator[PushService]:
    """One on a free port."""
    service = PushService()
    server = await asyncio.start_server(service.take, "127.0.0.1", 0)
    service.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield service
    finally:
        server.close()
