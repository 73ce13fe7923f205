"""Makes the shipped sounds in `media/data`; run by authors, never by a service.

    python -m hustings.media.make_data hold     # hold.msgpack: the calm loop, see media.hold
    python -m hustings.media.make_data voices   # voice_a.opus, voice_b.opus; needs espeak-ng

A new hold loop is a change of protocol (docs/protocol.md section 1): edges of two versions
would fill the same part with different bytes. Its hash is pinned by tests/unit/media/test_hold.py.
"""

import io
import subprocess
import sys
import wave
from pathlib import Path
from typing import Any, Final

import av
import msgspec
import numpy as np
from numpy.typing import NDArray

from hustings.media.encoders import ProgramEncoder
from hustings.media.hold import HOLD_PARTS
from hustings.media.pcm import Pcm, dbfs
from hustings.wire.names import PART_SAMPLES, PART_TICKS, SAMPLE_RATE, TICK_SAMPLES

Sound = NDArray[np.float64]

DATA: Final = Path(__file__).parent / "data"
_LOOP: Final = HOLD_PARTS * PART_SAMPLES  # 9.6 s
_HOLD_DBFS: Final = -32.0  # a levelled speaker stands at -20

# Four chords of 2.4 s (Dmaj9, Bm9, Gmaj9, A7sus) as MIDI notes, and two bells over each.
_CHORDS: Final = (
    (50, 57, 61, 64, 66),
    (47, 54, 57, 61, 62),
    (43, 50, 54, 57, 59),
    (45, 52, 55, 59, 62),
)
_BELLS: Final = ((73, 78), (74, 69), (71, 78), (74, 76))


def hold_sound() -> Pcm:
    """One pass of the loop; its end runs into its start without a seam."""
    sound = np.zeros(_LOOP)
    quarter = _LOOP // len(_CHORDS)
    for at, (chord, bells) in enumerate(zip(_CHORDS, _BELLS, strict=True)):
        for note in chord:
            _add(sound, _pad(note, 2 * quarter), at * quarter - quarter // 2)
        for beat, note in enumerate(bells):
            _add(sound, _bell(note), at * quarter + beat * quarter // 2)
    sound = _room(sound)
    pcm = sound.astype(np.float32)
    return np.asarray(pcm * 10 ** ((_HOLD_DBFS - dbfs(pcm)) / 20), dtype=np.float32)


def _add(loop: Sound, tone: Sound, start: int) -> None:
    """Add a tone; what runs over the end comes in at the beginning."""
    np.add.at(loop, (start + np.arange(len(tone))) % len(loop), tone)


def _hertz(note: int) -> float:
    return float(440.0 * 2 ** ((note - 69) / 12))


def _pad(note: int, length: int) -> Sound:
    """A soft voice that swells and fades; two of them, half overlapping, sum to a constant."""
    time = np.arange(length) / SAMPLE_RATE
    tone = np.zeros(length)
    for harmonic, weight in ((1, 1.0), (2, 0.22), (3, 0.06)):
        for detune in (0.9985, 1.0015):
            tone += weight * np.sin(2 * np.pi * _hertz(note) * harmonic * detune * time + note)
    swell = np.sin(np.pi * np.arange(length) / length) ** 2
    return np.asarray(tone * swell * 0.1)


def _bell(note: int) -> Sound:
    time = np.arange(3 * SAMPLE_RATE) / SAMPLE_RATE
    strike = np.minimum(time / 0.012, 1.0) * np.exp(-time * 2.2) * np.clip((3 - time) / 0.5, 0, 1)
    tone = np.sin(2 * np.pi * _hertz(note) * time)
    return np.asarray((tone + 0.2 * np.sin(4 * np.pi * _hertz(note) * time)) * strike * 0.16)


def _room(sound: Sound) -> Sound:
    """A small hall: circular convolution with dark, decaying noise, so the loop stays a loop."""
    noise = np.random.default_rng(7).standard_normal(len(sound))
    time = np.arange(len(sound)) / SAMPLE_RATE
    hall = np.fft.rfft(noise * np.exp(-time * 2.6))
    frequency = np.fft.rfftfreq(len(sound), 1 / SAMPLE_RATE)
    hall /= np.sqrt(np.mean(np.abs(hall) ** 2))
    dry = np.fft.rfft(sound)
    wet = dry * hall / (1 + (frequency / 1_800) ** 2)
    return np.fft.irfft(dry + 0.6 * wet, len(sound))


def make_hold() -> bytes:
    """All renditions of the loop: the second of two passes."""
    loop = hold_sound()
    encoder = ProgramEncoder(radio=True)
    parts: dict[str, list[list[bytes]]] = {}
    for n in range(2 * HOLD_PARTS):
        start = n % HOLD_PARTS * PART_SAMPLES
        for tick in range(PART_TICKS):
            at = start + tick * TICK_SAMPLES
            encoder.feed(loop[at : at + TICK_SAMPLES])
        for rendition, frames in encoder.take_part(n).items():
            if n >= HOLD_PARTS:
                parts.setdefault(rendition, []).append(frames)
    return msgspec.msgpack.encode(parts)


# ---------------------------------------------------------------- the demo's two voices

_A: Final = ("-v", "en-gb", "-s", "150", "-p", "38")
_B: Final = ("-v", "en-us+f3", "-s", "158", "-p", "55")
_TALK: Final = (
    ("a", "Good evening, and welcome to Hustings. Can you hear me?"),
    ("b", "I can. And so can everybody else, about half a second later."),
    ("a", "Then tell them what this is."),
    ("b", "It is a public square for live conversation, on a machine of your own."),
    ("b", "People speak on a stage, and an audience of any size listens."),
    ("a", "And what happens when ten thousand people come at once?"),
    ("b", "They wait a little longer for each piece of sound. Nobody is sent away."),
    ("a", "Some evenings end in an argument about what was said."),
    ("b", "Every third of a second goes into a signed journal."),
    ("b", "Anyone can check that nothing was added, and nothing was cut."),
    ("a", "So I could not deny that I said this."),
    ("b", "You could not. But you can open a second tab, take the microphone, and say it better."),
    ("a", "I should like that. Who are you, by the way?"),
    ("b", "A small speech synthesizer, like you. The real people are on their way."),
)
_PAUSE_S: Final = 0.45


def make_voices() -> dict[str, bytes]:
    """Two Ogg Opus files of the same length; each is silent while the other speaks."""
    pause = np.zeros(int(_PAUSE_S * SAMPLE_RATE), dtype=np.float32)
    tracks: dict[str, list[Pcm]] = {"a": [], "b": []}
    for who, text in _TALK:
        spoken = _speak(text, _A if who == "a" else _B)
        for name, track in tracks.items():
            track += [spoken if name == who else np.zeros_like(spoken), pause]
    return {f"voice_{name}.opus": _ogg(np.concatenate(track)) for name, track in tracks.items()}


def _speak(text: str, voice: tuple[str, ...]) -> Pcm:
    """Synthesised speech at -20 dBFS, without the silence around it."""
    command = ["espeak-ng", *voice, "--stdout", text]
    spoken = subprocess.run(command, check=True, capture_output=True).stdout
    with wave.open(io.BytesIO(spoken)) as file:
        raw = np.frombuffer(file.readframes(2**30), dtype=np.int16)
        rate = file.getframerate()
    frame: Any = av.AudioFrame.from_ndarray(raw.reshape(1, -1), format="s16", layout="mono")
    frame.sample_rate = rate
    resampler: Any = av.AudioResampler(format="flt", layout="mono", rate=SAMPLE_RATE)
    parts = [part.to_ndarray().reshape(-1) for part in resampler.resample(frame)]
    parts += [part.to_ndarray().reshape(-1) for part in resampler.resample(None)]
    pcm: Pcm = np.concatenate(parts)
    loud = np.flatnonzero(np.abs(pcm) > 0.01)
    pcm = pcm[loud[0] : loud[-1]]
    return np.asarray(pcm * 10 ** ((-20 - dbfs(pcm)) / 20), dtype=np.float32).clip(-0.98, 0.98)


def _ogg(pcm: Pcm) -> bytes:
    pcm = np.pad(pcm, (0, -len(pcm) % TICK_SAMPLES))
    sink = io.BytesIO()
    with av.open(sink, "w", format="ogg") as container:
        options = {"application": "voip", "vbr": "on", "frame_duration": "20"}
        stream: Any = container.add_stream("libopus", rate=SAMPLE_RATE, options=options)
        stream.layout = "mono"
        stream.bit_rate = 16_000
        for at in range(0, len(pcm), TICK_SAMPLES):
            block = pcm[at : at + TICK_SAMPLES].reshape(1, -1)
            frame: Any = av.AudioFrame.from_ndarray(block, format="flt", layout="mono")
            frame.sample_rate = SAMPLE_RATE
            frame.pts = at
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return sink.getvalue()


def main(arguments: list[str]) -> int:
    """Write the files that are named; 2 if none is."""
    DATA.mkdir(exist_ok=True)
    made: dict[str, bytes] = {}
    if "hold" in arguments:
        made["hold.msgpack"] = make_hold()
    if "voices" in arguments:
        made |= make_voices()
    for name, data in made.items():
        (DATA / name).write_bytes(data)
    return 0 if made else 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
