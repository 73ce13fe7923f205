"""How an edge is doing, as it tells the stage each 5 seconds: for the operator's board. Pure.

Totals are since the edge's start, so that whoever looks at two reports knows the rate between
them. `edge.feed.upstream` sends, `stage.fleet` keeps the last of each edge. docs/protocol.md 4.4.
"""

from typing import Annotated, Final

import msgspec

from hustings.wire.batch import Count, Rung

REPORT_S: Final = 5.0
Label = Annotated[str, msgspec.Meta(max_length=64)]
Total = Annotated[int, msgspec.Meta(ge=0, le=10**18)]


class Report(msgspec.Struct, frozen=True, omit_defaults=True):
    """One edge as of now."""

    edge: Annotated[str, msgspec.Meta(max_length=32)] = ""  # this run of it
    name: Label = ""  # what tells it from others of its machine: its lane's port
    version: Label = ""
    rung: Rung = Rung()
    pressure: Annotated[float, msgspec.Meta(ge=0, le=1)] = 0.0  # x of the ladder
    cpu_s: Annotated[float, msgspec.Meta(ge=0)] = 0.0  # of the process, in all
    rooms: Count = 0
    listeners: Count = 0
    waiting: Count = 0
    connections: Count = 0
    limit: Count = 0  # of connections
    seats: Annotated[int, msgspec.Meta(ge=-1, le=10**9)] = -1  # free low-delay ones; -1: not said
    wall_ms: Total = 0  # its clock; 0: not said
    joins: Total = 0
    sent_bytes: Total = 0  # of sound and events
    refusals: Annotated[dict[Label, Total], msgspec.Meta(max_length=100)] = {}  # by code
