"""A stage's deleting without the stage: run by test_deletion.py, which kills it."""

import os
import sys
from pathlib import Path

import msgspec

from hustings.base.clock import SystemClock
from hustings.journal import deletion
from hustings.wire.kinds import Room
from tests.fakes.journals import KEY, ROOM


def main() -> None:
    """Carry out what was decided."""
    rooms = Path(sys.argv[1])
    line = deletion.intended(rooms / ROOM)
    assert line is not None
    os.write(1, b"begins\n")
    facts = msgspec.convert(line["facts"], Room)
    proof = deletion.destroy(rooms, ROOM, facts, KEY, SystemClock())
    deletion.settle(rooms / ROOM, proof, "ended.json", line)
    os.write(1, b"done\n")


main()
