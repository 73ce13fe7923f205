"""Key files: made once, private, agreed on by all who start together."""

import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from hustings.base.errors import OperatorError
from hustings.base.keyfiles import participant_key, read_or_make, service_key, ticket_key


def test_made_once_and_private(tmp_path: Path) -> None:
    key = participant_key(tmp_path)
    path = tmp_path / "keys" / "participant.key"
    assert len(key) == 32
    assert participant_key(tmp_path) == key
    assert service_key(tmp_path) != key
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert sorted(p.name for p in path.parent.iterdir()) == ["participant.key", "service.key"]


def test_all_who_start_together_agree(tmp_path: Path) -> None:
    with ThreadPoolExecutor(16) as pool:
        keys = set(pool.map(lambda _: service_key(tmp_path), range(64)))
    assert len(keys) == 1


@pytest.mark.parametrize("text", ["", "abcd", "zz" * 32, "00" * 33, "\xff" * 64])
def test_something_else_in_the_file_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "bad.key"
    path.write_text(text, encoding="latin-1")
    with pytest.raises(OperatorError) as caught:
        read_or_make(path)
    assert caught.value.code == "key_file"
    assert path.read_text(encoding="latin-1") == text


def test_unusable_folder_says_which_file(tmp_path: Path) -> None:
    (tmp_path / "keys").write_text("not a folder")
    with pytest.raises(OperatorError, match=r"participant\.key"):
        participant_key(tmp_path)


def test_the_ticket_key_is_one_of_its_own(tmp_path: Path) -> None:
    assert ticket_key(tmp_path) == ticket_key(tmp_path)
    assert ticket_key(tmp_path) not in {participant_key(tmp_path), service_key(tmp_path)}
