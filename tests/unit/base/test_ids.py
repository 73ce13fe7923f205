"""Names of rooms: which are private, and that no log and no list of the archive tells them."""

import logging
from pathlib import Path

import pytest

from hustings.archive.follow import rooms_of
from hustings.base.ids import is_private, private_id, room_id, without_private
from hustings.cli.services import Line


@pytest.mark.parametrize("kind", ["rehearsal", "soundcheck"])
def test_a_private_name_is_a_room_s_name_and_never_the_same(kind: str):
    names = {private_id(kind) for _ in range(100)}
    assert len(names) == 100
    assert all(is_private(name) and room_id(name) == name for name in names)


@pytest.mark.parametrize("name", ["rehearsal", "rehearsal-of-the-debate", "rehearsal-2", "demo"])
def test_people_may_call_their_rooms_rehearsals(name: str):
    assert not is_private(name)


def test_a_line_of_the_log_does_not_let_its_reader_in():
    name = private_id("rehearsal")
    error = ValueError(f"/data/rooms/{name}/journal is gone")
    record = logging.LogRecord("x", logging.ERROR, "x.py", 1, "room %s", (name,), None)
    record.exc_info = (ValueError, error, None)
    told = Line("%(message)s").format(record)
    assert name not in told
    assert told.count("rehearsal-…") == 2
    assert without_private("room demo") == "room demo"


def test_the_archive_knows_nothing_of_private_rooms(tmp_path: Path):
    for name in ("demo", private_id("rehearsal"), "not a room"):
        (tmp_path / "rooms" / name).mkdir(parents=True)
        (tmp_path / "rooms" / name / "journal").touch()
    assert rooms_of(tmp_path) == ["demo"]
