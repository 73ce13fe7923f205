"""WHIP with clients that are not ours, and by the letter of RFC 9725."""

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest

from tests.fakes.certificates import certificate
from tests.fakes.tools import missing
from tests.support.stage import Person, Stage
from tests.support.tones import running, tone

FAKES = Path(__file__).parents[2] / "fakes"
DATA = Path(__file__).parents[2] / "data" / "sdp"
SYSTEM_PYTHON = "/usr/bin/python3"  # GStreamer's bindings are Debian's
OFFER = (DATA / "obs_30.sdp").read_bytes().decode()
SDP = {"Content-Type": "application/sdp"}
TRICKLE = {"Content-Type": "application/trickle-ice-sdpfrag"}
FRAGMENT = "a=ice-ufrag:k3Wq\r\na=candidate:1 1 udp 1 192.0.2.7 5 typ host\r\n"


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    async with Stage(tmp_path) as stage:
        await stage.put("r", title="An evening", host="Ada", state="lobby")
        yield stage


def encoder(stage: Stage) -> httpx.AsyncClient:
    token = stage.invite("r", "speaker", kind="whip")
    auth = {"Authorization": f"Bearer {token}", "Origin": "https://elsewhere.example"}
    return httpx.AsyncClient(base_url=stage.url, headers=auth)


async def heard(stage: Stage, *words: str) -> None:
    """The program speaks a tone by WHIP, is brought on stage, and is what the audience hears."""
    host = await Person(stage, "r", "host").join("Ada")
    token = stage.invite("r", "speaker", kind="whip")
    async with host.control():
        await host.do("go_live")
        filled = [word.format(url=f"{stage.url}/rooms/r/whip", token=token) for word in words]
        async with running(*filled) as program:
            await _roster(host, connected=True)
            assert await tone(stage) > 0.9
            program.terminate()
            async with asyncio.timeout(60):
                assert await program.wait() == 0
        await _roster(host, connected=False)  # it hung up


async def _roster(host: Person, *, connected: bool) -> None:
    while True:
        told = await host.hear("roster")
        found = [who for who in told["roster"] if who["id"] != host.id]
        if found and found[0]["connected"] == connected:
            if connected:
                await host.do("invite", participant=found[0]["id"])
            return


async def test_ffmpeg_is_heard(stage: Stage, tmp_path: Path) -> None:
    pair = map(str, certificate(tmp_path, "encoder"))  # its own would be on a curve nobody takes
    await heard(stage, sys.executable, str(FAKES / "whip_ffmpeg.py"), "{url}", "{token}", *pair)


async def test_gstreamer_is_heard_and_its_picture_is_not_wanted(stage: Stage) -> None:
    """Its certificate is RSA, and its offer has a video line that is refused."""
    found = subprocess.run([SYSTEM_PYTHON, FAKES / "whip_gstreamer.py"], check=False)
    if found.returncode:
        missing("GStreamer's webrtcbin, libnice or Python's bindings: an encoder that is not ours")
    await heard(stage, SYSTEM_PYTHON, str(FAKES / "whip_gstreamer.py"), "{url}", "{token}")


async def test_a_publish_says_where_it_is_and_what_can_be_done_there(stage: Stage) -> None:
    async with encoder(stage) as http:
        answer = await http.post("/rooms/r/whip", content=OFFER, headers=SDP)
        assert answer.status_code == 201
        assert answer.headers["accept-patch"] == TRICKLE["Content-Type"]
        assert answer.headers["access-control-allow-origin"] == "*"
        assert {"Location", "ETag", "Link"} <= set(
            answer.headers["access-control-expose-headers"].split(", ")
        )
        where, etag = answer.headers["location"], answer.headers["etag"]

        async def patch(body: str, match: str, kind: dict[str, str] = TRICKLE) -> tuple[int, str]:
            headers = kind | {"If-Match": match}
            told = await http.patch(where, content=body, headers=headers)
            return told.status_code, told.json()["code"] if told.content else ""

        assert await patch(FRAGMENT, etag) == (204, "")
        assert await patch(FRAGMENT, '"other"') == (412, "ice_session")
        assert await patch(FRAGMENT, etag, SDP) == (415, "sdp_type")
        assert await patch("nothing", etag) == (400, "sdp_bad")
        assert await patch(FRAGMENT.replace("k3Wq", "anew"), "*") == (422, "ice_restart")
        async with encoder(stage) as other:  # another token
            assert (await other.delete(where)).status_code == 404
            assert (await other.patch(where, content=FRAGMENT, headers=TRICKLE)).status_code == 404
        assert (await http.delete(where)).status_code == 200
        assert await patch(FRAGMENT, etag) == (404, "line_unknown")


async def test_who_publishes_again_takes_the_place_of_the_line_before(stage: Stage) -> None:
    async with encoder(stage) as http:
        first = await http.post("/rooms/r/whip", content=OFFER, headers=SDP)
        again = await http.post("/rooms/r/whip", content=OFFER, headers=SDP)
        assert (await http.delete(first.headers["location"])).status_code == 404
        assert (await http.delete(again.headers["location"])).status_code == 200
    people = await stage.engine.do(lambda studio: list(studio.hall("r").model.people))
    assert len(people) == 1


async def test_pages_of_other_sites_may_ask_and_read_refusals(stage: Stage) -> None:
    rtc = msgspec.structs.replace(
        stage.settings.stage.rtc, ice_servers=("stun:s.example", "turn:r.example"), turn_secret="x"
    )
    settings = msgspec.structs.replace(stage.settings.stage, rtc=rtc)
    stage.door.settings = msgspec.structs.replace(stage.settings, stage=settings)
    async with httpx.AsyncClient(base_url=stage.url) as http:
        preflight = await http.options("/rooms/r/whip")
        assert preflight.status_code == 204
        assert "POST" in preflight.headers["access-control-allow-methods"]
        assert "Authorization" in preflight.headers["access-control-allow-headers"]
        assert "link" not in preflight.headers  # relays are for tokens
        refused = await http.post("/rooms/r/whip", content=OFFER, headers=SDP)
        assert refused.status_code == 401
        assert refused.headers["access-control-allow-origin"] == "*"
        assert "access-control-allow-origin" not in (await http.get("/healthz")).headers
    async with encoder(stage) as http:
        links = (await http.options("/rooms/r/whip")).headers.get_list("link")
        assert links[0] == '<stun:s.example>; rel="ice-server"'
        assert links[1].startswith('<turn:r.example>; rel="ice-server"; username="')


async def test_what_is_no_opus_and_what_finds_no_place_is_told_so(stage: Stage) -> None:
    async def post(body: str) -> Any:
        async with encoder(stage) as http:
            return await http.post("/rooms/r/whip", content=body, headers=SDP)

    answer = await post(OFFER.replace("SAVPF 111", "SAVPF 0").replace("111 opus/48000/2", "0 PCMU"))
    assert (answer.status_code, answer.json()["code"]) == (406, "opus_missing")
    ports = stage.engine.studio._peers._ports._free
    ports.clear()
    answer = await post(OFFER)
    assert (answer.status_code, answer.json()["code"]) == (503, "rtc_full")
    assert int(answer.headers["retry-after"]) > 0


async def test_an_rtc_line_is_no_whip_session(stage: Stage) -> None:
    """The two doors share the lines of a seat, not their credentials."""
    async with encoder(stage) as http:
        answer = await http.post("/rooms/r/rtc", content=OFFER, headers=SDP)
        assert answer.status_code == 403
