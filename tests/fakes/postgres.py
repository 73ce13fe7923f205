"""A PostgreSQL of the test's own: a cluster in a temporary folder, on a socket there only."""

import os
import pwd
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def binaries() -> Path | None:
    """Where Debian (or PATH) has PostgreSQL's programs."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if found:
        return found[-1].parent
    on_path = shutil.which("initdb")
    return Path(on_path).parent if on_path else None


def control(programs: Path, folder: Path, *words: str) -> None:
    """`pg_ctl` for a cluster that `running` made in `folder`: `stop`, or `start` as it was."""
    user = "postgres" if os.getuid() == 0 else None
    data = folder / "cluster"
    options = f"-c listen_addresses= -c unix_socket_directories={folder} -c fsync=off"
    subprocess.run(
        [programs / "pg_ctl", "-D", data, "-o", options, "-w", "-l", folder / "log", *words],
        user=user,
        cwd=folder,
        check=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.STDOUT,
        timeout=60,
        env={"LC_ALL": "C", "PATH": "/usr/bin:/bin"},
    )


@contextmanager
def running(programs: Path, folder: Path) -> Iterator[str]:
    """Start a cluster in `folder`; yields a SQLAlchemy URL. PostgreSQL refuses to run as root."""
    user = "postgres" if os.getuid() == 0 else None
    if user:
        _open_to(folder, user)
    data = folder / "cluster"

    def call(program: str, *args: str) -> None:
        subprocess.run(
            [str(programs / program), *args],
            user=user,
            cwd=folder,
            check=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.STDOUT,
            timeout=60,
            env={"LC_ALL": "C", "PATH": "/usr/bin:/bin"},
        )

    call("initdb", "-D", str(data), "-U", "hustings", "-A", "trust", "--no-sync")
    options = f"-c listen_addresses= -c unix_socket_directories={folder} -c fsync=off"
    call("pg_ctl", "-D", str(data), "-o", options, "-w", "-l", str(folder / "log"), "start")
    try:
        yield f"postgresql://hustings@/postgres?host={folder}"
    finally:
        call("pg_ctl", "-D", str(data), "-m", "immediate", "-w", "stop")


def _open_to(folder: Path, user: str) -> None:
    """pytest's folders are for their owner only; let `user` through to this one."""
    account = pwd.getpwnam(user)
    os.chown(folder, account.pw_uid, account.pw_gid)
    for parent in folder.parents:
        if parent == Path("/tmp"):
            break
        parent.chmod(parent.stat().st_mode | 0o011)
