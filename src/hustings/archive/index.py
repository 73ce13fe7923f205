"""`index.json` of a replay: what there is to hear, and what it was made from. Pure.

Keeps true: times are seconds since the replay's start; a field is never taken away, only added.
Written by `archive.replay`, read by the edge's page and by whoever holds the folder.
Format: docs/protocol.md 3.9.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import msgspec

from hustings.archive.outline import Outline, spoken
from hustings.wire import kinds
from hustings.wire.names import PART_SAMPLES, SAMPLE_RATE

VERSION: Final = 1
INDEX: Final = "index.json"
TYPES: Final = {"m4a": "audio/mp4", "opus": "audio/ogg", "mp3": "audio/mpeg", "wav": "audio/wav"}
Span = tuple[float, float]


class Download(msgspec.Struct, frozen=True):
    """A file with the whole sound."""

    name: str
    type: str
    bytes: int


class Track(msgspec.Struct, frozen=True):
    """The voice of one person by itself, as long as the whole."""

    name: str  # of the person
    who: str  # participant id; to be served only while the room's `tracks` has it
    file: str
    type: str
    bytes: int


class Chapter(msgspec.Struct, frozen=True):
    """Where something begins; kind: title, agenda, call (somebody from the audience)."""

    at_s: float
    title: str
    kind: str = "agenda"


class Speaker(msgspec.Struct, frozen=True):
    """Who spoke, how long in all, and when."""

    name: str
    spoken_s: float
    turns: list[Span]


class Replay(msgspec.Struct, frozen=True, omit_defaults=True):
    """Everything that a player or a page needs to know."""

    room: kinds.Room
    duration_s: float
    first: int  # number of the first part
    end: int  # ... and behind the last one
    renditions: list[str]
    sound: str  # what the sound was made from: the same word, the same sound
    stamp: str  # the journal's file when it was read
    v: int = VERSION
    chapters: list[Chapter] = []
    speakers: list[Speaker] = []
    silences: list[Span] = []
    downloads: list[Download] = []
    tracks: list[Track] = []
    unmade: int = 0  # tracks that are still to be made
    held_s: float = 0.0  # of the duration that is hold audio: never made, erased or lost
    taken: list[tuple[int, int]] = []  # first and last parts of stretches that were taken back
    transcript: str = ""  # a file with what was said, once there is one


def describe(outline: Outline, *, stamp: str, renditions: Sequence[str]) -> Replay:
    """The index of an evening, still without downloads."""
    room = outline.told
    assert room is not None
    return Replay(
        room=room,
        duration_s=_s(outline.samples),
        first=outline.first,
        end=outline.end,
        renditions=list(renditions),
        sound=sound_of(outline),
        stamp=stamp,
        chapters=[Chapter(_s(c.at), c.title, c.kind) for c in outline.contents()],
        speakers=[
            Speaker(
                outline.names.get(who, ""),
                _s(spoken(turns)),
                [(_s(turn.start), _s(turn.end)) for turn in turns],
            )
            for who, turns in outline.turns().items()
        ],
        silences=[(_s(each.start), _s(each.end)) for each in outline.silences()],
        held_s=_s(outline.held * PART_SAMPLES),
        taken=[(stretch.start, stretch.stop - 1) for stretch in outline.taken],
    )


def sound_of(outline: Outline) -> str:
    """Which parts sound: a body that is erased later gives another word."""
    taken = [[stretch.start, stretch.stop] for stretch in outline.taken]
    said = msgspec.json.encode(
        [outline.first, outline.end, len(outline.made), outline.missing, taken]
    )
    return hashlib.sha256(said).hexdigest()[:16]


def outdated(replay: Replay, erased: Iterable[Mapping[str, Any]]) -> bool:
    """Whether something of it was taken back since it was made. erased: as in the room's facts."""
    return any(
        (each["first"], each["last"]) not in replay.taken
        for each in erased
        if each["first"] < replay.end and each["last"] >= replay.first
    )


def agreed(replay: Replay, facts: Mapping[str, Any]) -> Replay:
    """The same with what people agree to now: their own tracks, and guests as they are told of.

    facts: of the room, as the stage tells them.
    """
    tracks = [each for each in replay.tracks if each.who in facts.get("tracks", ())]
    guests = msgspec.convert(facts.get("guests", ()), list[kinds.Guest])
    if tracks == replay.tracks and guests == replay.room.guests:
        return replay
    room = msgspec.structs.replace(replay.room, guests=guests)
    return msgspec.structs.replace(replay, tracks=tracks, room=room)


def chapters_json(replay: Replay) -> bytes:
    """The chapters as podcast players read them (Podcast Namespace, JSON Chapters 1.2)."""
    chapters = [{"startTime": c.at_s, "title": c.title} for c in replay.chapters]
    return msgspec.json.encode({"version": "1.2.0", "chapters": chapters})


def read_index(data: bytes) -> Replay | None:
    """An index as it was written; None if it is none, or of a version that we do not know."""
    try:
        found = msgspec.json.decode(data, type=Replay)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None
    return found if found.v == VERSION else None


def _s(samples: int) -> float:
    return round(samples / SAMPLE_RATE, 2)
