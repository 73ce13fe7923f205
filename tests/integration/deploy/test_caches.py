"""Varnish and nginx as shipped, in front of a real edge, as a CDN would be."""

import asyncio
import re
from collections import Counter

import httpx
import pytest

from hustings.media import cmaf
from hustings.wire.names import PART_SAMPLES, SEGMENT_PARTS
from tests.fakes.edges import Client
from tests.support.deploy import CACHES, askers, haproxy_with_cache, live_edge, written

LISTENER = "127.6.6.6"  # someone whose address can be told from ours
LIST = "/live/demo/opus/index.m3u8"


class Kept:
    """One player's kept connection."""

    def __init__(self, port, address="127.0.0.1"):
        self._port, self._address = port, address

    async def __aenter__(self):
        self._reader, self._writer = await asyncio.open_connection(
            "127.0.0.1", self._port, local_addr=(self._address, 0)
        )
        return self

    async def __aexit__(self, *_):
        self._writer.close()

    async def get(self, path, *, method="GET", body=b"", headers=""):
        head = f"{method} {path} HTTP/1.1\r\nHost: cache\r\nContent-Length: {len(body)}\r\n{headers}\r\n"
        self._writer.write(head.encode() + body)
        lines = (await self._reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        fields = dict(line.lower().split(": ", 1) for line in lines[1:] if line)
        return int(lines[0].split()[1]), await self._body(fields)

    async def _body(self, fields):
        if "content-length" in fields:
            return await self._reader.readexactly(int(fields["content-length"]))
        body = b""  # a page that Varnish unpacks while it comes
        while size := int(await self._reader.readline(), 16):
            body += (await self._reader.readexactly(size + 2))[:-2]
        await self._reader.readexactly(2)
        return body


@pytest.fixture(params=CACHES)
async def cached(request, tmp_path):
    """The cache before an edge that counts what it is asked for: (cache, edge, asked)."""
    async with live_edge() as edge:
        asked = Counter()
        handle = edge.edge.server.handler

        def counting(connection, asking):
            asked[asking.path, *sorted(asking.query.items())] += 1
            handle(connection, asking)

        edge.edge.server.handler = counting
        async with CACHES[request.param](tmp_path, edge.port) as cache:
            async with Kept(edge.port) as one:
                await one.get("/live/demo/state.json")
            asked.clear()
            yield cache, edge, asked


def of_media(asked):
    """What was asked for but by the cache's own probe."""
    return {key: times for key, times in asked.items() if key[0] != "/readyz"}


async def player(port, first, count):
    """A low-latency player: each playlist when it has the next part, then that part."""
    async with Kept(port) as kept:
        for n in range(first, first + count):
            msn, part = divmod(n, SEGMENT_PARTS)
            status, body = await kept.get(f"{LIST}?_HLS_msn={msn}&_HLS_part={part}")
            assert status == 200
            assert f'URI="part/{n}.m4s'.encode() in body
            status, body = await kept.get(f"/live/demo/opus/part/{n}.m4s?e=1a2b")
            assert status == 200
            (fragment,) = cmaf.fragments(list(cmaf.boxes(body)))
            assert fragment.media_time // PART_SAMPLES == n


async def test_a_hundred_players_cost_the_edge_one(cached):
    """At most one request for each object, although all ask at once, before it is there."""
    cache, edge, asked = cached
    first = edge.edge.rooms.live["demo"].program.next + 1
    async with asyncio.timeout(90):
        await asyncio.gather(*(player(cache.port, first, 6) for _ in range(100)))
    seen = of_media(asked)
    assert len(seen) == 12
    assert set(seen.values()) == {1}


async def test_invented_fields_do_not_reach_the_edge(cached):
    """F11: the address's unknown fields, and a known one that is no number, are no part of the key."""
    cache, _, asked = cached
    async with Kept(cache.port) as kept:
        for n in range(50):
            assert (await kept.get(f"/live/demo/opus/init.mp4?x={n}&e=z{n}"))[0] == 200
    assert of_media(asked) == {("/live/demo/opus/init.mp4",): 1}


async def test_mistakes_and_refusals_are_kept_for_a_moment(cached):
    cache, _, asked = cached
    async with Kept(cache.port) as kept:
        far = [(await kept.get(f"{LIST}?_HLS_msn=99999999"))[0] for _ in range(20)]
        gone = [(await kept.get("/live/demo/opus/0.m4s"))[0] for _ in range(20)]
    assert set(far) == {400}
    assert set(gone) == {404}
    assert sum(of_media(asked).values()) < 20  # 40 if none were kept; 2 within one second


async def test_all_who_wait_in_the_queue_cost_the_edge_one(cached):
    """Their places are in one file, and their sound in segments that everybody shares."""
    cache, edge, asked = cached
    segment = edge.edge.rooms.live["demo"].program.next // SEGMENT_PARTS - 1

    async def wait():
        async with Kept(cache.port) as waiter:
            for path in ("queue.json", f"opus-low/{segment}.m4s"):
                assert (await waiter.get(f"/live/demo/{path}?ticket=mine"))[0] == 200

    await asyncio.gather(*(wait() for _ in range(50)))
    assert asked["/live/demo/queue.json",] <= 5  # 50 if it were not kept; 1 within two seconds
    assert asked[f"/live/demo/opus-low/{segment}.m4s",] == 1


async def test_a_playlist_is_kept_no_longer_than_the_edge_says(cached):
    cache, edge, _ = cached
    async with Kept(cache.port) as kept:
        _, before = await kept.get(LIST)
        async with asyncio.timeout(30):
            while (await kept.get(LIST))[1] == before:
                await asyncio.sleep(0.1)
        newest = edge.edge.rooms.live["demo"].program.next
        _, now = await kept.get(LIST)
        at = int(now.decode().rpartition('URI="part/')[2].partition(".")[0])
        assert newest - at < SEGMENT_PARTS  # kept for 1 s, 3 parts; stale ones would be 30 old


async def test_who_asks_without_a_part_gets_the_same_sound_as_at_the_edge(cached):
    cache, edge, _ = cached
    segment = edge.edge.rooms.live["demo"].program.next // SEGMENT_PARTS - 1
    async with Kept(cache.port) as one, Kept(edge.port) as two:
        path = f"/live/demo/aac/{segment}.m4s"
        assert await one.get(path) == await two.get(path)


async def test_endless_streams_pass_as_they_come(cached):
    cache, edge, _ = cached
    async with (
        Client(cache.port, "/live/demo/opus.mp4") as through,
        edge.stream("/live/demo/opus.mp4") as beside,
    ):
        (one, two) = await asyncio.gather(through.parts(6), beside.parts(6))
    assert set(one) & set(two)
    assert one == list(range(one[0], one[0] + len(one)))


async def test_no_address_is_written(cached):
    """Not in a log, not in a cached file, not in Varnish's shared memory; the edge does learn it."""
    cache, edge, _ = cached
    await edge.until("edge.upstream.near")
    asked = askers(edge)
    hand = b'{"name": "Lea", "question": "Why?"}'
    async with Kept(cache.port, LISTENER) as kept:
        assert (await kept.get("/live/demo/hand", method="POST", body=hand))[0] == 202
        for path in (LIST, "/r/demo", "/live/demo/opus/0.m4s", "/nothing", "/metrics"):
            await kept.get(path)
    reader, writer = await asyncio.open_connection(
        "127.0.0.1", cache.port, local_addr=(LISTENER, 0)
    )
    writer.write(b"no request\r\n\r\n")
    await asyncio.wait_for(reader.read(), 20)
    writer.close()
    assert ("/live/demo/hand", LISTENER) in asked
    await asyncio.sleep(1.2)  # nginx writes its log each second
    files = dict(written(cache.folder))
    assert any(b"demo" in data for data in files.values())
    for path, data in files.items():
        assert LISTENER.encode() not in data, path


async def test_a_cache_that_lost_its_edge_serves_what_it_has(cached):
    cache, edge, _ = cached
    async with Kept(cache.port) as kept:
        _, init = await kept.get("/live/demo/opus/init.mp4")
        assert (await kept.get(LIST))[0] == 200
        await edge.edge.close()
        async with asyncio.timeout(30):
            while True:  # Varnish finds out within two probes
                status, body = await kept.get(LIST)
                if status == 200 and body.startswith(b"#EXTM3U"):
                    break
                await asyncio.sleep(0.2)
        assert (await kept.get("/live/demo/opus/init.mp4")) == (200, init)


async def test_haproxy_sends_to_the_cache_what_it_may_keep(cached):
    """Playlists, parts and pages go through it, streams and hands to the edge; without it all goes there."""
    cache, edge, asked = cached
    await edge.until("edge.upstream.near")
    folder = cache.folder / "front"
    folder.mkdir()
    async with haproxy_with_cache(folder, edge=edge.port, cache=cache.port) as site:
        base = f"https://localhost:{site.port}"
        transport = httpx.AsyncHTTPTransport(verify=site.trust, local_address=LISTENER)
        async with httpx.AsyncClient(base_url=base, transport=transport, timeout=20) as client:
            async with asyncio.timeout(30):  # until the cache is known to be there
                while not await kept(client, asked):
                    await asyncio.sleep(0.1)
            style = re.search(r"/static/[^\"]+\.css", (await client.get("/r/demo")).text)[0]
            for path in ("/live/demo/opus/init.mp4", "/live/demo/index.m3u8", "/r/demo", style):
                asked.clear()
                for _ in range(5):
                    assert (await client.get(path)).status_code == 200
                assert asked[(path,)] <= 1, path
            hand, whose = {"name": "Lea", "question": "Why?"}, askers(edge)
            assert (await client.post("/live/demo/hand", json=hand)).status_code == 202
            assert ("/live/demo/hand", LISTENER) in whose
            async with client.stream("GET", "/live/demo/opus.mp4") as answer:
                assert answer.status_code == 200
                assert await anext(answer.aiter_raw())


async def kept(client, asked):
    """Whether a file that is asked for thrice reaches the edge once at most."""
    asked.clear()
    for _ in range(3):
        await client.get("/live/demo/aac/init.mp4")
    return sum(of_media(asked).values()) <= 1


async def test_insides_are_not_public(cached):
    cache, _, asked = cached
    async with Kept(cache.port) as kept:
        for path in ("/metrics", "/readyz?x=1", "/%6detrics", "/metric%73"):
            assert (await kept.get(path))[0] == 404, path
    assert of_media(asked) == {}


async def test_the_edge_learns_by_which_name_it_was_asked_and_by_whom(cached):
    """Nobody who comes to the cache itself names another, also where the answer is kept."""
    cache, edge, _ = cached
    await edge.until("edge.upstream.near")
    seen = []
    handle = edge.edge.server.handler

    def noting(connection, asking):
        handle(connection, asking)
        seen.append((asking.path, asking.headers["host"], connection.who.address))

    edge.edge.server.handler = noting
    hand = b'{"name": "Lea", "question": "Why?"}'
    transport = httpx.AsyncHTTPTransport(local_address=LISTENER)
    claims = {"X-Forwarded-For": "6.6.6.6", "Forwarded": "for=6.6.6.6", "Host": "cache.example"}
    paths = ("/live/demo/state.json", "/live/demo/aac/init.mp4", "/r/demo")
    async with httpx.AsyncClient(transport=transport, headers=claims) as client:
        base = f"http://127.0.0.1:{cache.port}"
        await client.post(f"{base}/live/demo/hand", content=hand)
        for path in paths:
            await client.get(base + path)
    ours = [each for each in seen if each[0] != "/readyz"]
    assert ours == [(path, "cache.example", LISTENER) for path in ("/live/demo/hand", *paths)]


async def test_a_place_in_the_queue_is_looked_after_through_the_cache(cached):
    """Who shows their ticket keeps it: that is between them and the edge."""
    cache, _, asked = cached
    async with Kept(cache.port) as kept:
        assert (await kept.get("/live/demo/ticket?ticket=mine"))[0] == 200
    assert of_media(asked) == {("/live/demo/ticket", ("ticket", "mine")): 1}
