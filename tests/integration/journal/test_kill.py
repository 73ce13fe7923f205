"""kill -9 of the writer at any moment: it opens again, verifies, and at most a second is gone."""

import os
import random
import subprocess
import sys
import time
from pathlib import Path

from hustings.base.clock import SystemClock
from hustings.journal.auditing import audit_file
from tests.fakes.journals import KEY, ROOM, open_journal

SCRIPT = Path(__file__).with_name("writer_process.py")
REPOSITORY = Path(__file__).parents[3]


def write_and_kill(folder, seconds):
    """Let a writer work for so long after its first entry; returns [(seq, monotonic)] and when it died."""
    environment = {**os.environ, "PYTHONPATH": f"{REPOSITORY / 'src'}:{REPOSITORY}"}
    writer = subprocess.Popen(
        [sys.executable, str(SCRIPT), str(folder)], stdout=subprocess.PIPE, env=environment
    )
    first = writer.stdout.readline()
    time.sleep(seconds)
    died = time.monotonic()
    writer.kill()
    rest = writer.stdout.read()
    writer.stdout.close()
    writer.wait()
    lines = [line.split() for line in (first + rest).splitlines()]
    return [(int(line[0]), float(line[1])) for line in lines if len(line) == 2], died


def test_a_writer_killed_at_any_moment_loses_less_than_a_second(tmp_path):
    roll = random.Random(5)
    path = tmp_path / ROOM / "journal"
    for _ in range(5):
        said, died = write_and_kill(tmp_path, roll.uniform(0.05, 1.0))
        journal = open_journal(tmp_path, clock=SystemClock())
        kept = journal.size
        assert kept >= sum(at < died - 1.0 for _, at in said) + said[0][0]
        journal.close()
        report = audit_file(path, public=KEY.public, head=journal.head)
        assert report.ok, report.findings
        assert report.entries == kept


def test_a_writer_killed_in_the_middle_of_a_record_is_mended(tmp_path):
    """What a kill inside write(2) or a power cut leaves: any prefix of what was being written."""
    write_and_kill(tmp_path, 0.6)
    path = tmp_path / ROOM / "journal"
    whole = path.read_bytes()
    roll = random.Random(6)
    for _ in range(25):
        size = roll.randrange(len(whole) // 2, len(whole))
        path.write_bytes(whole[:size])
        journal = open_journal(tmp_path)
        assert journal.recovered.lost_bodies == 0
        journal.close()
        assert audit_file(path, public=KEY.public, head=journal.head).ok
        assert (
            path.read_bytes()[: size - journal.recovered.cut_bytes]
            == (whole[: size - journal.recovered.cut_bytes])
        )
