"""CPU of the stage's audio core with 13 speakers: decode, level, mix, encode; without network.

    python -m bench.mixing [--speakers 13] [--talking 2] [--seconds 60] [--radio] [--tracks] [--json]

As `stage.studio` does it: every voice ticks, the program is encoded into its renditions, each
speaker who is heard gets their own mix-minus encode, the silent ones share one; with --tracks all
of them agreed to a track of their own. Prints the share
of one core and where it goes. Packets with FEC, 2 % of them lost. Load of the machine is printed
because it shifts every figure.
"""

import argparse
import json
import os
import random
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hustings.base.ids import ParticipantId
from hustings.media.files import read_audio
from hustings.media.opus import OpusEncoder
from hustings.media.pcm import Pcm
from hustings.stage.mix.echo import EchoFinder
from hustings.stage.mix.mixer import Mixer
from hustings.stage.mix.program import Program
from hustings.stage.mix.voice import Voice

DATA = Path(__file__).parent.parent / "src/hustings/media/data"
MINUS_BITRATE, MINUS_COMPLEXITY = 32_000, 5


class Stopwatch:
    """CPU seconds by name."""

    def __init__(self) -> None:
        self.spent: dict[str, float] = {}

    def time(self, name: str, work: Callable[[], Any]) -> Any:
        start = time.thread_time()
        result = work()
        self.spent[name] = self.spent.get(name, 0.0) + time.thread_time() - start
        return result


def spoken(seconds: int) -> list[bytes]:
    """Packets of somebody who does not stop speaking, as a browser sends them."""
    encoder = OpusEncoder(32_000, application="voip", fec=True, loss_percent=10)
    loud = [pcm for pcm in read_audio(DATA / "voice_b.opus") if abs(pcm).max() > 0.02]
    return [encoder.encode(loud[n % len(loud)]) for n in range(seconds * 50)]


def hushed(seconds: int) -> list[bytes]:
    """Packets of an open microphone in a quiet room."""
    import numpy as np

    encoder = OpusEncoder(32_000, application="voip", fec=True, loss_percent=10)
    noise = np.random.default_rng(5)
    return [
        encoder.encode((noise.standard_normal(960) * 5e-4).astype(np.float32))
        for _ in range(seconds * 50)
    ]


def aloud(voices: dict[ParticipantId, Pcm | None]) -> dict[str, Pcm]:
    """Those that are heard."""
    return {who: pcm for who, pcm in voices.items() if pcm is not None and pcm.any()}


def measure(
    *,
    speakers: int = 13,
    talking: int = 2,
    seconds: int = 60,
    radio: bool = False,
    tracks: bool = False,
) -> dict[str, Any]:
    """Percent of a core in all and by step, encodes a tick, and the slowest tick in ms."""
    speech, hush = spoken(seconds), hushed(seconds)
    people = [ParticipantId(f"p{n}") for n in range(speakers)]
    voices = {who: Voice() for who in people}
    minus = {
        who: OpusEncoder(MINUS_BITRATE, application="audio", complexity=MINUS_COMPLEXITY)
        for who in people
    }
    shared = OpusEncoder(MINUS_BITRATE, application="audio", complexity=MINUS_COMPLEXITY)
    mixer, program, echo = Mixer(), Program(0, radio), EchoFinder()
    chance = random.Random(3)
    watch, encodes, slowest = Stopwatch(), 0, 0.0

    def put(tick: int) -> None:
        for n, who in enumerate(people):
            if chance.random() > 0.02:
                packets = speech if n < talking else hush
                payload = packets[(tick + 97 * n) % len(packets)]
                voices[who].put(tick & 0xFFFF, tick * 960, payload, tick * 0.02)

    for tick in range(seconds * 50):
        started = time.thread_time()
        now = tick * 0.02 + 0.005
        watch.time("receive", lambda tick=tick: put(tick))
        heard = watch.time("decode", lambda now=now: {w: v.tick(now) for w, v in voices.items()})
        raw = {who: voice.raw for who, voice in voices.items()}
        watch.time("echo", lambda raw=raw, now=now: echo.hear(raw, now))
        mixed = watch.time("mix", lambda heard=heard: mixer.mix(heard))
        kept = aloud(heard) if tracks else {}
        watch.time("program", lambda mixed=mixed, kept=kept: program.tick(mixed.program, kept))
        own = [who for who, pcm in mixed.minus.items() if pcm is not mixed.program]
        if len(own) < speakers:
            watch.time("minus", lambda mixed=mixed: shared.encode(mixed.program))
        for who in own:
            watch.time("minus", lambda who=who, mixed=mixed: minus[who].encode(mixed.minus[who]))
        encodes += len(own) + (len(own) < speakers)
        slowest = max(slowest, time.thread_time() - started)
    percent = {name: round(100 * spent / seconds, 2) for name, spent in watch.spent.items()}
    return {
        "speakers": speakers,
        "talking": talking,
        "radio": radio,
        "seconds": seconds,
        "percent_of_a_core": round(sum(percent.values()), 2),
        "by_step": percent,
        "minus_encodes_a_tick": round(encodes / (seconds * 50), 2),
        "slowest_tick_ms": round(slowest * 1_000, 2),
        "load": os.getloadavg()[0],
    }


def main(arguments: list[str]) -> int:
    """Print one measurement."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--speakers", type=int, default=13)
    parser.add_argument("--talking", type=int, default=2)
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--radio", action="store_true")
    parser.add_argument("--tracks", action="store_true")
    parser.add_argument("--json", action="store_true")
    chosen = parser.parse_args(arguments)
    result = measure(
        speakers=chosen.speakers,
        talking=chosen.talking,
        seconds=chosen.seconds,
        radio=chosen.radio,
        tracks=chosen.tracks,
    )
    if chosen.json:
        print(json.dumps(result))
        return 0
    print(
        "{speakers} speakers, {talking} talking: {percent_of_a_core} % of a core "
        "(load {load:.1f}); {minus_encodes_a_tick} mix-minus encodes a tick, "
        "slowest tick {slowest_tick_ms} ms".format(**result)
    )
    for name, percent in result["by_step"].items():
        print(f"  {name:8} {percent:5.2f} %")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
