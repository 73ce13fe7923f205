"""A stage's writing without the stage: run by test_kill.py, which kills it.

Writes an entry each 5 ms and says on stdout, after each: its sequence and the monotonic time.
"""

import os
import sys
import time
from pathlib import Path

from hustings.base.clock import SystemClock
from hustings.journal.entry import Entry
from hustings.wire import kinds
from hustings.wire.names import PART_SAMPLES
from tests.fakes.journals import begin, open_journal, take_snapshot


def main() -> None:
    """Write until killed."""
    journal = open_journal(Path(sys.argv[1]), clock=SystemClock())
    first = journal.recovered.next_part
    begin(journal)
    n = first
    while True:
        part = kinds.Part(n, {"opus": [bytes(400)] * 16})
        entry: Entry = journal.append(kinds.PART, part, media_time=n * PART_SAMPLES)
        os.write(1, b"%d %f\n" % (entry.seq, time.monotonic()))
        if n % 40 == 39:
            journal.checkpoint()
        if n % 100 == 99:
            take_snapshot(journal, part=n + 1, term=journal.recovered.term + 1)
        n += 1
        time.sleep(0.005)


main()
