"""A long evening written in seconds by the real writer: for tests, the bench and rehearsals.

Keeps true: the journal is one that the stage itself could have written (term, room, roster,
parts of real, decodable sound, levels, a checkpoint a second, snapshots each minute, at the size
of a real one), so a stage can be started on it. Time is made up: it ends at `end_ms`.
"""

from pathlib import Path
from typing import Final

from hustings.base.clock import ManualClock
from hustings.base.ids import RoomId
from hustings.journal.entry import Visibility
from hustings.journal.file import Journal
from hustings.journal.keys import SigningKey
from hustings.media.hold import hold_frames
from hustings.settings import JournalSettings
from hustings.wire import kinds
from hustings.wire.names import AAC, MP3, OPUS, OPUS_LOW, PART_SAMPLES, PART_SECONDS

_RENDITIONS: Final = (OPUS, OPUS_LOW, AAC, MP3)
_LOOP: Final = 30  # hold parts repeat after so many
_AHEAD_BYTES: Final = 16 << 20  # records that may wait for the disk
_TURN: Final = 12  # parts until the other one speaks
_PEOPLE: Final = (
    kinds.Participant("ada", "Ada", "host", "stage", connected=True),
    kinds.Participant("ben", "Ben", "speaker", "stage", connected=True),
    kinds.Participant("cem", "Cem", "moderator", "backstage", connected=True),
)


def synthesize(
    folder: Path,
    room: RoomId,
    key: SigningKey,
    *,
    hours: float,
    end_ms: int,
    settings: JournalSettings | None = None,
) -> Path:
    """Write FOLDER/ROOM/journal with `hours` of two voices taking turns; returns the file.

    end_ms: wall time of its last entry. The room is left live, as if the stage had been killed.
    """
    settings = settings or JournalSettings()
    parts = round(hours * 3_600 / PART_SECONDS)
    start_ms = end_ms - round(parts * PART_SECONDS * 1_000)
    clock = ManualClock(wall_ms=start_ms)
    journal = Journal.open(folder, room, key, clock, settings)
    frames = [{name: hold_frames(name, n) for name in _RENDITIONS} for n in range(_LOOP)]
    facts = kinds.Room(
        room=room,
        title="A long evening",
        state="live",
        host="Ada",
        start_ms=start_ms,
        epoch_ms=start_ms,
        live_ms=start_ms,
        radio=True,
    )
    _open_room(journal, facts)
    minute = max(1, round(settings.snapshot_s / PART_SECONDS))
    for n in range(parts):
        at = n * PART_SAMPLES
        speaker = _PEOPLE[n // _TURN % 2].id
        journal.append(kinds.PART, kinds.Part(n, frames[n % _LOOP]), media_time=at)
        if n % _TURN == 0:
            journal.append(kinds.LEVEL, kinds.Level([speaker]), media_time=at)
        if n % minute == minute - 1:
            journal.snapshot(
                media_time=at + PART_SAMPLES,
                room=facts,
                roster=_PEOPLE,
                speaking=[speaker],
                term=1,
                part=n + 1,
            )
        clock.advance(PART_SECONDS)
        if n % 3 == 2:
            journal.checkpoint()
            if journal.health.pending_bytes > _AHEAD_BYTES:
                journal.flush(timeout_s=60.0)
    journal.close()
    return journal.folder / "journal"


def _open_room(journal: Journal, facts: kinds.Room) -> None:
    """What comes before the first sound."""
    term = kinds.Term(journal.recovered.term + 1, "synthesis")
    journal.append(kinds.TERM, term, media_time=0)
    journal.append(kinds.ROOM, facts, media_time=0)
    for person in _PEOPLE:
        on_stage = person.place == "stage"
        journal.append(
            kinds.ROSTER,
            kinds.Roster(person, "on_stage" if on_stage else "joined"),
            media_time=0,
            visibility=Visibility.PUBLIC if on_stage else Visibility.STAGE,
        )
