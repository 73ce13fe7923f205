"""`hustings verify`: is this record whole, and is it the stage's? Says exactly what is wrong.

Also for the `tombstone.json` of a room whose recording was deleted.

Exit: 0 all is well, 1 something is wrong, 2 there is nothing here to check.
"""

import argparse
import json
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from hustings.archive.picture import clock
from hustings.base.clock import SystemClock
from hustings.base.errors import HustingsError, NotFound
from hustings.journal.auditing import Report, audit_file, journals_in, read_head
from hustings.journal.extent import Sound
from hustings.journal.keys import read_public
from hustings.journal.proof import flaws, read_proof, tombstone_in
from hustings.wire.kinds import Deleted, Imported

NAME: Final = "verify"
_BAR: Final = 30  # letters
_UNMADE: Final = {
    "frozen": "the machine stood still",
    "restart": "the stage was started anew",
    "not_live": "the room was not live",
    "delay": "the broadcast delay was filling",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What to check, and what to compare it with."""
    parser.add_argument(
        "path", help="a journal file, a room's folder, the data folder, or a tombstone.json"
    )
    parser.add_argument(
        "--key", metavar="K", help="the stage's public key: a vkey, or a file with a vkey or PEM"
    )
    parser.add_argument(
        "--head",
        metavar="H",
        help="a head that somebody kept: 64 hex digits, or a file with a checkpoint",
    )
    parser.add_argument("--json", action="store_true", help="print the whole report as JSON")


def run(args: argparse.Namespace) -> int:
    """Check all journals below the path; prints a report of each."""
    try:
        if args.path.endswith(".json"):
            return _check_tombstone(Path(args.path), args.key, as_json=args.json)
        paths = journals_in(Path(args.path))
        public = read_public(args.key) if args.key else None
        head = read_head(args.head) if args.head else b""
        if head and len(paths) > 1:
            print("hustings: --head is of one journal; name that one.", file=sys.stderr)
            return 2
    except HustingsError as error:
        print(f"hustings: {error.title}", file=sys.stderr)
        return 2
    reports = [_check(path, public, head) for path in paths]
    if args.json:
        print(
            json.dumps({"ok": _well(reports), "journals": msgspec.to_builtins(reports)}, indent=2)
        )
    else:
        for report in reports:
            _tell(report)
    return 0 if _well(reports) else 1


def _check_tombstone(path: Path, key: str | None, *, as_json: bool) -> int:
    """What it says, and whether the stage signed it. Raises HustingsError."""
    try:
        proof = read_proof(path.read_bytes())
    except OSError as error:
        raise NotFound("journal_missing", f"{path} cannot be read ({error.strerror}).") from error
    wrong = list(flaws(proof, read_public(key) if key else None))
    if as_json:
        print(json.dumps({"ok": not wrong, "room": proof.room, "says": proof.says, "wrong": wrong}))
    else:
        print(f"{path}: {'NOT WHOLE' if wrong else 'whole'}")
        for what in wrong:
            print(f"  WRONG: {what}")
        if not wrong:
            said = tombstone_in(proof)
            print(f"  room {proof.room}, entry {said.size}, after {said.parts} parts of sound")
            _tell_deleted(said.facts.deleted)
        if not key:
            print(
                f"  not compared: who signed it; it names the key {proof.key}: give yours by --key"
            )
    return 1 if wrong else 0


def sound_in_words(sound: Sound) -> Iterator[str]:
    """How much there is, then what is missing and why: a whole record may have holes, and says so."""
    if not sound.whole_s:
        yield "sound: none"
        return
    if not sound.missing_s:
        yield f"sound: all of {_clock(sound.whole_s)}"
        return
    yield f"sound: {_clock(sound.kept_s)} of {_clock(sound.whole_s)}"
    if sound.unmade_s:
        why = [
            f"{_clock(seconds)} {_UNMADE.get(reason, 'nothing says why')}"
            for reason, seconds in sound.unmade.items()
        ]
        alone = _UNMADE.get(next(iter(sound.unmade)), "nothing says why")
        yield f"{_clock(sound.unmade_s)} never made ({', '.join(why) if len(why) > 1 else alone})"
    yield f"{_clock(sound.taken_back_s)} taken back"
    yield f"{_clock(sound.disk_s)} lost to a full disk"
    if sound.bare_s:
        yield f"{_clock(sound.bare_s)} erased or not in this copy"


def _clock(seconds: float) -> str:
    """Minutes and seconds, with hours if there are any, as the replay's page writes them."""
    return clock(int(seconds))


def _tell_imported(imported: Imported | None) -> None:
    """That this house did not record it."""
    if imported is None:
        return
    at = datetime.fromtimestamp(imported.at_ms / 1_000, UTC)
    print(f"  imported on {at:%Y-%m-%d %H:%M:%S} UTC from {imported.name}")
    print(f"  (sha256 {imported.sha256}):")
    print("  this house did not witness it; it vouches for what it has kept since")


def _tell_deleted(deleted: Deleted | None) -> None:
    if deleted is None:
        return
    when = datetime.fromtimestamp(deleted.at_ms / 1_000, UTC)
    whose = "by a host" if deleted.by == "host" else "by the room's own policy"
    why = f": {deleted.reason}" if deleted.reason else ""
    print(f"  its recording was deleted {when:%Y-%m-%d %H:%M} UTC {whose}{why}")


def _well(reports: list[Report]) -> bool:
    return all(report.ok for report in reports)


def _check(path: Path, public: Ed25519PublicKey | None, head: bytes) -> Report:
    if not sys.stderr.isatty():
        return audit_file(path, public=public, head=head)
    now = SystemClock()
    begun = now.monotonic()

    def show(done: int, size: int) -> None:
        spent = now.monotonic() - begun
        full = _BAR * done // max(1, size)
        rate = done / max(spent, 0.001) / 1e6
        line = f"\r{path.parent.name} [{'#' * full:<{_BAR}}] {done * 100 // max(1, size):3} %"
        print(f"{line} {rate:5.0f} MB/s", end="", file=sys.stderr, flush=True)

    try:
        return audit_file(path, public=public, head=head, progress=show)
    finally:
        print("\r\x1b[K", end="", file=sys.stderr, flush=True)


def _tell(report: Report) -> None:
    """One journal in words."""
    print(f"{report.path}: {'whole' if report.ok else 'NOT WHOLE'}")
    print(
        f"  room {report.room or '(unknown)'}, {report.entries} entries, {report.parts} parts of "
        f"sound, {report.checkpoints} checkpoints, {report.bytes / 1e6:.1f} MB"
    )
    print(f"  {'; '.join(sound_in_words(report.sound))}")
    print(f"  head {report.head}")
    _tell_deleted(report.deleted)
    _tell_imported(report.imported)
    if report.erased:
        print(
            f"  {report.erased} bodies are erased or withheld; the chain covers them all the same"
        )
    for finding in report.findings:
        print(f"  WRONG at byte {finding.offset}: {finding.said} ({finding.code})")
    listed: dict[str, int] = {}
    for finding in report.findings:
        listed[finding.code] = listed.get(finding.code, 0) + 1
    for code, count in report.counts.items():
        if count > listed.get(code, 0):
            print(f"  WRONG: {count - listed.get(code, 0)} more of the kind {code}")
    for what in report.not_compared:
        print(f"  not compared: {what}")
