"""A whole house sends its programme on: the real stage, edge and supervisor, a real RTMP server."""

import asyncio
import contextlib
import json
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
import websockets

from tests.support.house import House
from tests.support.rtmp import Platform, platform, sound_of

KEY = "the-secret-key"
LONG_S = 120  # a bound alone: a house that starts on a busy machine takes a minute


async def grown(nginx: Platform, by: int = 20_000) -> None:
    before = nginx.recorded_bytes
    async with asyncio.timeout(LONG_S):
        while nginx.recorded_bytes < before + by:
            await asyncio.sleep(0.2)


def talking(house: House) -> bool:
    with contextlib.suppress(httpx.HTTPError, ValueError, KeyError):
        return bool(house.state("demo")["source"] == "live")
    return False


async def command(house: House, **message: Any) -> dict[str, Any]:
    """What a host's page does: join, say hello, ask."""
    invitation = house.invite("demo", "host", "Ada")
    async with httpx.AsyncClient(base_url=house.stage) as http:
        joined = await http.post("/rooms/demo/join", json={"invitation": invitation, "name": "Ada"})
        cookie = "; ".join(f"{name}={value}" for name, value in http.cookies.items())
    url = f"{house.stage.replace('http', 'ws', 1)}/rooms/demo/control"
    async with (
        asyncio.timeout(30),
        websockets.connect(url, additional_headers={"Cookie": cookie}) as socket,
    ):
        await socket.send(json.dumps({"type": "hello", "token": joined.json()["token"]}))
        await socket.send(json.dumps({"type": "do", "id": 1, **message}))
        while True:
            told: dict[str, Any] = json.loads(await socket.recv())
            if told.get("id") == 1:
                return told


@pytest.mark.slow
@pytest.mark.timeout(400)
async def test_a_house_sends_on_what_is_said_also_after_its_stage_was_killed(
    tmp_path: Path,
) -> None:
    with platform(tmp_path / "platform") as nginx:
        allow = {"HUSTINGS_STAGE_PUSH_ALLOW": nginx.origin}
        house = House(tmp_path / "house", "--demo", **allow)
        await asyncio.to_thread(house.start)
        try:
            async with asyncio.timeout(LONG_S):
                while not await asyncio.to_thread(talking, house):
                    await asyncio.sleep(0.2)
            added = await command(house, command="push_add", url=f"{nginx.origin}/live", key=KEY)
            assert added["type"] == "done"
            await grown(nginx)
            house.child("stage").kill()
            await grown(nginx)
        finally:
            await asyncio.to_thread(house.stop)  # which finds nothing left behind
        before, *after = nginx.recordings
        assert after
        largest = max(after, key=lambda path: path.stat().st_size)  # others may be cut off
        for file in (before, largest):
            pcm = sound_of(file)
            assert float(np.sqrt(np.mean(pcm**2))) > 0.005  # two voices talk
        assert KEY not in house.log.read_text()
