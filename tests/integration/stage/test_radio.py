"""Radio studios as speakers: real Icecast clients against a real stage, and what is no studio."""

import asyncio
import base64
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from hustings.base.ids import new_id
from hustings.base.listening import bound_socket
from hustings.stage.radio.port import OF_ADDRESS, RadioPort
from tests.fakes.tools import need
from tests.support.stage import Person, Stage
from tests.support.tones import HERTZ, running, tone

CODINGS = {
    "mp3": ("-c:a", "libmp3lame", "-content_type", "audio/mpeg", "-f", "mp3"),
    "aac": ("-c:a", "aac", "-content_type", "audio/aac", "-f", "adts"),
    "opus": ("-c:a", "libopus", "-content_type", "application/ogg", "-f", "ogg"),
    "vorbis": ("-c:a", "libvorbis", "-content_type", "audio/ogg", "-f", "ogg"),
}
# Debian's libshout clients send what they read on standard input. They ask by OPTIONS, try without
# a password, and only then show it.
CLIENTS = {
    "shout": "shout --format ogg --host 127.0.0.1 --port {port} --user source --pass {password}"
    " --mount {mount} --station-name Nord",
    "oggfwd": "oggfwd -n Nord 127.0.0.1 {port} {password} {mount}",
}


class Air:
    """A live stage with its radio port, and a seat for a studio."""

    def __init__(self, stage: Stage, radio: RadioPort, port: int, host: Person) -> None:
        self.stage, self.radio, self.port, self.host = stage, radio, port, host
        self.seat = new_id()
        self.password = stage.people.source_password("r", self.seat)
        self.mount = f"/r/{self.seat}"
        self.target = f"source:{self.password}@127.0.0.1:{port}{self.mount}"

    async def arrives(self) -> dict[str, Any]:
        """The studio stands backstage, with sound; then the host brings it up."""
        while True:
            told = await self.host.hear("roster")
            found = [who for who in told["roster"] if who["id"] == self.seat and who["connected"]]
            if found:
                await self.host.do("invite", participant=self.seat)
                return dict(found[0])

    async def tone(self) -> float:
        """Wait until the program is that tone; its share of the sound."""
        return await tone(self.stage)

    async def hung_up(self) -> None:
        """Wait until the studio has no line any more, and another one could come."""
        async with asyncio.timeout(30):
            while self.seat in await self.stage.engine.do(
                lambda studio: studio.hall("r").sound.people
            ):
                await asyncio.sleep(0.05)
            while self.radio._lines:
                await asyncio.sleep(0.05)

    async def says(self, data: bytes) -> bytes:
        """What the port answers to these bytes, until it hangs up; nothing if it drops us."""
        answer = b""
        with contextlib.suppress(ConnectionResetError):
            reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
            writer.write(data)
            async with asyncio.timeout(60):
                while data := await reader.read(1_024):
                    answer += data
            writer.close()
        return answer

    def head(self, password: str = "", **headers: str) -> bytes:
        shown = base64.b64encode(f"source:{password or self.password}".encode()).decode()
        lines = [f"PUT {self.mount} HTTP/1.1", f"Authorization: Basic {shown}"]
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        return "\r\n".join([*lines, "", ""]).encode()


@pytest.fixture
async def air(tmp_path: Path) -> AsyncIterator[Air]:
    async with Stage(tmp_path) as stage:
        radio = msgspec.structs.replace(stage.settings.stage.radio, studios=1)
        stage.door.settings = msgspec.structs.replace(
            stage.settings, stage=msgspec.structs.replace(stage.settings.stage, radio=radio)
        )
        port = RadioPort(stage.door)
        sock = bound_socket("127.0.0.1", 0, flag="test")
        port.start(sock)
        await stage.put("r", title="An evening", host="Ada", state="lobby")
        host = await Person(stage, "r", "host").join("Ada")
        async with host.control():
            await host.do("go_live")
            yield Air(stage, port, sock.getsockname()[1], host)
        await port.close()


def sine(seconds: int) -> list[str]:
    return ["-f", "lavfi", "-i", f"sine=frequency={HERTZ}:duration={seconds}:sample_rate=44100"]


@pytest.mark.parametrize("coding", CODINGS)
async def test_a_studio_is_heard(air: Air, coding: str) -> None:
    ffmpeg = need("ffmpeg", why="it sends as a radio studio does")
    words = [ffmpeg, "-re", *sine(120), "-ac", "2", "-b:a", "128k", "-ice_name", "Studio Süd"]
    async with running(*words, *CODINGS[coding], f"icecast://{air.target}"):
        assert (await air.arrives())["name"] == "Studio Süd"
        assert await air.tone() > 0.9
    while True:  # it hangs up: the seat stays, without sound
        told = await air.host.hear("roster")
        if [w["connected"] for w in told["roster"] if w["id"] == air.seat] == [False]:
            break


@pytest.mark.parametrize("client", CLIENTS)
async def test_libshout_clients_are_heard(air: Air, client: str, tmp_path: Path) -> None:
    program, *words = CLIENTS[client].format(**vars(air)).split()
    program = need(program, why="it sends as libshout does")
    ffmpeg = need("ffmpeg", why="it makes the sound")
    file = tmp_path / "tone.ogg"
    async with running(ffmpeg, *sine(60), *CODINGS["vorbis"][:2], str(file)) as making:
        await making.wait()
    async with running(program, *words, stdin=file):
        await air.arrives()
        assert await air.tone() > 0.9


async def test_whoever_has_no_password_gets_no_seat_and_soon_no_answer(air: Air) -> None:
    answers = [await air.says(air.head("wrong")) for _ in range(12)]
    assert answers[0].startswith(b"HTTP/1.0 401 ")
    assert b"WWW-Authenticate: Basic" in answers[0]
    assert answers[-1].startswith(b"HTTP/1.0 429 ")
    assert (await air.says(b"\x16\x03\x01 hello\r\n\r\n")).startswith(b"HTTP/1.0 4")
    people = await air.stage.engine.do(lambda studio: studio.hall("r").model.people)
    assert air.seat not in people


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"GET / HTTP/1.1\r\n\r\n", b"405"),
        (b"x" * 20_000, b"431"),
        (b"\r\n\r\n", b"400"),
        (b"PUT //[ HTTP/1.1\r\n\r\n", b"400"),
        ("PUT /r/x HTTP/1.1\r\nAuthorization: Basic é\r\n\r\n".encode(), b"401"),
    ],
)
async def test_what_is_no_studio_is_told_so(air: Air, data: bytes, status: bytes) -> None:
    assert (await air.says(data)).startswith(b"HTTP/1.0 " + status)


async def test_a_kind_of_sound_that_is_not_read_is_refused(air: Air) -> None:
    assert (await air.says(air.head(Content_Type="video/mp4"))).startswith(b"HTTP/1.0 415 ")


@pytest.mark.parametrize("named", ["audio/ogg", "audio/aac", "audio/webm", "audio/mpeg"])
async def test_what_is_not_the_sound_it_is_called_ends_the_line(air: Air, named: str) -> None:
    """The port answers, tries, and hangs up; the next studio finds the one line free."""
    noise = np.random.default_rng(1).bytes(2_000_000)  # more than any pipe on the way holds
    answer = await air.says(air.head(Content_Type=named) + noise)
    assert answer.startswith(b"HTTP/1.1 200 ")
    await air.hung_up()


async def test_idle_strangers_of_one_address_are_few(air: Air) -> None:
    async with contextlib.AsyncExitStack() as stack:
        for _ in range(OF_ADDRESS):
            _, writer = await asyncio.open_connection("127.0.0.1", air.port)
            stack.callback(writer.close)
        assert await air.says(air.head()) == b""
    async with asyncio.timeout(30):
        while not (await air.says(air.head("wrong"))).startswith(b"HTTP/1.0 401 "):
            await asyncio.sleep(0.1)


async def test_who_is_removed_is_cut_off_and_stays_out(air: Air) -> None:
    ffmpeg = need("ffmpeg", why="it sends as a radio studio does")
    async with running(ffmpeg, "-re", *sine(120), *CODINGS["mp3"], f"icecast://{air.target}") as it:
        await air.arrives()
        # One line at a time here: another studio's would be refused.
        assert (await air.says(air.head())).startswith(b"HTTP/1.0 503 ")
        await air.host.do("remove", participant=air.seat)
        async with asyncio.timeout(30):
            await it.wait()
    assert (await air.says(air.head())).startswith(b"HTTP/1.0 403 ")


async def test_a_fast_studio_that_is_removed_frees_its_line(air: Air, tmp_path: Path) -> None:
    """It has filled every pipe on the way, and waits."""
    ffmpeg = need("ffmpeg", why="it makes the sound")
    file = tmp_path / "tone.mp3"
    async with running(ffmpeg, *sine(120), *CODINGS["mp3"][:2], "-b:a", "320k", str(file)) as it:
        await it.wait()
    reader, writer = await asyncio.open_connection("127.0.0.1", air.port)
    writer.write(air.head(Content_Type="audio/mpeg") + file.read_bytes())
    await air.arrives()
    await air.host.do("remove", participant=air.seat)
    await air.hung_up()
    writer.close()
    del reader
