"""A tone that some program sends, and whether it is what a room's audience hears."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from hustings.journal.entry import Entry
from hustings.media.decoders import FrameDecoder
from hustings.wire import kinds
from hustings.wire.names import OPUS
from tests.support.stage import Stage

HERTZ = 1_000


async def tone(stage: Stage, room: str = "r") -> float:
    """Wait until the program is that tone; its share of the sound."""
    share = 0.0

    def enough(records: list[Any]) -> bool:
        nonlocal share
        parts = [r for r in records if isinstance(r, Entry) and r.kind == kinds.PART][-6:]
        if len(parts) == 6:
            share = purity([each.decode(kinds.Part) for each in parts])
        return share > 0.9

    async with asyncio.timeout(60):  # only ends a test that hangs
        await stage.records(room, until=enough)
    return share


def purity(parts: Sequence[kinds.Part]) -> float:
    """How much of the power of some parts in a row is the tone's."""
    decoder = FrameDecoder(OPUS)
    pcm = np.concatenate([decoder.decode(f) for part in parts for f in part.renditions[OPUS]])
    return share_of_tone(pcm[9_600:])


def share_of_tone(pcm: Any) -> float:
    """Of samples at 48 kHz."""
    power = np.abs(np.fft.rfft(pcm * np.hanning(len(pcm)))) ** 2
    at = round(HERTZ * len(pcm) / 48_000)
    return float(power[at - 4 : at + 5].sum() / max(power.sum(), 1e-9))


@contextlib.asynccontextmanager
async def running(*words: str, stdin: Path | None = None) -> AsyncIterator[Any]:
    with contextlib.ExitStack() as stack:
        given = stack.enter_context(stdin.open("rb")) if stdin else asyncio.subprocess.DEVNULL
        quiet = asyncio.subprocess.DEVNULL
        process = await asyncio.create_subprocess_exec(
            *words, stdin=given, stdout=quiet, stderr=quiet
        )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
