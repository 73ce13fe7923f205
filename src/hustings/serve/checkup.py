"""What would go wrong on this machine, each finding with its remedy; `hustings doctor` prints it.

A check looks and measures, changes nothing but a probe file in the data folder, and takes less
than two seconds in all. `bad` keeps a service from working, `warn` will hurt on the evening.
"""

import contextlib
import os
import resource
import secrets
import shutil
import socket
import stat
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from hustings.base.clock import Clock
from hustings.base.errors import HustingsError
from hustings.base.timekeeping import clock_error
from hustings.media.encoders import ProgramEncoder
from hustings.media.opus import codec_version
from hustings.media.pcm import SILENCE
from hustings.serve import preflight
from hustings.serve.certificates import certificate_findings
from hustings.serve.findings import Finding, bad, ok, warn
from hustings.serve.plan import edge_count
from hustings.settings import Settings

BYTES_AN_HOUR: Final = 50_000_000  # of one room: 108 kbit/s and its overhead
BUILT_MS: Final = 1_760_000_000_000  # October 2025: no true clock shows less
OTHER_FILES: Final = 1_000  # beside listeners
PROBE_BYTES: Final = 4 * 1024 * 1024


def checkup(settings: Settings, clock: Clock) -> Iterator[Finding]:
    """All findings, in the order in which a person would mend them."""
    data = Path(settings.data)
    yield from folder(data)
    yield from tcp_ports(settings)
    yield from udp_ports(settings)
    yield from codecs()
    yield from wall_clock(clock)
    yield from files(settings)
    yield from disk(data)
    yield from certificate_findings(settings, clock)
    yield from key_files(data)


def folder(data: Path) -> Iterator[Finding]:
    """Can we write?"""
    yield _tried(
        "data folder", f"{data.resolve()} takes files", lambda: preflight.check_folder(data)
    )


def tcp_ports(settings: Settings) -> Iterator[Finding]:
    """Are our ports free, or held by ourselves?"""
    for service, host, port, flag in preflight.ports(settings):
        name = f"port {port}"
        finding = _tried(
            name,
            f"free for the {service}",
            lambda args=(host, port, service, flag): preflight.check_port(*args),  # type: ignore[misc]
        )
        if finding.state == "bad" and preflight.is_ours(port):
            finding = ok(name, f"our own {service} runs there")
        yield finding


def udp_ports(settings: Settings) -> Iterator[Finding]:
    """Enough UDP ports for speakers?"""
    first, last = settings.stage.rtc.first_port, settings.stage.rtc.last_port
    name = f"UDP ports {first} to {last}"
    address = settings.stage.rtc.bind or settings.host
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    free = 0
    for port in range(first, last + 1):
        with socket.socket(family, socket.SOCK_DGRAM) as sock, contextlib.suppress(OSError):
            sock.bind((address, port))
            free += 1
    mend = "move the range: --set stage.rtc.first_port=N --set stage.rtc.last_port=M"
    if free == 0:
        yield bad(name, "none is free: nobody can speak", mend)
    elif free < settings.stage.people:
        yield warn(name, f"{free} are free: so many can speak at once", mend)
    else:
        yield ok(name, f"{free} are free; a firewall must let them in from the speakers")


def codecs() -> Iterator[Finding]:
    """Do all encoders make sound?"""
    mend = "install again with `make install`; the codecs come with the package `av`"
    try:
        version = codec_version()
        encoder = ProgramEncoder(radio=True)
        for _ in range(16):
            encoder.feed(SILENCE)
        made = encoder.take_part(0)
    except (HustingsError, OSError, ValueError) as error:
        yield bad("codecs", str(error), mend)
        return
    missing = {"opus", "opus-low", "aac", "mp3"} - made.keys()
    if missing:
        yield bad("codecs", f"no sound from {', '.join(sorted(missing))}", mend)
    else:
        yield ok("codecs", f"Opus by {version}, AAC and MP3 encode")


def wall_clock(clock: Clock) -> Iterator[Finding]:
    """Is the time plausible, and does somebody keep it right?"""
    mend = "start a time service, for example `apt install chrony`"
    if clock.wall_ms() < BUILT_MS:
        yield bad("clock", "shows a time before this program was made", mend)
    elif (error_s := clock_error()) is None:
        yield ok("clock", "plausible; this system does not tell whether it is kept right")
    elif error_s == float("inf"):
        yield warn("clock", "nothing keeps it right: tokens and starts drift apart", mend)
    else:
        yield ok("clock", f"kept right, within {error_s * 1_000:.0f} ms by its own account")


def files(settings: Settings) -> Iterator[Finding]:
    """Each listener is an open file."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    need = settings.edge.listeners + OTHER_FILES
    if hard != resource.RLIM_INFINITY and hard < need:
        yield warn(
            "open files",
            f"at most {hard:,}: an edge for {settings.edge.listeners:,} listeners needs {need:,}",
            f"LimitNOFILE={need} in the service file, `ulimit -Hn {need}` in a shell",
        )
    else:
        yield ok("open files", "unlimited" if hard == resource.RLIM_INFINITY else f"up to {hard:,}")
    with contextlib.suppress(OSError, ValueError):
        queue = int(Path("/proc/sys/net/core/somaxconn").read_text(encoding="ascii"))
        if queue < 4_096:
            yield warn(
                "accept queue",
                f"{queue} connections: a crowd that comes at once is turned away",
                "sysctl net.core.somaxconn=4096",
            )
        moves = Path("/proc/sys/net/ipv4/tcp_migrate_req").read_text(encoding="ascii").strip()
        if moves == "0" and edge_count(settings) > 1:
            yield warn(
                "accept queues",
                "newcomers who wait at an edge that dies are turned away, not taken by another",
                "sysctl net.ipv4.tcp_migrate_req=1",
            )


def disk(data: Path) -> Iterator[Finding]:
    """Space for the record, and quick enough to keep the promise of one second."""
    if not data.is_dir():
        return
    free = shutil.disk_usage(data).free
    hours = free / BYTES_AN_HOUR
    said = f"{free / 1e9:.1f} GB free, about {hours:,.0f} hours of one room"
    mend = "make room, or choose another disk with --data"
    state = bad if hours < 4 else warn if hours < 24 else None
    yield state("disk space", said, mend) if state else ok("disk space", said)
    try:
        speed, longest_s = _write_speed(data)
    except OSError as error:
        yield bad("disk speed", f"a test of writing failed: {error.strerror}", mend)
        return
    said = f"{speed / 1e6:.0f} MB/s; a sync takes at most {longest_s * 1_000:.0f} ms"
    if longest_s > 0.2:
        yield warn(
            "disk speed",
            f"{said}: a power cut may cost more than a second of the record",
            "use a local disk, not a network share",
        )
    else:
        yield ok("disk speed", said)


def _write_speed(data: Path) -> tuple[float, float]:
    """Bytes a second over 4 MiB, and the slowest of eight syncs in seconds."""
    probe = data / f".probe-{secrets.token_hex(4)}"
    chunk = b"\0" * (PROBE_BYTES // 8)
    longest = total = 0.0
    try:
        with probe.open("wb", buffering=0) as file:
            for _ in range(8):
                began = time.perf_counter()
                file.write(chunk)
                os.fsync(file.fileno())
                took = time.perf_counter() - began
                longest, total = max(longest, took), total + took
    finally:
        probe.unlink(missing_ok=True)
    return PROBE_BYTES / max(total, 1e-9), longest


def key_files(data: Path) -> Iterator[Finding]:
    """Signing keys are their owner's alone."""
    public = {".pub", ".vkey"}
    keys = [p for p in sorted((data / "keys").glob("*")) if p.is_file() and p.suffix not in public]
    for path in keys:
        mode = stat.S_IMODE(path.stat().st_mode)
        if mode & 0o077:
            yield bad(
                f"key {path.name}",
                f"others on this machine may read it (mode {mode:o})",
                f"chmod 600 {path}; if others were there, make a new one",
            )
        elif not os.access(path, os.R_OK):
            yield bad(f"key {path.name}", "we may not read it", "run as its owner")
    if not keys:
        yield ok("keys", "none yet: the first start makes them")
    else:
        yield ok("keys", f"{len(keys)} in {data / 'keys'}; have a copy off this machine")


def _tried(name: str, said: str, check: Callable[[], None]) -> Finding:
    """The finding that a preflight check amounts to."""
    try:
        check()
    except HustingsError as error:
        what, _, mend = error.title.partition(": ")
        return bad(name, what, mend)
    return ok(name, said)
