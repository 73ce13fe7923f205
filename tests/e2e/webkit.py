"""Debian's WebKitGTK by W3C WebDriver, on a screen of its own: the nearest thing to Safari here."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from glob import glob
from typing import Any, Self

import httpx

from tests.e2e.firefox import _end
from tests.fakes.tools import need

_BROWSER = "/usr/lib/*/webkit2gtk-4.1/MiniBrowser"  # a part of the library itself
_QUIET = asyncio.subprocess.DEVNULL


class WebKit:
    """One window."""

    def __init__(self, session: httpx.AsyncClient) -> None:
        self._session = session

    @classmethod
    @asynccontextmanager
    async def open(cls, environment: dict[str, str]) -> AsyncIterator[Self]:
        """Start it. environment: where the sound goes."""
        driver = need("WebKitWebDriver", why="the pages must work in Safari's engine, too")
        arguments = ["--automation", "--autoplay-policy=allow"]
        options = {"binary": glob(_BROWSER)[0], "args": arguments}
        wanted = {"alwaysMatch": {"webkitgtk:browserOptions": options}}
        async with _screen() as display:
            port = _free_port()
            process = await asyncio.create_subprocess_exec(
                driver,
                f"--port={port}",
                env=environment | {"DISPLAY": display, "WEBKIT_GST_ENABLE_HLS_SUPPORT": "1"},
                stdout=_QUIET,
                stderr=_QUIET,
            )
            try:
                async with httpx.AsyncClient(timeout=60, trust_env=False) as client:
                    client.base_url = httpx.URL(f"http://127.0.0.1:{port}")
                    made = await _first_answer(client, {"capabilities": wanted})
                    client.base_url = client.base_url.join(f"/session/{made['sessionId']}")
                    yield cls(client)
                    await client.delete("")
            finally:
                await _end(process)

    async def goto(self, url: str) -> None:
        """Open a page and wait until it is loaded."""
        (await self._session.post("/url", json={"url": url})).raise_for_status()

    async def evaluate(self, expression: str) -> Any:
        """Value of a JavaScript expression (JSON types)."""
        asked = {"script": f"return ({expression})", "args": []}
        answer = (await self._session.post("/execute/sync", json=asked)).json()["value"]
        assert not (isinstance(answer, dict) and "error" in answer), answer
        return answer

    async def wait_for(self, expression: str, timeout_s: float = 40) -> None:
        """Until the expression is true."""
        async with asyncio.timeout(timeout_s):
            while not await self.evaluate(expression):
                await asyncio.sleep(0.1)


@asynccontextmanager
async def _screen() -> AsyncIterator[str]:
    """An X server without a screen; yields its name."""
    path = need("Xvfb", why="WebKitGTK draws on an X server")
    process = await asyncio.create_subprocess_exec(
        path, "-displayfd", "1", "-nolisten", "tcp", stdout=asyncio.subprocess.PIPE, stderr=_QUIET
    )
    try:
        assert process.stdout is not None
        async with asyncio.timeout(20):
            number = (await process.stdout.readline()).decode().strip()
        yield f":{number}"
    finally:
        await _end(process)


async def _first_answer(client: httpx.AsyncClient, wanted: dict[str, Any]) -> dict[str, Any]:
    """A new session, as soon as the driver listens."""
    async with asyncio.timeout(60):
        while True:
            try:
                answer = await client.post("/session", json=wanted)
            except httpx.ConnectError:
                await asyncio.sleep(0.1)
                continue
            answer.raise_for_status()
            return dict(answer.json()["value"])


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
