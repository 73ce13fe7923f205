"""The record: what writing costs the tick, what a crash may cost, a restart at hour 4, verifying 4 hours.

    python -m bench record

Uses a temporary folder on the machine's own disk (set TMPDIR for another one).
"""

import os
import tempfile
import threading
import time
from pathlib import Path

from bench.report import Row, percentile
from hustings.base.clock import SystemClock
from hustings.base.ids import RoomId
from hustings.journal.auditing import audit_file
from hustings.journal.disk import GROUP_S
from hustings.journal.file import Journal
from hustings.journal.keys import SigningKey, load_or_make
from hustings.journal.synthesis import synthesize
from hustings.media.hold import hold_frames
from hustings.wire import kinds
from hustings.wire.names import AAC, MP3, OPUS, OPUS_LOW, PART_SAMPLES

ROOM = RoomId("bench")
HOURS = 4.0


def measure() -> list[Row]:
    with tempfile.TemporaryDirectory(prefix="hustings-bench-") as name:
        folder = Path(name)
        key = load_or_make(folder / "keys")
        return [*_writing(folder / "live", key), *_evening(folder / "evening", key)]


def _writing(folder: Path, key: SigningKey) -> list[Row]:
    """Parts at fifty a second for ten seconds: what `append` takes, and when each part is safe."""
    journal = Journal.open(folder, ROOM, key, SystemClock())
    frames = {name: hold_frames(name, 0) for name in (OPUS, OPUS_LOW, AAC, MP3)}
    costs: list[float] = []
    written: list[float] = []
    worst: list[float] = []
    real = os.fdatasync
    safe = 0  # parts that an fdatasync covers

    def sync(descriptor: int) -> None:
        nonlocal safe
        on_file = sum(at < time.monotonic() - GROUP_S for at in written)  # surely written by now
        real(descriptor)
        if on_file > safe:
            worst.append(time.monotonic() - written[safe])
            safe = on_file

    os.fdatasync = sync
    try:
        for n in range(500):
            begun = time.perf_counter()
            journal.append(kinds.PART, kinds.Part(n, frames), media_time=n * PART_SAMPLES)
            costs.append(time.perf_counter() - begun)
            written.append(time.monotonic())
            if n % 50 == 49:
                journal.checkpoint()
            threading.Event().wait(0.02)
        journal.close()
    finally:
        os.fdatasync = real
    middle, high = (percentile(costs, share) * 1e6 for share in (0.5, 0.99))
    return [
        Row(
            "append of one part",
            "-",
            f"{middle:.0f} us (p99 {high:.0f}, most {max(costs) * 1e6:.0f})",
            note="never waits for the disk",
        ),
        Row(
            "longest time until a part survives a power cut",
            "<= 1 s",
            f"{max(worst):.2f} s",
            max(worst) <= 1.0,
            "append to the end of its fdatasync",
        ),
    ]


def _evening(folder: Path, key: SigningKey) -> list[Row]:
    rows = []
    read: dict[str, tuple[int, float]] = {}
    for name, hours in (("minute 4", 4 / 60), ("hour 4", HOURS)):
        place = folder / name.replace(" ", "-")
        path = synthesize(place, ROOM, key, hours=hours, end_ms=1_800_000_000_000)
        begun = time.perf_counter()
        journal = Journal.open(place, ROOM, key, SystemClock())
        spent = time.perf_counter() - begun
        read[name] = (journal.recovered.bytes_read, spent)
        journal.close()
    told = ", ".join(f"{n}: {b / 1e6:.2f} MB, {s * 1e3:.0f} ms" for n, (b, s) in read.items())
    late, early = read["hour 4"][0], read["minute 4"][0]
    rows.append(Row("restart reads", "hour 4 <= minute 4 + 1 MB", told, late <= early + 1_000_000))
    begun = time.perf_counter()
    report = audit_file(path, public=key.public)
    spent = time.perf_counter() - begun
    rows.append(
        Row(
            "verify 4 hours",
            "< 10 s",
            f"{spent:.1f} s",
            spent < 10 and report.ok,
            f"{report.bytes / 1e6:.0f} MB, {report.entries} entries, {report.checkpoints} signatures",
        )
    )
    return rows
