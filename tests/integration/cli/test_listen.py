"""`hustings listen` as a command against a plain HTTP server on loopback."""

import asyncio
import contextlib
import json
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

import hustings
from hustings.media.cmaf import init_segment, media_part
from hustings.media.hold import hold_frames
from hustings.wire.names import OPUS, PART_SECONDS

FIRST = 90_000
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: audio/mp4\r\nConnection: close\r\n\r\n"
UNKNOWN = b'{"code": "room_unknown", "title": "There is no such room."}'
NOT_FOUND = b"HTTP/1.1 404 Not Found\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % len(
    UNKNOWN
)


@pytest.fixture
async def edge() -> AsyncIterator[str]:
    """`/live/demo/opus.mp4`: backlog and a part each 320 ms; the first line breaks after 2 s."""
    asked: list[str] = []
    lines: set[asyncio.Task[None] | None] = set()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        lines.add(asyncio.current_task())
        request = (await reader.readuntil(b"\r\n\r\n")).split()[1].decode()
        asked.append(request)
        loop, began_s = asyncio.get_running_loop(), start_s
        if "/demo/opus.mp4" not in request:
            writer.write(NOT_FOUND + UNKNOWN)
        else:
            now = FIRST + int((loop.time() - began_s) / PART_SECONDS)
            n = int(request.partition("from=")[2] or now - 2)
            breaks_at = now + 6 if len(asked) == 1 else now + 1_000
            writer.write(HEAD + init_segment(OPUS))
            while n < breaks_at and not writer.is_closing():
                due_s = began_s + (n + 1 - FIRST) * PART_SECONDS
                await asyncio.sleep(max(0.0, due_s - loop.time()))
                writer.write(media_part(OPUS, n, hold_frames(OPUS, n)))
                n += 1
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()

    start_s = asyncio.get_running_loop().time()
    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    server.close()
    await asyncio.wait([line for line in lines if line], timeout=5)


async def listen(*words: str) -> tuple[int | None, str, str]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "hustings", "listen", *words),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={"PYTHONPATH": str(Path(hustings.__file__).parents[1])},
    )
    out, err = await process.communicate()
    return process.returncode, out.decode(), err.decode()


@pytest.mark.slow
async def test_a_page_s_address_is_measured_through_a_broken_line(edge: str) -> None:
    code, out, _ = await listen(f"{edge}/r/demo", "--seconds", "6", "--json")
    report = json.loads(out)
    assert code == 0
    assert report["url"] == f"{edge}/r/demo"
    assert report["rendition"] == OPUS
    assert report["faults"] == 1
    assert report["lost_s"] == 0
    assert report["hold_s"] > 1
    assert report["parts"] >= 12
    assert report["damaged_frames"] == 0
    assert report["first_byte_ms"] <= report["first_sound_ms"]


async def test_what_is_not_there_is_said_and_fails(edge: str) -> None:
    code, out, err = await listen(f"{edge}/r/nowhere", "--seconds", "5", "--json")
    assert code == 1
    assert json.loads(out)["code"] == "room_unknown"
    assert "no such room" in err


async def test_silence_for_ever_is_a_failure() -> None:
    code, out, _ = await listen("http://127.0.0.1:9/r/demo", "--seconds", "1")
    assert code == 1
    assert "first sound   -" in out
