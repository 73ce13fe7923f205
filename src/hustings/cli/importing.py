"""`hustings import`: an outside recording becomes a past room, told apart from what the house witnessed.

Runs on the stage's machine: it signs with the journal's key. The room is written beside the others
by this process, which steps back for all else, checked as `hustings verify` does, and then taken
in by the stage; while none runs on the folder, by this process under the same lock.
"""

import argparse
import hashlib
import json
import re
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from hustings.archive.importing import (
    discard,
    expect_free,
    expect_space,
    facts_of,
    tidy,
    write_room,
)
from hustings.base.clock import SystemClock
from hustings.base.errors import HustingsError, OperatorError, UserError
from hustings.base.ids import RoomId, room_id
from hustings.cli.adopting import take_in
from hustings.cli.options import add_settings, settings_from
from hustings.cli.terminal import StatusLine, step_back
from hustings.journal.auditing import audit_file
from hustings.journal.keys import SigningKey, load_or_make
from hustings.media.recording import About, examine, sound_of
from hustings.stage.names import clean
from hustings.wire.kinds import Imported, Room

NAME: Final = "import"
TITLE_CHARS: Final = 200
WORDS_CHARS: Final = 2_000
FILE_CHARS: Final = 200
_READ: Final = 1 << 20
_LANGUAGE: Final = re.compile(r"[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8}){0,3}")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What to import, and what the room is to say of it."""
    parser.add_argument("room", type=_room, help="the address of the room that is made")
    parser.add_argument("file", type=Path, help="a recording of any common kind, 24 hours at most")
    parser.add_argument("--title", default="", help="of the room (the file's own, else its name)")
    parser.add_argument("--host", metavar="NAME", default="", help="who hosted it")
    parser.add_argument("--language", type=_language, default="en", help="what is spoken (en)")
    parser.add_argument("--description", default="", help="a few sentences for the room's page")
    parser.add_argument(
        "--start",
        type=_start,
        default=0,
        metavar="TIME",
        help="when it began, with its zone: 2026-05-01T19:00+02:00 (as the file says, else its date)",
    )
    parser.add_argument(
        "--track", type=int, default=0, metavar="N", help="which sound track, from 1"
    )
    parser.add_argument("--radio", action="store_true", help="also keep it as MP3")
    parser.add_argument("--json", action="store_true", help="print what was made as JSON")
    add_settings(parser, without=("--host",))


def run(args: argparse.Namespace) -> int:
    """Make the room; 0 once it is among the past ones."""
    settings = settings_from(args)
    data, clock = Path(settings.data), SystemClock()
    if not (data / "keys").is_dir():
        raise OperatorError(
            "house_missing", f"There is no house in {data.resolve()}: name its folder with --data."
        )
    step_back()
    key, rooms = load_or_make(data / "keys"), data / "rooms"
    rooms.mkdir(exist_ok=True)
    tidy(rooms)
    expect_free(rooms, args.room)
    about = examine(args.file)
    track = _track(args, about)
    expect_space(rooms, about.seconds, radio=args.radio)
    line = StatusLine(shown=sys.stderr.isatty() and not args.json)
    start_ms, origin = _began(args, about, clock.wall_ms())
    imported = Imported(
        clean(args.file.name, FILE_CHARS), _digest(args.file, line), clock.wall_ms()
    )
    facts = facts_of(
        args.room,
        imported,
        title=clean(args.title or about.title or args.file.stem, TITLE_CHARS) or args.room,
        start_ms=start_ms,
        host=clean(args.host, TITLE_CHARS),
        language=args.language,
        description=args.description.strip()[:WORDS_CHARS],
        radio=args.radio,
    )
    begun_s = clock.monotonic()

    def tell(done_s: float) -> None:
        of = f" of {_clock(about.seconds)}" if about.seconds else ""
        speed = done_s / max(0.001, clock.monotonic() - begun_s)
        line.say(f"{args.room}: {_clock(done_s)}{of}, {speed:.0f} times as fast as it was spoken")

    try:
        tell(0.0)
        sound = sound_of(args.file, about, track=track)
        folder = write_room(
            rooms, facts, sound, key=key, clock=clock, settings=settings.journal, tell=tell
        )
        line.say(f"{args.room}: checking the record")
        _check(folder / "journal", key)
        made = take_in(settings, args.room, key)
    finally:
        line.end()
        discard(rooms, args.room)  # nothing, if all went well
    _report(args, made, origin, clock.monotonic() - begun_s)
    return 0


def _track(args: argparse.Namespace, about: About) -> int:
    """Which track, from 0. Raises UserError `import_track`."""
    if about.tracks > 1 and not args.track:
        raise UserError(
            "import_track", f"{args.file} has {about.tracks} sound tracks: choose one by --track."
        )
    if not 0 <= args.track <= about.tracks:
        raise UserError("import_track", f"{args.file} has no sound track {args.track}.")
    return max(0, int(args.track) - 1)


def _began(args: argparse.Namespace, about: About, now_ms: int) -> tuple[int, str]:
    """Wall time of the first sound, and where it is from. Raises UserError `import_start`."""
    if args.start:
        start_ms, origin = int(args.start), "--start"
    elif about.created_ms:
        start_ms, origin = about.created_ms, "the creation time in the file"
    else:
        start_ms, origin = round(args.file.stat().st_mtime * 1_000), "the date of the file"
    if not 0 < start_ms <= now_ms:
        raise UserError(
            "import_start",
            f"By {origin} it begins at {_moment(start_ms)}: give --start, in the past.",
        )
    return start_ms, origin


def _digest(path: Path, line: StatusLine) -> str:
    """SHA-256 of the file, hex."""
    digest, size, done = hashlib.sha256(), max(1, path.stat().st_size), 0
    with path.open("rb") as file:
        while data := file.read(_READ):
            digest.update(data)
            done += len(data)
            if done % (64 * _READ) == 0:
                line.say(f"{path.name}: {done * 100 // size} % read for its fingerprint")
    return digest.hexdigest()


def _check(journal: Path, key: SigningKey) -> None:
    """What is on the disk is what was written, or OperatorError `recording_disk`."""
    report = audit_file(journal, public=key.public)
    if not report.ok:
        said = "; ".join(finding.said for finding in report.findings[:3])
        raise OperatorError("recording_disk", f"The disk did not keep what was written: {said}.")


def _report(args: argparse.Namespace, facts: Room, origin: str, spent_s: float) -> None:
    seconds = (facts.ended_ms + 1 - facts.epoch_ms) / 1_000
    assert facts.imported is not None
    if args.json:
        told = {
            "room": facts.room,
            "title": facts.title,
            "start_ms": facts.start_ms,
            "start_from": origin,
            "duration_s": seconds,
            "sha256": facts.imported.sha256,
            "spent_s": round(spent_s, 1),
        }
        print(json.dumps(told))
        return
    print(f"{facts.room}: {_clock(seconds)} from {facts.imported.name}, a past room now")
    print(f"  it begins at {_moment(facts.start_ms)}, by {origin}")
    print(
        f"  sound as it was, not levelled; {seconds / max(0.001, spent_s):.0f} times as fast as spoken"
    )


def _room(text: str) -> RoomId:
    try:
        return room_id(text)
    except HustingsError as error:
        raise argparse.ArgumentTypeError(error.title) from None


def _language(text: str) -> str:
    if not _LANGUAGE.fullmatch(text):
        raise argparse.ArgumentTypeError("a language is a tag such as en, de or pt-BR")
    return text


def _start(text: str) -> int:
    """Wall ms."""
    try:
        at = datetime.fromisoformat(text)
        if at.tzinfo is None:
            raise ValueError
        return max(1, round(at.timestamp() * 1_000))
    except (ValueError, OverflowError):
        raise argparse.ArgumentTypeError("a time is written 2026-05-01T19:00+02:00") from None


def _moment(wall_ms: int) -> str:
    return f"{datetime.fromtimestamp(wall_ms / 1_000, UTC):%Y-%m-%d %H:%M:%S} UTC"


def _clock(seconds: float) -> str:
    whole = int(seconds)
    return f"{whole // 3_600}:{whole // 60 % 60:02}:{whole % 60:02}"
