"""Gathers what a room's readiness is judged by: looks and measures, changes nothing.

`look` runs on the studio's thread, between two ticks, and only reads memory; `facts` waits for
the disk and runs on a thread of its own. Called by `stage.http.readiness`.
"""

import os
import shutil
from datetime import UTC, datetime
from typing import Final

import msgspec

from hustings.base.certificates import read_certificate
from hustings.base.clock import Clock
from hustings.base.errors import HustingsError
from hustings.base.timekeeping import clock_error
from hustings.journal.file import Journal
from hustings.settings import Settings
from hustings.stage.readiness import Certificate, Edge, Facts, Mic, Probe, Recording
from hustings.stage.soundcheck import SoundCheck
from hustings.stage.studio import Studio
from hustings.wire import kinds
from hustings.wire.links import named_hosts, needs_tls

FLUSH_S: Final = 3.0  # longer than any disk that keeps its promise


class Seen(msgspec.Struct, frozen=True):
    """What the studio knows of a room's readiness at one moment."""

    state: str
    expected: int
    mics: list[Mic]
    probe: Probe
    sound_check: str  # the private room where the probe listens; empty: nowhere
    edges: list[Edge]
    open_rooms: int
    journal: Journal
    guests: int = 0
    unrecorded: list[str] = []


def look(studio: Studio, room: str) -> Seen:
    """On the studio's thread. Raises NotFound `room_unknown`."""
    hall = studio.meeting(room)
    facts = hall.model.facts
    check = studio.sound_checks.asked(hall, studio.now_s)
    guests = studio.hall(room).model.guests  # a rehearsal has none of its own
    return Seen(
        state=facts.state,
        expected=facts.expected,
        mics=[
            Mic(
                who.name,
                connected=who.connected,
                muted=who.muted,
                spoken_s=check.hearing.spoken_s(who.id),
                heard=check.hearing.verdict(who.id),
            )
            for who in hall.model.on_stage
        ],
        probe=_probe(check),
        sound_check=check.room or "",
        edges=[_edge(row) for row in studio.fleet.view(studio.now_s)],
        open_rooms=sum(each.is_open for each in studio.halls.values()),
        journal=hall.journal,
        guests=len(guests),
        unrecorded=guests.unrecorded,
    )


def probed(seen: Seen, *, edge: str, problem: str) -> Seen:
    """With the address of the probe's edge, and what the probe itself met."""
    probe = msgspec.structs.replace(seen.probe, edge=edge)
    if problem:
        probe = msgspec.structs.replace(probe, state="away", problem=problem)
    return msgspec.structs.replace(seen, probe=probe)


def facts(seen: Seen, settings: Settings, clock: Clock) -> Facts:
    """Wait for the disk, and put all together."""
    return Facts(
        state=seen.state,
        mics=seen.mics,
        probe=seen.probe,
        recording=read_back(seen.journal, clock),
        edges=seen.edges,
        clock_error_s=clock_error(),
        free_bytes=shutil.disk_usage(settings.data).free,
        open_rooms=seen.open_rooms,
        certificate=certificate(settings, clock),
        expected=seen.expected,
        guests=seen.guests,
        unrecorded=seen.unrecorded,
    )


def read_back(journal: Journal, clock: Clock) -> Recording:
    """Write down what the journal holds, and read its last entry from the disk again."""
    began_s = clock.monotonic()
    try:
        journal.flush(FLUSH_S)
        with journal.reader() as reader:
            _, entry = reader.find(journal.size - 1)
        problem = "" if entry.body is not None and entry.body_matches() else "hash"
    except HustingsError as error:
        return Recording(problem=error.code)
    except OSError as error:
        return Recording(problem=os.strerror(error.errno or 0))
    took_s = clock.monotonic() - began_s
    return Recording(parts=entry.kind == kinds.PART, took_s=took_s, problem=problem)


def certificate(settings: Settings, clock: Clock) -> Certificate:
    """What browsers will say to the stage's page."""
    if not settings.tls.cert:
        if needs_tls(settings):
            return Certificate("none")
        return Certificate("proxy" if settings.public_url.stage else "local")
    try:
        found = read_certificate(settings.tls.cert)
    except (OSError, ValueError):
        return Certificate("broken")
    now = datetime.fromtimestamp(clock.wall_ms() / 1_000, UTC)
    days = (found.last - now).total_seconds() / 86_400 if found.first <= now else 0.0
    return Certificate("own", days=days, foreign=found.foreign(named_hosts(settings)))


def _probe(check: SoundCheck) -> Probe:
    """As far as the studio knows it; what refuses the probe itself is the door's to say."""
    behind_s = check.hearing.behind_s
    if behind_s is not None:
        return Probe("heard", behind_s=behind_s)
    if check.refused:
        return Probe("away", problem=check.refused)
    return Probe("waiting" if check.room else "closed")


def _edge(row: dict[str, object]) -> Edge:
    """An edge as the fleet tells it; one of an older version does not say its seats."""
    told = msgspec.convert(row, _Row, strict=False)
    seats = told.seats if told.seats >= 0 else max(0, told.limit - told.connections)
    name = " ".join(filter(None, (told.credential, told.name))) or told.edge
    return Edge(name, silent_s=told.silent_s, seats=seats, skew_s=told.skew_s)


class _Row(msgspec.Struct, frozen=True):
    edge: str = ""
    credential: str = ""
    name: str = ""
    silent_s: float = 0.0
    skew_s: float = 0.0
    seats: int = -1
    limit: int = 0
    connections: int = 0
