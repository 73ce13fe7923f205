"""People's own tracks: the voice of each who agreed, by itself, as long as the whole replay.

Keeps true: nobody's track is made who has not agreed as of the journal's last word (`Room.tracks`),
nor of anything that they took back before they agreed again, erased yet or not;
a track has the replay's beginning, length and time, to the sample, with silence wherever they were
not heard or it was taken back; its file's name says what it was made from, so a file never changes.
Called by `archive.replay`.
"""

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import msgspec
import numpy as np

from hustings.archive.index import Replay, Track
from hustings.archive.outline import Outline
from hustings.base.errors import PeerError
from hustings.journal.reader import JournalReader
from hustings.media.decoders import FrameDecoder
from hustings.media.flac import write_flac
from hustings.media.pcm import Pcm
from hustings.wire import kinds
from hustings.wire.names import ENCODER_SEAT, OPUS, PART_SAMPLES, PART_SECONDS, PART_TICKS

FOLDER: Final = "tracks"
TYPE: Final = "audio/flac"
BYTES_S: Final = 60_000  # of a voice, while it is heard
_OPUS_DELAY: Final = 312  # samples, 6.5 ms: what libopus looks ahead
_SILENCE: Final = np.zeros(PART_SAMPLES, dtype=np.float32)


class Due(msgspec.Struct, frozen=True):
    """A track that there is to be."""

    who: str
    name: str  # of the person
    file: str  # below the replay's folder
    heard_s: float


def due_tracks(outline: Outline, replay: Replay) -> list[Due]:
    """Whose tracks belong to a replay, in the order in which they agreed."""
    found = []
    for who, parts in outline.own_tracks().items():
        name = outline.names.get(who) or outline.names.get(who + ENCODER_SEAT) or who
        said = msgspec.json.encode([replay.sound, who, name, parts])
        word = hashlib.sha256(said).hexdigest()[:16]
        found.append(Due(who, name, f"{FOLDER}/{word}.flac", len(parts) * PART_SECONDS))
    return found


def kept_tracks(due: list[Due], made: list[Track]) -> list[Track]:
    """Of the tracks that were made those that still belong."""
    wanted = {each.file for each in due}
    return [each for each in made if each.file in wanted]


def make_track(reader: JournalReader, outline: Outline, due: Due, folder: Path) -> Track:
    """Write one track below `folder`, whole or not at all. Raises OSError for a full disk."""
    target = folder / due.file
    target.parent.mkdir(exist_ok=True)
    partial = target.with_name(f".{target.name}")
    title = outline.room.title if outline.room is not None else ""
    try:
        blocks = _in_time(_voice(reader, outline, due.who))
        write_flac(blocks, partial, tags={"title": title, "artist": due.name})
        partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)
    return Track(due.name, due.who, due.file, TYPE, target.stat().st_size)


def strays(folder: Path, tracks: list[Track]) -> list[Path]:
    """The files of tracks that the index does not name: withdrawn, or half made."""
    named = {folder / each.file for each in tracks}
    return [path for path in (folder / FOLDER).glob("*") if path not in named]


def _voice(reader: JournalReader, outline: Outline, who: str) -> Iterator[Pcm]:
    """Each part of the replay in order: the person's voice as it is decoded, or silence."""
    n, decoder, last = outline.first, FrameDecoder(OPUS), -1
    for track in _tracks(reader, outline):
        inside = n <= track.n < outline.end and not outline.silent(track.n)
        if track.who != who or not inside:
            continue
        while n < track.n:
            yield _SILENCE
            n += 1
        if last != n - 1:
            decoder.reset()
        yield np.concatenate([decoder.decode(frame) for frame in track.frames])
        last = n
        n += 1
    for _ in range(n, outline.end):
        yield _SILENCE


def _tracks(reader: JournalReader, outline: Outline) -> Iterator[kinds.Track]:
    for entry in reader.parts(outline.first, outline.end - 1, kinds.TRACK):
        try:
            track = entry.decode(kinds.Track)
        except PeerError:  # erased, or lost
            continue
        if len(track.frames) == PART_TICKS and outline.agreed(track.who, entry.seq):
            yield track


def _in_time(blocks: Iterator[Pcm]) -> Iterator[Pcm]:
    """The same sound without the codec's delay, and as long as before."""
    skip = _OPUS_DELAY
    for block in blocks:
        yield block[skip:]
        skip = 0
    yield _SILENCE[: _OPUS_DELAY - skip]
