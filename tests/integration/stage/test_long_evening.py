"""kill -9 of the stage at hour 4: it comes back as it would at minute 4, on the same timeline."""

from pathlib import Path

import pytest

from hustings.base.clock import SystemClock
from hustings.base.ids import RoomId
from hustings.journal.auditing import audit_file
from hustings.journal.file import Journal
from hustings.journal.keys import load_or_make
from hustings.journal.synthesis import synthesize
from hustings.wire import kinds
from tests.integration.stage.test_app import entries, parts
from tests.support.speakers import StageProcess
from tests.support.stage import Stage

ROOM = RoomId("r")


@pytest.mark.parametrize("hours", [4 / 60, 4.0])
async def test_a_stage_killed_late_in_the_evening_goes_on(tmp_path: Path, hours: float) -> None:
    key = load_or_make(tmp_path / "keys")
    path = synthesize(
        tmp_path / "rooms", ROOM, key, hours=hours, end_ms=SystemClock().wall_ms() - 2_000
    )
    made = round(hours * 3_600 / 0.32)
    for term in (2, 3):
        with StageProcess(tmp_path) as stage:
            seen = await Stage.records(
                stage,  # type: ignore[arg-type]
                ROOM,
                query="tail=0s",
                until=lambda got: len([p for p in parts(got) if p.n >= made]) >= 4,
            )
            first = entries(seen, kinds.SNAPSHOT)[0].decode(kinds.Snapshot)
            assert first.room.title == "A long evening"
            assert first.part >= made - 188 * 2  # what an edge reads again is minutes, not hours
            terms = [e.decode(kinds.Term).term for e in entries(seen, kinds.TERM)]
            assert terms[-1] == term
            numbers = [part.n for part in parts(seen)]
            assert numbers == sorted(set(numbers))
            stage.process.kill()
            stage.process.wait()
    journal = Journal.open(tmp_path / "rooms", ROOM, key, SystemClock())
    assert journal.recovered.bytes_read < 4_000_000
    journal.close()
    report = audit_file(path, public=key.public, head=journal.head)
    assert report.findings == []
