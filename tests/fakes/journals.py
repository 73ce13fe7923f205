"""Small journals for tests: a room with parts, levels, snapshots and checkpoints."""

from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from hustings.base.clock import ManualClock
from hustings.base.ids import RoomId
from hustings.journal.entry import Visibility
from hustings.journal.file import Journal
from hustings.journal.keys import SigningKey
from hustings.settings import JournalSettings
from hustings.wire import kinds
from hustings.wire.names import PART_SAMPLES

ROOM = RoomId("town-hall")
KEY = SigningKey(Ed25519PrivateKey.from_private_bytes(bytes(range(32))))
STRANGER = SigningKey(Ed25519PrivateKey.from_private_bytes(bytes(range(1, 33))))


def open_journal(folder: Path, *, key=KEY, clock=None, **settings) -> Journal:
    """Open FOLDER/town-hall with the tests' key and a manual clock."""
    clock = clock or ManualClock()
    return Journal.open(folder, ROOM, key, clock, JournalSettings(**settings))


def speak(
    journal: Journal, parts: range, *, snapshot_every: int = 0, frame_bytes: int = 20
) -> None:
    """Write what a live room writes: parts, a level now and then, a checkpoint each third part.

    snapshot_every: parts between snapshots; 0: none. Every tenth entry is for the stage only.
    """
    clock = journal.clock
    for n in parts:
        at = n * PART_SAMPLES
        frame = n.to_bytes(4, "big") * (frame_bytes // 4)
        journal.append(kinds.PART, kinds.Part(n, {"opus": [frame] * 16}), media_time=at)
        if n % 5 == 0:
            journal.append(kinds.LEVEL, kinds.Level([f"p{n}"]), media_time=at)
        if n % 10 == 0:
            secret = kinds.Roster(kinds.Participant("bob", "Bob", "speaker"), "joined")
            journal.append(kinds.ROSTER, secret, media_time=at, visibility=Visibility.STAGE)
        if snapshot_every and n % snapshot_every == snapshot_every - 1:
            take_snapshot(journal, part=n + 1)
        if isinstance(clock, ManualClock):
            clock.advance(0.32)
        if n % 3 == 2:
            journal.checkpoint()


def take_snapshot(journal: Journal, *, part: int, term: int = 1) -> None:
    """A snapshot of a room with one person on stage and one behind it."""
    journal.snapshot(
        media_time=part * PART_SAMPLES,
        room=kinds.Room(room=ROOM, title="Evening", state="live", epoch_ms=1),
        roster=[
            kinds.Participant("ann", "Ann", "host", "stage"),
            kinds.Participant("bob", "Bob", "speaker"),
        ],
        speaking=["ann"],
        term=term,
        part=part,
        private={"hands": ["h1"]},
    )


def begin(journal: Journal) -> None:
    """The `term` entry with which each run starts."""
    term = kinds.Term(journal.recovered.term + 1, "test")
    journal.append(kinds.TERM, term, media_time=journal.recovered.next_part * PART_SAMPLES)
