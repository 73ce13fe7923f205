"""What an edge tells the stage of one room's audience, once a second, and the answer. Pure.

Counts that add up (`joins`, `listened_s`, `reactions`) are since the last batch that was answered,
so what the stage missed comes with the next; the others are as of now. Where the stage missed
nothing and only its answer was late, the same comes twice: `after` tells (`fresh`). All fields may be left
out, and unknown ones are ignored, so that edges and stages of different versions understand each
other. `edge.audience.voice` makes batches, `edge.feed.upstream` sends them, `stage.audience` adds them up.
"""

from collections import Counter
from collections.abc import Iterable
from typing import Annotated, Any, Final

import msgspec

from hustings.base.errors import PeerError
from hustings.wire.queues import Said
from hustings.wire.tally import PAPERS, Paper, Totals

Count = Annotated[int, msgspec.Meta(ge=0, le=1_000_000_000)]
Seconds = Annotated[float, msgspec.Meta(ge=0, le=1e12)]
TopicName = Annotated[str, msgspec.Meta(max_length=40)]
HandId = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{20}$")]

# The stage takes bodies of 64 KiB, and one that is refused would come again for ever: two full
# sketches are 20 kB in base64, hands 12 to 15 kB, queues (`wire.queues`) 12 to 24, the rest 5.
HANDS: Final = 50  # of one batch
HANDS_BYTES: Final = 12_000  # beyond, no further one
DOWN: Final = 200  # lowered hands of one batch or answer
ASKED_BYTES: Final = 8_000
SKETCH_BYTES: Final = 17_000  # a full one, compressed, is 11 kB


class Now(msgspec.Struct, frozen=True, omit_defaults=True):
    """Who listens now. The three add up."""

    live: Count = 0  # open low-delay streams (`opus`, `aac`, `mp3`)
    low: Count = 0  # on `opus-low`: open streams, and pages that wait and hear its segments
    hls: Count = 0  # by HLS: pages that sent a receipt, and players that asked for a playlist

    @property
    def all(self) -> int:
        """Everybody who hears the room."""
        return self.live + self.low + self.hls


class Raised(msgspec.Struct, frozen=True, omit_defaults=True):
    """A listener's hand. Its age and not its time, since clocks of machines differ."""

    id: HandId
    name: Annotated[str, msgspec.Meta(max_length=80)]
    question: Annotated[str, msgspec.Meta(max_length=280)] = ""
    age_s: Seconds = 0.0
    topic: TopicName = ""


class Topic(msgspec.Struct, frozen=True, omit_defaults=True):
    """The raised hands of one edge on one topic."""

    up: Count = 0
    oldest_s: Seconds = 0.0  # as in `Hands`


class Hands(msgspec.Struct, frozen=True, omit_defaults=True):
    """The raised hands of one edge."""

    up: Count = 0  # all of them
    first: Annotated[list[Raised], msgspec.Meta(max_length=HANDS)] = []  # oldest, not yet taken
    oldest_s: Seconds = 0.0  # age of the oldest not yet taken; 0: there is none
    down: Annotated[list[HandId], msgspec.Meta(max_length=DOWN)] = []  # not (any more) up here
    topics: Annotated[dict[TopicName, Topic], msgspec.Meta(max_length=32)] = {}
    """By topic, "" for none; empty where no hand has one."""


class Asked(msgspec.Struct, frozen=True, omit_defaults=True):
    """A question of the audience."""

    id: HandId
    text: Annotated[str, msgspec.Meta(max_length=280)]
    name: Annotated[str, msgspec.Meta(max_length=80)] = ""


class Rung(msgspec.Struct, frozen=True, omit_defaults=True):
    """The ladder's step that the edge stands on."""

    name: Annotated[str, msgspec.Meta(max_length=32)] = ""
    joined: Count = 1  # parts of one send
    reason: Annotated[str, msgspec.Meta(max_length=64)] = ""
    since_ms: Annotated[int, msgspec.Meta(ge=0)] = 0


class Batch(msgspec.Struct, frozen=True, omit_defaults=True):
    """One second of one room at one edge."""

    edge: Annotated[str, msgspec.Meta(max_length=32)] = ""  # this run of the edge
    after: Count = 0  # answers it has had since it carries the room, plus 1; 0: not told
    now: Now = Now()
    waiting: Count = 0  # who wait for a low-delay seat, whether they hear `opus-low` or not
    joins: Count = 0
    listened_s: Seconds = 0.0  # listener-seconds
    salt: Annotated[str, msgspec.Meta(max_length=32)] = ""  # that the sketches were made with
    pages: Annotated[bytes, msgspec.Meta(max_length=SKETCH_BYTES)] = b""  # `wire.sketch`, each 10 s
    players: Annotated[bytes, msgspec.Meta(max_length=SKETCH_BYTES)] = b""
    hands: Hands = Hands()
    reactions: Annotated[dict[str, Count], msgspec.Meta(max_length=16)] = {}
    asked: Annotated[list[Asked], msgspec.Meta(max_length=50)] = []  # not yet taken, oldest first
    votes: Annotated[dict[Paper, Totals], msgspec.Meta(max_length=PAPERS)] = {}
    """Of this edge and those below, in all: `wire.tally`. Not with sketches: a batch has its bounds."""
    queues: Annotated[dict[str, Said], msgspec.Meta(max_length=1_000)] = {}
    """Of those who wait: by the run of the edge below that says it, "" for this one itself."""


class Answer(msgspec.Struct, frozen=True, omit_defaults=True):
    """What the stage says to a batch."""

    taken: Count = 0  # of the batch's hands, from the first on, so many are in the hosts' list
    wanted: Count = 0  # so many more without a topic the next batch may bring
    topics: Annotated[dict[TopicName, Count], msgspec.Meta(max_length=32)] = {}  # and of each topic
    down: Annotated[list[HandId], msgspec.Meta(max_length=DOWN)] = []  # lowered at another edge
    asked: Count = 0  # of the batch's questions, from the first on, so many are dealt with


def topic_counts(said: Iterable[Hands]) -> dict[str, int]:
    """Raised hands by topic at several edges; empty where no hand has a topic."""
    counts: Counter[str] = Counter()
    untold = 0
    for hands in said:
        counts.update({topic: each.up for topic, each in hands.topics.items()})
        untold += 0 if hands.topics else hands.up
    if counts and untold:
        counts[""] += untold
    return dict(counts)


def fresh(before: Batch | None, batch: Batch) -> tuple[int, float]:
    """Joins and listener-seconds of a batch that its edge's last word before it did not hold."""
    if before is None or not batch.after or batch.after != before.after:
        return batch.joins, batch.listened_s
    return max(0, batch.joins - before.joins), max(0.0, batch.listened_s - before.listened_s)


def encode(message: msgspec.Struct) -> bytes:
    """Compact JSON; bytes as base64."""
    return msgspec.json.encode(message)


def read(body: bytes, type_: type[Any]) -> Any:
    """A `Batch`, an `Answer` or a `Report`; PeerError `batch_bad` if the body is none."""
    try:
        return msgspec.json.decode(body, type=type_)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise PeerError("batch_bad", f"This is no batch: {error}", status=422) from None
