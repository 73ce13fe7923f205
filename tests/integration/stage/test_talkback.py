"""The green room and private talk-back through real lines: told apart by tones."""

import asyncio
import json
from pathlib import Path
from typing import Any

import numpy as np

from hustings.journal.entry import Entry
from hustings.media.decoders import FrameDecoder
from hustings.media.opus import OpusDecoder, OpusEncoder
from hustings.media.pcm import Pcm
from hustings.wire import kinds
from hustings.wire.kinds import Part
from hustings.wire.names import OPUS
from tests.fakes.rtc_client import Caller
from tests.fakes.sounds import ticks, tone
from tests.support.stage import Person, Stage

HERTZ = {"host": 500, "guest": 900}


def frames(hertz: int) -> list[bytes]:
    encoder = OpusEncoder(32_000, application="audio")
    return [encoder.encode(tick) for tick in ticks(tone(48_000, hertz, 0.2))] * 60


def heard(pcm: Pcm) -> set[str]:
    """Whose tone is in it, 50 dB below the loudest possible or louder."""
    spectrum = np.abs(np.fft.rfft(pcm * np.hanning(len(pcm)))) / (len(pcm) / 4)
    return {
        who
        for who, hertz in HERTZ.items()
        if spectrum[round(hertz * len(pcm) / 48_000) + np.arange(-2, 3)].max() > 10 ** (-50 / 20)
    }


def of_part(part: Part) -> Pcm:
    decoder = FrameDecoder(OPUS)
    return np.concatenate([decoder.decode(frame) for frame in part.renditions[OPUS]])[4_800:]


async def comes(caller: Caller, wanted: set[str]) -> None:
    """Wait until this ear hears these tones and no others for half a second."""
    async with asyncio.timeout(30):  # only ends a test that hangs
        while True:
            decoder = OpusDecoder()
            last = [payload for _, _, payload in caller.heard[-40:]]
            pcm = [decoder.decode(payload) for payload in last]
            if len(pcm) == 40 and heard(np.concatenate(pcm[15:])) == wanted:
                return
            await asyncio.sleep(0.1)


async def newest(stage: Stage, after: int = -1) -> Part:
    """The first part of the public program beyond `after`."""
    found: list[Part] = []

    def enough(records: list[Any]) -> bool:
        parts = [r for r in records if isinstance(r, Entry) and r.kind == kinds.PART]
        found[:] = [part for part in (each.decode(Part) for each in parts[-1:]) if part.n > after]
        return bool(found)

    await stage.records("r", until=enough)
    return found[0]


async def test_green_room_and_private_words_never_reach_the_program(tmp_path: Path) -> None:
    async with Stage(tmp_path) as stage:
        await stage.put("r", title="R")  # only planned: the green room is open already
        host = await Person(stage, "r", "host").join("Ada")
        guest = await Person(stage, "r", "speaker").join("Gus")
        other = await Person(stage, "r", "speaker").join("Gina")
        async with host.control(), guest.control(), other.control():
            guests = await guest.speak(frames(HERTZ["guest"]))
            others = await other.speak()
            hosts = await host.speak(frames(HERTZ["host"]))
            await comes(others, {"host", "guest"})
            await comes(guests, {"host"})

            await host.do("accept")
            await host.do("go_live")
            while heard(of_part(part := await newest(stage))) != {"host"}:
                assert "guest" not in heard(of_part(part))
            assert (await other.do("talk", participant=guest.id))["code"] == "role_denied"
            assert (await host.do("talk", participant=host.id))["code"] == "talk_who"
            assert (await host.do("talk", participant=guest.id))["type"] == "done"
            said = await newest(stage)
            await comes(guests, {"host"})
            await comes(hosts, {"guest"})
            await comes(others, set())
            until = await newest(stage, after=said.n + 4)
            records = await stage.records(
                "r", until=lambda got: any(is_part(each, until.n) for each in got)
            )
            for part in (r.decode(Part) for r in records if is_part(r, said.n + 2)):
                assert heard(of_part(part)) == set()

            talks = [r for r in records if isinstance(r, Entry) and r.kind == kinds.TALK]
            assert [talk.body for talk in talks] == [None]  # an edge sees that there is an entry

            leave = {"type": "do", "id": 99, "command": "leave"}
            await guest.socket.send(json.dumps(leave))
            muted = await host.hear("roster")
            while not muted["roster"][0].get("muted"):
                muted = await host.hear("roster")
            assert muted["talks"] == {}
        for caller in (hosts, guests, others):
            await caller.close()


def is_part(record: Any, least: int) -> bool:
    """Whether it is a part of this number or a later one."""
    return (
        isinstance(record, Entry) and record.kind == kinds.PART and record.decode(Part).n >= least
    )
