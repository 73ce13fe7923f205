"""The salt of a day."""

from pathlib import Path

from hustings.stage.salt import DAY_MS, FILE, SaltFile


def test_a_restart_goes_on_with_it_and_nobody_else_may_read_it(tmp_path: Path) -> None:
    first = SaltFile(tmp_path, 1_000).now
    assert SaltFile(tmp_path, 2_000).now == first
    assert (tmp_path / FILE).stat().st_mode & 0o777 == 0o600
    assert len(first.key) == 32


def test_it_ends_with_the_day_but_not_amid_an_evening(tmp_path: Path) -> None:
    salts = SaltFile(tmp_path, 0)
    first = salts.now
    assert not salts.turn(DAY_MS - 1, busy=False)
    assert not salts.turn(DAY_MS + 1, busy=True)
    assert salts.turn(DAY_MS + 1, busy=False)
    assert first.key not in (tmp_path / FILE).read_bytes()
    assert SaltFile(tmp_path, DAY_MS + 2).now == salts.now != first
    assert salts.turn(4 * DAY_MS, busy=True)  # whoever is always live: each second day
    assert salts.turn(0, busy=True)  # the clock was set back


def test_a_damaged_file_or_a_full_disk_stops_nobody(tmp_path: Path) -> None:
    (tmp_path / "keys").mkdir()
    (tmp_path / FILE).write_text("nonsense")
    made = SaltFile(tmp_path, 0).now
    assert SaltFile(tmp_path, 0).now == made
    blocked = tmp_path / "file"
    blocked.write_text("")
    assert len(SaltFile(blocked, 0).now.key) == 32
