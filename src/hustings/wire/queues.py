"""What edges and the stage tell each other of a room's queue (docs/protocol.md 3.7). Pure.

Both may be lost or come twice. `stage.queue` and `edge.waiting.queue` hold the rules.
"""

from collections.abc import Mapping
from typing import Annotated, Final

import msgspec

from hustings.base.errors import PeerError
from hustings.wire.places import Span

Second = Annotated[int, msgspec.Meta(ge=0, le=2**40)]
Count = Annotated[int, msgspec.Meta(ge=0, le=1_000_000_000)]

TOLD: Final = 500  # seconds in one batch; the rest goes with the next
QUEUES_BYTES: Final = 12_000  # of a batch for all words on a queue; one may exceed it
_MOST_SPANS: Final = 200
_WORD_BYTES: Final = 120
_SECOND_BYTES: Final = 20


class Said(msgspec.Struct, frozen=True, omit_defaults=True):
    """An edge to the stage, in its batch, once a second while there is a queue."""

    arrived: Annotated[
        dict[Second, Count], msgspec.Meta(max_length=TOLD)
    ] = {}  # in it, here, in all
    free: Count = 0  # seats
    pace: Annotated[float, msgspec.Meta(ge=0, le=1e9)] = 0.0  # people a second it can let in
    came: Count = 0  # of those who were called, since the last batch
    serving: Annotated[float, msgspec.Meta(ge=0, le=1e12)] = 0.0  # how far it has gone by itself


class Heard(msgspec.Struct, frozen=True):
    """The stage to the edges, in its index, once a second while there is a queue."""

    room: str
    serving: float = 0.0  # places up to here may come in; 0 = the doors are closed
    rate: float = 0.0  # people a second who are let in, of late
    waiting: int = 0
    coming: int = 0  # called, and expected still
    spans: tuple[Span, ...] = ()  # who waits; in order


def both(before: Said, after: Said) -> Said:
    """Two words of one edge as one, the second of which came later."""
    arrived = list((before.arrived | after.arrived).items())[-TOLD:]
    return msgspec.structs.replace(after, arrived=dict(arrived), came=before.came + after.came)


def fitting(words: Mapping[str, Said]) -> dict[str, Said]:
    """As many as a batch has room for, from the first on; two at least, so that all come up."""
    found: dict[str, Said] = {}
    size = 0
    for run, said in words.items():
        if size >= QUEUES_BYTES and len(found) >= 2:
            break
        found[run] = said
        size += _WORD_BYTES + _SECOND_BYTES * len(said.arrived)
    return found


def read_heard(line: object) -> Heard:
    """A line of the index; PeerError `queue_bad` for what cannot be one."""
    try:
        heard = msgspec.convert(line, Heard)
    except msgspec.ValidationError as error:
        raise PeerError("queue_bad", "The stage's word on a queue cannot be used.") from error
    ends = [0, *(end for span in heard.spans for end in (span.first, span.end))]
    sane = (
        len(heard.spans) <= _MOST_SPANS
        and 0 <= heard.serving < 2**40
        and 0 <= heard.rate < 1e9
        and min(heard.waiting, heard.coming, *(span.people for span in heard.spans)) >= 0
        and ends == sorted(ends)
        and all(span.first < span.end for span in heard.spans)
    )
    if not sane:
        raise PeerError("queue_bad", "The stage's word on a queue makes no sense.")
    return heard
