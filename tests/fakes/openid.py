"""Two OpenID providers: one that is not ours, as a process; and one that does what a test tells it to."""

import asyncio
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import parse_qs

import httpx
from joserfc import jwt
from joserfc.jwk import KeySet, RSAKey
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tests.fakes.loopback import free_port, serving

START_S = 30.0


@asynccontextmanager
async def real_provider() -> AsyncIterator[str]:
    """`oidc-provider-mock`: Authlib's server side, with a form where people say who they are."""
    port = free_port()
    process = await asyncio.create_subprocess_exec(
        *(
            sys.executable,
            "-W",
            "ignore",
            "-m",
            "oidc_provider_mock",
            "-p",
            str(port),
            "-n",
            "true",
        ),
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    url, until = f"http://127.0.0.1:{port}", time.monotonic() + START_S
    try:
        async with httpx.AsyncClient(trust_env=False) as http:
            while True:
                try:
                    await http.get(f"{url}/.well-known/openid-configuration")
                    break
                except httpx.TransportError:
                    assert process.returncode is None
                    assert time.monotonic() < until
                    await asyncio.sleep(0.1)
        yield url
    finally:
        process.terminate()
        await process.wait()


class ScriptedProvider:
    """Answers as a test sets it."""

    def __init__(self) -> None:
        self.url = ""
        self.key = RSAKey.generate_key(2_048, {"kid": "one"})
        self.metadata: dict[str, Any] = {}  # what differs from a good description
        self.claims: dict[str, Any] = {}  # what differs from good claims
        self.status = 200
        self.nonce = ""  # the test takes it from the address
        self.asked: list[tuple[str, dict[str, str], dict[str, str]]] = []  # path, headers, form
        self.app = Starlette(
            routes=[
                Route("/.well-known/openid-configuration", self._describe),
                Route("/keys", self._keys),
                Route("/token", self._token, methods=["POST"]),
            ]
        )

    async def _describe(self, request: Request) -> Response:
        await self._note(request)
        good = {
            "issuer": self.url,
            "authorization_endpoint": f"{self.url}/authorize?tenant=1",
            "token_endpoint": f"{self.url}/token",
            "jwks_uri": f"{self.url}/keys",
        }
        return JSONResponse(good | self.metadata, self.status)

    async def _keys(self, request: Request) -> Response:
        await self._note(request)
        return JSONResponse(KeySet([self.key]).as_dict(private=False))

    async def _token(self, request: Request) -> Response:
        await self._note(request)
        now_s = int(time.time())
        good = {"iss": self.url, "sub": "ada", "aud": "house", "exp": now_s + 60, "iat": now_s}
        claims = good | {"nonce": self.nonce} | self.claims
        token = jwt.encode({"alg": "RS256", "kid": self.key.kid}, claims, self.key)
        return JSONResponse({"id_token": token, "access_token": "x", "token_type": "Bearer"})

    async def _note(self, request: Request) -> None:
        form = {k: v[0] for k, v in parse_qs((await request.body()).decode()).items()}
        self.asked.append((request.url.path, dict(request.headers), form))


@asynccontextmanager
async def scripted_provider() -> AsyncIterator[ScriptedProvider]:
    provider = ScriptedProvider()
    async with serving(provider.app) as url:
        provider.url = url
        yield provider
