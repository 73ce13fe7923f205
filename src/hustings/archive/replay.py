"""The replay of a room: static files, made from its journal alone, for any web server to hold.

Keeps true: a folder REPLAYS/ROOM is whole whenever it is there, and `index.json` names only files
that are complete; killed at any moment, the job goes on where it was (a segment that is there in
its full length is not written again). Erased and lost bodies are hold audio; a change of the
record makes the sound anew, anything else only what is said about it. Called by `hustings replay`,
in a process of its own that everything else goes before.
"""

import contextlib
import errno
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Final

import msgspec

from hustings.archive import playlists
from hustings.archive.index import (
    INDEX,
    TYPES,
    Download,
    Replay,
    chapters_json,
    describe,
    read_index,
)
from hustings.archive.outline import Outline
from hustings.archive.picture import timeline
from hustings.archive.playlists import Evening
from hustings.archive.sound import part_of
from hustings.archive.tracks import BYTES_S, Due, due_tracks, kept_tracks, make_track, strays
from hustings.base.errors import NotFound, OperatorError
from hustings.base.ids import RoomId, is_private
from hustings.journal import deletion
from hustings.journal.reader import JournalReader
from hustings.media.cmaf import init_segment, media_part
from hustings.media.parts import part_frames, whole_frames
from hustings.media.remux import Mark, write_file
from hustings.wire import kinds
from hustings.wire.names import AAC, MP3, OPUS, SEGMENT_PARTS

RENDITIONS: Final = (AAC, OPUS)
FORMATS: Final = ("m4a", "opus", "mp3", "wav")  # the first is made before the replay is shown
_BYTES_S: Final = {"m4a": 8_300, "opus": 4_300, "mp3": 8_100, "wav": 96_100}
_SEGMENTS_BYTES_S: Final = 13_500  # of all renditions
SPARE_BYTES: Final = 256 << 20  # left on the disk for the journals of live rooms

Say = Callable[[str], None]


def make_replay(
    data: Path, room: RoomId, *, formats: Sequence[str] = FORMATS, say: Say = lambda _: None
) -> Path:
    """Make DATA/replays/ROOM, or bring it up to date; returns the folder.

    say: is told each step. Raises NotFound `journal_missing` or `replay_none` (never live, private),
    OperatorError `replay_disk` or `journal_damaged`.
    """
    if deletion.deleted(data / "rooms" / room):
        deletion.remove_replay(data, room)
        raise NotFound("replay_none", f"The recording of {room} was deleted.")
    if is_private(room):
        raise NotFound("replay_none", f"{room} is private: nothing of it is kept.")
    try:
        return _Job(data, room, formats, say).run()
    except OSError as error:
        shutil.rmtree(_making(data, room), ignore_errors=True)  # the journals need the disk more
        raise OperatorError(
            "replay_disk",
            f"The replay of {room} cannot be written ({error.strerror or error}). "
            "Make room on the disk and run `hustings replay` again.",
        ) from error


def stamp_of(journal: Path) -> str:
    """Tells one state of a journal's file from another; erasing changes it too."""
    found = journal.stat()
    return f"{found.st_size}-{found.st_mtime_ns}"


def made(data: Path, room: RoomId) -> Replay | None:
    """The index of a room's replay, if there is one."""
    try:
        return read_index((data / "replays" / room / INDEX).read_bytes())
    except OSError:
        return None


def up_to_date(data: Path, room: RoomId, formats: Sequence[str] = FORMATS) -> bool:
    """Whether nothing remains to be done for a room."""
    found = made(data, room)
    names = {f"audio.{kind}" for kind in formats}
    try:
        stamp = stamp_of(data / "rooms" / room / "journal")
    except OSError:
        return True  # no record any more: what was made stays
    return (
        found is not None
        and found.stamp == stamp
        and not found.unmade
        and not strays(data / "replays" / room, found.tracks)
        and names <= {download.name for download in found.downloads}
    )


def _making(data: Path, room: RoomId) -> Path:
    return data / "replays" / f".making-{room}"


class _Job:
    """One run."""

    def __init__(self, data: Path, room: RoomId, formats: Sequence[str], say: Say) -> None:
        self._data = data
        self._room = room
        self._formats = formats
        self._say = say
        self._done = data / "replays" / room
        self._making = _making(data, room)
        self._outline = Outline()

    def run(self) -> Path:
        """All of it."""
        with JournalReader(self._data / "rooms" / self._room) as reader:
            stamp = stamp_of(reader.path)
            for entry in reader.entries():
                self._outline.fold(entry)
            outline = self._outline
            if outline.room is None or outline.first < 0:
                raise NotFound("replay_none", f"{self._room} was never live: there is no sound.")
            replay = describe(outline, stamp=stamp, renditions=RENDITIONS)
            due = due_tracks(outline, replay)
            replay = msgspec.structs.replace(replay, unmade=len(due))
            old = made(self._data, self._room)
            if old is None or old.sound != replay.sound:
                self._room_for(replay.duration_s * (_SEGMENTS_BYTES_S + _BYTES_S["m4a"]))
                self._begin(replay)
                self._segments(reader)
                self._publish(self._download(reader, self._making, replay, self._formats[:1]))
                self._say("heard")
            else:
                kept = kept_tracks(due, old.tracks)
                replay = msgspec.structs.replace(
                    replay, downloads=old.downloads, tracks=kept, unmade=len(due) - len(kept)
                )
                self._describe(self._done, replay)
                self._say("told")  # the podcast's feed follows before anything that takes long
            for path in strays(self._done, replay.tracks):
                path.unlink()
            for kind in self._formats:
                now = made(self._data, self._room) or replay
                if all(download.name != f"audio.{kind}" for download in now.downloads):
                    self._room_for(replay.duration_s * _BYTES_S[kind])
                    now = self._download(reader, self._done, now, (kind,))
                    self._describe(self._done, now)
                    self._say(kind)
            for each in due:
                self._track(reader, each)
        return self._done

    def _track(self, reader: JournalReader, due: Due) -> None:
        """One person's own track, if it is not there yet."""
        now = made(self._data, self._room)
        if now is None or any(each.file == due.file for each in now.tracks):
            return
        self._room_for(due.heard_s * BYTES_S)
        track = make_track(reader, self._outline, due, self._done)
        _sync(self._done / track.file)
        tracks = [*now.tracks, track]
        self._describe(
            self._done, msgspec.structs.replace(now, tracks=tracks, unmade=now.unmade - 1)
        )
        self._say(f"track of {due.name}")

    def _room_for(self, size: float) -> None:
        """OSError if a step would fill the disk that live rooms write on."""
        self._done.parent.mkdir(parents=True, exist_ok=True)
        if shutil.disk_usage(self._done.parent).free < size + SPARE_BYTES:
            raise OSError(errno.ENOSPC, "not enough space beside what live rooms need")

    def _begin(self, replay: Replay) -> None:
        """A folder to work in: what an earlier run left of the same sound, or a new one."""
        mark = self._making / "sound"
        try:
            left = mark.read_text()
        except OSError:
            left = ""
        if left != replay.sound:
            shutil.rmtree(self._making, ignore_errors=True)
            self._making.mkdir(parents=True)
            mark.write_text(replay.sound)

    # ------------------------------------------------------------ sound

    def _parts(self, reader: JournalReader) -> Iterator[tuple[int, kinds.Part | None]]:
        """Every part of the evening in order; None: hold audio."""
        n, end = self._outline.first, self._outline.end
        for entry in reader.parts(n, end - 1):
            part = part_of(entry)
            if part is None or part.n < n:
                continue
            while n < part.n:
                yield n, None
                n += 1
            yield n, None if self._outline.silent(n) else part
            n += 1
        while n < end:
            yield n, None
            n += 1

    def _segments(self, reader: JournalReader) -> None:
        """Segments, init segments and playlists of all renditions."""
        evening = self._evening()
        pieces: dict[str, list[bytes]] = {name: [] for name in RENDITIONS}
        for name in RENDITIONS:
            (self._making / name).mkdir(exist_ok=True)
            _write(self._making / name / "init.mp4", init_segment(name))
            _write(self._making / name / "index.m3u8", playlists.media(evening, tagged=False))
        _write(self._making / "index.m3u8", playlists.multivariant(RENDITIONS, "index.m3u8"))
        for n, part in self._parts(reader):
            for name in RENDITIONS:
                pieces[name].append(media_part(name, n, part_frames(part, n, name)))
            segment = n // SEGMENT_PARTS
            if n + 1 == evening.parts(segment).stop:
                for name in RENDITIONS:
                    _write(self._making / name / f"{segment}.m4s", b"".join(pieces[name]))
                    pieces[name].clear()

    def _evening(self) -> Evening:
        outline = self._outline
        epoch_ms = outline.room.epoch_ms if outline.room else 0
        return Evening(outline.first, outline.end, epoch_ms, over=True)

    def _download(
        self, reader: JournalReader, folder: Path, replay: Replay, formats: Sequence[str]
    ) -> Replay:
        """Make `audio.*` in a folder; returns the index with them."""
        files = {each.name: each for each in replay.downloads}
        for kind in formats:
            name = f"audio.{kind}"
            partial = folder / f".{name}"
            radio = kind == "mp3" and self._radio(reader)
            source = self._mp3(reader) if radio else self._cmaf(folder, kind)
            write_file(
                source,
                partial,
                kind,
                source_kind="mp3" if radio else "mp4",
                tags={"title": replay.room.title, "artist": replay.room.host},
                marks=self._marks(),
            )
            _sync(partial)
            partial.replace(folder / name)
            files[name] = Download(name, TYPES[kind], (folder / name).stat().st_size)
        replay = msgspec.structs.replace(replay, downloads=list(files.values()))
        if folder == self._making:
            self._describe(folder, replay)
        return replay

    def _cmaf(self, folder: Path, kind: str) -> Iterator[bytes]:
        rendition = OPUS if kind == "opus" else AAC
        yield init_segment(rendition)
        for segment in self._evening().segments:
            yield (folder / rendition / f"{segment}.m4s").read_bytes()

    def _radio(self, reader: JournalReader) -> bool:
        """Whether the record has MP3 for every part that it has."""
        return all(part is None or MP3 in whole_frames(part) for _, part in self._parts(reader))

    def _mp3(self, reader: JournalReader) -> Iterator[bytes]:
        for n, part in self._parts(reader):
            yield b"".join(part_frames(part, n, MP3))

    def _marks(self) -> list[Mark]:
        chapters = self._outline.contents()
        starts = [*(each.at for each in chapters), self._outline.samples]
        return [
            Mark(start, end, chapter.title)
            for chapter, (start, end) in zip(chapters, pairwise(starts), strict=True)
        ]

    # ------------------------------------------------------------ what is said about it

    def _describe(self, folder: Path, replay: Replay) -> None:
        _write(folder / "timeline.svg", timeline(self._outline))
        _write(folder / "chapters.json", chapters_json(replay))
        _write(folder / INDEX, msgspec.json.encode(replay), sync=True)

    def _publish(self, replay: Replay) -> None:
        """Put the new folder where people find it; a replay of the same room before goes."""
        del replay
        if deletion.deleted(self._data / "rooms" / self._room):  # while we were at work
            deletion.remove_replay(self._data, self._room)
            raise NotFound("replay_none", f"The recording of {self._room} was deleted.")
        old = self._making.with_name(f".old-{self._room}")
        shutil.rmtree(old, ignore_errors=True)
        (self._making / "sound").unlink()
        with contextlib.suppress(FileNotFoundError):
            self._done.rename(old)
        self._making.rename(self._done)
        shutil.rmtree(old, ignore_errors=True)


def _write(path: Path, data: bytes, *, sync: bool = False) -> None:
    """A file, whole or not at all; one of the same length is there already, unless `sync`."""
    with contextlib.suppress(OSError):
        if not sync and path.suffix == ".m4s" and path.stat().st_size == len(data):
            return
    partial = path.with_name(f".{path.name}")
    partial.write_bytes(data)
    if sync:
        _sync(partial)
    partial.replace(path)


def _sync(path: Path) -> None:
    """Down to the disk: an index must never name what a power cut took."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
