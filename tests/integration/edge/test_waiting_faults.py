"""The waiting room's rows of the fault table that need a real edge and a real crowd."""

import asyncio
import random
import statistics
from bisect import bisect_left
from collections import Counter

import httpx
import msgspec
import pytest

from hustings.wire import kinds
from hustings.wire.places import place
from tests.fakes.edge_process import EdgeProcess, edge_process
from tests.fakes.stage_feed import KEYS, StageFeed
from tests.support.night import scaled
from tests.support.strangers import STREAM, Ears, Visit, get, visit

SEATS = 200
LISTENERS = 20  # who are there before, and must notice nothing
STAYS_S = 4.0


class Crowd:
    """Polite people: each takes a place, watches what a cache would serve, and comes when called."""

    def __init__(self, edge: EdgeProcess) -> None:
        self.edge = edge
        self.view: dict[str, object] = {}
        self.seen: Counter[str] = Counter()
        self.called: list[tuple[float, float]] = []  # place, when they came in
        self.random = random.Random(1)

    async def watch(self) -> None:
        """`queue.json`, once for all."""
        async with httpx.AsyncClient(trust_env=False) as http:
            while True:
                answer = await http.get(f"http://127.0.0.1:{self.edge.port}/live/demo/queue.json")
                self.view = answer.json()
                await asyncio.sleep(0.5)

    async def person(self, n: int) -> None:
        source = f"127.{40 + n % 60}.{n // 60 % 250}.1"
        each = await visit(self.edge.port, STREAM, source=source, stay=True)
        await each.head
        self.seen["asked"] += 1
        if each.status == 200:
            return await self._sit(each)
        body = await self._refusal(each)
        ticket = body.get("ticket", "")
        while ticket:
            at = place(KEYS.check(ticket, room="demo", now_s=0), self._draw())
            while at is None or at > float(str(self.view.get("serving", 0))):
                await asyncio.sleep(0.25 + 0.25 * self.random.random())
            each = await visit(
                self.edge.port,
                get(f"/live/demo/opus.mp4?ticket={ticket}"),
                source=source,
                stay=True,
            )
            await each.head
            if each.status == 200:
                self.called.append((at, asyncio.get_running_loop().time()))
                return await self._sit(each)
            await self._refusal(each)
            await asyncio.sleep(int(each.field("retry-after")) * (1 + self.random.random()))
        return None

    def thirds(self) -> list[float]:
        """Of the first, second and last third of the queue: when the middle one came in, of all."""
        times = sorted(at_s for _, at_s in self.called)
        queue = [bisect_left(times, at_s) / len(times) for _, at_s in sorted(self.called)]
        third = len(queue) // 3
        return [statistics.median(queue[n * third : (n + 1) * third]) for n in range(3)]

    def _draw(self) -> kinds.Draw:
        return msgspec.convert(self.view["draw"], kinds.Draw)

    async def _sit(self, each: Visit) -> None:
        self.seen["in"] += 1
        await asyncio.sleep(STAYS_S)
        each.transport.abort()

    async def _refusal(self, each: Visit) -> dict[str, str]:
        if each.status not in {503, 429} or not 2 <= int(each.field("retry-after") or 0) <= 120:
            self.seen["without a word"] += 1
        while len(each.body) < int(each.field("content-length")) and not each.ended.done():
            await asyncio.sleep(0.01)
        each.transport.abort()
        body = msgspec.json.decode(bytes(each.body), type=dict[str, object])
        self.seen[str(body["code"])] += 1
        return {"ticket": str(body.get("ticket", ""))}


@pytest.mark.slow
async def test_F1_a_join_flood_waits_in_order_and_hurts_nobody(
    stage: StageFeed, figures: dict[str, object]
) -> None:
    """Ten times the seats come at once; each stays for some seconds, then the next is called."""
    seconds = scaled(8, 60)
    async with (
        edge_process(stage.url, listeners=500, waiting_share=1 - SEATS / 500) as edge,
        Ears(edge.port, LISTENERS) as ears,
    ):
        crowd = Crowd(edge)
        memory = edge.process.memory_info().rss
        free: list[float] = []
        watching = asyncio.create_task(crowd.watch())
        people = []
        for n in range(10 * SEATS):
            people.append(asyncio.create_task(crowd.person(n)))
            await asyncio.sleep(3 / (10 * SEATS))
        for _ in range(int(seconds)):
            await asyncio.sleep(1)
            free.append((await edge.metrics())["seats_free"])
        await ears.hear(3)
        for each in (*people, watching):
            each.cancel()
        await asyncio.gather(*people, watching, return_exceptions=True)
        grown = edge.process.memory_info().rss / memory - 1
        figures |= {
            **crowd.seen,
            "lost": ears.lost(),
            "empty seats": sum(free) / len(free),
            "came in, by thirds of the queue": [round(each, 2) for each in crowd.thirds()],
            "memory": f"{grown:+.0%}",
        }
    assert ears.lost() == 0
    assert crowd.seen["without a word"] == 0
    assert crowd.seen["queue"] >= 8 * SEATS  # it was a flood
    assert len(crowd.called) >= 100
    first, second, last = crowd.thirds()
    assert first < second < last  # the same on any machine, however late it is
    assert grown < 0.5
