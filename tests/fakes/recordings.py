"""Recordings made on the fly by ffmpeg: two tones with silence between, whole and damaged."""

import subprocess
from pathlib import Path

import av
import numpy as np

RATE = 48_000
# 440 Hz until 2 s, nothing until 4 s, 1,000 Hz until 6 s.
TONES = "0.4*sin(2*PI*440*t)*lt(t\\,2)+0.4*sin(2*PI*1000*t)*gte(t\\,4)"
LENGTH_S = 6.0


def ffmpeg(*words: str | Path) -> None:
    subprocess.run(["ffmpeg", "-v", "error", "-y", *map(str, words)], check=True)


def tones(path: Path, *options: str, channels: int = 1, picture: bool = False) -> Path:
    """The two tones in whatever format the name says."""
    source = f"aevalsrc={'|'.join([TONES] * channels)}:d={LENGTH_S}:s=44100"
    video = ("-f", "lavfi", "-i", f"testsrc=d={LENGTH_S}:s=64x64:r=5") if picture else ()
    ffmpeg("-f", "lavfi", "-i", source, *video, *options, path)
    return path


def noise(path: Path, seconds: int) -> Path:
    """A long file, made quickly."""
    ffmpeg("-f", "lavfi", "-i", f"anoisesrc=d={seconds}:a=0.1:r=16000", path)
    return path


def endless_wav(path: Path, hours: int) -> Path:
    """A WAV whose header tells so many hours; its sound takes no place on the disk."""
    size = hours * 3_600 * 8_000
    head = b"RIFF" + (size + 36).to_bytes(4, "little") + b"WAVEfmt " + (16).to_bytes(4, "little")
    head += bytes.fromhex("01000100401f0000401f000001000800") + b"data" + size.to_bytes(4, "little")
    path.write_bytes(head)
    with path.open("r+b") as file:
        file.truncate(len(head) + size)
    return path


def decoded(path: Path) -> np.ndarray:
    """The whole sound of a file, mono at 48 kHz."""
    pieces = []
    with av.open(str(path)) as container:
        resampler = av.AudioResampler(format="flt", layout="mono", rate=RATE)
        for frame in container.decode(audio=0):
            pieces += [part.to_ndarray().reshape(-1) for part in resampler.resample(frame)]
    return np.concatenate(pieces)


def level(pcm: np.ndarray, begin_s: float, end_s: float) -> float:
    """RMS of a stretch."""
    piece = pcm[int(begin_s * RATE) : int(end_s * RATE)]
    return float(np.sqrt(np.mean(piece * piece)))


def pitch(pcm: np.ndarray, begin_s: float, end_s: float) -> float:
    """The strongest frequency of a stretch, in Hz."""
    piece = pcm[int(begin_s * RATE) : int(end_s * RATE)]
    spectrum = np.abs(np.fft.rfft(piece * np.hanning(len(piece))))
    return float(np.argmax(spectrum) * RATE / len(piece))


def onset(pcm: np.ndarray, after_s: float) -> float:
    """The second at which sound begins after that one."""
    block = RATE // 200  # 5 ms
    at = int(after_s * RATE)
    while at + block <= len(pcm):
        if float(np.sqrt(np.mean(pcm[at : at + block] ** 2))) > 0.1:
            return at / RATE
        at += block
    raise AssertionError("nothing is heard")
