"""Real processes that die, freeze and are orphaned."""

import contextlib
import os
import pty
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

ROOT = Path(__file__).parents[2]


@contextlib.contextmanager
def supervisor(folder, *words):
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.fakes.supervised", str(folder), *words],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": f"{ROOT / 'src'}:{ROOT}"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        yield process
    finally:
        for path in folder.iterdir():
            with contextlib.suppress(psutil.NoSuchProcess, ValueError):
                psutil.Process(int(path.read_text())).kill()
        process.kill()
        process.wait()
        process.stdout.close()


def until(wanted, what, limit_s=20.0):
    end = time.monotonic() + limit_s
    while not (value := wanted()):
        assert time.monotonic() < end, f"waited in vain for {what}"
        time.sleep(0.02)
    return value


def wait_for_line(process, text):
    for line in process.stdout:
        if text in line:
            return line
    raise AssertionError(f"no line with {text!r}")


def pid_of(folder, name):
    return int((folder / name).read_text())


def gone(pid):
    return not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


def test_ready_lines_then_a_clean_stop(tmp_path):
    with supervisor(tmp_path) as process:
        assert wait_for_line(process, "http://one").split() == ["one", "http://one"]
        wait_for_line(process, "all ready")
        pids = [pid_of(tmp_path, name) for name in ("one", "two")]
        process.send_signal(signal.SIGINT)
        assert process.wait(10) == 0
        assert all(gone(pid) for pid in pids)


@pytest.mark.parametrize(
    ("number", "said"), [(signal.SIGKILL, "signal SIGKILL"), (signal.SIGSTOP, "stood still")]
)
def test_the_dead_and_the_frozen_come_back_alone(tmp_path, number, said):
    with supervisor(tmp_path) as process:
        wait_for_line(process, "all ready")
        first, other = pid_of(tmp_path, "one"), pid_of(tmp_path, "two")
        os.kill(first, number)
        assert said in wait_for_line(process, "one ended")
        until(lambda: pid_of(tmp_path, "one") != first, "a new process")
        assert gone(first)
        assert pid_of(tmp_path, "two") == other
        assert not gone(other)


def test_children_do_not_outlive_a_killed_supervisor(tmp_path):
    with supervisor(tmp_path) as process:
        wait_for_line(process, "all ready")
        pids = [pid_of(tmp_path, name) for name in ("one", "two")]
        process.kill()
        until(lambda: all(gone(pid) for pid in pids), "the orphans' end")


def test_a_stopped_child_ends_with_the_rest(tmp_path):
    with supervisor(tmp_path) as process:
        wait_for_line(process, "all ready")
        pids = [pid_of(tmp_path, name) for name in ("one", "two")]
        os.kill(pids[0], signal.SIGSTOP)
        process.terminate()
        assert process.wait(15) == 0
        assert all(gone(pid) for pid in pids)


def test_what_cannot_start_says_so(tmp_path):
    with supervisor(tmp_path, "broken") as process:
        out, _ = process.communicate(timeout=20)
        assert process.returncode == 1
        assert "does not start (its last exit code was 7)" in out.partition("service_start: ")[2]


def test_hup_brings_a_successor_before_each_goes(tmp_path):
    with supervisor(tmp_path) as process:
        wait_for_line(process, "all ready")
        before = [pid_of(tmp_path, name) for name in ("one", "two")]
        process.send_signal(signal.SIGHUP)
        wait_for_line(process, "two is new")
        after = [pid_of(tmp_path, name) for name in ("one", "two")]
        assert all(gone(pid) for pid in before)
        assert not any(gone(pid) for pid in after)
        (first, second), (third, fourth) = before, after
        assert (tmp_path / "log").read_text().splitlines()[2:] == [
            *(f"one up {third}", f"one down {first}"),
            *(f"two up {fourth}", f"two down {second}"),
        ]
        process.terminate()
        assert process.wait(15) == 0
        assert all(gone(pid) for pid in after)


def test_hup_leaves_all_as_it_is_if_a_successor_does_not_start(tmp_path):
    with supervisor(tmp_path, "once") as process:
        wait_for_line(process, "all ready")
        before = [pid_of(tmp_path, name) for name in ("one", "two")]
        process.send_signal(signal.SIGHUP)
        wait_for_line(process, "one: a new one does not start, the old one stays")
        assert [pid_of(tmp_path, name) for name in ("one", "two")] == before
        assert not any(gone(pid) for pid in before)
        process.terminate()
        assert process.wait(15) == 0


def test_a_closed_terminal_ends_it(tmp_path):
    """SIGHUP means two things; a terminal that is gone means the end."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(ROOT)
        os.environ["PYTHONPATH"] = f"{ROOT / 'src'}:{ROOT}"
        os.execv(sys.executable, [sys.executable, "-m", "tests.fakes.supervised", str(tmp_path)])
    said = b""
    while b"all ready" not in said:
        said += os.read(terminal, 4_096)
    pids = [pid_of(tmp_path, name) for name in ("one", "two")]
    os.close(terminal)
    until(lambda: os.waitpid(pid, os.WNOHANG)[0] == pid, "its end")
    assert all(gone(each) for each in pids)
