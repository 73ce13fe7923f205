"""A recording becomes a past room: a journal as the stage writes it, made beside the rooms.

Keeps true: a room appears whole, by one rename, or not at all; what a run left that was killed is
hidden, and goes with the next run; the record says from its first entry on that this house did not
witness the sound (`room.imported`). Media times, and the times of the room, are those of the
recording; wall times and signatures in the journal are those of the import. The stage puts the
room among the others (`adopt`), or while none runs whoever holds the data folder's lock.
Called by `hustings import`, in a process of its own, and by `stage.studio`.
"""

import contextlib
import os
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

import msgspec
import numpy as np

from hustings import VERSION
from hustings.archive.replay import SPARE_BYTES
from hustings.base.clock import Clock
from hustings.base.errors import NotFound, OperatorError, UserError
from hustings.base.ids import RoomId, is_private
from hustings.journal.disk import sync_folder
from hustings.journal.file import Journal
from hustings.journal.keys import SigningKey
from hustings.journal.recovery import JOURNAL_FILE, lock
from hustings.media.encoders import ProgramEncoder
from hustings.media.pcm import Pcm
from hustings.settings import JournalSettings
from hustings.wire import kinds
from hustings.wire.kinds import Imported, Room
from hustings.wire.names import (
    CMAF_RENDITIONS,
    MP3,
    PART_SAMPLES,
    PART_SECONDS,
    PART_TICKS,
    TICK_SAMPLES,
)

HIDDEN: Final = ".importing"  # in the rooms' folder: a room has no such name
_RUN: Final = 187  # parts: a minute, from snapshot to snapshot
_TAIL_TICKS: Final = 3  # of silence: the codecs are up to 47 ms behind
_PART_MS: Final = round(PART_SECONDS * 1_000)
_BYTES_S: Final = 14_500  # of a journal
_RADIO_BYTES_S: Final = 8_200  # ... more with MP3

Tell = Callable[[float], None]
Parts = list[dict[str, list[bytes]]]


class Adopted(msgspec.Struct, frozen=True):
    """A room that is among the others now."""

    facts: Room
    size: int  # entries of its journal
    media_time: int  # where it ends


def facts_of(
    room: RoomId,
    imported: Imported,
    *,
    title: str,
    start_ms: int,
    host: str = "",
    language: str = "en",
    description: str = "",
    radio: bool = False,
) -> Room:
    """The room as it was while the recording ran. start_ms: wall time of its first sound."""
    return Room(
        room,
        title,
        "live",
        description=description,
        language=language,
        host=host,
        start_ms=start_ms,
        epoch_ms=start_ms,
        live_ms=start_ms,
        radio=radio,
        imported=imported,
    )


def over(facts: Room, parts: int) -> Room:
    """The room once it has ended: within its last part."""
    return msgspec.structs.replace(
        facts, state="ended", ended_ms=facts.epoch_ms + parts * _PART_MS - 1
    )


def expect_free(rooms: Path, room: RoomId) -> None:
    """Raises UserError `room_taken` (409) where there is such a room, also a past one; `room_name`."""
    if is_private(room):
        raise UserError("room_name", "The stage alone makes rooms of such a name.")
    if (rooms / room).exists():
        raise taken(room)


def taken(room: RoomId) -> UserError:
    """There is such a room."""
    return UserError(
        "room_taken", f"There is a room {room} already: choose another name.", status=409
    )


def expect_space(rooms: Path, seconds: float, *, radio: bool) -> None:
    """Raises OperatorError `recording_disk` if so much sound would fill the disk."""
    bytes_s = _BYTES_S + (_RADIO_BYTES_S if radio else 0)
    if shutil.disk_usage(rooms).free < seconds * bytes_s + SPARE_BYTES:
        raise OperatorError(
            "recording_disk",
            "The disk has no space for it beside what live rooms need: make room on it.",
        )


def tidy(rooms: Path) -> None:
    """Remove what imports left that did not come to their end; those under way stay."""
    for folder in (rooms / HIDDEN).glob("*"):
        discard(rooms, RoomId(folder.name))


def discard(rooms: Path, room: RoomId) -> None:
    """Remove what was made of one, unless somebody is at it: another import, the stage."""
    folder = rooms / HIDDEN / room
    with contextlib.suppress(OSError, OperatorError):
        held = lock(folder)
        try:
            shutil.rmtree(folder, ignore_errors=True)
        finally:
            os.close(held)


def write_room(
    rooms: Path,
    facts: Room,
    sound: Iterator[Pcm],
    *,
    key: SigningKey,
    clock: Clock,
    settings: JournalSettings | None = None,
    tell: Tell = lambda _: None,
) -> Path:
    """Write a hidden room with this sound; returns its folder, for `adopt`.

    facts: as `facts_of` made them; sound: blocks of 960 samples. tell: is told seconds that are
    written, about each minute of them. Raises OperatorError `journal_locked` (another import of
    this room), `journal_folder`, `recording_disk`, TryLater `journal_disk`, and what `sound` raises.
    """
    journal = Journal.open(rooms / HIDDEN, RoomId(facts.room), key, clock, settings)
    try:
        _fill(journal, facts, sound, tell)
    finally:
        journal.close()
    return journal.folder


def adopt(rooms: Path, room: RoomId, key: SigningKey, clock: Clock) -> Adopted:
    """Put a finished import among the rooms: looks at its end, then one rename.

    Waits for the disk. Raises NotFound `journal_missing`, UserError `room_taken`, `room_name`,
    `recording_bad` (not finished, or not by this house's key), OperatorError as `Journal.open`.
    """
    expect_free(rooms, room)
    hidden = rooms / HIDDEN / room
    if not (hidden / JOURNAL_FILE).is_file():
        raise NotFound("journal_missing", f"There is no import of {room} to be taken in.")
    journal = Journal.open(rooms / HIDDEN, room, key, clock)  # and with it the lock
    try:
        last = journal.recovered.snapshot
        if last is None or not _finished(last, room) or not journal.signed:
            raise UserError("recording_bad", f"The import of {room} is not finished: begin anew.")
        try:
            hidden.rename(rooms / room)
        except OSError as error:  # somebody was quicker
            raise taken(room) from error
        sync_folder(rooms / room)
        return Adopted(last.room, journal.size, last.part * PART_SAMPLES)
    finally:
        journal.close()


def _finished(last: kinds.Snapshot, room: RoomId) -> bool:
    facts = last.room
    times = 0 < facts.epoch_ms <= facts.live_ms < facts.ended_ms
    return facts.room == room and facts.state == "ended" and facts.imported is not None and times


def _fill(journal: Journal, facts: Room, sound: Iterator[Pcm], tell: Tell) -> None:
    term = kinds.Term(journal.recovered.term + 1, VERSION, "import")
    journal.append(kinds.TERM, term, media_time=0)
    journal.append(kinds.ROOM, facts, media_time=0)
    names = (*CMAF_RENDITIONS, *((MP3,) if facts.radio else ()))
    encoders = [ProgramEncoder(facts.radio, only=(name,)) for name in names]
    n = 0
    with ThreadPoolExecutor(len(encoders), "encoder") as pool:
        for ticks in _runs(sound):
            made = list(pool.map(lambda each, ticks=ticks, n=n: _encode(each, ticks, n), encoders))
            for frames in zip(*made, strict=True):
                part = kinds.Part(n, {k: v for each in frames for k, v in each.items()})
                journal.append(kinds.PART, part, media_time=n * PART_SAMPLES)
                n += 1
            _mark(journal, facts, term.term, n)
            expect_space(journal.folder, 0, radio=facts.radio)
            tell(n * PART_SECONDS)
    ended = over(facts, n)
    journal.append(kinds.ROOM, ended, media_time=n * PART_SAMPLES)
    _mark(journal, ended, term.term, n)


def _mark(journal: Journal, facts: Room, term: int, n: int) -> None:
    """Where a reader can begin, signed and on the disk: memory never holds more than a minute."""
    at = n * PART_SAMPLES
    journal.snapshot(media_time=at, room=facts, roster=(), speaking=(), term=term, part=n)
    journal.checkpoint()
    journal.flush()


def _runs(sound: Iterator[Pcm]) -> Iterator[list[Pcm]]:
    """The ticks of whole parts, at most a minute of them at a time, with silence at the end."""
    silence = np.zeros(TICK_SAMPLES, dtype=np.float32)
    ticks: list[Pcm] = []
    for block in sound:
        ticks.append(block)
        if len(ticks) == _RUN * PART_TICKS:
            yield ticks
            ticks = []
    ticks += [silence] * _TAIL_TICKS
    ticks += [silence] * (-len(ticks) % PART_TICKS)
    yield ticks


def _encode(encoder: ProgramEncoder, ticks: list[Pcm], first: int) -> Parts:
    """The frames of parts `first` …; libopus and FFmpeg let other threads run meanwhile."""
    parts: Parts = []
    for number, pcm in enumerate(ticks, 1):
        encoder.feed(pcm)
        if number % PART_TICKS == 0:
            parts.append(encoder.take_part(first + len(parts)))
    return parts
