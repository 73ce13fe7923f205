"""A backup of a data folder and a house out of it: what is in it, and what must not be."""

import fcntl
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from hustings.backup.archive import pieces, read_archive
from hustings.backup.restoring import restore
from hustings.backup.taking import take
from hustings.base.clock import ManualClock, SystemClock
from hustings.base.errors import HustingsError
from hustings.base.ids import private_id
from hustings.base.keyfiles import participant_key
from hustings.cli.main import main
from hustings.journal import deletion
from hustings.journal.auditing import audit_file
from hustings.journal.keys import load_or_make
from hustings.stage.deleting import remains
from hustings.wire import kinds
from hustings.wire.names import PART_SAMPLES
from tests.fakes.evenings import ROOM as DEMO
from tests.fakes.evenings import record
from tests.fakes.journals import KEY, ROOM, begin, open_journal, speak

SECRET = b"taken back "  # in the frames of what is erased
WRITER = Path(__file__).parents[1] / "journal" / "writer_process.py"
REPOSITORY = Path(__file__).parents[3]


def backup(data, file, **more):
    options = {
        "database": "",
        "with_keys": False,
        "damaged": False,
        "clock": ManualClock(),
        "tell": lambda *_: None,
    }
    return take(data, file, **options | more)


def restored(file, data):
    return restore(file, data, database="", tell=lambda *_: None)


def code(call, *args, **more):
    with pytest.raises(HustingsError) as caught:
        call(*args, **more)
    return caught.value.code


def say(journal, n, frame=SECRET):
    part = kinds.Part(n, {"opus": [frame + b"%d" % n] * 16})
    journal.append(kinds.PART, part, media_time=n * PART_SAMPLES)


@pytest.fixture
def data(tmp_path):
    """A house with a past evening, and a room whose journal is open."""
    folder = tmp_path / "house"
    record(folder, range(401, 430), key=load_or_make(folder / "keys"))
    participant_key(folder)
    (folder / "keys" / "salt").write_bytes(b"of the day")
    return folder


@pytest.fixture
def live(data):
    journal = open_journal(data / "rooms")
    begin(journal)
    yield journal
    journal.close()


def test_a_house_comes_back_whole_with_its_keys_only_if_asked(data, live, tmp_path):
    speak(live, range(40), snapshot_every=20)
    live.flush()
    head = live.head.hex()
    made = backup(data, tmp_path / "b.tar")
    assert (tmp_path / "b.tar").stat().st_mode & 0o777 == 0o600
    assert {line.room: line.head for line in made.rooms}[ROOM] == head
    restored(tmp_path / "b.tar", tmp_path / "again")
    for room in (DEMO, ROOM):
        report = audit_file(tmp_path / "again" / "rooms" / room / "journal")
        assert report.ok
        assert report.head == {line.room: line.head for line in made.rooms}[room]
    assert not (tmp_path / "again" / "keys").exists()

    assert backup(data, tmp_path / "k.tar", with_keys=True).keys
    restored(tmp_path / "k.tar", tmp_path / "full")
    for path in (tmp_path / "full").rglob("*"):
        assert path.stat().st_mode & 0o077 == 0, path
    assert participant_key(tmp_path / "full") == participant_key(data)
    assert load_or_make(tmp_path / "full" / "keys").vkey == load_or_make(data / "keys").vkey
    assert not (tmp_path / "full" / "keys" / "salt").exists()


def test_rehearsals_sound_checks_and_unfinished_imports_are_not_in_it(data, tmp_path):
    for name in (private_id("rehearsal"), private_id("soundcheck"), ".importing"):
        source = data / "rooms" / DEMO
        (data / "rooms" / name).mkdir()
        (data / "rooms" / name / "journal").write_bytes((source / "journal").read_bytes())
    (data / "rooms" / DEMO / "journal.torn-1").write_bytes(SECRET)
    assert [line.room for line in backup(data, tmp_path / "b.tar").rooms] == [DEMO]
    held = (tmp_path / "b.tar").read_bytes()
    assert b"rehearsal-" not in held
    assert SECRET not in held


class Meanwhile:
    """Something that happens once, when the backup has come to a point."""

    def __init__(self, what, then):
        self.what, self.then, self.done = what, then, False

    def __call__(self, what, _done, _size):
        if not self.done and what == self.what:
            self.done = True
            self.then()


@pytest.mark.parametrize("point", [ROOM, "checking"])
def test_sound_taken_back_while_it_is_copied_is_not_in_it(data, live, tmp_path, point):
    for n in range(40):
        say(live, n)
    live.flush()

    def dump_and_erase():
        live.append(kinds.DUMP, kinds.Dump(0, 39), media_time=40 * PART_SAMPLES)
        live.erase_parts(0, 39)
        live.flush()

    meanwhile = Meanwhile(point, dump_and_erase)
    backup(data, tmp_path / "b.tar", tell=meanwhile)
    assert meanwhile.done
    assert SECRET not in (tmp_path / "b.tar").read_bytes()
    restored(tmp_path / "b.tar", tmp_path / "again")
    assert audit_file(tmp_path / "again" / "rooms" / ROOM / "journal").erased == 40


def test_sound_whose_erasing_is_said_but_not_done_is_not_in_it(data, live, tmp_path):
    for n in range(10):
        say(live, n, SECRET if n < 5 else b"kept ")
    live.append(kinds.DUMP, kinds.Dump(0, 4), media_time=10 * PART_SAMPLES)
    live.flush()
    backup(data, tmp_path / "b.tar")
    held = (tmp_path / "b.tar").read_bytes()
    assert SECRET not in held
    assert b"kept 5" in held


def test_a_track_that_was_withdrawn_is_not_in_it_and_others_are(data, live, tmp_path):
    def track(who, frame):
        live.append(kinds.TRACK, kinds.Track(1, who, [frame] * 16), media_time=PART_SAMPLES)

    def agreed(*who):
        facts = kinds.Room(room=ROOM, title="T", state="live", tracks=list(who))
        live.append(kinds.ROOM, facts, media_time=0)

    agreed("ann", "bob")
    track("ann", b"ann before")
    track("bob", b"bob before")
    agreed("bob")
    agreed("bob", "ann")
    track("ann", b"ann after")
    live.flush()
    backup(data, tmp_path / "b.tar")
    held = (tmp_path / "b.tar").read_bytes()
    assert b"ann before" not in held
    assert b"bob before" in held
    assert b"ann after" in held


def delete(data, *, to_the_end):
    """As the stage does; without the end, as one that dies when it has decided."""
    key = load_or_make(data / "keys")
    gone = remains(kinds.Room(room=DEMO, title="T", state="ended"), kinds.Deleted(1, "host", "why"))
    deletion.intend(data / "rooms" / DEMO, {"room": DEMO})
    if to_the_end:
        proof = deletion.destroy(data / "rooms", DEMO, gone, key, ManualClock())
        deletion.settle(data / "rooms" / DEMO, proof, "ended.json", {"room": DEMO})


@pytest.mark.parametrize("to_the_end", [True, False])
@pytest.mark.parametrize("point", ["before", DEMO, "checking"])
def test_a_recording_deleted_before_or_meanwhile_is_not_in_it(data, tmp_path, point, to_the_end):
    record(data, range(430, 500), key=load_or_make(data / "keys"), title="Words of theirs")
    sound = (data / "rooms" / DEMO / "journal").read_bytes()
    assert b"Words of theirs" in sound
    meanwhile = Meanwhile(point, lambda: delete(data, to_the_end=to_the_end))
    if point == "before":
        meanwhile.then()
    backup(data, tmp_path / "b.tar", tell=meanwhile)
    held = (tmp_path / "b.tar").read_bytes()
    assert b"Words of theirs" not in held
    restored(tmp_path / "b.tar", tmp_path / "again")
    report = audit_file(tmp_path / "again" / "rooms" / DEMO / "journal")
    assert report.ok
    assert report.erased >= report.parts
    folder = tmp_path / "again" / "rooms" / DEMO
    assert (folder / "tombstone.json").exists() == to_the_end
    assert (folder / "journal.delete").exists() != to_the_end


def test_a_damaged_journal_is_taken_only_if_asked(data, tmp_path):
    journal = data / "rooms" / DEMO / "journal"
    whole = bytearray(journal.read_bytes())
    whole[len(whole) // 2] ^= 1
    journal.write_bytes(whole)
    assert code(backup, data, tmp_path / "b.tar") == "backup_journal"
    assert list(tmp_path.glob("*b.tar*")) == []
    made = backup(data, tmp_path / "b.tar", damaged=True)
    assert [line.findings for line in made.rooms] == [1]
    restored(tmp_path / "b.tar", tmp_path / "again")
    assert not audit_file(tmp_path / "again" / "rooms" / DEMO / "journal").ok


def test_what_a_backup_and_a_restore_refuse(data, tmp_path):
    file = tmp_path / "b.tar"
    assert code(backup, tmp_path / "nothing", file) == "backup_empty"
    backup(data, file)
    assert code(backup, data, file) == "backup_exists"
    assert code(backup, data, tmp_path / "none" / "b.tar") == "backup_disk"
    assert code(restored, file, data) == "restore_folder"
    assert code(restored, tmp_path / "none.tar", tmp_path / "x") == "restore_file"
    lock = os.open(data / "stage.lock", os.O_RDWR | os.O_CREAT)
    fcntl.flock(lock, fcntl.LOCK_EX)
    assert code(restored, file, data) == "restore_running"
    os.close(lock)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["b.tar", "house"]


def test_a_backup_of_other_bytes_makes_no_folder(data, tmp_path):
    file = tmp_path / "b.tar"
    backup(data, file)
    fd = os.open(file, os.O_RDWR)
    try:
        _, slots = read_archive(fd)
        slot = slots[f"rooms/{DEMO}/journal"]
        [last] = list(pieces(fd, slot))[-1:]
        os.pwrite(fd, bytes([last[-1] ^ 1]), slot.start + slot.size - 1)
    finally:
        os.close(fd)
    assert code(restored, file, tmp_path / "again") == "restore_damaged"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["b.tar", "house"]


def test_two_at_once_do_not_write_one_file(data, tmp_path):
    found = []
    meanwhile = Meanwhile(DEMO, lambda: found.append(code(backup, data, tmp_path / "b.tar")))
    backup(data, tmp_path / "b.tar", tell=meanwhile)
    assert found == ["backup_busy"]
    restored(tmp_path / "b.tar", tmp_path / "again")


def test_the_commands_say_what_they_did(data, tmp_path, capsys):
    file, again = str(tmp_path / "b.tar"), str(tmp_path / "again")
    assert main(["backup", file, "--data", str(data)]) == 0
    assert "keys: no" in capsys.readouterr().out
    assert main(["backup", file, "--data", str(data), "--json"]) == 2
    assert '"code": "backup_exists"' in capsys.readouterr().out
    assert main(["restore", file, "--data", again]) == 0
    assert load_or_make(data / "keys").vkey in capsys.readouterr().out
    assert main(["restore", file, "--data", again]) == 2
    assert main(["verify", again]) == 0


def test_without_keys_the_restore_says_what_ends_and_what_can_be_done_now(
    data, live, tmp_path, capsys
):
    (data / "rooms" / DEMO / "ended.json").write_bytes(b"{}")
    for name, flags in (("plain", []), ("full", ["--keys"])):
        file, again = str(tmp_path / f"{name}.tar"), str(tmp_path / name)
        assert main(["backup", file, "--data", str(data), *flags]) == 0
        capsys.readouterr()
        assert main(["restore", file, "--data", again, "--json"]) == 0
        said = capsys.readouterr().err
        if flags:
            assert "WITHOUT KEYS" not in said
            continue
        assert "WITHOUT KEYS" in said
        assert f"NOT OVER YET: {ROOM}." in said  # the other room is
        assert f"cp -a OLD/keys {again}/keys" in said
    # what it advises works: with the keys of the house before, its rooms go on under the same key
    shutil.copytree(data / "keys", tmp_path / "plain" / "keys")
    key = load_or_make(tmp_path / "plain" / "keys")
    assert key.vkey == load_or_make(data / "keys").vkey


# --- while it is written, and kill -9 -----------------------------------------------------------


@pytest.fixture
def writer(data):
    """Somebody writes an entry each 5 ms."""
    environment = {**os.environ, "PYTHONPATH": f"{REPOSITORY / 'src'}:{REPOSITORY}"}
    process = subprocess.Popen(
        [sys.executable, str(WRITER), str(data / "rooms")],
        stdout=subprocess.PIPE,
        env=environment,
    )
    process.stdout.readline()
    threading.Thread(target=process.stdout.read, daemon=True).start()
    yield process
    process.kill()
    process.wait()
    process.stdout.close()


def test_backups_of_a_journal_that_grows_are_whole_each_time(data, writer, tmp_path):
    sizes = []
    for number in range(4):
        made = backup(data, tmp_path / f"{number}.tar", clock=SystemClock())
        sizes += [line.entries for line in made.rooms if line.room == ROOM]
        restored(tmp_path / f"{number}.tar", tmp_path / f"again{number}")
        report = audit_file(
            tmp_path / f"again{number}" / "rooms" / ROOM / "journal", public=KEY.public
        )
        assert report.ok, report.findings
        time.sleep(0.1)
    assert sizes == sorted(set(sizes))
    journal = open_journal(tmp_path / "again3" / "rooms", clock=SystemClock())
    assert journal.size == sizes[-1]
    assert journal.recovered.cut_bytes == 0
    journal.close()


def command(*words):
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY / "src")}
    return subprocess.Popen(
        [sys.executable, "-m", "hustings", *words],
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def killed_when(process, hidden, share, whole):
    """Kill it when what it writes has come so far; False if it was done before that."""
    until = time.monotonic() + 30
    while process.poll() is None and time.monotonic() < until:
        if hidden.exists() and size_of(hidden) >= share * whole:
            process.send_signal(signal.SIGKILL)
            process.wait()
            return True
    process.wait(30)
    return False


def size_of(path):
    try:
        if path.is_dir():
            return sum(each.stat().st_size for each in path.rglob("*") if each.is_file())
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def test_kill_9_leaves_nothing_or_the_whole_and_the_next_run_is_well(data, tmp_path):
    record(data, range(430, 6_000), key=load_or_make(data / "keys"), over=False)
    file, again = tmp_path / "b.tar", tmp_path / "again"
    whole = (data / "rooms" / DEMO / "journal").stat().st_size
    kills = 0
    for share in (0.0, 0.5, 1.0):
        running = command("backup", str(file), "--data", str(data))
        kills += killed_when(running, tmp_path / ".b.tar.unfinished", share, whole)
        if file.exists():
            restored(file, tmp_path / f"whole{share}")
            file.unlink()
    backup(data, file)
    for share in (0.0, 0.5, 1.0):
        running = command("restore", str(file), "--data", str(again))
        kills += killed_when(running, tmp_path / ".again.restoring", share, whole)
        if again.exists():
            assert audit_file(again / "rooms" / DEMO / "journal").ok
            again.rename(tmp_path / f"restored{share}")
    assert kills >= 3
    restored(file, again)
    assert audit_file(again / "rooms" / DEMO / "journal").ok
    left = {path.name for path in tmp_path.iterdir() if path.name.startswith(".")}
    assert left == set()
