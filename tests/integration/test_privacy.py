"""F34: known addresses go through everything; nothing that is stored, logged or shown holds one."""

import asyncio
import base64
import hashlib
import ipaddress
import logging
import zlib
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest

from hustings.base.clock import SystemClock
from hustings.edge.app import Edge, listen
from hustings.settings import EdgeSettings, Settings
from hustings.wire.sketch import Sketch
from tests.support.house import House
from tests.support.stage import Person, Stage

ADDRESSES = ("203.0.113.77", "198.51.100.201", "2001:db8:77:aa00::7")


def forms(address: str) -> dict[str, bytes]:
    """An address as somebody could write it down, and the hashes that anyone could compute."""
    ip = ipaddress.ip_address(address)
    texts = {
        address,
        ip.exploded,
        str(ipaddress.ip_network((ip, 56 if ip.version == 6 else 32), strict=False)),
    }
    texts |= {text.partition("/")[0] for text in texts}
    found = {f"text {text}": text.encode() for text in texts} | {"packed": ip.packed}
    for name in ("md5", "sha1", "sha256", "blake2s", "blake2b"):
        for text in (*texts, ip.packed):
            data = text if isinstance(text, bytes) else text.encode()
            digest = hashlib.new(name, data).digest()
            found[f"{name} of {text!r}"] = digest[:8]
            found[f"{name} of {text!r}, hex"] = digest.hex()[:16].encode()
            found[f"{name} of {text!r}, base64"] = base64.b64encode(digest)[:10]
    return found


def holds(data: bytes) -> list[str]:
    return [
        f"{address}: {name}"
        for address in ADDRESSES
        for name, form in forms(address).items()
        if form in data
    ]


def test_the_search_finds_what_it_looks_for() -> None:
    assert holds(b"GET / from 203.0.113.77")
    assert holds(hashlib.sha256(b"198.51.100.201").hexdigest().encode())
    assert holds(ipaddress.ip_address(ADDRESSES[2]).packed)
    assert not holds(b"nothing of the kind")


async def test_F34_no_address_is_stored_logged_or_shown(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    shown: list[bytes] = []
    async with Stage(tmp_path) as stage:
        await stage.put("r", title="R", state="lobby")
        host = await Person(stage, "r", "host").join("Ada")
        async with host.control():
            await host.do("go_live")
        token = stage.service_headers("edge")["Authorization"].removeprefix("Bearer ")
        settings = EdgeSettings(origin=stage.url, token=token, lane_port=0)
        edge = Edge(Settings(edge=settings), SystemClock())
        sock = listen("127.0.0.1", 0)
        await edge.start(sock)
        try:
            url = f"http://127.0.0.1:{sock.getsockname()[1]}"
            async with httpx.AsyncClient(base_url=url, timeout=10) as http:
                await _until_ready(http)
                for address in ADDRESSES:
                    shown += await _visit(http, address)
                sketches = await _sketches(edge)
                for path in ("/metrics", "/status", "/status.json", "/status/r.json"):
                    shown.append((await http.get(path)).content)
            async with httpx.AsyncClient(base_url=stage.url) as http:
                shown.append((await http.get("/metrics")).content)
                refused = await http.post(
                    "/rooms/r/batch", content=b"{", headers={"X-Forwarded-For": ADDRESSES[0]}
                )
                shown.append(refused.content)
            await stage.engine.do(lambda studio: studio.hall("r").minute())
        finally:
            await edge.close()
    assert 0 < sum(sketch.size for sketch in sketches) <= 2 * len(ADDRESSES)
    assert list(tmp_path.rglob("journal"))
    assert stored_addresses(tmp_path) == {}
    assert holds("\n".join(record.getMessage() for record in caplog.records).encode()) == []
    assert holds(b"\n".join(shown)) == []
    for sketch in sketches:  # never leave memory but for the stage's; nothing in them either
        assert holds(zlib.decompress(sketch.encode())) == []


@pytest.mark.slow
def test_F34_a_whole_house_keeps_no_address(tmp_path: Path) -> None:
    """Three services as `serve` runs them, logging all they can: journals, database, logs, metrics."""
    with House(tmp_path, HUSTINGS_LOG="debug") as house:
        house.put("r", title="R", state="lobby")
        for address in ADDRESSES:
            me = {"X-Forwarded-For": address, "User-Agent": f"player at {address}"}
            with httpx.Client(headers=me, timeout=20) as http:
                for base in (house.web, house.stage, house.edge):
                    for path in ("/", "/nothing", "/start", "/s/r", "/r/r", "/live/r/state.json"):
                        http.get(base + path)
                http.post(f"{house.web}/start", data={"code": "guessed"})
                http.post(f"{house.stage}/rooms/r/join", json={"invitation": "forged"})
                http.post(f"{house.stage}/rooms/r/batch", content=b"{")
                http.post(f"{house.edge}/live/r/hand", json={"name": "Kim", "question": "Why?"})
                http.post(f"{house.edge}/live/r/hand", content=b"{")
                for _ in range(30):
                    http.get(f"{house.web}/rooms/new")
        shown = b"".join(
            httpx.get(f"{base}/metrics", timeout=20).content
            for base in (house.web, house.stage, house.edge)
        )
    stored = {path.name for path in tmp_path.rglob("*") if path.is_file()}
    assert {"journal", "serve.log"} <= stored
    assert any(name.endswith((".db", ".sqlite", ".sqlite3")) for name in stored), stored
    assert stored_addresses(tmp_path) == {}
    assert holds(shown) == []


def stored_addresses(folder: Path) -> dict[str, list[str]]:
    """Every file below a folder that holds an address, and in which form."""
    files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    found = {str(path): holds(path.read_bytes()) for path in files}
    return {path: what for path, what in found.items() if what}


async def _until_ready(http: httpx.AsyncClient) -> None:
    async with asyncio.timeout(10):
        while (await http.get("/readyz")).status_code != 200:
            await asyncio.sleep(0.05)


async def _visit(http: httpx.AsyncClient, address: str) -> list[bytes]:
    """Everything that one person does."""
    me = {"X-Forwarded-For": address, "User-Agent": f"player at {address}"}
    answers: list[Any] = [
        await http.get("/r/r", headers=me),
        await http.get("/live/r/state.json", headers=me),
        await http.get("/live/r/aac/index.m3u8", headers=me),
        await http.get("/live/r/nothing", headers=me),
        await http.post("/live/r/hand", headers=me, json={"name": "Kim", "question": "Why?"}),
        await http.post("/live/r/hand", headers=me, content=b"{"),
        await http.post("/live/r/react", headers=me, json={"kind": "clap"}),
    ]
    said = {"id": f"tab of {address[-5:]}", "hears": "hls", "heard_s": 90}
    answers.append(await http.post("/live/r/receipt", headers=me, json=said))
    for _ in range(80):  # too many: refused, and still not written down
        refused = await http.post("/live/r/react", headers=me, json={"kind": "clap"})
    assert refused.status_code in {429, 503}  # 503: a busy machine
    async with asyncio.timeout(30):
        while not await _listened(http, me):  # a busy machine lets in later
            await asyncio.sleep(0.5)
    return [bytes(str(each.headers), "utf-8") + each.content for each in answers]


async def _listened(http: httpx.AsyncClient, me: dict[str, str]) -> bool:
    async with http.stream("GET", "/live/r/opus.mp4", headers=me) as answer:
        async for piece in answer.aiter_raw():
            return answer.status_code == 200 and bool(piece)
    return False


async def _sketches(edge: Edge) -> list[Sketch]:
    """As if all had stayed for a minute."""
    live = next(iter(edge.rooms.live.values()))
    census = live.audience.census
    now_s = SystemClock().monotonic() + 61
    for who, (first, _) in list(census._playlists._times.items()):
        assert first < now_s
        census.players.add(who)
    batch = live.audience.batch(live.now, now_s)
    assert msgspec.json.encode(batch)
    live.audience.lost()
    return [census.pages, census.players]
