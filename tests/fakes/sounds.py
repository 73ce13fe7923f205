"""Sounds for tests: tones, noise and something speech-like, all seeded and pure."""

import numpy as np

from hustings.media.files import read_audio
from hustings.media.make_data import DATA
from hustings.media.pcm import Pcm, dbfs


def tone(samples: int, hertz: float = 440.0, peak: float = 0.3, start: int = 0) -> Pcm:
    time = (start + np.arange(samples)) / 48_000
    return np.asarray(peak * np.sin(2 * np.pi * hertz * time), dtype=np.float32)


def babble(samples: int, seed: int = 1, peak: float = 0.4) -> Pcm:
    """Voiced syllables, four a second, with a moving pitch: enough for SILK to send FEC."""
    time = np.arange(samples) / 48_000
    pitch = 120 + 30 * np.sin(2 * np.pi * 0.7 * time + seed)
    phase = 2 * np.pi * np.cumsum(pitch) / 48_000
    voice = sum(np.sin(k * phase) / k for k in range(1, 20))
    noise = np.random.default_rng(seed).standard_normal(samples)
    syllable = np.clip(np.sin(2 * np.pi * 4 * time) + 0.4, 0.05, 1)
    sound = (voice + 0.1 * noise) * syllable
    return np.asarray(peak * sound / np.abs(sound).max(), dtype=np.float32)


def ticks(pcm: Pcm) -> list[Pcm]:
    return [pcm[at : at + 960] for at in range(0, len(pcm) - 959, 960)]


def speech(count: int) -> list[Pcm]:
    """Ticks of a shipped voice without its silences."""
    spoken: list[Pcm] = []
    for name in "ba":
        spoken += [tick for tick in read_audio(DATA / f"voice_{name}.opus") if dbfs(tick) > -40]
    return spoken[:count]
