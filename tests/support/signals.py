"""Coded microphones: WAV files that Chromium plays as its fake microphone, in a loop."""

import math
import struct
import wave
from pathlib import Path

import numpy as np

from hustings.media.files import read_audio

RATE = 48_000
TONES_HZ = (700, 1_100, 1_900)  # those that taps.js listens for


def write_bursts(path: Path, hz: int, *, every_s: float = 2.0, burst_s: float = 0.3) -> Path:
    """A tone of `burst_s` in each `every_s`, with soft edges of 5 ms; one period long."""
    total, burst, edge = int(every_s * RATE), int(burst_s * RATE), RATE // 200
    samples = [0] * total
    for n in range(burst):
        swell = min(1.0, n / edge, (burst - n) / edge)
        samples[n] = int(9_000 * swell * math.sin(2 * math.pi * hz * n / RATE))
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(struct.pack(f"<{total}h", *samples))
    return path


def write_speech(path: Path, source: Path) -> Path:
    """A shipped voice, as a browser's fake microphone can say it."""
    pcm = np.concatenate(list(read_audio(source)))
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes((np.clip(pcm, -1, 1) * 32_767).astype("<i2").tobytes())
    return path
