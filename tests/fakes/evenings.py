"""Short evenings written by the real journal: two people, holes, a body that is erased, an end."""

from collections.abc import Collection, Mapping
from pathlib import Path

from hustings.base.clock import ManualClock
from hustings.base.ids import RoomId
from hustings.journal.entry import Visibility
from hustings.journal.file import Journal
from hustings.journal.keys import SigningKey
from hustings.wire import kinds
from hustings.wire.names import PART_SAMPLES, PART_SECONDS
from tests.fakes.journals import KEY
from tests.fakes.stage_feed import sound

ROOM = RoomId("demo")
EPOCH_MS = 1_799_999_000_000
ADA = kinds.Participant("ada", "Ada", "host", "stage", connected=True)
BEN = kinds.Participant("ben", "Ben <b>", "speaker", "stage", connected=True)


def facts(first: int, end: int | None = None, **more: object) -> kinds.Room:
    """A room that went live at part `first`, and ended at part `end`."""
    known = {
        "title": "Town hall & <more>",
        "host": "Ada",
        "epoch_ms": EPOCH_MS,
        "live_ms": EPOCH_MS + first * 320,
        "state": "live" if end is None else "ended",
        "ended_ms": 0 if end is None else EPOCH_MS + end * 320,
    }
    return kinds.Room(ROOM, **(known | more))  # type: ignore[arg-type]


def record(
    data: Path,
    parts: range,
    *,
    holes: Collection[int] = (),
    erased: Collection[int] = (),
    over: bool = True,
    radio: bool = True,
    chapters: Mapping[int, str] | None = None,
    voices: Mapping[str, Mapping[int, list[bytes]]] | None = None,
    agreed: Collection[str] = (),
    key: SigningKey = KEY,
    **more: object,
) -> Path:
    """Write DATA/rooms/demo: `parts` without `holes`; Ada and Ben take turns of 10 parts.

    chapters: a part's number -> the point that begins there. voices: participant -> part -> frames
    of their own track; agreed: who agrees to that still. more: facts of the room.
    """
    clock = ManualClock(wall_ms=EPOCH_MS + parts.start * 320)
    journal = Journal.open(data / "rooms", ROOM, key, clock)
    at = parts.start * PART_SAMPLES
    journal.append(kinds.TERM, kinds.Term(journal.recovered.term + 1, "test"), media_time=at)
    more |= {"tracks": list(agreed)}
    journal.append(kinds.ROOM, facts(parts.start, **more), media_time=at)
    for person in (ADA, BEN):
        journal.append(kinds.ROSTER, kinds.Roster(person, "on_stage"), media_time=at)
    gone = []
    for n in parts:
        at = n * PART_SAMPLES
        if (n - parts.start) % 10 == 0:
            speaks = (ADA, BEN)[(n - parts.start) // 10 % 2].id
            journal.append(kinds.LEVEL, kinds.Level([speaks]), media_time=at)
        if title := (chapters or {}).get(n):
            journal.append(kinds.AGENDA, kinds.Agenda(f"p{n}", title), media_time=at)
        if n not in holes:
            frames = sound(n)
            if not radio:
                del frames["mp3"]
            entry = journal.append(kinds.PART, kinds.Part(n, frames), media_time=at)
            gone += [entry.seq] if n in erased else []
            for who, spoken in (voices or {}).items():
                if n in spoken:
                    track = kinds.Track(n, who, spoken[n])
                    journal.append(kinds.TRACK, track, media_time=at, visibility=Visibility.STAGE)
        clock.advance(PART_SECONDS)
        if n % 30 == 29:
            journal.checkpoint()
    if over:
        end = facts(parts.start, parts.stop, **more)
        journal.append(kinds.LEVEL, kinds.Level([]), media_time=parts.stop * PART_SAMPLES)
        journal.append(kinds.ROOM, end, media_time=parts.stop * PART_SAMPLES)
    for seq in gone:
        journal.erase(seq)
    journal.close()
    return journal.folder
