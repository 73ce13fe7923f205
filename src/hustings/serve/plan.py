"""What a machine runs, as data: each service's command, environment and limits.

Stage and web find their keys in the data folder. An edge gets a signed credential instead, so
that whoever breaks into it cannot speak for the stage.
"""

import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from hustings.loading import environment
from hustings.settings import Settings
from hustings.wire.links import here_url

ENDS_S: Final = 5.0  # a service's own farewell

Service = Literal["stage", "edge", "web", "voice", "replay"]
NICENESS: Final[Mapping[Service, int]] = {
    "stage": -5,
    "edge": 0,
    "web": 5,
    "voice": 0,
    "replay": 19,
}


@dataclass(frozen=True)
class Child:
    """One process to run."""

    name: str  # stage, edge, edge 2, web
    service: Service
    url: str
    command: tuple[str, ...]
    environment: Mapping[str, str]
    frozen_after_s: float
    ready_within_s: float
    ends_within_s: float  # after SIGTERM; then it is killed
    niceness: int
    log: Path | None = None  # for what it writes; None: where we write


def children(settings: Settings, *, edge_token: Callable[[], str]) -> list[Child]:
    """The services in the order in which they start: the stage first, as others follow it.

    edge_token: makes a credential; each edge has its own, by which the stage tells them apart.
    """
    edges = [
        _child(
            settings,
            "edge" if number == 0 else f"edge {number + 1}",
            "edge",
            settings.edge.port,
            {
                "HUSTINGS_EDGE_TOKEN": edge_token(),
                "HUSTINGS_EDGE_SHARE_PORT": "true",
                "HUSTINGS_EDGE_LANE_PORT": str(lane_port(settings, number)),
            },
        )
        for number in range(edge_count(settings))
    ]
    return [
        _child(settings, "stage", "stage", settings.stage.port, {}),
        *edges,
        _child(settings, "web", "web", settings.web.port, {}),
    ]


def edge_count(settings: Settings) -> int:
    """How many edges to run: as set, else one for each core that we may use but the stage's."""
    known = hasattr(os, "sched_getaffinity")
    cores = len(os.sched_getaffinity(0)) if known else os.cpu_count() or 1
    return settings.edge.count or max(1, cores - 1)


def lane_port(settings: Settings, number: int) -> int:
    """Port of an edge's operator's lane, numbered from 0; 0 if there are no lanes."""
    return settings.edge.lane_port and settings.edge.lane_port + number


def voice(settings: Settings, name: str, command: tuple[str, ...]) -> Child:
    """A speaker of the demo: restarted like a service, but never judged by a heartbeat."""
    return Child(
        name=name,
        service="voice",
        url="",
        command=command,
        environment=environment(settings),
        frozen_after_s=float("inf"),
        ready_within_s=float("inf"),
        ends_within_s=ENDS_S,
        niceness=NICENESS["voice"],
        log=Path(settings.data) / "demo.log",
    )


def archivist(settings: Settings) -> Child:
    """Who makes replays: restarted like a service, goes on where it was, steps back for all others."""
    secrets = {"HUSTINGS_EDGE_TOKEN", "HUSTINGS_WEB_DATABASE", "HUSTINGS_STAGE_RTC_ICE_SERVERS"}
    return Child(
        name="replay",
        service="replay",
        url="",
        command=(sys.executable, "-m", "hustings", "replay", "--follow"),
        environment={k: v for k, v in environment(settings).items() if k not in secrets},
        frozen_after_s=float("inf"),
        ready_within_s=float("inf"),
        ends_within_s=ENDS_S,
        niceness=NICENESS["replay"],
    )


def _drain_s(settings: Settings, service: Service) -> float:
    return settings.edge.linger_s + settings.edge.drain_s if service == "edge" else 0.0


def _child(
    settings: Settings, name: str, service: Service, port: int, extra: Mapping[str, str]
) -> Child:
    own = environment(settings)
    own[f"HUSTINGS_{service.upper()}_PORT"] = str(port)
    if service != "edge":
        own.pop("HUSTINGS_EDGE_TOKEN")
    if service != "web":
        own.pop("HUSTINGS_WEB_DATABASE")  # may hold a password
    if service not in {"stage", "voice"}:
        own.pop("HUSTINGS_STAGE_RTC_ICE_SERVERS")
    limits = settings.serve
    return Child(
        name=name,
        service=service,
        url=here_url(settings, port),
        command=(sys.executable, "-m", "hustings", service),
        environment={**own, **extra},
        frozen_after_s={
            "stage": limits.stage_frozen_s,
            "edge": limits.edge_frozen_s,
            "web": limits.web_frozen_s,
        }[service],
        ready_within_s=limits.ready_s,
        ends_within_s=ENDS_S + _drain_s(settings, service),
        niceness=NICENESS[service],
    )
