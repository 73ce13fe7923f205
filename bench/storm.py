"""A stampede beside the stage: what two speakers hear of each other while 5,000 listeners rush in.

The crowd is that of `hustings loadtest`; one speaker beeps each second, and the other one's ear is
measured packet by packet, first in a calm half minute. STORM_LISTENERS=1000 makes the crowd that large.
(`bench.reconnect` kills an edge under its listeners.)
"""

import asyncio
import contextlib
import os
import tempfile
import time
from collections.abc import AsyncIterator
from pathlib import Path

from bench.report import Row, percentile
from hustings.base.clock import SystemClock
from hustings.load.rehearsal.judging import limiting
from hustings.load.rehearsal.summary import Summary, summarise
from hustings.load.rehearsal.target import read_target, resolved
from hustings.load.rehearsal.wish import Wish
from hustings.load.rehearsal.witness import between, look
from hustings.load.rehearsal.workers import rehearse
from hustings.media.beep import BeepReader, delay_s
from hustings.media.opus import OpusDecoder
from tests.fakes.rtc_client import SILENCE, Caller
from tests.support.house import PROGRAM, House
from tests.support.speakers import Place
from tests.support.stage import Person

ROOM = "storm"
LISTENERS = int(os.environ.get("STORM_LISTENERS", "5000"))
CALM_S = 30.0


def measure() -> list[Row]:
    """A little over a minute."""
    with tempfile.TemporaryDirectory() as folder:
        return asyncio.run(_stampede(Path(folder), LISTENERS))


def _note(found: Summary) -> str:
    own = limiting(found.own)
    return f"generator {found.own.cpu:.0%} of a core" + (f"; it was a limit: {own}" if own else "")


async def _stampede(folder: Path, listeners: int) -> list[Row]:
    with House(folder / "house") as house:
        house.put(ROOM, title="Storm", host="Ada", state="lobby")
        async with _two_speakers(house) as ear:
            before = look(house.stage)
            calm = await ear.during(CALM_S)
            target = resolved(read_target(f"{house.edge}/r/{ROOM}", rendition="opus"), "")
            wish = Wish(target=target, shape="stampede", listeners=listeners, seconds=CALM_S)
            crowd = asyncio.get_running_loop().create_task(
                rehearse(wish, SystemClock(), stop=asyncio.Event(), progress=lambda _: None)
            )
            rush = await ear.during(CALM_S)
            summary = summarise(await crowd, wish, between(before, look(house.stage)))
    stage = summary.stage
    assert stage is not None
    more = percentile(rush, 0.95) - percentile(calm, 0.95)
    return [
        Row(
            f"speaker to speaker, 95 %, while {listeners} rush in", "≤ calm + 20 ms",
            f"{percentile(rush, 0.95):.0f} ms", more <= 20, f"calm {percentile(calm, 0.95):.0f} ms; {len(calm)} and {len(rush)} beeps",
        ),
        Row("… stage's ticks skipped", "0", f"{stage.skipped_ticks}", not stage.skipped_ticks, f"{stage.late_ticks} of {stage.ticks} late"),
        Row("… first sound of the crowd", "", f"median {summary.first_sound_s.p50:.2f} s, 95 % {summary.first_sound_s.p95:.2f} s", None, _note(summary)),
    ]  # fmt: skip


class Ear:
    """What one speaker hears of the other: each beep's delay, packet by packet."""

    def __init__(self, caller: Caller) -> None:
        self._packets: list[tuple[float, bytes]] = []
        receiver = caller.connection.getReceivers()[0]
        receiver._handle_rtp_packet = self._take  # type: ignore[method-assign]  # noqa: SLF001

    async def _take(self, packet: object, arrival_time_ms: int) -> None:
        del arrival_time_ms
        self._packets.append((time.time(), packet.payload))  # type: ignore[attr-defined]

    async def during(self, seconds: float) -> list[float]:
        """Delays in ms of the beeps that come within so long."""
        self._packets.clear()
        await asyncio.sleep(seconds)
        packets, self._packets = self._packets, []
        decoder, reader, found = OpusDecoder(), BeepReader(), []
        for _, payload in packets:
            found += reader.feed(decoder.decode(payload))
        return [
            delay_s(beep.code, packets[int(beep.onset) // 960][0] + beep.onset % 960 / 48_000) * 1_000
            for beep in found
            if 0 <= beep.onset < 960 * len(packets)
        ]  # fmt: skip


@contextlib.asynccontextmanager
async def _two_speakers(house: House) -> AsyncIterator[Ear]:
    words = [*PROGRAM, "say", ROOM, "--beep", "--go-live", "--stage", house.stage]
    beeper = await asyncio.create_subprocess_exec(
        *words, env=house.environment, stdout=asyncio.subprocess.DEVNULL
    )
    person = await Person(Place(house), ROOM, "cohost").join("Ear")  # type: ignore[arg-type]
    try:
        async with person.control():
            await person.do("accept")
            caller = await person.speak([SILENCE] * 50 * 600)
        ear = Ear(caller)
        await ear.during(5.0)  # the lines settle
        yield ear
        await caller.close()
    finally:
        await person.http.aclose()
        beeper.terminate()
        await beeper.wait()
