"""The signing key: made once, closed to others, published beside."""

import threading

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key

from hustings.base.errors import OperatorError, PeerError
from hustings.journal.keys import load_or_make, read_public


def test_a_key_is_made_once_for_its_owner_only(tmp_path):
    folder = tmp_path / "keys"
    key = load_or_make(folder)
    assert sorted(p.name for p in folder.iterdir()) == [
        "journal.pem",
        "journal.pub",
        "journal.vkey",
    ]
    assert (folder / "journal.pem").stat().st_mode & 0o777 == 0o600
    assert load_or_make(folder).public_raw == key.public_raw
    key.public.verify(key.sign(b"text"), b"text")


def test_the_public_half_is_read_in_every_form(tmp_path):
    key = load_or_make(tmp_path)
    for source in (key.vkey, str(tmp_path / "journal.vkey"), str(tmp_path / "journal.pub")):
        assert read_public(source).public_bytes_raw() == key.public_raw


def test_processes_that_start_at_once_agree_on_one_key(tmp_path):
    made = []
    threads = [
        threading.Thread(target=lambda: made.append(load_or_make(tmp_path).public_raw))
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(made)) == 1
    assert not list(tmp_path.glob(".*"))


def test_an_open_key_is_closed_and_told(tmp_path, caplog):
    load_or_make(tmp_path)
    (tmp_path / "journal.pem").chmod(0o644)
    load_or_make(tmp_path)
    assert (tmp_path / "journal.pem").stat().st_mode & 0o777 == 0o600
    assert "could be read by others (mode 644)" in caplog.text


def test_a_lost_public_half_is_written_again(tmp_path):
    key = load_or_make(tmp_path)
    (tmp_path / "journal.vkey").write_text("somebody else's\n")
    (tmp_path / "journal.pub").unlink()
    load_or_make(tmp_path)
    assert read_public(str(tmp_path / "journal.vkey")).public_bytes_raw() == key.public_raw
    assert (tmp_path / "journal.pub").exists()


def rsa():
    return generate_private_key(65_537, 2_048).private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


@pytest.mark.parametrize("content", [b"", b"words", rsa()])
def test_a_file_that_is_no_key_is_the_operators(tmp_path, content):
    (tmp_path / "journal.pem").write_bytes(content)
    with pytest.raises(OperatorError) as caught:
        load_or_make(tmp_path)
    assert caught.value.code == "journal_key"
    assert (tmp_path / "journal.pem").read_bytes() == content


def test_a_folder_that_cannot_be_written_is_the_operators(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(OperatorError) as caught:
        load_or_make(tmp_path / "file" / "keys")
    assert caught.value.code == "journal_key_write"


def test_what_is_no_public_key_is_refused(tmp_path):
    private = Ed25519PrivateKey.generate().private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    for number, content in enumerate((b"", b"-----BEGIN PUBLIC KEY-----\nAA\n", private)):
        path = tmp_path / str(number)
        path.write_bytes(content)
        with pytest.raises(PeerError):
            read_public(str(path))
    with pytest.raises(PeerError):
        read_public(str(tmp_path / "missing"))
