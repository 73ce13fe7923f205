"""An edge on loopback: a stage that feeds it, listeners of every kind, and those who mean ill."""

import asyncio
import contextlib
import os
import re
import resource
import socket
import ssl
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest

from hustings.base.errors import OperatorError
from hustings.base.listening import server_tls
from hustings.edge.app import listen
from hustings.media import cmaf
from hustings.media.hold import hold_frames
from hustings.settings import Tls
from hustings.wire import kinds
from hustings.wire.names import OPUS, PART_SAMPLES
from tests.fakes.certificates import certificate
from tests.fakes.edges import Client, RunningEdge, running_edge
from tests.fakes.stage_feed import StageFeed, sound


def decode(data: bytes, *, suffix: str, folder: Path, cut: bool = False) -> float:
    """Seconds of sound that ffmpeg decodes from `data`, without a complaint unless it is `cut`."""
    file, pcm = folder / f"stream.{suffix}", folder / "out.raw"
    file.write_bytes(data)
    command = [
        "ffmpeg",
        "-v",
        "warning",
        "-xerror",
        "-y",
        "-i",
        str(file),
        "-f",
        "s16le",
        "-ac",
        "1",
        "-ar",
        "48000",
        str(pcm),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    noise = [line for line in done.stderr.splitlines() if "Estimating duration" not in line]
    assert done.returncode == 0
    assert cut or not noise
    return pcm.stat().st_size / 2 / 48_000


# ---------------------------------------------------------------- streams


@pytest.mark.parametrize("name", ["opus.mp4", "opus-low.mp4", "aac.mp4"])
async def test_endless_streams_begin_at_once_and_decode(
    edge: RunningEdge, tmp_path: Path, name: str
) -> None:
    async with edge.stream(f"/live/demo/{name}") as client:
        assert (client.status, client.headers["content-type"]) == (200, "audio/mp4")
        assert client.headers["transfer-encoding"] == "chunked"
        data = await client.some()
        data += await client.read_for(2.2)
    whole = data[: sum(8 + len(box.body) for box in cmaf.BoxReader().feed(data))]
    kinds_seen = [box.kind for box in cmaf.boxes(whole)]
    assert kinds_seen[:3] == [b"ftyp", b"moov", b"emsg"]
    fragments = cmaf.fragments(list(cmaf.boxes(whole)))
    times = [fragment.media_time for fragment in fragments]
    assert times == list(range(times[0], times[0] + len(times) * PART_SAMPLES, PART_SAMPLES))
    assert len(times) >= 2 + 5
    assert decode(whole, suffix="mp4", folder=tmp_path) == pytest.approx(
        len(times) * 0.32, abs=0.05
    )


async def test_the_first_event_is_the_state(edge: RunningEdge) -> None:
    async with edge.stream("/live/demo/opus.mp4") as client:
        data = await client.some()
    [told] = [e for e in map(cmaf.event_of, cmaf.boxes(data)) if e][:1]
    state = msgspec.json.decode(told.data)
    assert state["kind"] == "state"
    assert state["body"]["room"]["title"] == "Town hall"
    assert state["body"]["source"] == "live"
    reply = await edge.get("/live/demo/state.json")
    assert set(state["body"]) == set(msgspec.json.decode(reply.body))


async def test_what_is_heard_is_what_the_stage_made(edge: RunningEdge) -> None:
    async with edge.stream("/live/demo/opus.mp4") as client:
        reader, fragments = cmaf.BoxReader(), []
        while len(fragments) < 6:
            fragments += cmaf.fragments(reader.feed(await client.some()))
    for fragment in fragments:
        assert fragment.frames == sound(fragment.media_time // PART_SAMPLES)[OPUS]


async def test_resuming_gives_each_part_once(edge: RunningEdge) -> None:
    async with edge.stream("/live/demo/opus.mp4") as client:
        before = await client.parts(4)
    await asyncio.sleep(1.5)
    async with edge.stream(f"/live/demo/opus.mp4?from={before[-1] + 1}") as client:
        after = await client.parts(8)
    assert before + after == list(range(before[0], before[0] + 12))
    async with edge.stream("/live/demo/opus.mp4?from=0") as client:
        oldest = await client.parts(100)
    assert oldest == list(range(oldest[0], oldest[0] + 100))
    assert (await edge.get("/live/demo/opus.mp4?from=x")).status == 400


async def test_radio_with_and_without_titles(edge: RunningEdge, tmp_path: Path) -> None:
    async with edge.stream("/live/demo/radio.mp3") as client:
        assert "transfer-encoding" not in client.headers
        assert "icy-metaint" not in client.headers
        data = await client.read_for(1.0)
    assert len(data) >= 60_000
    assert decode(data[: len(data) // 192 * 192], suffix="mp3", folder=tmp_path) > 7.5
    async with edge.stream("/live/demo/radio.mp3", version="1.0", Icy_MetaData="1") as client:
        assert client.headers["icy-metaint"] == "16000"
        data = await client.read_for(1.0)
    block = 1 + 16 * data[16_000]
    assert data[16_001 : 16_000 + block].rstrip(b"\0") == b"StreamTitle='Town hall';"
    sound_only = data[:16_000] + data[16_000 + block : 32_000 + block]
    assert decode(sound_only, suffix="mp3", folder=tmp_path, cut=True) > 3.8


async def test_a_radio_that_cannot_begin_yet_is_told_when_it_can() -> None:
    young = StageFeed(first=3)
    young.room()
    await young.start()
    try:
        async with running_edge(young.url) as edge:
            await edge.until("rooms.indexed")
            reply = await asyncio.wait_for(edge.get("/live/demo/radio.mp3", Icy_MetaData="1"), 10)
            assert (reply.status, "retry-after" in reply.headers) == (503, True)
            assert reply.json["code"] == "radio_starting"  # type: ignore[index]
            assert edge.edge.seats.taken["icy"] == 0
    finally:
        await young.stop()


async def test_no_room_is_unknown_before_all_have_been_named(stage: StageFeed) -> None:
    stage.named.clear()  # what edges hold for the house comes first
    async with running_edge(stage.url) as edge:
        await edge.until("edge.keys.now and edge.tree._check")
        assert (await edge.get("/readyz")).status == 503
        reply = await edge.get("/live/demo/opus.mp4")
        assert (reply.status, "retry-after" in reply.headers) == (503, True)
        assert not edge.edge.upstream.told.is_set()
        stage.named.set()
        await edge.until("rooms.indexed")
        async with edge.stream("/live/demo/opus.mp4") as client:
            assert client.status == 200


async def test_old_clients_get_a_stream_without_chunks(edge: RunningEdge) -> None:
    async with edge.stream("/live/demo/opus.mp4", version="1.0") as client:
        assert "transfer-encoding" not in client.headers
        assert (await client.some())[4:8] == b"ftyp"


async def test_events_and_hands(edge: RunningEdge, stage: StageFeed) -> None:
    async with edge.stream("/live/demo/events") as client:
        assert client.headers["content-type"].startswith("text/event-stream")
        first = await client.some()
        assert b"\nevent: state\ndata: {" in first
        stage.rooms["demo"].roster("Ada")
        await stage.changed()
        data = await client.read_for(1.0)
    assert b"event: roster\ndata: {" in data
    raised = await edge.get(
        "/live/demo/hand", method="POST", body=b'{"name":"Bea","question":"Why?"}'
    )
    assert raised.status == 202
    for _ in range(3):
        assert (
            await edge.get("/live/demo/react", method="POST", body=b'{"kind":"clap"}')
        ).status == 204

    def said() -> tuple[list[dict[str, Any]], int]:
        hands = [hand for b in stage.batches for hand in b.get("hands", {}).get("first", [])]
        return hands, sum(b.get("reactions", {}).get("clap", 0) for b in stage.batches)

    async with asyncio.timeout(5):
        while len(said()[0]) < 1 or said()[1] < 3:
            await asyncio.sleep(0.05)
    [hand] = said()[0]
    assert (hand["name"], hand["question"]) == ("Bea", "Why?")
    assert hand["id"] == msgspec.json.decode(raised.body)["hand"]
    assert {batch["path"] for batch in stage.batches} <= {"/rooms/demo/batch", "/report"}


async def test_many_listeners_one_upstream(edge: RunningEdge, stage: StageFeed) -> None:
    clients = [
        edge.stream(f"/live/demo/{name}")
        for name in ("opus.mp4", "aac.mp4", "events")
        for _ in range(20)
    ]
    await asyncio.gather(*[client.__aenter__() for client in clients])
    await asyncio.gather(*[client.parts(3) for client in clients[:40]])
    assert (stage.opened, stage.open) == (1, 1)
    metrics = (await edge.get("/metrics")).body.decode()
    assert "hustings_edge_listeners 40" in metrics
    assert "hustings_edge_upstream_starts_total 1" in metrics
    for client in clients:
        await client.__aexit__(None, None, None)
    await edge.until("rooms.listeners == 0")


async def test_who_only_probes_the_stream_is_no_listener(edge: RunningEdge) -> None:
    async with edge.stream("/live/demo/opus-low.mp4?probe") as probe:
        await probe.parts(3)
        assert "hustings_edge_listeners 0" in (await edge.get("/metrics")).body.decode()
        async with edge.stream("/live/demo/opus-low.mp4") as listener:
            await listener.parts(2)
            assert "hustings_edge_listeners 1" in (await edge.get("/metrics")).body.decode()
            await probe.parts(2)


# ---------------------------------------------------------------- a stage that fails


async def test_a_frozen_feed_is_hold_and_comes_back(edge: RunningEdge, stage: StageFeed) -> None:
    async with edge.stream("/live/demo/opus.mp4") as client:
        reader, fragments = cmaf.BoxReader(), []

        async def take(count: int) -> list[cmaf.Fragment]:
            del fragments[:]
            async with asyncio.timeout(20):
                while len(fragments) < count:
                    fragments.extend(cmaf.fragments(reader.feed(await client.some())))
            return list(fragments)

        first = await take(4)
        stage.frozen.clear()
        during = await take(8)
        assert during[-1].frames == hold_frames(OPUS, during[-1].media_time // PART_SAMPLES)
        stage.frozen.set()
        after = await take(6)
    every = first + during + after
    times = [fragment.media_time // PART_SAMPLES for fragment in every]
    assert times == list(range(times[0], times[0] + len(times)))
    assert after[-1].frames == sound(times[-1])[OPUS]
    assert (await edge.get("/metrics")).body.count(b'parts_total{source="late"}') == 1


async def test_a_dead_stage_leaves_pages_streams_and_hold(
    edge: RunningEdge, stage: StageFeed
) -> None:
    stage.room("other")
    await edge.until("'other' in rooms.lines")
    port = int(stage.url.rsplit(":", 1)[1])
    async with edge.stream("/live/demo/opus.mp4") as client:
        await client.parts(3)
        await stage.stop()
        numbers = await client.parts(8)
        assert numbers == list(range(numbers[0], numbers[0] + 8))
        async with edge.stream("/live/other/opus.mp4") as newcomer:
            assert len(await newcomer.parts(4)) == 4
        assert (await edge.get("/r/demo")).status == 200
        assert (await edge.get("/live/demo/aac/index.m3u8")).status == 200
        assert (await edge.get("/readyz")).status == 200
        again = StageFeed(first=stage.media_time // PART_SAMPLES + 3)
        again.rooms = stage.rooms
        again.live()
        await again.start(port)
        async with asyncio.timeout(10):
            while (await edge.get("/live/demo/state.json")).json["source"] != "live":  # type: ignore[index]
                await asyncio.sleep(0.1)
        await client.parts(4)
        await again.stop()


async def test_a_forked_journal_is_followed_anew(edge: RunningEdge, stage: StageFeed) -> None:
    async with edge.stream("/live/demo/opus.mp4") as client:
        before = await client.parts(4)
        port = int(stage.url.rsplit(":", 1)[1])
        await stage.stop()
        again = StageFeed(first=stage.media_time // PART_SAMPLES + 1)
        again.room(title="After the fork")
        again.live()
        await again.start(port)
        await edge.until("rooms.live['demo'].program.facts.room['title'] == 'After the fork'")
        after = await client.parts(10)
        assert before[:1] + after == [before[0], *range(after[0], after[0] + len(after))]
        assert after[0] == before[-1] + 1
        await again.stop()


async def test_the_end_of_a_room_is_a_whole_answer(edge: RunningEdge, stage: StageFeed) -> None:
    async with edge.stream("/live/demo/opus.mp4") as client:
        await client.parts(3)
        room = kinds.Room("demo", "Town hall", "ended", epoch_ms=1)
        stage.rooms["demo"].add(kinds.ROOM, room, at=stage.media_time)
        await stage.changed()
        async with asyncio.timeout(10):
            data = await client.read()
        assert client.whole
    assert b'"ended"' in data
    assert (await edge.get("/live/demo/opus.mp4")).status == 410
    assert b"#EXT-X-ENDLIST" in (await edge.get("/live/demo/aac/index.m3u8")).body


# ---------------------------------------------------------------- HLS


async def test_a_low_latency_player_follows(edge: RunningEdge, tmp_path: Path) -> None:
    top = (await edge.get("/live/demo/index.m3u8")).body.decode()
    assert "aac/index.m3u8" in top
    reply = await edge.get("/live/demo/aac/index.m3u8")
    assert reply.headers["cache-control"] == "public, max-age=1"
    text = reply.body.decode()
    hint = re.findall(r'PRELOAD-HINT:TYPE=PART,URI="part/(\d+)', text)[0]
    assert f"part/{hint}.m4s" in text
    pieces = [(await edge.get("/live/demo/aac/init.mp4")).body]
    n = int(hint)
    for _ in range(4):
        ask = f"/live/demo/aac/index.m3u8?_HLS_msn={n // 12}&_HLS_part={n % 12}"
        playlist, part = await asyncio.gather(
            edge.get(ask), edge.get(f"/live/demo/aac/part/{n}.m4s")
        )
        assert f'URI="part/{n}.m4s' in playlist.body.decode()
        assert playlist.headers["cache-control"] == "public, max-age=24"
        assert part.headers["cache-control"] == "public, max-age=60"  # it can be taken back
        pieces.append(part.body)
        n += 1
    assert decode(b"".join(pieces), suffix="mp4", folder=tmp_path) == pytest.approx(1.28, abs=0.03)
    segment = re.findall(r"^(\d+\.m4s\S*)$", text, re.MULTILINE)[-1]
    assert (
        len(cmaf.fragments(list(cmaf.boxes((await edge.get(f"/live/demo/aac/{segment}")).body))))
        == 12
    )


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("aac/index.m3u8?_HLS_msn=99999", 400),
        ("aac/index.m3u8?_HLS_part=0", 400),
        ("aac/part/999999.m4s", 400),
        ("aac/0.m4s", 404),
        ("aac/part/0.m4s", 404),
        ("aac/part/007.m4s", 404),
        ("aac/9.vtt", 404),
        ("flac/index.m3u8", 404),
        ("nothing", 404),
    ],
)
async def test_what_cannot_be_is_refused_briefly(edge: RunningEdge, path: str, status: int) -> None:
    for _ in range(2):  # while the room begins, and when it runs
        reply = await edge.get(f"/live/demo/{path}")
        assert (reply.status, reply.headers["cache-control"]) == (status, "public, max-age=1")


async def test_captions_are_ready(edge: RunningEdge) -> None:
    text = (await edge.get("/live/demo/captions/index.m3u8")).body.decode()
    name = re.findall(r"^(\d+\.vtt\S*)$", text, re.MULTILINE)[-1]
    reply = await edge.get(f"/live/demo/captions/{name}")
    assert reply.headers["content-type"].startswith("text/vtt")
    assert reply.body.startswith(b"WEBVTT\nX-TIMESTAMP-MAP=")


async def test_two_edges_make_the_same_bytes(edge: RunningEdge, stage: StageFeed) -> None:
    await edge.get("/live/demo/aac/index.m3u8")
    await asyncio.sleep(1.0)  # the second begins later
    async with running_edge(stage.url, backlog_s=60.0) as second:
        await second.until("rooms.indexed")
        first_list = (await second.get("/live/demo/aac/index.m3u8")).body.decode()
        n = int(re.findall(r'PRELOAD-HINT:TYPE=PART,URI="part/(\d+)', first_list)[0]) + 1
        paths = [
            f"/live/demo/{r}/index.m3u8?_HLS_msn={n // 12}&_HLS_part={n % 12}"
            for r in ("aac", "opus")
        ]
        paths += ["/live/demo/index.m3u8", f"/live/demo/opus/part/{n}.m4s"]
        paths += [
            f"/live/demo/{r}/{s}"
            for r in ("aac", "opus-low")
            for s in re.findall(r"^(\d+\.m4s\S*)$", first_list, re.MULTILINE)
        ]
        for path in paths:
            one, other = await asyncio.gather(edge.get(path), second.get(path))
            assert one.status == other.status == 200
            assert one.body == other.body, path


# ---------------------------------------------------------------- pages and services


async def test_pages_files_and_services(edge: RunningEdge) -> None:
    page = await edge.get("/r/demo", Accept_Language="de", Accept_Encoding="gzip")
    assert (page.status, page.headers["content-encoding"]) == (200, "gzip")
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    again = await edge.get(
        "/r/demo", Accept_Language="de", Accept_Encoding="gzip", If_None_Match=page.headers["etag"]
    )
    assert (again.status, again.body) == (304, b"")
    plain = (await edge.get("/r/demo")).body.decode()
    assert "Town hall" in plain
    asset = re.findall(r'"(/static/[^"]+\.css)"', plain)[0]
    assert "immutable" in (await edge.get(asset)).headers["cache-control"]
    assert (await edge.get("/static/../secrets")).status == 404
    for path, status in {
        "/healthz": 200,
        "/readyz": 200,
        "/status": 200,
        "/status.json": 200,
        "/status/demo": 200,
        "/status/demo.json": 200,
        "/status/nobody": 404,
        "/status/nobody.json": 404,
        "/status/%3Cscript%3E": 404,
        "/metrics": 200,
        "/": 307,  # to the rooms, which are web's
        "/x/y": 404,
    }.items():
        assert (await edge.get(path)).status == status
    for path in ("/r/nobody", "/r/%3Cscript%3E", "/r/"):
        reply = await edge.get(path)
        assert (reply.status, reply.headers["content-type"]) == (404, "text/html; charset=utf-8")
        assert b"<script>" not in reply.body
    unknown: Any = (await edge.get("/live/nobody/opus.mp4")).json
    assert unknown["code"] == "room_unknown"


async def test_methods_and_preflight(edge: RunningEdge) -> None:
    assert (await edge.get("/live/demo/hand")).status == 405
    assert (await edge.get("/live/demo/opus.mp4", method="POST")).status == 405
    assert (await edge.get("/live/demo/hand", method="POST", body=b"{")).status == 400
    head = await edge.get("/live/demo/opus.mp4", method="HEAD")
    assert (head.status, head.body) == (200, b"")
    allowed = await edge.get("/live/demo/hand", method="OPTIONS")
    assert (allowed.status, allowed.headers["access-control-allow-origin"]) == (204, "*")


async def test_a_planned_room_has_a_page_and_no_sound(edge: RunningEdge, stage: StageFeed) -> None:
    stage.room("plan", backlog=0, state="scheduled", epoch_ms=0)
    await edge.until("'plan' in rooms.lines")
    assert (await edge.get("/r/plan")).status == 200
    reply = await edge.get("/live/plan/opus.mp4")
    assert (reply.status, reply.headers["retry-after"]) == (503, "10")
    assert (await edge.get("/live/plan/state.json")).json["room"]["state"] == "scheduled"  # type: ignore[index]
    assert (await edge.get("/live/plan/hand", method="POST", body=b'{"name":"A"}')).status == 409


async def test_before_the_stage_was_heard_newcomers_are_told_to_wait() -> None:
    async with running_edge("http://127.0.0.1:9") as alone:
        for path in ("/readyz", "/live/demo/opus.mp4"):
            reply = await alone.get(path)
            assert (reply.status, reply.json["code"]) == (503, "edge_starting")  # type: ignore[index]
        page = await alone.get("/r/demo", accept_language="de")
        assert (page.status, page.headers["retry-after"]) == (503, "3")
        assert b"Einen Augenblick, bitte" in page.body
        assert (await alone.get("/healthz")).status == 200


# ---------------------------------------------------------------- those who mean ill


async def test_slow_connections_are_closed_within_ten_seconds(edge: RunningEdge) -> None:
    loop = asyncio.get_running_loop()
    began = loop.time()

    async def loris(number: int) -> float:
        reader, writer = await asyncio.open_connection("127.0.0.1", edge.port)

        async def drip() -> None:
            while number % 4 == 3:
                await asyncio.sleep(0.5)
                writer.write(b"a")

        if number % 2:
            writer.write(b"GET /live/demo/opus.mp4 HTTP/1.1\r\nHost: e\r\nX-A: ")
        dripping = asyncio.get_running_loop().create_task(drip())
        with contextlib.suppress(ConnectionError):
            await reader.read()
        dripping.cancel()
        writer.transport.abort()
        return loop.time() - began

    async with edge.stream("/live/demo/opus.mp4") as listener:
        async with asyncio.timeout(20):
            times, parts = await asyncio.gather(
                asyncio.gather(*[loris(number) for number in range(500)]), listener.parts(15)
            )
    assert max(times) <= 10.0
    assert parts == list(range(parts[0], parts[0] + len(parts)))
    assert len(edge.edge.server.wheel) <= 1


async def test_an_edge_without_files_keeps_its_deadlines(edge: RunningEdge) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    reader, writer = await asyncio.open_connection("127.0.0.1", edge.port)
    await asyncio.sleep(0.3)
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, hard))  # as with a flood of connections
    try:
        await asyncio.sleep(2.3)  # all that is measured has been measured once
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    async with asyncio.timeout(30):
        with contextlib.suppress(ConnectionError):
            assert await reader.read() == b""
    writer.close()
    assert edge.edge.counts.broken_ticks == 0


async def test_a_slow_reader_jumps_then_is_closed_and_memory_is_bounded(stage: StageFeed) -> None:
    async with running_edge(stage.url, send_buffer_bytes=8_192) as edge:
        await edge.until("rooms.indexed")
        async with edge.stream("/live/demo/aac.mp4?from=0", buffer=4_096) as client:
            client.writer.transport.pause_reading()  # type: ignore[attr-defined]
            most = 0
            async with asyncio.timeout(30):
                while not edge.edge.counts.slow_closed:
                    sizes = [
                        c.transport.get_write_buffer_size() for c in edge.edge.server.connections
                    ]
                    most = max(most, *sizes)
                    stage.rooms["demo"].add("note", {"text": "x" * 10_000})
                    await asyncio.sleep(0.1)
            assert 8_192 < most <= 8_192 + 8 * 15_000
        async with edge.stream("/live/demo/opus.mp4") as well:
            assert len(await well.parts(3)) == 3


async def test_a_full_edge_says_so(stage: StageFeed) -> None:
    async with running_edge(stage.url, listeners=5, waiting_share=0) as edge:
        await edge.until("rooms.indexed")
        inside = [edge.stream("/live/demo/opus.mp4") for _ in range(5)]
        for client in inside:
            await client.__aenter__()
        reply = await edge.get("/live/demo/opus.mp4")
        assert (reply.status, reply.json["code"]) == (503, "edge_full")  # type: ignore[index]
        assert int(reply.headers["retry-after"]) >= 2
        assert len(await inside[0].parts(4)) == 4
        for client in inside:
            await client.__aexit__(None, None, None)
        await edge.until("len(edge.server.connections) == 0")
        assert (await edge.get("/r/demo")).status == 200


async def test_pipelined_requests_are_answered_in_order(edge: RunningEdge) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", edge.port)
    ask = b"GET /%b HTTP/1.1\r\nHost: e\r\n\r\n"
    writer.write(
        b"".join(ask % path for path in (b"healthz", b"nope", b"live/demo/state.json", b"readyz"))
    )
    statuses = []
    for _ in range(4):
        head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
        statuses.append(int(head.split()[1]))
        await reader.readexactly(int(re.findall(r"content-length: (\d+)", head)[0]))
    assert statuses == [200, 404, 200, 200]
    writer.close()


async def test_random_requests_do_not_move_a_listener(edge: RunningEdge) -> None:
    async def throw(seed: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", edge.port)
        try:
            noise = bytes((seed * 31 + i * i * 7) % 256 for i in range(seed % 700 + 1))
            writer.write((b"" if seed % 3 else b"GET /live/demo/") + noise + b"\r\n\r\n")
            writer.write_eof()
            async with asyncio.timeout(10):
                await reader.read()
        except ConnectionError:
            pass
        finally:
            writer.close()

    async with edge.stream("/live/demo/opus.mp4") as listener:
        for start in range(0, 2_000, 200):
            await asyncio.gather(*[throw(seed) for seed in range(start, start + 200)])
        parts = await listener.parts(6)
    assert parts == list(range(parts[0], parts[0] + len(parts)))
    await edge.until("len(edge.server.connections) <= 1")


async def test_stopping_closes_streams_so_that_players_resume(stage: StageFeed) -> None:
    async with running_edge(stage.url) as edge:
        await edge.until("rooms.indexed")
        client = Client(edge.port, "/live/demo/opus.mp4")
        await client.__aenter__()
        await client.parts(2)
        await edge.edge.close()
        assert await client.read_for(5) == b""
        assert not client.whole
        await client.__aexit__(None, None, None)


# ---------------------------------------------------------------- as a service


async def test_under_tls_a_stream_is_the_same(stage: StageFeed, tmp_path: Path) -> None:
    cert, key = certificate(tmp_path, "edge", names=("localhost", "127.0.0.1"))
    tls = Tls(cert=str(cert), key=str(key))
    trust = ssl.create_default_context(cafile=cert)
    trust.check_hostname = False
    async with running_edge(stage.url, tls=tls) as edge:
        await edge.until("rooms.indexed")
        reader, writer = await asyncio.open_connection("127.0.0.1", edge.port, ssl=trust)
        writer.write(b"GET /live/demo/opus.mp4 HTTP/1.1\r\nHost: e\r\n\r\n")
        head = await reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200 OK\r\n")
        boxes, parts = cmaf.BoxReader(), []
        while len(parts) < 6:
            size = int(await reader.readline(), 16)
            data = (await reader.readexactly(size + 2))[:-2]
            parts += [f.media_time // PART_SAMPLES for f in cmaf.fragments(boxes.feed(data))]
        assert parts == list(range(parts[0], parts[0] + len(parts)))
        writer.transport.abort()
        plain_reader, plain = await asyncio.open_connection("127.0.0.1", edge.port)
        plain.write(b"GET / HTTP/1.1\r\n\r\n")
        with contextlib.suppress(ConnectionError):
            assert not (await plain_reader.read()).startswith(b"HTTP")
        plain.close()


async def test_the_command_serves_and_stops_cleanly() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    words = (sys.executable, "-m", "hustings", "edge", "--edge-port", str(port))
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    process = await asyncio.create_subprocess_exec(
        *words, env=environment, stderr=asyncio.subprocess.DEVNULL
    )
    try:
        async with asyncio.timeout(30):
            while True:
                try:
                    async with Client(port, "/healthz") as client:
                        assert client.status == 200
                        break
                except ConnectionError:
                    await asyncio.sleep(0.1)
            process.terminate()
            assert await process.wait() == 0
    finally:
        if process.returncode is None:
            process.kill()


def test_a_taken_port_is_named_with_the_flag_that_helps() -> None:
    with listen("127.0.0.1", 0) as first:
        first.listen()
        with pytest.raises(OperatorError, match="--edge-port"):
            listen("127.0.0.1", first.getsockname()[1])


@pytest.mark.parametrize("missing", ["/nowhere.crt", __file__])
def test_a_certificate_that_is_none_is_said(missing: str) -> None:
    with pytest.raises(OperatorError) as caught:
        server_tls(missing, missing)
    assert caught.value.code == "tls_pair"


async def test_events_go_on_where_a_line_broke(edge: RunningEdge, stage: StageFeed) -> None:
    def lines(data: bytes) -> list[bytes]:
        return re.findall(rb"event: (\w+)\n", data)

    async with edge.stream("/live/demo/events") as client:
        before = edge.edge.rooms.live["demo"].program.next
        await client.some()
        stage.rooms["demo"].add("caption", {"text": "Good evening."})
        await stage.changed()
        assert b"caption" in lines(await client.read_for(1.0))
    async with edge.stream(f"/live/demo/events?from={before}") as client:
        assert lines(await client.read_for(0.5))[:2] == [b"state", b"caption"]
    async with edge.stream("/live/demo/events") as client:
        assert b"caption" not in lines(await client.read_for(0.5))
    async with edge.stream("/live/demo/events?from=999999999") as client:  # of another time
        assert lines(await client.read_for(0.5))[:1] == [b"state"]


async def test_an_edge_s_bare_address_leads_to_the_rooms(edge: RunningEdge) -> None:
    answer = await edge.get("/")
    assert answer.status == 307
    assert answer.headers["location"] == "http://localhost:8000/"
