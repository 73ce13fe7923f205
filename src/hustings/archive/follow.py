"""Rooms that have ended get their replay, one after the other, for as long as this runs.

Keeps true: a live room costs one `stat` every few seconds; a room that cannot be done is tried
again after a while, and the others are not kept waiting; the podcast's feed is written anew when a
replay appears, changes or disappears. Called by `hustings replay`.
"""

import logging
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from hustings.archive.episodes import Episodes
from hustings.archive.replay import made, make_replay, stamp_of, up_to_date
from hustings.base.clock import Clock
from hustings.base.errors import HustingsError, UserError
from hustings.base.ids import RoomId, is_private, room_id
from hustings.journal import deletion
from hustings.journal.reader import JournalReader
from hustings.wire import kinds

log = logging.getLogger(__name__)

LOOK_S: Final = 2.0
QUIET_S: Final = 3.0  # an open room is written to each second
AGAIN_S: Final = 60.0  # after a failure


def ended(folder: Path) -> bool:
    """Whether a room has ended, took place at all and is kept, by the last word of its journal.

    Raises HustingsError.
    """
    room = kinds.Room("", "")
    with JournalReader(folder) as reader:
        for entry in reader.entries(reader.snapshot_before(1 << 62)):
            if entry.body is None or entry.visibility != 0:
                continue
            if entry.kind == kinds.ROOM:
                room = entry.decode(kinds.Room)
            elif entry.kind == kinds.SNAPSHOT:
                room = entry.decode(kinds.Snapshot).room
    took_place = room.state == "ended" and not room.cancelled_ms
    return took_place and room.keep_days != 0 and not deletion.deleted(folder)


class Follower:
    """Looks for what is to be done, and does it; call `turn` every `LOOK_S`."""

    def __init__(self, data: Path, formats: Sequence[str], clock: Clock, podcast: Episodes) -> None:
        self._data = data
        self._clock = clock
        self._formats = formats
        self._seen: dict[RoomId, str] = {}  # nothing to be done while the journal is as then
        self._failed_s: dict[RoomId, float] = {}
        self._podcast = podcast
        self._podcast_failed_s = float("-inf")

    def turn(self) -> int:
        """Make all replays that are due; returns how many were made or brought up to date."""
        gone = bury(self._data)
        # what is told anew, of names that were taken back too, waits for no other evening's sound
        due = sorted(self._due(), key=lambda room: made(self._data, room) is None)
        done = sum(self._one(room) for room in due)
        self._publish(news=done + gone > 0)
        return done

    def _publish(self, *, news: bool) -> None:
        """The podcast's feed follows what is there."""
        now_s = self._clock.monotonic()
        if not (news or self._podcast.stale) or now_s - self._podcast_failed_s < AGAIN_S:
            return
        try:
            self._podcast.write()
        except OSError as error:
            self._podcast_failed_s = now_s
            log.error("the podcast's feed cannot be written: %s", error.strerror or error)

    def _due(self) -> Iterator[RoomId]:
        for room in rooms_of(self._data):
            try:
                journal = self._data / "rooms" / room / "journal"
                quiet_s = self._clock.wall_ms() / 1_000 - journal.stat().st_mtime
                stamp = stamp_of(journal)
            except OSError:
                continue
            waited_s = self._clock.monotonic() - self._failed_s.get(room, float("-inf"))
            if abs(quiet_s) > QUIET_S and self._seen.get(room) != stamp and waited_s > AGAIN_S:
                yield room
                self._seen[room] = stamp

    def _one(self, room: RoomId) -> bool:
        try:
            if up_to_date(self._data, room, self._formats):
                return False
            if not ended(self._data / "rooms" / room):
                return False
            make_replay(
                self._data, room, formats=self._formats, say=lambda _: self._publish(news=True)
            )
        except HustingsError as error:
            if error.code != "replay_none":
                self._failed_s[room] = self._clock.monotonic()
                self._seen.pop(room, None)
                log.error("no replay of %s: %s", room, error.title)
            return False
        except Exception:
            self._failed_s[room] = self._clock.monotonic()
            log.exception("no replay of %s", room)
            return False
        log.info("the replay of %s is ready", room)
        return True


def bury(data: Path) -> int:
    """Delete what was made of rooms whose recording is deleted, also while nobody looked."""
    gone = 0
    for path in (data / "replays").glob("*"):
        room = path.name.removeprefix(".making-").removeprefix(".old-")
        if deletion.deleted(data / "rooms" / room):
            log.info("%s was deleted: its replay goes", room)
            deletion.remove_replay(data, room)
            gone += 1
    return gone


def rooms_of(data: Path) -> list[RoomId]:
    """The rooms that have a folder, but for those that are wiped when they are over."""
    found = []
    for path in sorted((data / "rooms").glob("*/journal")):
        if is_private(path.parent.name):
            continue
        try:
            found.append(room_id(path.parent.name))
        except UserError:
            continue
    return found
