"""What an evening's hosts and latecomers wait for: a change of the hands, a second of the past, the replay.

    python -m bench evening

The pages run in Chromium on this machine. Uses a temporary folder on the machine's own disk.
"""

import asyncio
import os
import tempfile
import time
from pathlib import Path
from typing import Final

import msgspec
from playwright.async_api import expect

from bench.report import Row, percentile, spread
from hustings.archive.replay import FORMATS, make_replay
from hustings.base.clock import ManualClock
from hustings.base.ids import RoomId
from hustings.journal.file import Journal
from hustings.journal.keys import SigningKey, load_or_make
from hustings.journal.synthesis import synthesize
from hustings.stage.room import AUDIENCE_HANDS
from hustings.stage.views import HANDS_TOLD, TOPIC_TOLD
from hustings.wire import kinds
from hustings.wire.names import PART_SAMPLES, PART_SECONDS
from tests.e2e.chromium import chromium
from tests.e2e.test_stage_page import opened
from tests.fakes.edge_pages import FakeEdge
from tests.fakes.edges import running_edge
from tests.fakes.stage_feed import StageFeed
from tests.fakes.stage_page import FakeStage

ROOM = RoomId("evening")
TOPICS = [f"Topic {n}" for n in range(8)]
HANDS_UP = 100_000
CHANGES = 100
SEEKS = 20
PAST_HOURS = 4.0
REPLAY_HOURS = 2.0
END_MS = 1_800_000_000_000
PAST: Final = "document.querySelector('#rewind audio')"

# Each message's handlers and the layout that they cause, in ms.
TIMED = """
window.spent = [];
Object.defineProperty(WebSocket.prototype, "onmessage", {
  set(listener) {
    this.addEventListener("message", (event) => {
      const before = performance.now();
      listener.call(this, event);
      queueMicrotask(() => {  // the page draws in one of its own, queued before
        document.body.getBoundingClientRect();
        const spent = performance.now() - before;
        if (JSON.parse(event.data).type === "hands") window.spent.push(spent);
      });
    });
  },
});
"""
# From the wish to sound at that place: the element has a second of it and plays.
SEEK = """
(to) => new Promise((resolve) => {
  const past = document.querySelector("#rewind audio");
  const before = performance.now();
  const look = () => {
    if (past.currentTime > to && !past.seeking) {
      past.removeEventListener("timeupdate", look);
      resolve(performance.now() - before - 1000 * (past.currentTime - to));
    }
  };
  past.addEventListener("timeupdate", look);
  past.currentTime = to;
})
"""


def measure() -> list[Row]:
    """About two minutes."""
    with tempfile.TemporaryDirectory(prefix="hustings-bench-") as name:
        folder = Path(name)
        key = load_or_make(folder / "keys")
        return [*asyncio.run(_hands()), *asyncio.run(_seeks(folder, key)), *_replay(folder, key)]


def _hands_message(change: int) -> dict[str, object]:
    """The longest list of hands that a stage tells, with another one first each time."""
    told = HANDS_TOLD + len(TOPICS) * TOPIC_TOLD
    assert told <= AUDIENCE_HANDS
    hands = [
        {
            "id": f"{n:020x}",
            "name": f"Person {n}",
            "question": f"Who pays for the bridge, and who decides it? ({n})",
            "topic": TOPICS[n % len(TOPICS)],
            "at_ms": n,
        }
        for n in range(change, change + told)
    ]
    counts = {topic: HANDS_UP // len(TOPICS) - change for topic in TOPICS}
    return {"type": "hands", "hands": hands, "hands_up": HANDS_UP - change, "topics": counts}


async def _hands() -> list[Row]:
    async with FakeEdge() as edge:
        stage = FakeStage(edge=edge.origin)
        stage.facts["topics"] = TOPICS
        async with stage.running() as url, opened(bypass_csp=True) as page:
            await page.add_init_script(TIMED)
            await page.goto(f"{url}/s/square#i=host-link")
            await page.fill("#name", "Amina")
            await page.click("#join-form button")
            await page.click("#enter")
            await expect(page.locator("#on-stage .person")).to_have_count(2)
            await stage.set_state("live")
            stage.hands_up = HANDS_UP
            for change in range(CHANGES):
                await stage.tell(_hands_message(change))
                await asyncio.sleep(0.05)
            await page.wait_for_function(f"window.spent.length >= {CHANGES}")
            newest = page.locator("#hands li", has_text=f"Person {CHANGES - 1}")
            await expect(newest.first).to_be_visible()
            spent: list[float] = await page.evaluate("window.spent")
    return [
        Row(
            f"the hosts' page takes a change of {HANDS_UP:,} hands", "≤ 50 ms", spread(spent, " ms", 1),
            max(spent[1:]) <= 50, f"{len(spent)} changes, script and layout; 95 % {percentile(spent, 0.95):.1f} ms",
        )
    ]  # fmt: skip


async def _seeks(folder: Path, key: SigningKey) -> list[Row]:
    """A latecomer's page, over an evening that has been live for four hours."""
    parts = round(PAST_HOURS * 3_600 / PART_SECONDS)
    synthesize(folder / "rooms", ROOM, key, hours=PAST_HOURS, end_ms=END_MS)
    stage = StageFeed(first=parts)
    stage.room(ROOM, live_ms=END_MS - round(PAST_HOURS * 3_600_000))
    stage.live(ROOM)
    await stage.start()
    try:
        async with running_edge(stage.url, archive=str(folder)) as edge, chromium() as browser:
            await edge.until("rooms.indexed")
            page = await browser.new_page(bypass_csp=True)
            await page.goto(f"{edge.url}/r/{ROOM}")
            await page.locator("#rewind summary").click()
            await page.wait_for_function(f"{PAST}.duration > {PAST_HOURS * 3_600 - 60}")
            await page.evaluate(f"{PAST}.play()")
            await page.wait_for_function(f"{PAST}.currentTime > 0.5")
            far = PAST_HOURS * 3_600 - 120
            places = [far * (n * 7 % SEEKS + 0.5) / SEEKS for n in range(SEEKS)]
            spent = [await page.evaluate(SEEK, place) for place in places]
    finally:
        await stage.stop()
    return [
        Row(
            f"a jump within {PAST_HOURS:.0f} h of a live room, until it sounds", "≤ 500 ms", spread(spent, " ms", 0),
            percentile(spent, 0.95) <= 500, f"{SEEKS} jumps; 95 % {percentile(spent, 0.95):.0f} ms",
        )
    ]  # fmt: skip


def _replay(folder: Path, key: SigningKey) -> list[Row]:
    """Two hours that have just ended, made as `serve` makes them: after everything else."""
    data = folder / "replayed"
    synthesize(data / "rooms", ROOM, key, hours=REPLAY_HOURS, end_ms=END_MS)
    journal = Journal.open(data / "rooms", ROOM, key, ManualClock(wall_ms=END_MS))
    room = msgspec.structs.replace(_facts(journal), state="ended", ended_ms=END_MS)
    end = journal.recovered.next_part * PART_SAMPLES
    journal.append(kinds.ROOM, room, media_time=end)
    journal.close()
    os.nice(19)
    begun = time.monotonic()
    said: dict[str, float] = {}
    make_replay(data, ROOM, say=lambda step: said.setdefault(step, time.monotonic() - begun))
    each = ", ".join(f"{name} {said[name]:.1f} s" for name in FORMATS[1:])
    return [
        Row(
            f"replay of {REPLAY_HOURS:.0f} h can be heard after", "≤ 60 s", f"{said['heard']:.1f} s",
            said["heard"] <= 60, f"{each}; the job waits 3 s for the journal to be quiet",
        )
    ]  # fmt: skip


def _facts(journal: Journal) -> kinds.Room:
    snapshot = journal.recovered.snapshot
    assert snapshot is not None
    return snapshot.room
