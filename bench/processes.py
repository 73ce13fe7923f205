"""Children of a measurement: started, heard (a JSON line each), charged by CPU, and gone at the end."""

import contextlib
import json
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import psutil

HERE = Path(__file__).parent


def compiled(name: str, folder: Path) -> str:
    """A C program of this folder, built."""
    program = str(folder / name)
    subprocess.run(["cc", "-O2", "-o", program, str(HERE / f"{name}.c")], check=True)
    return program


@contextlib.contextmanager
def running(*words: object) -> Iterator[subprocess.Popen[str]]:
    """A child whose lines are JSON."""
    words = tuple(map(str, words))
    with subprocess.Popen(words, stdout=subprocess.PIPE, stdin=subprocess.PIPE, text=True) as child:
        try:
            yield child
        finally:
            child.kill()


def python(module: str, *words: object) -> contextlib.AbstractContextManager[subprocess.Popen[str]]:
    """A module of ours as a child."""
    return running(sys.executable, "-m", module, *words)


def told(child: subprocess.Popen[str]) -> dict[str, Any]:
    """The child's next line."""
    assert child.stdout is not None
    line = child.stdout.readline()
    if not line:
        raise SystemExit(f"{child.args!r} ended too early")
    answer: dict[str, Any] = json.loads(line)
    return answer


def asked(child: subprocess.Popen[str]) -> dict[str, Any]:
    """What a child answers to an empty line."""
    assert child.stdin is not None
    child.stdin.write("\n")
    child.stdin.flush()
    return told(child)


def cpu_s(pids: Iterable[int]) -> float:
    """CPU seconds of processes and their children, all threads, system time included."""
    total = 0
    for pid in pids:
        process = psutil.Process(pid)
        for each in (process, *process.children(recursive=True)):
            for task in Path(f"/proc/{each.pid}/task").iterdir():
                with contextlib.suppress(OSError):
                    total += int((task / "schedstat").read_text().split()[0])
    return total / 1e9


def charged_us(pids: Iterable[int], listeners: int, seconds: float) -> float:
    """Microseconds of CPU a listener-second, from now on for some seconds."""
    pids = tuple(pids)
    before, began = cpu_s(pids), time.monotonic()
    time.sleep(seconds)
    return (cpu_s(pids) - before) / (time.monotonic() - began) / listeners * 1e6
