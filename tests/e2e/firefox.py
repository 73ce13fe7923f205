"""Firefox ESR over WebDriver BiDi (W3C), with a PulseAudio sink of its own to hear it by.

Playwright needs a patched Firefox; Debian's speaks BiDi, of which tests need three commands.
"""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Self

import numpy as np
from websockets.asyncio.client import ClientConnection, connect

from tests.fakes.tools import need

# The page may play without a tap; nothing calls home; any language the test asks for.
_PREFERENCES = {
    "media.autoplay.default": 0,
    "app.update.enabled": False,
    "browser.shell.checkDefaultBrowser": False,
    "datareporting.policy.dataSubmissionEnabled": False,
    "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False,
    "intl.accept_languages": "en-GB",
}
_FAKE_MICROPHONE = {
    "media.navigator.streams.fake": True,  # a tone of 1 kHz
    "media.navigator.permission.disabled": True,
}


class Sink:
    """A PulseAudio server with one null sink: sound output for a machine without a card."""

    def __init__(self, folder: Path, process: asyncio.subprocess.Process) -> None:
        self.environment = {
            "HOME": str(folder),
            "XDG_RUNTIME_DIR": str(folder),
            "PULSE_SERVER": f"unix:{folder}/sink",
            "PATH": "/usr/local/bin:/usr/bin:/bin",
        }
        self.process = process

    @classmethod
    @asynccontextmanager
    async def open(cls, folder: Path) -> AsyncIterator[Self]:
        """Start it, with its files in `folder`, and stop it."""
        path = need("pulseaudio", why="Firefox plays only where there is a sound output")
        process = await asyncio.create_subprocess_exec(
            *(path, "-n", "--daemonize=no", "--exit-idle-time=-1", "--use-pid-file=no"),
            *("-L", "module-null-sink sink_name=ear rate=48000 channels=1"),
            *("-L", f"module-native-protocol-unix auth-anonymous=1 socket={folder}/sink"),
            env={"HOME": str(folder), "XDG_RUNTIME_DIR": str(folder), "PATH": "/usr/bin:/bin"},
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
        )
        try:
            async with asyncio.timeout(20):
                while not (folder / "sink").exists():
                    await asyncio.sleep(0.05)
            yield cls(folder, process)
        finally:
            await _end(process)

    async def heard(self, seconds: float) -> "np.ndarray[Any, Any]":
        """What comes out of the loudspeaker: float samples, mono, 48 kHz."""
        process = await asyncio.create_subprocess_exec(
            *(need("parec", why="it records the sound output"), "--device=ear.monitor", "--raw"),
            *("--format=float32le", "--rate=48000", "--channels=1", "--latency-msec=50"),
            env=self.environment,
            stdout=asyncio.subprocess.PIPE,
        )
        try:
            assert process.stdout is not None
            async with asyncio.timeout(seconds + 20):
                raw = await process.stdout.readexactly(int(seconds * 48_000) * 4)
        finally:
            await _end(process)
        return np.frombuffer(raw, dtype=np.float32).astype(np.float64)


class Firefox:
    """One tab."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket
        self._command = 0
        self._tab = ""

    @classmethod
    @asynccontextmanager
    async def open(
        cls, profile: Path, environment: dict[str, str], *, fake_microphone: bool = False
    ) -> AsyncIterator[Self]:
        """Start Firefox with an empty profile in `profile`; a fake microphone needs no question."""
        path = need("firefox-esr", why="tests of the pages run in it, too")
        wanted = _PREFERENCES | (_FAKE_MICROPHONE if fake_microphone else {})
        preferences = (f"user_pref({json.dumps(k)}, {json.dumps(v)});" for k, v in wanted.items())
        (profile / "user.js").write_text("\n".join(preferences))
        process = await asyncio.create_subprocess_exec(
            *(path, "--headless", "--no-remote", "--profile", str(profile)),
            *("--remote-debugging-port", "0"),
            env=environment,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
        )
        drain: asyncio.Task[None] | None = None
        try:
            url = await _debugger(process)
            drain = asyncio.get_running_loop().create_task(_drain(process))
            async with connect(f"{url}/session", max_size=None, proxy=None) as socket:
                browser = cls(socket)
                await browser.call("session.new", {"capabilities": {}})
                tree = await browser.call("browsingContext.getTree", {})
                browser._tab = tree["contexts"][0]["context"]
                yield browser
        finally:
            await _end(process)
            if drain:
                await drain

    async def call(self, method: str, parameters: dict[str, Any]) -> dict[str, Any]:
        """One BiDi command and its result."""
        self._command += 1
        await self._socket.send(
            json.dumps({"id": self._command, "method": method, "params": parameters})
        )
        async with asyncio.timeout(60):
            async for message in self._socket:
                answer = json.loads(message)
                if answer.get("id") == self._command:
                    assert answer["type"] == "success", answer
                    return dict(answer["result"])
        raise ConnectionError("Firefox is gone")

    async def goto(self, url: str) -> None:
        """Open a page and wait until it is loaded."""
        await self.call(
            "browsingContext.navigate", {"context": self._tab, "url": url, "wait": "complete"}
        )

    async def evaluate(self, expression: str) -> Any:
        """Value of a JavaScript expression (JSON types)."""
        result = await self.call(
            "script.evaluate",
            {
                "expression": f"JSON.stringify({expression})",
                "target": {"context": self._tab},
                "awaitPromise": False,
            },
        )
        assert result["type"] == "success", result
        value = result["result"].get("value")
        return None if value is None else json.loads(value)

    async def wait_for(self, expression: str, timeout_s: float = 40) -> None:
        """Until the expression is true."""
        async with asyncio.timeout(timeout_s):
            while not await self.evaluate(expression):
                await asyncio.sleep(0.1)


async def _debugger(process: asyncio.subprocess.Process) -> str:
    assert process.stderr is not None
    async with asyncio.timeout(60):
        while line := (await process.stderr.readline()).decode():
            if "WebDriver BiDi listening on " in line:
                return line.split("listening on ", 1)[1].strip()
    raise RuntimeError("Firefox did not say where it listens")


async def _drain(process: asyncio.subprocess.Process) -> None:
    assert process.stderr is not None
    while await process.stderr.read(65_536):
        pass


async def _end(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        process.terminate()
    try:
        async with asyncio.timeout(10):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()
