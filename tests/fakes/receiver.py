"""Somebody's server that takes webhooks: keeps what came, answers what a test wants."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tests.fakes.loopback import serving


@dataclass
class Receiver:
    """status, body, headers: of the next answers; slow_s: before them."""

    url: str = ""
    status: int = 200
    body: bytes = b"thanks"
    headers: dict[str, str] = field(default_factory=dict)
    slow_s: float = 0.0
    came: list[tuple[dict[str, str], bytes]] = field(default_factory=list)

    async def take(self, request: Request) -> Response:
        self.came.append((dict(request.headers), await request.body()))
        await asyncio.sleep(self.slow_s)
        return Response(self.body, self.status, self.headers)

    @property
    def origin(self) -> str:
        return self.url.removesuffix("/hook")


@asynccontextmanager
async def receiver() -> AsyncIterator[Receiver]:
    taking = Receiver()
    app = Starlette(routes=[Route("/hook", taking.take, methods=["POST"])])
    async with serving(app) as base:
        taking.url = f"{base}/hook"
        yield taking
