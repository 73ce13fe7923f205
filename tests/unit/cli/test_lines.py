"""`cli.lines`: streams and playlists followed through faults; no sockets, virtual time."""

import asyncio
import itertools
import json
from collections.abc import AsyncIterator, Callable

import httpx
import pytest

from hustings.base.errors import NotFound, PeerError
from hustings.cli.hls_line import HlsLine, read_playlist
from hustings.cli.line import Line, Piece
from hustings.cli.lines import CmafLine, RadioLine, line_for
from hustings.edge.sound.playlists import Window, media, multivariant
from hustings.media.cmaf import emsg, init_segment, media_part
from hustings.media.hold import hold_frames
from hustings.wire.names import AAC, MP3, OPUS, PART_SAMPLES, PART_SECONDS

pytestmark = pytest.mark.looptime
BASE = "http://edge.test/live/demo/"
FIRST = 50_000

Handler = Callable[[httpx.Request], httpx.Response]


class LoopClock:
    """Monotonic time is the loop's own, virtual one."""

    def monotonic(self) -> float:
        return asyncio.get_running_loop().time()

    def wall_ms(self) -> int:
        return int(self.monotonic() * 1_000)


def part(n: int, rendition: str = OPUS, *, events: int = 0) -> bytes:
    boxes = [emsg(b"{}", media_time=n * PART_SAMPLES, seq=i) for i in range(events)]
    return media_part(rendition, n, hold_frames(rendition, n), events=boxes)


async def parts(first: int, count: int, *, then: Exception | None = None) -> AsyncIterator[bytes]:
    """Init and so many parts in awkward chunks, one each 320 ms; then the end, or a fault."""
    yield init_segment(OPUS)
    for n in range(first, first + count):
        await asyncio.sleep(PART_SECONDS)
        data = part(n, events=1)
        yield data[:100]
        yield data[100:]
    if then:
        raise then


def line(handler: Handler, url: str = BASE + "opus.mp4") -> Line:
    client = httpx.AsyncClient(transport=httpx.MockTransport(handler))
    return line_for(url, client, LoopClock())


async def take(some: Line, count: int) -> list[Piece]:
    found: list[Piece] = []
    async for piece in some.pieces():
        found.append(piece)
        if len(found) == count:
            break
    return found


async def test_parts_come_whole_whatever_the_chunks() -> None:
    some = line(lambda _: httpx.Response(200, content=parts(FIRST, 9)))
    pieces = await take(some, 5)
    assert [piece.start // PART_SAMPLES for piece in pieces] == [*range(FIRST, FIRST + 5)]
    assert [piece.frames for piece in pieces] == [hold_frames(OPUS, FIRST + n) for n in range(5)]
    assert (some.events, some.faults) == (5, 0)
    assert pieces[4].at_s - pieces[0].at_s == pytest.approx(4 * PART_SECONDS)


async def test_a_broken_line_is_resumed_by_part_number() -> None:
    asked: list[str] = []

    def edge(request: httpx.Request) -> httpx.Response:
        asked.append(str(request.url))
        first = int(request.url.params.get("from", FIRST))
        return httpx.Response(200, content=parts(first, 3, then=httpx.ReadError("gone")))

    some = line(edge)
    pieces = await take(some, 7)
    assert [piece.start // PART_SAMPLES - FIRST for piece in pieces] == [*range(7)]
    assert asked == [
        BASE + "opus.mp4",
        f"{BASE}opus.mp4?from={FIRST + 3}",
        f"{BASE}opus.mp4?from={FIRST + 6}",
    ]
    assert some.faults == 2


async def test_a_refusal_is_waited_out_as_long_as_asked() -> None:
    times: list[float] = []

    def edge(_: httpx.Request) -> httpx.Response:
        times.append(asyncio.get_running_loop().time())
        if len(times) < 3:
            body = {"code": "edge_full", "title": "Full."}
            return httpx.Response(503, json=body, headers={"Retry-After": "7"})
        return httpx.Response(200, content=parts(FIRST, 2))

    some = line(edge)
    await take(some, 1)
    assert some.refusals == 2
    waits = [b - a for a, b in itertools.pairwise(times)]
    assert all(7 <= wait <= 14.1 for wait in waits)


async def test_at_a_full_house_it_waits_its_turn_and_keeps_its_seat() -> None:
    asked: list[str] = []

    def edge(request: httpx.Request) -> httpx.Response:
        asked.append(str(request.url).removeprefix(BASE))
        if len(asked) < 3:
            body = {"code": "queue", "title": "Taken.", "ticket": "place", "ahead": 2}
            return httpx.Response(503, json=body, headers={"Retry-After": "7"})
        return httpx.Response(200, headers={"Hustings-Ticket": "seat"}, content=parts(FIRST, 2))

    await take(line(edge), 3)
    assert asked == [
        "opus.mp4",
        "opus.mp4?ticket=place",
        "opus.mp4?ticket=place",
        f"opus.mp4?from={FIRST + 2}&ticket=seat",
    ]


async def test_faults_are_spread_and_slow_down() -> None:
    times: list[float] = []

    def edge(_: httpx.Request) -> httpx.Response:
        times.append(asyncio.get_running_loop().time())
        raise httpx.ConnectError("nobody")

    some = line(edge)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(600):
            await take(some, 1)
    assert 12 < len(times) < 60  # up to a minute apart, half of it on average
    assert some.faults == len(times)


@pytest.mark.parametrize("status", [404, 400])
async def test_what_is_not_there_ends_it(status: int) -> None:
    some = line(lambda _: httpx.Response(status, json={"code": "room_unknown", "title": "No."}))
    with pytest.raises((NotFound, PeerError)) as refusal:
        await take(some, 1)
    assert refusal.value.code == "room_unknown"


async def test_a_room_that_ends_is_the_end() -> None:
    answers = iter(
        [
            httpx.Response(200, content=parts(FIRST, 2)),
            httpx.Response(410, json={"code": "room_ended", "title": "Over."}),
        ]
    )
    some = line(lambda _: next(answers))
    assert len(await take(some, 9)) == 2
    assert some.ended


async def test_radio_counts_from_its_first_frame() -> None:
    stream = b"".join(f for n in range(30) for f in hold_frames(MP3, n))

    async def body() -> AsyncIterator[bytes]:
        for at in range(0, len(stream), 1_000):
            await asyncio.sleep(0.1)
            yield stream[at : at + 1_000]

    some = line(lambda _: httpx.Response(200, content=body()), BASE + "radio.mp3")
    assert isinstance(some, RadioLine)
    pieces = await take(some, 20)
    assert pieces[0].start == 0
    for before, after in itertools.pairwise(pieces):
        assert after.start == before.start + len(before.frames) * 1_152


class HlsEdge:
    """Playlists of the real edge; parts appear each 320 ms of the loop's time."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.broken = False

    @property
    def next(self) -> int:
        return FIRST + 60 + int(asyncio.get_running_loop().time() / PART_SECONDS)

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        path, query = request.url.path.removeprefix("/live/demo/"), request.url.params
        self.asked.append(path)
        if self.broken:
            raise httpx.ReadError("gone")
        if path == "index.m3u8":
            return httpx.Response(200, content=multivariant(language="en"))
        if path == "aac/index.m3u8":
            if "_HLS_msn" in query:
                wanted = int(query["_HLS_msn"]) * 12 + int(query["_HLS_part"])
                while self.next <= wanted:
                    await asyncio.sleep(0.01)
            return httpx.Response(200, content=media(AAC, Window(FIRST, self.next, 0)))
        number = int(path.rsplit("/", 1)[1].split(".")[0])
        if "/part/" in path:
            return httpx.Response(200, content=part(number, AAC))
        found = b"".join(part(n, AAC) for n in range(number * 12, number * 12 + 12))
        return httpx.Response(200, content=found)


def hls(edge: HlsEdge) -> Line:
    client = httpx.AsyncClient(transport=httpx.MockTransport(edge))
    return line_for(BASE + "index.m3u8", client, LoopClock())


async def test_hls_begins_held_back_and_follows_part_by_part() -> None:
    edge = HlsEdge()
    some = hls(edge)
    pieces = await take(some, 30)
    assert isinstance(some, HlsLine)
    assert (some.rendition, some.target_s) == (AAC, 0.96)
    numbers = [piece.start // PART_SAMPLES for piece in pieces]
    assert numbers == [*range(FIRST + 57, FIRST + 87)]
    assert pieces[20].at_s - pieces[10].at_s == pytest.approx(10 * PART_SECONDS, abs=0.05)


async def test_hls_resumes_with_segments_where_parts_are_gone() -> None:
    edge = HlsEdge()
    some = hls(edge)
    await take(some, 3)
    some.spread_s = 0.01  # back before the playlist forgets
    edge.broken = True
    line_again = asyncio.get_running_loop().create_task(take(some, 30))
    await asyncio.sleep(14)  # parts of the last two segments only are listed
    edge.broken = False
    pieces = await line_again
    assert some.faults > 0
    starts = {
        piece.start // PART_SAMPLES + i for piece in pieces for i in range(len(piece.frames) // 15)
    }
    assert set(range(FIRST + 60, FIRST + 100)) <= starts
    assert any(path.startswith("aac/") and path.count("/") == 1 for path in edge.asked[-40:])


def test_addresses() -> None:
    client = httpx.AsyncClient()
    page = line_for("https://hear.example/r/demo?lang=de", client, LoopClock())
    assert (type(page), page.url) == (CmafLine, "https://hear.example/live/demo/opus.mp4")
    assert line_for(BASE + "aac.mp4?from=7", client, LoopClock()).rendition == AAC
    with pytest.raises(PeerError):
        line_for("https://hear.example/about", client, LoopClock())


@pytest.mark.parametrize("text", ["", "<html>", "#EXTM3U\n#EXT-X-VERSION:9\n"])
def test_what_is_no_playlist_is_refused(text: str) -> None:
    with pytest.raises(PeerError):
        read_playlist(text)


def told(kind: str, body: dict[str, float]) -> bytes:
    event = {"seq": 0, "kind": kind, "at": 0, "body": body}
    return emsg(json.dumps(event).encode(), media_time=0, seq=0)


async def test_an_edge_that_drains_is_left_while_it_still_sends() -> None:
    asked: list[tuple[str, float]] = []

    async def on_time(first: int, opening: bytes = b"") -> AsyncIterator[bytes]:
        yield init_segment(OPUS) + opening
        for n in itertools.count(first):
            due = (n - FIRST + 1) * PART_SECONDS
            await asyncio.sleep(max(0.0, due - asyncio.get_running_loop().time()))
            yield part(n)

    def edge(request: httpx.Request) -> httpx.Response:
        asked.append((request.url.params.get("from", ""), asyncio.get_running_loop().time()))
        if len(asked) == 1:
            opening = told("drain", {"spread_s": 0.5})
            return httpx.Response(200, content=on_time(FIRST, opening))
        if len(asked) == 2:
            return httpx.Response(503, json={"code": "edge_draining"}, headers={"Retry-After": "1"})
        return httpx.Response(200, content=on_time(int(asked[-1][0])))

    some = line(edge)
    pieces = await take(some, 16)
    assert [piece.start // PART_SAMPLES - FIRST for piece in pieces] == [*range(16)]
    times = [piece.at_s for piece in pieces]
    assert max(b - a for a, b in itertools.pairwise(times)) == pytest.approx(PART_SECONDS, abs=0.01)
    assert (some.faults, some.refusals, len(asked)) == (0, 1, 3)
    assert asked[2][1] - asked[1][1] >= 1


async def test_the_edge_says_how_widely_the_first_try_is_spread() -> None:
    times: list[float] = []

    async def short() -> AsyncIterator[bytes]:
        yield init_segment(OPUS) + told("state", {"reconnect_s": 0.001}) + part(FIRST + len(times))

    def edge(_: httpx.Request) -> httpx.Response:
        times.append(asyncio.get_running_loop().time())
        return httpx.Response(200, content=short())

    await take(line(edge), 5)
    assert times[-1] - times[0] <= 0.004 + 1e-9
