"""A journal's entries for tests: chained as the real writer chains them, with nonces of zeros."""

from typing import Any

from hustings.journal.entry import NO_HASH, Entry, make_entry
from hustings.wire import kinds
from hustings.wire.names import AAC, OPUS, OPUS_LOW, PART_SAMPLES

FRAMES = {OPUS: 16, OPUS_LOW: 16, AAC: 15}


def frames(n: int, rendition: str = OPUS) -> list[bytes]:
    """Recognisable frames of part `n` (not decodable)."""
    return [f"{rendition} {n} {i}".encode() for i in range(FRAMES[rendition])]


class Writer:
    """Makes entries in order."""

    def __init__(self, room: str = "demo") -> None:
        self.room_id = room
        self.entries: list[Entry] = []

    def add(self, kind: str, body: Any, *, at: int = 0, visibility: int = 0) -> Entry:
        entry = make_entry(
            seq=len(self.entries),
            media_time=at,
            wall_ms=1_800_000_000_000,
            kind=kind,
            visibility=visibility,
            prev=self.entries[-1].hash if self.entries else NO_HASH,
            nonce=bytes(16),
            body=kinds.encode(body),
        )
        self.entries.append(entry)
        return entry

    def part(self, n: int, **renditions: list[bytes]) -> Entry:
        made = renditions or {name: frames(n, name) for name in FRAMES}
        return self.add(kinds.PART, kinds.Part(n, made), at=n * PART_SAMPLES)

    def track(self, n: int, who: str) -> Entry:
        track = kinds.Track(n, who, frames(n))
        return self.add(kinds.TRACK, track, at=n * PART_SAMPLES, visibility=1)

    def gap(self, first: int, last: int) -> Entry:
        return self.add(kinds.GAP, kinds.Gap(first, last, "restart"), at=first * PART_SAMPLES)

    def room(self, state: kinds.RoomState = "live", title: str = "Town hall", **more: Any) -> Entry:
        room = kinds.Room(self.room_id, title, state, epoch_ms=1_799_999_000_000, **more)
        return self.add(kinds.ROOM, room)

    def roster(self, name: str, place: kinds.Place = "stage", visibility: int = 0) -> Entry:
        person = kinds.Participant(f"id-{name}", name, "speaker", place)
        return self.add(kinds.ROSTER, kinds.Roster(person, "on_stage"), visibility=visibility)

    def snapshot(self, *names: str) -> Entry:
        people = [kinds.Participant(f"id-{name}", name, "speaker", "stage") for name in names]
        room = kinds.Room(self.room_id, "From a snapshot", "live", epoch_ms=1_799_999_000_000)
        body = kinds.Snapshot(
            size=len(self.entries),
            frontier=[],
            room=room,
            roster=people,
            speaking=[],
            term=1,
            part=0,
        )
        return self.add(kinds.SNAPSHOT, body)
