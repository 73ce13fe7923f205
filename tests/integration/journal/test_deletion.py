"""A recording deleted on a real disk: what stays, what is gone, and a kill at any moment between."""

import os
import random
import subprocess
import sys
import time
from pathlib import Path

import msgspec
import pytest

from hustings.base.clock import ManualClock
from hustings.journal import deletion
from hustings.journal.auditing import audit_file
from hustings.journal.proof import flaws, read_proof
from hustings.journal.records import FIRST_LINE
from hustings.journal.recovery import JOURNAL_FILE, LOCK_FILE
from hustings.wire import kinds
from tests.fakes.journals import KEY, ROOM, begin, open_journal, speak

SCRIPT = Path(__file__).with_name("deleting_process.py")
REPOSITORY = Path(__file__).parents[3]
FACTS = kinds.Room(ROOM, "Evening", "ended", deleted=kinds.Deleted(1, "host", "why"))
LINE = {"room": ROOM, "facts": msgspec.to_builtins(FACTS)}
NAMES = (b"\xa3Bob", b"Bob said", (15).to_bytes(4, "big") * 5)  # somebody, and sound


def evening(folder: Path, *, parts: int = 200) -> bytes:
    """A journal that is closed, with files of all sorts beside it; returns its head."""
    journal = open_journal(folder)
    begin(journal)
    speak(journal, range(parts), snapshot_every=50)
    journal.close()
    place = folder / ROOM
    (place / "journal.torn-5").write_bytes(b"Bob said")
    (place / "journal.erase.new").write_bytes(b"Bob said")
    return journal.head


def destroyed(folder: Path) -> dict[str, object]:
    clock = ManualClock(wall_ms=1_900_000_000_000)
    proof = deletion.destroy(folder, ROOM, FACTS, KEY, clock)
    deletion.settle(folder / ROOM, proof, "ended.json", LINE)
    return proof


def anything_of(folder: Path) -> list[str]:
    """Files in which somebody or something of the evening can still be found."""
    return [
        path.name
        for path in folder.rglob("*")
        if path.is_file() and any(name in path.read_bytes() for name in NAMES)
    ]


def test_only_headers_and_the_tombstone_stay(tmp_path: Path) -> None:
    head = evening(tmp_path)
    journal = tmp_path / ROOM / JOURNAL_FILE
    before = audit_file(journal, public=KEY.public)
    assert JOURNAL_FILE in anything_of(tmp_path)
    deletion.intend(tmp_path / ROOM, LINE)
    assert deletion.deleted(tmp_path / ROOM)
    proof = destroyed(tmp_path)
    assert anything_of(tmp_path) == []
    assert {path.name for path in (tmp_path / ROOM).iterdir()} == {
        *(JOURNAL_FILE, LOCK_FILE, deletion.TOMBSTONE_FILE, "ended.json"),
    }
    after = audit_file(journal, public=KEY.public, head=head)
    assert after.ok, after.findings
    assert after.entries == before.entries + 1
    assert after.erased == before.entries
    assert after.checkpoints > before.checkpoints
    assert (after.deleted, after.deleted_parts) == (FACTS.deleted, 200)
    assert after.bytes < before.bytes
    assert b"\x00" * 40 not in journal.read_bytes()  # no padding where bodies were
    kept = read_proof((tmp_path / ROOM / deletion.TOMBSTONE_FILE).read_bytes())
    assert list(flaws(kept, KEY.public)) == []
    assert msgspec.to_builtins(kept) == proof
    assert kept.says["parts"] == 200
    assert deletion.read_again(tmp_path / ROOM, KEY.vkey) == proof


def test_twice_is_once(tmp_path: Path) -> None:
    evening(tmp_path)
    first = destroyed(tmp_path)
    before = (tmp_path / ROOM / JOURNAL_FILE).read_bytes()
    assert destroyed(tmp_path) == first
    assert (tmp_path / ROOM / JOURNAL_FILE).read_bytes() == before


def test_until_it_is_done_verify_says_that_it_is_not(tmp_path: Path) -> None:
    evening(tmp_path)
    journal = open_journal(tmp_path)
    said = kinds.Tombstone(FACTS, journal.size, journal.head)
    journal.append(kinds.TOMBSTONE, said, media_time=0)
    journal.close()
    report = audit_file(tmp_path / ROOM / JOURNAL_FILE)
    assert report.ok
    assert any("has not finished" in each for each in report.not_compared)


def test_a_torn_end_does_not_keep_anything(tmp_path: Path) -> None:
    evening(tmp_path)
    journal = tmp_path / ROOM / JOURNAL_FILE
    journal.write_bytes(journal.read_bytes()[:-100])
    destroyed(tmp_path)
    assert anything_of(tmp_path) == []
    assert audit_file(journal, public=KEY.public).ok


@pytest.mark.parametrize("seed", range(2))
def test_killed_at_any_moment_it_is_whole_and_done_the_next_time(tmp_path: Path, seed: int) -> None:
    """kill -9 of a real process, again and again, until one lives long enough."""
    evening(tmp_path, parts=900)
    place = tmp_path / ROOM
    deletion.intend(place, LINE)
    roll = random.Random(seed)
    for attempt in range(7):
        done = _delete_and_kill(tmp_path, None if attempt == 6 else roll.uniform(0.0, 0.3))
        data = (place / JOURNAL_FILE).read_bytes()
        report = audit_file(place / JOURNAL_FILE, public=KEY.public)
        assert data.startswith(FIRST_LINE)
        assert report.counts.keys() <= {"torn"}, report.findings
        bare = report.erased == report.entries - 1
        assert bare or report.erased == 0  # the old one or the new one, nothing between
        assert deletion.deleted(place)
        if done:
            break
        assert deletion.intended(place) == LINE
    assert done
    assert audit_file(place / JOURNAL_FILE, public=KEY.public).ok
    assert anything_of(tmp_path) == []
    assert deletion.intended(place) is None


def _delete_and_kill(folder: Path, seconds: float | None) -> bool:
    """Let it work for so long; whether it was done before."""
    environment = {**os.environ, "PYTHONPATH": f"{REPOSITORY / 'src'}:{REPOSITORY}"}
    process = subprocess.Popen(
        [sys.executable, str(SCRIPT), str(folder)], stdout=subprocess.PIPE, env=environment
    )
    assert process.stdout
    assert process.stdout.readline() == b"begins\n"
    if seconds is not None:
        time.sleep(seconds)
        process.kill()
    rest = process.stdout.read()
    process.stdout.close()
    process.wait()
    return rest == b"done\n"
