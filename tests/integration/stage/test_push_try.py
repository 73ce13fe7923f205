"""A try whether a platform takes us: against Debian's nginx, and servers that refuse, hang up or say nothing."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
import pytest

from hustings.settings import PushSettings
from hustings.stage.push import trial
from hustings.stage.push.card import encoded
from hustings.stage.push.order import Order, Report
from hustings.stage.push.tags import Picture
from hustings.stage.push.trial import tried
from tests.support.rtmp import Platform, platform, probed
from tests.support.stage import Person, Stage

KEY = "the-secret-key"
Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@pytest.fixture(scope="module")
def nginx(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Platform]:
    with platform(tmp_path_factory.mktemp("platform")) as found:
        yield found


@pytest.fixture(scope="module")
def picture() -> Picture:
    return encoded(b"")


def order(url: str, key: str = KEY) -> Order:
    origin = url.rpartition("/")[0]
    return Order("square", url, key, "", allow=(origin,))


@asynccontextmanager
async def server(talk: Talk) -> AsyncIterator[str]:
    """A server on loopback that does that with each connection."""
    async with await asyncio.start_server(talk, "127.0.0.1", 0) as listening:
        yield f"rtmp://127.0.0.1:{listening.sockets[0].getsockname()[1]}/live"


async def test_an_address_is_tried_without_key_or_picture(nginx: Platform) -> None:
    assert await tried(order(f"{nginx.origin}/live"), None) == Report("address")
    assert nginx.recordings == []
    assert KEY not in (nginx.folder / "error.log").read_text()


async def test_a_key_is_tried_by_one_second_of_picture(nginx: Platform, picture: Picture) -> None:
    assert await tried(order(f"{nginx.origin}/live"), picture) == Report("key")
    async with asyncio.timeout(30):
        while not nginx.recorded_bytes:  # nginx writes when it closes
            await asyncio.sleep(0.05)
    [file] = nginx.recordings
    shown = [p for p in probed(file)["packets"] if p["codec_type"] == "video"]
    assert len(shown) == 10
    assert "K" in shown[0]["flags"]


async def test_an_application_that_is_not_there_and_a_key_that_is_refused(
    nginx: Platform, picture: Picture
) -> None:
    nothing = await tried(order(f"{nginx.origin}/nothing"), None)
    assert nothing.state == "address"
    assert nothing.code in {"push_refused", "push_closed"}
    assert await tried(order(f"{nginx.origin}/shut"), None) == Report("address")
    shut = await tried(order(f"{nginx.origin}/shut"), picture)
    assert shut.state == "key"
    assert shut.code in {"push_key", "push_refused", "push_closed"}


async def test_whoever_says_nothing_is_not_waited_for(
    nginx: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trial, "BEGIN_S", 0.2)
    nginx.freeze(on=True)
    try:
        frozen = await tried(order(f"{nginx.origin}/live"), None)
    finally:
        nginx.freeze(on=False)
    assert frozen == Report("address", "push_unreachable")


async def test_what_is_no_rtmp_hangs_up_or_is_not_allowed_is_said() -> None:
    async def web(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(100)
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        writer.close()

    async def rude(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    async with server(web) as url:
        assert (await tried(order(url), None)).code == "push_protocol"
        inside = msgspec.structs.replace(order(url), allow=())
        assert await tried(inside, None) == Report("address", "push_address")
    async with server(rude) as url:
        assert (await tried(order(url), None)).code in {"push_closed", "push_unreachable"}
    assert (await tried(order(url), None)).code == "push_unreachable"  # nobody listens there now


async def test_hosts_try_and_nobody_else(tmp_path: Path, nginx: Platform) -> None:
    stage = Stage(tmp_path / "house")
    push = PushSettings(allow=(nginx.origin,), targets=2)
    stage.settings = msgspec.structs.replace(
        stage.settings, stage=msgspec.structs.replace(stage.settings.stage, push=push)
    )
    async with stage:
        await stage.put("square", title="Bridges", host="Ada")
        host = await Person(stage, "square", "host").join("Ada")
        speaker = await Person(stage, "square", "speaker").join("Bo")

        async def tries(who: Person, **wanted: object) -> tuple[int, dict[str, str]]:
            asked = {"url": f"{nginx.origin}/live"} | wanted
            answer = await who.http.post(
                "/rooms/square/push/try",
                json=asked,
                headers={"Authorization": f"Bearer {who.token}"},
                timeout=60,
            )
            return answer.status_code, answer.json()

        assert (await tries(speaker))[1]["code"] == "role_denied"
        for wanted, code in (
            ({"url": "http://x/y"}, "push_url"),
            ({"publish": True}, "push_key_bad"),
        ):
            status, told = await tries(host, **wanted)
            assert (status, told["code"]) == (400, code)
        assert await tries(host) == (200, {"step": "address", "code": ""})
        status, told = await tries(host)
        assert (status, told["code"]) == (503, "push_try_rate")
        assert not (stage.data / "push").exists()
