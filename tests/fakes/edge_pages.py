"""A small real edge for the listener page: HTTP on loopback, CMAF of a tone in real time.

Tests script what a real edge does on a bad night: `drop()` cuts every stream, `refuse` answers
503, `away` answers nothing at all, `skip(parts)` jumps to live over a hole, `frozen` stops sending, `event(...)` says something
in-band. Media time begins at 30 hours, as in a room that has been open for long.
"""

import asyncio
import json
import re
from typing import Any, Self
from urllib.parse import parse_qs, parse_qsl, urlsplit

import msgspec
import numpy as np

from hustings.edge.http.protocol import Request
from hustings.edge.installable import installable
from hustings.media import cmaf
from hustings.media.encoders import ProgramEncoder
from hustings.pages.assets import asset
from hustings.pages.render import choose_language, page_headers, render
from hustings.wire import kinds
from hustings.wire.names import PART_SAMPLES, PART_SECONDS, PART_TICKS, SAMPLE_RATE
from tests.fakes.sounds import ticks, tone

FIRST_PART = 337_500  # 30 h
LOOP_PARTS = 25  # 8 s: whole periods of every multiple of 0.125 Hz
BACKLOG_PARTS = 94
_SAID = {"react": 204, "question": 202, "vote": 204, "poll": 204}


def tone_parts(hertz: float) -> list[dict[str, list[bytes]]]:
    """One seamless loop of parts; the encoder has run a loop before, so it is settled."""
    encoder = ProgramEncoder(radio=False)
    parts = []
    for n in range(2 * LOOP_PARTS):
        for pcm in ticks(tone(PART_SAMPLES, hertz, start=n * PART_SAMPLES)):
            encoder.feed(pcm)
        parts.append(encoder.take_part(n))
    return parts[LOOP_PARTS:]


class FakeEdge:
    """One room; use as `async with FakeEdge() as edge`, then open `edge.url`."""

    def __init__(self, *, hertz: float = 440.0, room: kinds.Room | None = None) -> None:
        self.room: kinds.Room | None = room or kinds.Room(
            "square",
            "Is the new bridge worth its price?",
            state="live",
            host="Amina Berg",
            description="Two candidates, one bridge, and your questions.",
            start_ms=1_800_000_000_000,
        )
        self.rules = kinds.Rules()
        self.roster = [
            kinds.Participant("amina", "Amina Berg", "host", "stage", connected=True),
            kinds.Participant("otto", "Otto Lind", "speaker", "stage", connected=True),
        ]
        self.speaking = ["amina"]
        self.source = "live"
        self.listeners = 1_204
        self.refuse: tuple[int, int] | None = None  # status, Retry-After
        self.away = False  # not to be reached
        self.frozen = False
        self.join = 1  # parts in a fragment
        self.requests: list[str] = []
        self.hands: list[dict[str, Any]] = []
        self.shown: dict[str, Any] = {}  # of the evening, by kind: agenda, questions, poll
        self.said: list[tuple[str, Any]] = []  # reactions, questions and votes, with their path
        self.loop_parts = tone_parts(hertz)
        self._events: dict[int, list[bytes]] = {}
        self._seq = 100
        self._streams: set[asyncio.StreamWriter] = set()
        self._skip = 0
        self._tasks: set[asyncio.Task[Any]] = set()

    async def __aenter__(self) -> Self:
        self._began = asyncio.get_running_loop().time()
        self._server = await asyncio.start_server(self._client, "127.0.0.1", 0)
        self.origin = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        self.url = f"{self.origin}/r/square"
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    # ------------------------------------------------------------ what tests do

    @property
    def media_time(self) -> int:
        elapsed = asyncio.get_running_loop().time() - self._began
        return FIRST_PART * PART_SAMPLES + round((elapsed + 40) * SAMPLE_RATE)

    @property
    def next_part(self) -> int:
        """The part that is being made now."""
        return self.media_time // PART_SAMPLES

    def streams(self) -> list[str]:
        """The requests for streams so far, without the pass that each may show."""
        paths = [re.sub(r"[?&]ticket=[^&]*", "", path) for path in self.requests]
        return [path.replace(".mp4&", ".mp4?") for path in paths if ".mp4" in path]

    def drop(self) -> None:
        """Cut every stream."""
        for writer in list(self._streams):
            writer.transport.abort()

    def skip(self, parts: int) -> None:
        """Every stream leaves out the next parts, as for a listener who is too slow."""
        self._skip = self.next_part + parts

    def event(self, kind: str, body: object) -> None:
        """Say something in the next part."""
        self._seq += 1
        data = kinds.event_json(seq=self._seq, kind=kind, at=self.media_time, body=body)
        self._events.setdefault(self.next_part, []).append(data)

    def state(self) -> dict[str, Any]:
        body = {
            "v": 1,
            "room": self.room,
            "media_time": self.media_time,
            "part": self.next_part,
            "roster": self.roster,
            "speaking": self.speaking,
            "source": self.source,
            "wall_ms": 0,
            "stream": ["opus", "opus-low", "aac"],
            "listeners": self.listeners,
            **self.shown,
        }
        return dict(json.loads(msgspec.json.encode(body)))

    # ------------------------------------------------------------ HTTP

    async def _client(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            while await self._request(reader, writer):
                pass
        except (ConnectionError, asyncio.CancelledError):
            pass
        finally:
            self._tasks.discard(task)
            self._streams.discard(writer)
            writer.close()

    async def _request(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
        except asyncio.IncompleteReadError:
            return False
        method, target, _ = head.split("\r\n", 1)[0].split(" ")
        headers = {
            name.lower(): value
            for name, _, value in (line.partition(": ") for line in head.split("\r\n")[1:] if line)
        }
        body = await reader.readexactly(int(headers.get("content-length", 0)))
        self.requests.append(target)
        if self.away:
            return False
        url = urlsplit(target)
        if url.path.endswith(".mp4") and not self.refuse:
            await self._stream(url.path.rsplit("/", 1)[1].removesuffix(".mp4"), url.query, writer)
            return False
        status, lines, answer = self._answer(method, url.path, url.query, headers, body)
        lines.append(("Content-Length", str(len(answer))))
        writer.write(f"HTTP/1.1 {status} -\r\n".encode())
        writer.write("".join(f"{name}: {value}\r\n" for name, value in lines).encode() + b"\r\n")
        writer.write(b"" if method == "HEAD" else answer)
        await writer.drain()
        return True

    def _answer(
        self, method: str, path: str, query: str, headers: dict[str, str], body: bytes
    ) -> tuple[int, list[tuple[str, str]], bytes]:
        json_type = [("Content-Type", "application/json"), ("Cache-Control", "no-store")]
        if self.refuse and path.startswith("/live/"):
            status, delay = self.refuse
            return status, [("Retry-After", str(delay))], b""
        if path.startswith("/r/") and "." in path:
            name = path.removeprefix("/r/")
            asked = Request(method, path, dict(parse_qsl(query)), headers)
            if made := installable(asked, name, lambda _: self.state()["room"]):
                return made.status, list(made.headers.items()), made.body
        if path.startswith("/r/"):
            room = self.room if path == "/r/square" else None
            language = choose_language(headers.get("accept-language"), query)
            page = render(
                "listener.html",
                language,
                room=room,
                room_id=path.removeprefix("/r/"),
                roster=self.roster,
                speaking=self.speaking,
                reactions=("clap", "heart", "laugh", "wow", "agree", "doubt"),
                **self.shown,
            )
            return 200 if room else 404, page_headers(frames=[self.origin]), page
        if path.startswith("/static/") and (found := asset(path)):
            kind = [("Content-Type", found.content_type), ("Cache-Control", found.cache_control)]
            return 200, kind, found.body
        if path == "/live/square/state.json":
            return 200, json_type, json.dumps(self.state()).encode()
        if path == "/live/square/rules.json":
            return 200, json_type, msgspec.json.encode(self.rules)
        if path == "/live/square/hand" and method == "POST":
            said = json.loads(body)
            holds = self.room.rules if self.room else ""
            if said.get("raised", True) and said.get("rules", "") != holds:
                unread = {"code": "rules_unread", "rules": msgspec.to_builtins(self.rules)}
                return 428, json_type, json.dumps(unread).encode()
            self.hands.append(said)
            return 200, json_type, b'{"hand": "h1", "ticket": "t"}'
        if path == "/live/square/questions.json":
            return 200, json_type, json.dumps(self.shown.get("questions", {})).encode()
        if method == "POST" and (name := path.removeprefix("/live/square/")) in _SAID:
            plain = headers.get("content-type") != "application/json"
            self.said.append((name, dict(parse_qsl(body.decode())) if plain else json.loads(body)))
            home = [("Location", "/r/square#poll")]
            return (303, home, b"") if plain else (_SAID[name], json_type, b"")
        return 404, [], b""

    async def _stream(self, rendition: str, query: str, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: audio/mp4\r\nConnection: close\r\n")
        writer.write(b"Access-Control-Allow-Origin: *\r\n\r\n")
        wished = int(parse_qs(query).get("from", ["-1"])[0])
        oldest = self.next_part - BACKLOG_PARTS
        n = self.next_part - 2 if wished < 0 or wished > self.next_part else max(wished, oldest)
        state = kinds.event_json(seq=1, kind="state", at=self.media_time, body=self.state())
        writer.write(
            cmaf.init_segment(rendition) + cmaf.emsg(state, media_time=n * PART_SAMPLES, seq=1)
        )
        self._streams.add(writer)
        while not writer.is_closing():
            n = max(n, self._skip)
            while n + self.join <= self.next_part and not self.frozen:
                writer.write(self._fragment(rendition, n))
                n += self.join
            await writer.drain()
            await asyncio.sleep(PART_SECONDS / PART_TICKS)

    def _fragment(self, rendition: str, first: int) -> bytes:
        parts = range(first, first + self.join)
        frames = [f for n in parts for f in self.loop_parts[n % LOOP_PARTS][rendition]]
        events = [
            cmaf.emsg(data, media_time=n * PART_SAMPLES, seq=json.loads(data)["seq"])
            for n in parts
            for data in self._events.get(n, [])
        ]
        return cmaf.media_part(rendition, first, frames, events=events)


def power_at(samples: Any, hertz: float) -> float:
    """Share of a signal's power that lies within 1 % of `hertz` (Hann window)."""
    pcm = np.asarray(samples, dtype=np.float64)
    spectrum = np.abs(np.fft.rfft(pcm * np.hanning(len(pcm)))) ** 2
    frequencies = np.fft.rfftfreq(len(pcm), 1 / SAMPLE_RATE)
    near = np.abs(frequencies - hertz) <= max(hertz * 0.01, 2 * SAMPLE_RATE / len(pcm))
    return float(spectrum[near].sum() / max(spectrum.sum(), 1e-12))
