"""Caddy, HAProxy and nginx as shipped, in front of all three services and several edges, with TLS."""

import asyncio
import contextlib
import json
import os
import subprocess
import sys
from collections import Counter

import httpx
import pytest
import websockets

from hustings.media import cmaf
from hustings.wire.names import PART_SAMPLES, SEGMENT_PARTS
from tests.fakes.echo_services import Echo, control_socket
from tests.fakes.tools import ROOT
from tests.support.deploy import FRONTS, askers, haproxy_edges, live_edge, written
from tests.support.house import House, free_ports

LISTENER = "127.6.6.6"  # someone whose address can be told from ours
OTHER = "127.7.7.7"


@pytest.fixture(params=FRONTS)
def front(request):
    return FRONTS[request.param]


def browser(site, address="127.0.0.1"):
    """An HTTP client that trusts the site and comes from that address."""
    transport = httpx.AsyncHTTPTransport(verify=site.trust, local_address=address)
    return httpx.AsyncClient(base_url=site.url, transport=transport, timeout=20)


# ---------------------------------------------------------------- which path goes where


@pytest.fixture
async def echoes(front, tmp_path):
    """The front before a stage, a web and two edges that say what they were asked."""
    async with (
        Echo("stage").running() as stage,
        Echo("edge").running() as one,
        Echo("edge").running() as two,
        Echo("web").running() as web,
        front(tmp_path, stage=stage.port, edges=(one.port, two.port), web=web.port) as site,
        browser(site) as client,
    ):
        yield client, (one, two), site


PATHS = {
    "edge": (
        "/r/demo",
        "/live/demo/state.json",
        "/live/demo/hand",
        "/static/x.js",
        "/status",
        "/status/demo",
        "/status.json",
        "/podcast.xml",
        "/calendar.ics",
        "/oembed?url=x",
    ),
    "stage": (
        "/s/demo",
        "/rooms/demo/join",
        "/rooms/demo/rtc",
        "/rooms/demo/rtc/abc",
        "/rooms/demo/whip/abc",
        "/rooms/demo/batch",
        "/report",
        "/journal-key",
        "/feed",
        "/feed/demo?tail=30s",
    ),
    "web": ("/", "/rooms/new", "/rooms/demo", "/rooms/demo/lobby", "/api/docs", "/start"),
}


async def test_each_path_reaches_the_service_its_user_needs(echoes):
    client, _, _ = echoes
    for service, paths in PATHS.items():
        for path in paths:
            answer = await client.get(path)
            assert answer.text.split()[:2] == [service, path]


async def test_services_learn_who_asked_and_that_it_was_by_tls(echoes):
    _, _, site = echoes
    claims = {"X-Forwarded-For": "6.6.6.6", "Forwarded": "for=6.6.6.6"}
    async with browser(site, LISTENER) as client:
        for path in ("/s/demo", "/live/demo/hand", "/"):
            answer = await client.get(path, headers=claims)
            assert answer.text.endswith(f"('{LISTENER}', 'https')")  # the claims are dropped


async def test_insides_are_not_public(echoes):
    client, _, _ = echoes
    for path in ("/metrics", "/healthz", "/readyz", "/drain", "/%6detrics", "/metric%73?x=1"):
        assert (await client.get(path)).status_code == 404, path
        assert (await client.post(path)).status_code == 404


async def test_a_stream_is_passed_on_as_it_comes(echoes):
    """The second chunk is written only after the first was read: no buffering on the way."""
    client, edges, _ = echoes
    async with client.stream("GET", "/live/demo/opus.mp4") as answer:
        chunks = answer.aiter_raw()
        assert await asyncio.wait_for(anext(chunks), 5) == b"first"
        for edge in edges:
            edge.go_on.set()
        assert await asyncio.wait_for(anext(chunks), 5) == b"second"


async def test_all_edges_are_used_and_a_dead_one_is_missed_by_nobody(echoes):
    client, (one, two), _ = echoes
    before = one.asked, two.asked
    for _ in range(20):
        assert (await client.get("/r/demo")).status_code == 200
    assert one.asked > before[0]
    assert two.asked > before[1]
    await one.stop()
    answers = [(await client.get("/r/demo")).status_code for _ in range(20)]
    assert Counter(answers) == {200: 20}


async def test_a_draining_edge_gets_no_newcomers(echoes, front):
    if front is FRONTS["nginx"]:
        pytest.skip("nginx asks no edge whether it is ready; its file says so")
    client, (one, two), _ = echoes
    one.ready = False
    async with asyncio.timeout(30):
        quiet = 0
        while quiet < 20:  # so many on end to the other one
            before = one.asked
            assert (await client.get("/r/demo")).status_code == 200
            quiet = quiet + 1 if one.asked == before else 0
            await asyncio.sleep(0.02)
    assert two.asked >= 20


async def test_the_control_socket_passes(front, tmp_path):
    async with (
        control_socket() as port,
        front(tmp_path, stage=port, edges=(port,), web=port) as site,
        websockets.connect(
            site.url.replace("https", "wss") + "/rooms/demo/control", ssl=site.trust, proxy=None
        ) as control,
    ):
        await control.send("hello")
        assert await control.recv() == "hello"


# ---------------------------------------------------------------- a real edge


@pytest.fixture
async def audience(front, tmp_path):
    """The front before a real edge whose room is live."""
    nobody = free_ports(1)[0]
    async with (
        live_edge() as edge,
        front(tmp_path, stage=nobody, edges=(edge.port,), web=nobody) as site,
    ):
        yield site, edge


async def part_numbers(chunks, seen, who, count):
    """Append (who, number) to `seen` for each part as it comes, cut anywhere."""
    reader, boxes, found = cmaf.BoxReader(), [], 0
    async for data in chunks:
        boxes += reader.feed(data)
        if not boxes or boxes[-1].kind == b"moof":
            continue
        for fragment in cmaf.fragments(boxes):
            seen.append((who, fragment.media_time // PART_SAMPLES))
            found += 1
        boxes.clear()
        if found >= count:
            return


async def direct(client):
    while data := await client.some():
        yield data


async def test_parts_arrive_as_they_are_made(audience):
    """Whoever listens through the front has part N before others have part N + 2."""
    site, edge = audience
    seen = []
    async with (
        browser(site) as client,
        client.stream("GET", "/live/demo/opus.mp4") as proxied,
        edge.stream("/live/demo/opus.mp4") as beside,
        asyncio.timeout(60),
    ):
        assert proxied.headers["cache-control"] == "no-store"
        await asyncio.gather(
            part_numbers(proxied.aiter_raw(), seen, "front", 10),
            part_numbers(direct(beside), seen, "edge", 12),
        )
    place = {each: at for at, each in enumerate(seen)}
    numbers = sorted(n for who, n in seen if who == "front")
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
    compared = [n for n in numbers if ("edge", n + 2) in place]
    assert len(compared) >= 6
    for n in compared:
        assert place["front", n] < place["edge", n + 2]


async def test_an_old_radio_is_served(front, audience):
    """HTTP/1.0, without a Host, except where Caddy must know which site is meant."""
    site, _ = audience
    host = b"Host: localhost\r\n" if front is FRONTS["caddy"] else b""
    reader, writer = await asyncio.open_connection(
        "127.0.0.1", site.port, ssl=site.trust, server_hostname="localhost"
    )
    writer.write(b"GET /live/demo/radio.mp3 HTTP/1.0\r\n" + host + b"\r\n")
    head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 20)
    assert b" 200 " in head.partition(b"\r\n")[0]
    assert b"audio/mpeg" in head
    assert await asyncio.wait_for(reader.readexactly(8_000), 20)
    writer.close()


async def test_events_flow(audience):
    site, _ = audience
    async with (
        browser(site) as client,
        client.stream("GET", "/live/demo/events") as answer,
        asyncio.timeout(20),
    ):
        assert answer.headers["content-type"].startswith("text/event-stream")
        lines = answer.aiter_lines()
        assert any([line == "event: state" async for line in _first(lines, 3)])


async def _first(lines, count):
    for _ in range(count):
        yield await anext(lines)


async def test_low_latency_hls(audience):
    """A held playlist comes with the part it was held for, and that part can be had."""
    site, edge = audience
    async with browser(site) as client:
        page = await client.get("/live/demo/index.m3u8")
        assert page.status_code == 200
        assert "opus/index.m3u8" in page.text
        awaited = edge.edge.rooms.live["demo"].program.next + 2
        msn, part = divmod(awaited, SEGMENT_PARTS)
        query = {"_HLS_msn": msn, "_HLS_part": part}
        held = await client.get("/live/demo/opus/index.m3u8", params=query)
        assert f'URI="part/{awaited}.m4s' in held.text
        sound = await client.get(f"/live/demo/opus/part/{awaited}.m4s")
        assert [
            f.media_time // PART_SAMPLES for f in cmaf.fragments(list(cmaf.boxes(sound.content)))
        ] == [awaited]


async def test_the_listener_page(audience):
    site, _ = audience
    async with browser(site) as client:
        page = await client.get("/r/demo", headers={"Accept-Encoding": "gzip"})
    assert page.status_code == 200
    assert "Town hall" in page.text
    assert page.headers["content-security-policy"]


async def test_the_edge_learns_who_speaks_up(audience):
    """By the proxy's word and not by the speaker's own."""
    site, edge = audience
    await edge.until("edge.upstream.near")
    asked = askers(edge)
    hand = {"name": "Lea", "question": "Why?"}
    claim = {"X-Forwarded-For": "6.6.6.6", "Forwarded": "for=6.6.6.6"}
    async with browser(site, LISTENER) as one, browser(site, OTHER) as two:
        for client in (one, two):
            said = await client.post("/live/demo/hand", json=hand, headers=claim)
            assert said.status_code == 202
    assert [who for path, who in asked if path.endswith("/hand")] == [LISTENER, OTHER]


async def test_haproxy_that_only_decrypts_names_the_listener_by_the_proxy_protocol(tmp_path):
    async with (
        live_edge(proxy_protocol=True) as edge,
        haproxy_edges(tmp_path, edges=(edge.port,)) as site,
        asyncio.timeout(60),
    ):
        asked, seen = askers(edge), []
        async with (
            browser(site, LISTENER) as client,
            client.stream("GET", "/live/demo/opus.mp4") as answer,
        ):
            await part_numbers(answer.aiter_raw(), seen, "front", 4)
        assert ("/live/demo/opus.mp4", LISTENER) in asked
        while "edges/edge1" not in (text := site.log.read_text()):
            await asyncio.sleep(0.05)
        assert LISTENER not in text


async def test_no_address_in_any_log(audience):
    """Of good requests, broken ones, ones that end early, and ones whose service is away."""
    site, _ = audience
    async with browser(site, LISTENER) as client:
        await client.get("/r/demo?ticket=secret")
        await client.get("/")  # there is no web
        async with client.stream("GET", "/live/demo/opus.mp4") as answer:
            await anext(answer.aiter_raw())
    for tls, data in ((None, b"\0\0\0 no hello \r\n\r\n"), (site.trust, b"no request\r\n\r\n")):
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            reader, writer = await asyncio.open_connection(
                "127.0.0.1",
                site.port,
                local_addr=(LISTENER, 0),
                ssl=tls,
                server_hostname="localhost" if tls else None,
            )
            writer.write(data)
            await asyncio.wait_for(reader.read(), 20)
            writer.close()
    async with asyncio.timeout(20):  # the log does tell that web is away
        while not any(word in site.log.read_text() for word in ("502", "503", "refused")):
            await asyncio.sleep(0.05)
    for path, data in written(site.folder):
        assert LISTENER.encode() not in data, path
        assert b"secret" not in data, path


# ---------------------------------------------------------------- the whole house


@pytest.mark.slow
async def test_a_real_house_behind_one_domain(front, tmp_path):
    """Pages link to the domain, sound comes through, and a speaker joins through the proxy."""
    port = free_ports(1)[0]
    url = f"https://localhost:{port}"
    public = {f"HUSTINGS_PUBLIC_URL_{name}": url for name in ("WEB", "STAGE", "EDGE")}
    house = House(tmp_path / "data", "--demo", **public)
    await asyncio.to_thread(house.start)
    try:
        services = {"stage": house.stage_port, "edges": (house.edge_port,), "web": house.web_port}
        async with front(tmp_path, **services, port=port) as site, browser(site) as client:
            for _ in range(200):  # ready is one thing, the demo's room another
                if "speak" in (log := house.log.read_text()):
                    break
                await asyncio.sleep(0.05)
            assert f"listen  {url}/r/demo\n" in log
            assert f"speak   {url}/s/demo#i=" in log
            for path in ("/", "/r/demo", "/s/demo", "/api/docs"):
                assert (await client.get(path)).status_code == 200, path
            said = await asyncio.to_thread(speak, house, url, tmp_path / "site.crt")
            assert said["connections"] == 1
            assert said["unsent"] == 0
            assert await sound(client) > 20_000
    finally:
        await asyncio.to_thread(house.stop)


def speak(house, url, cert):
    """`hustings say` through the proxy: page, invitation, control socket; the sound is UDP."""
    invite = house.invite("demo", "cohost", "Carla")
    words = ["--stage", url, "--invite", invite, "--ca", str(cert), "--seconds", "2", "--json"]
    done = subprocess.run(
        [sys.executable, "-m", "hustings", "say", "demo", "--beep", *words],
        env={**os.environ, "PYTHONPATH": str(ROOT / "src"), "HUSTINGS_DATA": str(house.data)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr + house.log.read_text()
    return json.loads(done.stdout)


async def sound(client):
    """Bytes of the live stream in its first five seconds."""
    size = 0
    async with client.stream("GET", "/live/demo/opus.mp4") as answer:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(5):
                async for chunk in answer.aiter_raw():
                    size += len(chunk)
    return size
