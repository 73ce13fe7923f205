"""How much of the memory that this process may use it does use. For `edge.app`'s load samples.

Linux: the resident set by /proc against the smaller of the machine's memory and the control
group's `memory.max` (version 2). Elsewhere 0.0: nothing is known, and nothing depends on it.
The file is held open: a process that has run out of files must not lose sight of its memory.
"""

import functools
import os
from pathlib import Path


def memory_share() -> float:
    """Resident memory, 0 to 1 of what is granted."""
    granted = granted_bytes()
    if not granted:
        return 0.0
    resident = int(os.pread(_statm(), 256, 0).split()[1]) * os.sysconf("SC_PAGE_SIZE")
    return resident / granted


@functools.cache
def _statm() -> int:
    return os.open("/proc/self/statm", os.O_RDONLY | os.O_CLOEXEC)


@functools.cache
def granted_bytes() -> int:
    """What this process may use at most; 0 if unknown. Read once: limits are set at the start."""
    try:
        machine = int(Path("/proc/meminfo").read_text().split()[1]) * 1_024
        group = Path("/proc/self/cgroup").read_text().partition("::")[2].strip()
    except (OSError, ValueError, IndexError):
        return 0
    limits = [machine]
    folder = Path("/sys/fs/cgroup") / group.lstrip("/")
    for above in (folder, *folder.parents):
        try:
            limits.append(int((above / "memory.max").read_text()))
        except (OSError, ValueError):  # no such group, or "max"
            continue
    return min(limits)
