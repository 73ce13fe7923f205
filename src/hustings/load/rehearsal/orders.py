"""What the processes of a rehearsal tell each other, as lines of JSON; pure.

The command hands each process one `Orders`; each answers with a `News` a second (sums since the
start) and one `Findings` at its end. All times are seconds since the common start `at`, which is
a monotonic second of the machine that they share.
"""

from typing import Annotated, Literal

import msgspec

Manner = Literal["polite", "rude", "slow"]
"""How a person behaves: like our page; back at once, whatever the server says; reading too slowly."""


class Target(msgspec.Struct, frozen=True):
    """Where the stream is."""

    url: str  # of the edge, without a path
    host: str
    port: int
    tls: bool
    room: str
    rendition: str = "opus"
    ca: str = ""
    addresses: tuple[str, ...] = ()  # of the host, as they were resolved

    @property
    def path(self) -> str:
        """Of the endless stream."""
        return f"/live/{self.room}/{self.rendition}.mp4"


class Orders(msgspec.Struct, frozen=True, tag="orders"):
    """One process's share."""

    target: Target
    at: float  # the common start
    seed: int
    first: int  # number of this process's first person: sets source addresses apart
    listeners: tuple[float, ...]  # when each comes, to stay
    visits: tuple[float, ...] = ()  # when each comes, to leave after the first part
    rude: float = 0.0  # share of all who come
    slow: float = 0.0  # share of the listeners
    decoders: int = 0  # listeners who really decode
    addresses: int | None = 0  # of loopback, that people share; 0: one each; None: the machine's
    cut_s: float = 0.0  # every connection breaks at this second; 0: never
    end_s: Annotated[float, msgspec.Meta(gt=0, le=4 * 3_600)] = 60.0


class News(msgspec.Struct, tag="news"):
    """How it stands, each second: sums and numbers of now."""

    at_s: float
    due: int = 0  # persons whose moment has come
    hearing: int = 0  # now
    waiting: int = 0  # in the queue now
    heard: int = 0  # persons who have had sound
    refused: int = 0
    broken: int = 0
    bytes: int = 0
    late_ms: float = 0.0  # our own, of the last second


class Decoded(msgspec.Struct):
    """What one who really decodes heard."""

    frames: int = 0
    damaged: int = 0
    audible: float = 0.0  # share of the frames above -60 dBFS
    broken_order: int = 0  # frames that did not follow the one before


class Person(msgspec.Struct, array_like=True):
    """What became of one person; seconds since the start, -1: never."""

    due_s: float
    manner: Manner
    stays: bool
    group: int  # by source address, for fairness
    connect_ms: float = -1.0  # the first attempt's
    first_byte_s: float = -1.0
    first_sound_s: float = -1.0
    queued_s: float = 0.0  # in the queue, hearing the slower stream or nothing
    waiting_sound_s: float = -1.0  # first sound of that slower stream
    tries: int = 0
    parts: int = 0
    pieces: int = 0  # that the parts came in
    lost: int = 0
    silence_s: float = 0.0
    stalls: int = 0
    cuts: int = 0  # lines that broke while they heard
    back_s: float = -1.0  # the longest time from such a break to sound again
    away: bool = False  # a line broke, and there was no sound since
    estimate_s: float = -1.0  # what the queue had promised at first


class Refusal(msgspec.Struct):
    """All refusals of one code."""

    status: int
    count: int = 0
    without_retry: int = 0  # no Retry-After
    odd_retry: int = 0  # one outside 2..120 s
    slowest_ms: float = 0.0


class Own(msgspec.Struct):
    """How well the generator itself kept up."""

    cpu: float = 0.0  # share of a core
    late_p99_ms: float = 0.0  # a person's moment until their connection was begun
    late_max_ms: float = 0.0
    loop_p99_ms: float = 0.0  # a timer's moment until it was served
    loop_max_ms: float = 0.0
    no_files: int = 0  # connections that this machine's own limits refused


class Findings(msgspec.Struct, tag="findings"):
    """One process's whole result."""

    persons: list[Person] = []
    untold: int = 0  # persons beyond what is kept
    refusals: dict[str, Refusal] = {}
    refusal_ms: list[float] = []  # a sample of how long refusals took
    faults: dict[str, int] = {}  # connections that broke, by reason
    seconds: dict[str, list[float]] = {}  # name -> value in each second
    decoded: list[Decoded] = []
    bytes: int = 0
    own: Own = msgspec.field(default_factory=Own)
    ended_early: bool = False
