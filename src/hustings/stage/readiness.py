"""Is a room ready to go live? Facts in, findings out; pure.

Keeps true: one finding for each thing that was looked at, green ones too, in the order in which
a host would mend them; nothing here knows whether anybody listens, and nothing forbids going
live. The sentences for people stand in `pages/templates/_readiness.html`, by `code`.
`stage.checks` gathers the facts, `stage.http.readiness` tells the findings.
"""

from collections.abc import Iterable, Iterator
from typing import Final, Literal

import msgspec

State = Literal["ok", "warn", "bad"]

SPOKEN_S: Final = 3.0  # of speech that the stage heard: enough for a verdict on the way to the ear
EDGE_SILENT_S: Final = 15.0  # three reports
SKEW_WARN_S: Final = 2.0  # a report may be a second on its way
SKEW_BAD_S: Final = 30.0  # half of what tokens forgive
BYTES_AN_HOUR: Final = 50_000_000  # of one room: 108 kbit/s and its overhead
EVENING_HOURS: Final = 4.0
CALM_HOURS: Final = 12.0
CERTIFICATE_DAYS: Final = 14
READ_SLOW_S: Final = 1.0  # what a power cut may cost


class Mic(msgspec.Struct, frozen=True):
    """One person on stage, and what became of their voice on its way to an ear."""

    name: str
    connected: bool = True
    muted: bool = False
    spoken_s: float = 0.0  # so long the stage heard them, since the sound check began
    heard: bool | None = None  # at an edge, as a listener hears; None: no verdict yet


class Probe(msgspec.Struct, frozen=True):
    """A listener of our own, at the address of the audience."""

    state: Literal["closed", "waiting", "heard", "away"] = "closed"  # closed: no sound to be heard
    edge: str = ""  # its address
    behind_s: float = 0.0
    problem: str = ""  # code of the last refusal


class Recording(msgspec.Struct, frozen=True):
    """What was written to the journal, read back from the disk and compared with its hash."""

    parts: bool = False  # sound; else words only
    took_s: float = 0.0
    problem: str = ""


class Edge(msgspec.Struct, frozen=True):
    """One edge, by its last report."""

    name: str
    silent_s: float
    seats: int  # free ones
    skew_s: float = 0.0  # its clock minus the stage's; a report's way is in it


class Certificate(msgspec.Struct, frozen=True):
    """By what people reach the stage's page, which is where microphones are."""

    kind: Literal["own", "proxy", "local", "none", "broken"]
    days: float = 0.0  # until it ends
    foreign: list[str] = []  # names by which we are called and that it does not cover


class Facts(msgspec.Struct, frozen=True):
    """All that is looked at."""

    state: str  # of the room
    mics: list[Mic]
    probe: Probe
    recording: Recording
    edges: list[Edge]
    clock_error_s: float | None  # the kernel's word; infinite: nothing keeps it right
    free_bytes: int
    open_rooms: int
    certificate: Certificate
    expected: int  # listeners; 0: nobody said
    guests: int = 0
    unrecorded: list[str] = []  # guests who have not agreed to be recorded


class Finding(msgspec.Struct, frozen=True, omit_defaults=True):
    """One thing that was looked at. `values` are what its sentence names."""

    check: str
    state: State
    code: str
    values: dict[str, str | int | float] = {}


def judge(facts: Facts) -> list[Finding]:
    """All findings."""
    return [
        *_mics(facts),
        *_probe(facts),
        *_guests(facts),
        _recording(facts.recording),
        *_edges(facts.edges),
        *_clock(facts),
        _disk(facts),
        _certificate(facts.certificate),
        _capacity(facts),
    ]


def worst(findings: Iterable[Finding]) -> State:
    """The colour of the whole."""
    states = {finding.state for finding in findings}
    return "bad" if "bad" in states else "warn" if "warn" in states else "ok"


def _mics(facts: Facts) -> Iterator[Finding]:
    if facts.state not in {"scheduled", "lobby"}:
        return  # on air each speaker's own light says it
    if not facts.mics:
        yield Finding("mics", "bad", "mics_none")
    for mic in facts.mics:
        state, code = _mic(mic, facts.state)
        yield Finding("mics", state, code, {"name": mic.name, "behind_s": facts.probe.behind_s})


def _mic(mic: Mic, room: str) -> tuple[State, str]:
    if not mic.connected:
        return "bad", "mic_line"
    if mic.heard:
        return "ok", "mic_heard"
    if mic.muted:
        return "warn", "mic_muted"
    if mic.heard is False:
        return "bad", "mic_lost"
    if room == "scheduled":
        return "warn", "mic_early"
    return ("warn", "mic_silent") if mic.spoken_s < SPOKEN_S else ("warn", "mic_waits")


def _probe(facts: Facts) -> Iterator[Finding]:
    probe = facts.probe
    values: dict[str, str | int | float] = {"edge": probe.edge, "problem": probe.problem}
    if probe.state == "heard":
        yield Finding("probe", "ok", "probe_heard", values | {"behind_s": probe.behind_s})
    elif probe.state == "away":
        yield Finding("probe", "bad", "probe_away", values)
    elif probe.state == "waiting":
        yield Finding("probe", "warn", "probe_waits", values)


def _guests(facts: Facts) -> Iterator[Finding]:
    """Whether they agreed to be recorded, while it is not too late to ask."""
    if not facts.guests or facts.state not in {"scheduled", "lobby", "live"}:
        return
    if names := facts.unrecorded:
        values: dict[str, str | int | float] = {"names": ", ".join(names), "count": len(names)}
        yield Finding("guests", "warn", "guests_unrecorded", values)
    else:
        yield Finding("guests", "ok", "guests_agreed", {"count": facts.guests})


def _recording(recording: Recording) -> Finding:
    if recording.problem:
        return Finding("recording", "bad", "recording_bad", {"problem": recording.problem})
    values: dict[str, str | int | float] = {"ms": round(recording.took_s * 1_000)}
    if recording.took_s > READ_SLOW_S:
        return Finding("recording", "warn", "recording_slow", values)
    return Finding("recording", "ok", "recording_ok", values)


def _edges(edges: list[Edge]) -> Iterator[Finding]:
    warm = [edge for edge in edges if edge.silent_s <= EDGE_SILENT_S]
    seats = sum(edge.seats for edge in warm)
    if not warm:
        yield Finding("edges", "bad", "edges_none")
    else:
        yield Finding("edges", "ok", "edges_warm", {"count": len(warm), "seats": seats})
    for edge in edges:
        if edge.silent_s > EDGE_SILENT_S:
            values: dict[str, str | int | float] = {"edge": edge.name, "s": round(edge.silent_s)}
            yield Finding("edges", "warn", "edge_silent", values)


def _clock(facts: Facts) -> Iterator[Finding]:
    skewed = [edge for edge in facts.edges if abs(edge.skew_s) > SKEW_WARN_S]
    for edge in skewed:
        state: State = "bad" if abs(edge.skew_s) > SKEW_BAD_S else "warn"
        values: dict[str, str | int | float] = {"edge": edge.name, "s": round(edge.skew_s, 1)}
        yield Finding("clock", state, "clock_edge", values)
    if facts.clock_error_s == float("inf"):
        yield Finding("clock", "warn", "clock_free")
    elif not skewed:
        yield Finding("clock", "ok", "clock_ok")


def _disk(facts: Facts) -> Finding:
    hours = facts.free_bytes / (BYTES_AN_HOUR * max(1, facts.open_rooms))
    values: dict[str, str | int | float] = {"hours": int(hours)}
    if hours < EVENING_HOURS:
        return Finding("disk", "bad", "disk_low", values)
    return Finding("disk", "ok" if hours >= CALM_HOURS else "warn", "disk_ok", values)


def _certificate(certificate: Certificate) -> Finding:
    if certificate.kind != "own":
        state: State = {"none": "bad", "broken": "bad"}.get(certificate.kind, "ok")  # type: ignore[assignment]
        return Finding("certificate", state, f"certificate_{certificate.kind}")
    if certificate.foreign:
        names = ", ".join(certificate.foreign)
        return Finding("certificate", "bad", "certificate_name", {"names": names})
    days: dict[str, str | int | float] = {"days": int(certificate.days)}
    if certificate.days <= 0:
        return Finding("certificate", "bad", "certificate_ended")
    if certificate.days < CERTIFICATE_DAYS:
        state = "bad" if certificate.days < 1 else "warn"
        return Finding("certificate", state, "certificate_soon", days)
    return Finding("certificate", "ok", "certificate_ok", days)


def _capacity(facts: Facts) -> Finding:
    seats = sum(edge.seats for edge in facts.edges if edge.silent_s <= EDGE_SILENT_S)
    values: dict[str, str | int | float] = {"expected": facts.expected, "seats": seats}
    if not facts.expected:
        return Finding("capacity", "warn", "capacity_unknown", values)
    if facts.expected > seats:
        return Finding("capacity", "bad", "capacity_short", values)
    return Finding("capacity", "ok", "capacity_ok", values)
