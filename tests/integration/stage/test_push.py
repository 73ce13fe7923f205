"""Programs sent on to a real RTMP server: what it is sent, and what happens when it, or we, break.

The pushing process follows a scripted edge, or the real house; the server is Debian's nginx.
"""

import asyncio
import contextlib
import signal
import socket
import sys
from collections.abc import AsyncIterator
from itertools import pairwise
from pathlib import Path
from typing import Any, Self

import httpx
import msgspec
import psutil
import pytest
from websockets.exceptions import ConnectionClosed

from hustings.base.errors import PeerError
from hustings.settings import PublicUrl, PushSettings
from hustings.stage.push import line
from hustings.stage.push.chunks import VIDEO
from hustings.stage.push.order import Order, Report
from hustings.stage.push.rtmp import Publisher
from tests.fakes.cards import card
from tests.fakes.edge_pages import FakeEdge
from tests.support.rtmp import Platform, picture_of, platform, probed, sound_of
from tests.support.stage import Person, Stage
from tests.support.tones import HERTZ, share_of_tone

KEY = "the-secret-key"


@pytest.fixture
def nginx(tmp_path: Path) -> Any:
    with platform(tmp_path / "platform") as found:
        yield found


class Air:
    """A stage whose rooms are heard at a scripted edge, and a host who is there."""

    def __init__(self, folder: Path, edge: FakeEdge, allow: str) -> None:
        self.edge, self.stage = edge, Stage(folder)
        stage = self.stage.settings.stage
        self.stage.settings = msgspec.structs.replace(
            self.stage.settings,
            public_url=PublicUrl(edge=edge.url.partition("/r/")[0]),
            stage=msgspec.structs.replace(stage, push=PushSettings(allow=(allow,), targets=2)),
        )
        self.host: Person

    async def __aenter__(self) -> Self:
        await self.stage.start()
        self.stage.door.pushes.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stage.stop()
        for person in self.stage.persons:
            await person.http.aclose()

    async def again(self) -> None:
        """The stage ends and starts."""
        await self.stage.stop()
        await self.stage.start()
        self.stage.door.pushes.start()

    async def told(self, state: str, code: str = "") -> dict[str, Any]:
        """The first target, once it stands so."""
        said = [message for message in self.host.heard if message["type"] == "push"][-1:]
        async with asyncio.timeout(60):
            while True:
                for each in said[0]["push"] if said else ():
                    if (each["state"], each["code"]) == (state, code):
                        return dict(each)
                said = [await self.host.hear("push")]

    def processes(self) -> list[psutil.Process]:
        found = []
        for process in psutil.Process().children():
            with contextlib.suppress(psutil.NoSuchProcess):  # it ended while we looked
                if "stage.push.child" in " ".join(process.cmdline()):
                    found.append(process)
        return found


@pytest.fixture
async def air(tmp_path: Path, nginx: Platform) -> AsyncIterator[Air]:
    async with FakeEdge(hertz=HERTZ) as edge, Air(tmp_path / "house", edge, nginx.origin) as air:
        await air.stage.put("square", title="Bridges", host="Ada", state="lobby")
        air.host = await Person(air.stage, "square", "host").join("Ada")
        yield air


async def grows(nginx: Platform) -> None:
    """More is recorded than was."""
    before = nginx.recorded_bytes
    async with asyncio.timeout(60):
        while nginx.recorded_bytes < before + 8_000:
            await asyncio.sleep(0.2)


async def test_a_platform_gets_the_rooms_sound_and_one_picture(air: Air, nginx: Platform) -> None:
    url = f"{nginx.origin}/live"
    async with air.host.control():
        auth = {"Authorization": f"Bearer {air.host.token}"}
        sent = await air.host.http.put("/rooms/square/push/card", content=card(), headers=auth)
        assert sent.status_code == 204
        assert (await air.host.do("push_add", url=url, key=KEY))["type"] == "done"
        assert (await air.host.do("push_add", url=url, key=KEY))["code"] == "push_twice"
        await air.told("waiting")
        assert air.processes() == []
        await air.host.do("go_live")
        told = await air.told("on")
        assert told["host"] == "127.0.0.1"
        await grows(nginx)
        [child] = air.processes()
        assert KEY not in " ".join(child.cmdline()) + str(child.environ())
        assert child.nice() >= 10
        with contextlib.suppress(ConnectionClosed):  # the room says goodbye
            await air.host.do("end")
        async with asyncio.timeout(60):
            while (air.stage.data / "push" / "square.json").exists() or air.processes():
                await asyncio.sleep(0.1)
    [file] = nginx.recordings
    found = probed(file)
    streams = {each["codec_type"]: each for each in found["streams"]}
    assert (streams["video"]["codec_name"], streams["video"]["width"]) == ("h264", 1_280)
    assert (streams["audio"]["codec_name"], streams["audio"]["sample_rate"]) == ("aac", "48000")
    for kind in ("audio", "video"):
        times = [float(p["dts_time"]) for p in found["packets"] if p["codec_type"] == kind]
        assert times == sorted(set(times))
    keys = [
        float(p["dts_time"])
        for p in found["packets"]
        if p["codec_type"] == "video" and "K" in p["flags"]
    ]
    assert len(keys) >= 2
    assert all(later - sooner == pytest.approx(2.0) for sooner, later in pairwise(keys))
    assert share_of_tone(sound_of(file)[9_600:]) > 0.99
    red, _, blue = picture_of(file)[400, 640]
    assert red > 2 * blue  # the host's picture, not the plain one
    journal = (air.stage.data / "rooms" / "square" / "journal").read_bytes()
    assert KEY.encode() not in journal


async def test_it_goes_on_after_every_kind_of_death(air: Air, nginx: Platform) -> None:
    async with air.host.control():
        await air.host.do("go_live")
        await air.host.do("push_add", url=f"{nginx.origin}/live", key=KEY)
        await air.told("on")
        nginx.stop(signal.SIGKILL)  # the platform's
        await air.told("trouble", "push_unreachable")
        nginx.start()
        await air.told("on")
        [child] = air.processes()
        child.kill()  # our process's
        await air.told("trouble", "push_died")
        await air.told("on")
        await grows(nginx)
    await air.again()  # and the stage's
    await grows(nginx)
    async with air.host.control():
        [target] = (await air.host.hear("push"))["push"]
        assert (await air.host.do("push_drop", target=target["id"]))["type"] == "done"
        assert (await air.host.do("push_drop", target=target["id"]))["code"] == "push_unknown"
    assert air.processes() == []
    assert not (air.stage.data / "push" / "square.json").exists()


async def test_a_platform_that_freezes_hurts_no_tick(air: Air, nginx: Platform) -> None:
    """nginx is stopped; and a server takes the stream, then reads nothing ever again."""
    async with air.host.control():
        await air.host.do("go_live")
        await air.host.do("push_add", url=f"{nginx.origin}/live", key=KEY)
        await air.told("on")
        nginx.freeze(on=True)
        before = await air.stage.engine.do(lambda s: (s.ticks, s.skipped_ticks, s.broken_ticks))
        parts = await air.stage.engine.do(lambda s: s.hall("square").airing.next_part)
        async with asyncio.timeout(60):
            while (
                await air.stage.engine.do(lambda s: s.hall("square").airing.next_part) < parts + 10
            ):
                await asyncio.sleep(0.1)
        after = await air.stage.engine.do(lambda s: (s.ticks, s.skipped_ticks, s.broken_ticks))
        assert after[0] > before[0]
        assert after[2] == before[2]
        nginx.freeze(on=False)
        await grows(nginx)


async def test_what_a_platform_refuses_is_said_in_a_word(air: Air, nginx: Platform) -> None:
    async with air.host.control():
        await air.host.do("go_live")
        shut = await air.host.do("push_add", url=f"{nginx.origin}/shut", key=KEY)
        async with asyncio.timeout(60):
            while (told := (await air.host.hear("push"))["push"][0])["state"] != "trouble":
                pass
        assert told["code"] in {"push_refused", "push_key", "push_closed"}
        assert KEY not in str(air.host.heard)
        await air.host.do("push_drop", target=shut["result"]["id"])
        inside = f"rtmp://127.0.0.1:{nginx.port + 1}/live"  # not what the operator allowed
        await air.host.do("push_add", url=inside, key=KEY)
        await air.told("trouble", "push_address")


async def test_who_may_push_and_how_often(air: Air, nginx: Platform) -> None:
    url = f"{nginx.origin}/live"
    speaker = await Person(air.stage, "square", "speaker").join("Bo")
    async with speaker.control():
        assert (await speaker.do("push_add", url=url, key=KEY))["code"] == "role_denied"
        assert not [m for m in speaker.heard if m["type"] == "push"]
        async with air.host.control():
            await air.host.do("role", participant=speaker.id, role="cohost")
        assert (await speaker.hear("push"))["push"] == []
        async with air.host.control():
            await air.host.do("role", participant=speaker.id, role="speaker")
    auth = {"Authorization": f"Bearer {speaker.token}"}
    sent = await speaker.http.put("/rooms/square/push/card", content=card(), headers=auth)
    assert sent.json()["code"] == "role_denied"
    auth = {"Authorization": f"Bearer {air.host.token}"}
    for body, status in ((b"no picture", 400), (bytes(61 * 1_024), 413)):
        sent = await air.host.http.put("/rooms/square/push/card", content=body, headers=auth)
        assert (sent.status_code, sent.json()["code"]) == (status, "push_card")
    async with air.host.control():
        assert (await air.host.do("push_add", url="http://x/live", key=KEY))["code"] == "push_url"
        assert (await air.host.do("push_add", url=url, key=""))["code"] == "push_key_bad"
        for key in ("one", "two"):
            assert (await air.host.do("push_add", url=url, key=key))["type"] == "done"
        assert (await air.host.do("push_add", url=url, key="three"))["code"] == "push_full"


async def test_a_full_socket_ends_the_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that reads nothing: the process gives up on it, and tries again later."""
    monkeypatch.setattr(line, "STUCK_S", 0.2)
    server = socket.create_server(("127.0.0.1", 0))
    _, writer = await asyncio.open_connection(*server.getsockname())
    publisher = Publisher("live", "rtmp://x/live", KEY, bytes(1_600))
    for _ in range(200):
        publisher.put(VIDEO, 0, bytes(60_000))
    with pytest.raises(PeerError) as stuck:
        await line.flush(publisher, writer)
    assert stuck.value.code == "push_stuck"
    writer.transport.abort()
    server.close()


async def test_a_pushing_process_ends_with_the_stage() -> None:
    order = Order("square", "rtmp://127.0.0.1:1/live", KEY, "http://127.0.0.1:1")
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "hustings.stage.push.child", stdin=-1, stdout=-1
    )
    assert process.stdin
    assert process.stdout
    process.stdin.write(msgspec.json.encode(order) + b"\n")
    async with asyncio.timeout(60):
        while (
            msgspec.json.decode(await process.stdout.readline(), type=Report).code != "push_address"
        ):
            pass
        process.stdin.close()
        assert await process.wait() == 0


async def test_an_unknown_room_has_no_picture(air: Air) -> None:
    async with httpx.AsyncClient(base_url=air.stage.url) as http:
        assert (await http.put("/rooms/square/push/card", content=card())).status_code == 401
