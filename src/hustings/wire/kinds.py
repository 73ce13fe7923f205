"""What a journal entry can say: one struct for each kind's body, as in docs/protocol.md.

Bodies are msgpack maps. The set is open: a reader keeps and forwards kinds it does not know.
A consumer folds entries in order; nothing here does I/O.
"""

from typing import Any, Final, Literal

import msgspec

ROOM: Final = "room"
PART: Final = "part"
TRACK: Final = "track"
ROSTER: Final = "roster"
CALL: Final = "call"
LEVEL: Final = "level"
SNAPSHOT: Final = "snapshot"
GAP: Final = "gap"
TERM: Final = "term"
HAND: Final = "hand"
SEAT: Final = "seat"
KEY: Final = "key"
REACH: Final = "reach"
LADDER: Final = "ladder"
REHEARSAL: Final = "rehearsal"
ORDER: Final = "order"
AGENDA: Final = "agenda"
REACTIONS: Final = "reactions"
CHARGE: Final = "charge"
TALK: Final = "talk"
PANIC: Final = "panic"
DUMP: Final = "dump"
QUESTION: Final = "question"
QUESTIONS: Final = "questions"
POLL: Final = "poll"
TOMBSTONE: Final = "tombstone"
ENDING: Final = "ending"
GUEST: Final = "guest"
PROMOTION: Final = "promotion"
RULES: Final = "rules"

# Kinds that an edge reads itself; every other public kind it forwards in-band as JSON.
NOT_FORWARDED: Final = frozenset({QUESTION, QUESTIONS, RULES, PART, SNAPSHOT, TERM, GAP})
# What listeners who come later must know: the last one of each is in public snapshots.
SHOWN: Final = frozenset({AGENDA, QUESTIONS, POLL, RULES})

DELAYS_S: Final = (0, 3, 4, 5, 6, 7)  # broadcast delays that a room may choose
EXPECTED: Final = 100_000_000  # listeners that hosts may reckon with
KEEP_DAYS: Final = 36_500  # days for which a recording may be kept; longer is for ever
LOBBY_MIN: Final = 720  # minutes before the start at which a lobby may open by itself

RoomState = Literal["scheduled", "lobby", "live", "ended"]
Doors = Literal["lobby", "live"]
Role = Literal["host", "cohost", "speaker", "moderator", "checker"]
Place = Literal["backstage", "stage", "gone"]
QuestionMode = Literal["off", "review", "open"]
QuestionState = Literal["asked", "shown", "answered", "hidden"]


class Draw(msgspec.Struct, frozen=True, omit_defaults=True):
    """The lottery among those who wait before a room's doors open (`wire.places`)."""

    commit: str  # SHA-256 of the seed, hex; told as soon as there is a room
    seed: str = ""  # hex; revealed when the doors open
    doors_s: int = 0  # the room's second (epoch + media time) in which they did; 0 = closed


class Erased(msgspec.Struct, frozen=True, omit_defaults=True):
    """Parts first..last (both included) whose sound was taken back, for everybody to see."""

    first: int
    last: int
    at_ms: int  # wall time of the decision
    reason: str = ""


class Deleted(msgspec.Struct, frozen=True, omit_defaults=True):
    """That, when and why a room's recording was deleted, for everybody to see."""

    at_ms: int  # wall time of the decision
    by: Literal["host", "policy"] = "host"
    reason: str = ""


class Imported(msgspec.Struct, frozen=True):
    """A recording that was made elsewhere: this house did not witness what it holds."""

    name: str  # of the file
    sha256: str  # of its bytes, hex
    at_ms: int  # wall time of the import


class Picture(msgspec.Struct, frozen=True):
    """A small JPEG beside the journal, named by what is in it (`wire.pictures`)."""

    hash: str  # first 32 hex digits of its SHA-256
    alt: str  # what it shows, for whoever does not see it
    width: int  # px
    height: int

    @property
    def file(self) -> str:
        """Its name below the room's own address."""
        return f"picture.{self.hash}.jpg"


class Guest(msgspec.Struct, frozen=True, omit_defaults=True):
    """Who is announced for an evening, as everybody may see them."""

    id: str
    name: str = ""
    line: str = ""  # who they are, in a few words
    url: str = ""  # http or https; empty: none
    picture: str = ""  # hash of a picture, named as the room's is; empty: none is shown
    alike: bool = False  # the name looks like the host's, or a guest's before them

    @property
    def file(self) -> str:
        """Their picture's name below the room's own address."""
        return f"guest.{self.picture}.jpg"


class Words(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a room is, in one language."""

    title: str
    description: str = ""


class Room(msgspec.Struct, frozen=True, omit_defaults=True):
    """Kind `room`: all public facts of a room; each change repeats the whole."""

    room: str
    title: str
    state: RoomState = "scheduled"
    description: str = ""
    language: str = "en"  # BCP 47, of what is spoken
    host: str = ""  # name shown to listeners
    start_ms: int = 0  # planned start, wall ms; 0 = not planned
    epoch_ms: int = 0  # wall ms of media time 0: the lobby's first opening; 0 = not yet
    live_ms: int = 0  # wall ms of "go live"; 0 = not yet
    ended_ms: int = 0
    locked: bool = False  # nobody new may come on stage
    hands_closed: bool = False  # listeners may not raise their hands just now
    topics: list[str] = []  # what a hand may be about; its owner picks one
    radio: bool = False  # an MP3 rendition is made
    notice: str = ""  # a plain sentence shown to everybody
    draw: Draw | None = None  # who comes in first, where there are more people than seats
    erased: list[Erased] = []  # what was taken back, the last 20; each is a `dump` entry too
    delay_s: int = 0  # the audience hears everything so much later (in whole parts); 0: at once
    rehearsal_of: str = ""  # the room that is rehearsed here; empty: this is an evening itself
    expected: int = 0  # listeners that the hosts reckon with; 0 = they have not said
    tracks: list[str] = []  # participants who agreed that their own voice may be had by itself
    keep_days: int | None = None  # of the recording after the end; 0: not kept, None: for ever
    deleted: Deleted | None = None  # the recording is gone
    imported: Imported | None = None  # where its sound comes from, if not from here
    was_ms: int = 0  # the start that was announced before it was moved; 0: it was not
    cancelled_ms: int = 0  # wall ms of the decision; 0: it takes place
    cancelled_why: str = ""  # in the hosts' words, for everybody; may be empty
    revision: int = 0  # one more with each change of what is announced (`stage.announcing`)
    revised_ms: int = 0  # wall ms of the last one
    moved_ms: int = 0  # wall ms of the last change of start or cancellation, which notices tell
    texts: dict[str, Words] = {}  # by language (BCP 47), beside the one that is spoken
    picture: Picture | None = None  # the room's, as cards and players show it
    lobby_min: int | None = None  # minutes before the start at which its lobby opens; 0: by hand
    guests: list[Guest] = []  # announced, in order; told beside it, never in an entry (`Booking`)
    doors: Doors | None = None  # with which state the queue of a full house begins to move
    rules: str = ""  # `Rules.id` of those that hold from here on; empty: there are none

    @property
    def doors_ms(self) -> int:
        """Wall ms at which its lobby opens by itself; 0: by hand, or not known."""
        return self.start_ms - self.lobby_min * 60_000 if self.start_ms and self.lobby_min else 0


class Booking(msgspec.Struct, frozen=True, omit_defaults=True):
    """Kind `guest` (stage only): one guest as they are after one change, and what they agreed to.

    The newest entry of a guest's id counts, and the bodies of all earlier ones are erased. `gone`:
    no guest any more; nothing but the id is left.
    """

    guest: Guest
    place: int = 0  # in the hosts' order
    announced: bool = False  # by name and line, for everybody
    recorded: bool = False
    gone: bool = False


class Participant(msgspec.Struct, frozen=True, omit_defaults=True):
    """One named person of a room, as everybody may see them."""

    id: str
    name: str
    role: Role
    place: Place = "backstage"
    muted: bool = False
    connected: bool = False
    alike: bool = False  # the name looks like that of a host, or of somebody on stage before them
    gain_db: int = 0  # by a host's hand, on top of the levelling; -12 to 12


class Roster(msgspec.Struct, frozen=True, omit_defaults=True):
    """Kind `roster`: one participant as they are after one change.

    Public if the participant is, or was until this change, on stage; otherwise visible to the
    stage only. `change` names the command or event: joined, left, returned, muted, unmuted,
    on_stage, backstage, absent (the seat was freed), removed, renamed, role, gain.
    """

    participant: Participant
    change: str
    by: str = ""  # participant id of who did it; empty: they themselves or the system


class Call(msgspec.Struct, frozen=True):
    """Kind `call`: a raised hand is called up."""

    hand: str
    name: str


class Hand(msgspec.Struct, frozen=True, omit_defaults=True):
    """Kind `hand` (stage only): somebody asks to speak; `raised` false: lowered or called."""

    id: str
    name: str
    participant: str = ""  # whose hand it is, when they are a participant already
    question: str = ""
    at_ms: int = 0
    raised: bool = True
    topic: str = ""  # one of the room's, or none


class Seat(msgspec.Struct, frozen=True, omit_defaults=True):
    """Kind `seat` (stage only): asked on stage, asked no more, revoked, or let in again after all."""

    id: str  # participant id
    change: Literal["asked", "settled", "revoked", "readmitted"]
    by: str = ""
    name: str = ""  # of somebody who was removed
    devices: list[str] = []  # of somebody who was removed: `tokens.fingerprint` of each


class Charge(msgspec.Struct, frozen=True):
    """Kind `charge` (stage only): who runs the room from here on."""

    id: str  # participant id; empty: nobody was there to do it


class Panic(msgspec.Struct, frozen=True, omit_defaults=True):
    """Kind `panic` (stage only): hosts cleared the stage, or opened it again.

    The fields but `on` and `by` say how it was before, for whoever undoes it.
    """

    on: bool
    by: str = ""
    stage: list[str] = []  # participant ids
    locked: bool = False
    hands_closed: bool = False


class Ending(msgspec.Struct, frozen=True):
    """Kind `ending` (stage only): the room ends as soon as the broadcast delay has been aired."""

    by: str  # participant id


class OrderItem(msgspec.Struct, frozen=True, omit_defaults=True):
    """One point of the running order, as hosts plan it."""

    id: str
    title: str
    who: str = ""  # who speaks, in words
    participant: str = ""  # the same person, if they are in the room
    planned_s: int = 0  # 0: not limited


class Order(msgspec.Struct, frozen=True):
    """Kind `order` (stage only): the running order; each change repeats the whole."""

    items: list[OrderItem]


class Agenda(msgspec.Struct, frozen=True, omit_defaults=True):
    """Kind `agenda`: from the entry's media time on this point is current; an empty `id`: none.

    Chapters of a replay begin here, but not at one with `again`: only its words have changed.
    """

    id: str = ""
    title: str = ""
    who: str = ""
    planned_s: int = 0
    again: bool = False


class Reactions(msgspec.Struct, frozen=True):
    """Kind `reactions`: what the audience of all edges did since the last one, a second ago or more."""

    counts: dict[str, int]


class Question(msgspec.Struct, frozen=True, omit_defaults=True):
    """Kind `question`: somebody's question as it is after one change; public once it is shown.

    One that was shown and then hidden comes without its text and name.
    """

    id: str
    text: str = ""
    name: str = ""
    state: QuestionState = "asked"


class ShownQuestion(msgspec.Struct, frozen=True, omit_defaults=True):
    """A question as listeners see it."""

    id: str
    text: str
    name: str = ""
    votes: int = 0
    answered: bool = False


class Questions(msgspec.Struct, frozen=True, omit_defaults=True):
    """Kind `questions`: those that listeners see, the whole list; at most each 5 s."""

    mode: QuestionMode = "off"
    top: list[ShownQuestion] = []
    open: int = 0  # that could be voted on, were they all in the list


class Poll(msgspec.Struct, frozen=True, omit_defaults=True):
    """Kind `poll`: a poll as it is after one change; an empty `id`: none is shown.

    counts, votes (their sum) and moved are there once it is counted. `moved`: so many votes, at
    most, are counted twice, since whoever cast them came from another edge.
    """

    id: str = ""
    question: str = ""
    choices: list[str] = []
    state: Literal["open", "closed", "counted"] = "open"
    counts: list[int] = []
    votes: int = 0
    moved: int = 0


class Rules(msgspec.Struct, frozen=True, omit_defaults=True):
    """Kind `rules`: what people agree to before they raise a hand or come on stage.

    The `room` entry that follows says its `id`, which is made of the texts (`wire.rules`).
    """

    id: str = ""
    house: dict[str, str] = {}  # the house's, by language
    own: str = ""  # the room's own, in the language that is spoken there


class Talk(msgspec.Struct, frozen=True, omit_defaults=True):
    """Kind `talk` (stage only): a host talks in private with one person backstage."""

    host: str  # participant id
    guest: str = ""  # empty: no more


class Key(msgspec.Struct, frozen=True):
    """Kind `key` (stage only): entry `seq` was asked for under this idempotency key."""

    key: str
    seq: int


class Level(msgspec.Struct, frozen=True):
    """Kind `level`: who is speaking from this media time on."""

    speaking: list[str]


class Part(msgspec.Struct, frozen=True):
    """Kind `part`: 320 ms of program; media time of the entry = n x 15,360.

    renditions: name -> encoded frames (opus: 16, aac: 15, mp3: 13 or 14).
    """

    n: int
    renditions: dict[str, list[bytes]]


class Track(msgspec.Struct, frozen=True):
    """Kind `track` (stage only): one person's voice in part `n`, as it went into the mix.

    Only of who agreed (`Room.tracks`), and only where they were heard. Media time as the part's.
    """

    n: int
    who: str  # participant id; a person's outside encoder counts as the person
    frames: list[bytes]  # Opus, 16 of 20 ms


class Gap(msgspec.Struct, frozen=True):
    """Kind `gap`: parts first..last (both included) were never made, and why.

    reason: restart, frozen, not_live, disk, dump, delay (it was made longer, and had to fill).
    """

    first: int
    last: int
    reason: str


class Dump(msgspec.Struct, frozen=True, omit_defaults=True):
    """Kind `dump`: the sound of parts first..last (both included) is taken back.

    Readers play hold audio there, also of what they have already; the bodies are erased. Those
    among the parts that were held back by the broadcast delay were never made.
    """

    first: int
    last: int
    by: str = ""  # participant id; empty: the house
    reason: str = ""


class Tombstone(msgspec.Struct, frozen=True, omit_defaults=True):
    """Kind `tombstone`: the bodies of all entries before it were destroyed; nothing follows it.

    facts: all that stays known of the room. size, head: of the journal before this entry. parts,
    bytes: how much sound there was, and how long the file.
    """

    facts: Room
    size: int
    head: bytes
    parts: int = 0
    bytes: int = 0


class Term(msgspec.Struct, frozen=True):
    """Kind `term`: a writer begins; the first entry of each run of the stage."""

    term: int  # 1, 2, 3 ... for each room
    version: str
    reason: str = "start"


class Reach(msgspec.Struct, frozen=True, omit_defaults=True):
    """Kind `reach`: how many listen, once a minute, and at the room's end.

    Definitions stand in docs/protocol.md 2.5 and, for people, on the room's status page. `unique`
    and `players` are estimates with the relative standard error `error`; the others are counted.
    """

    now: int = 0  # live + low + hls
    live: int = 0  # open low-delay streams
    low: int = 0  # on `opus-low`
    hls: int = 0  # by HLS
    waiting: int = 0  # for a low-delay seat; who hear `opus-low` meanwhile are in `low` too
    peak: int = 0  # the highest `now` so far that held for 15 s
    joins: int = 0  # streams that began so far
    unique: int = 0  # pages that listened 60 s or more on end
    players: int = 0  # the same of players without a ticket, by address and agent
    error: float = 0.0
    listened_s: int = 0  # listener-seconds so far
    edges: int = 0  # that reported in the last seconds


class Promotion(msgspec.Struct, frozen=True, omit_defaults=True):
    """Kind `promotion`: how many were told of the room by mail or push; the newest of an `id` counts.

    planned: how many asked for it; of them `late` could not be sent before `start_ms`, and for
    `dropped` the plan changed before. uncertain: a send that was cut short: it may have arrived.
    """

    id: str
    occasion: Literal["reminder", "moved", "cancelled"]
    channel: Literal["mail", "push"]
    start_ms: int  # of the room, as it was told; 0: not said
    from_ms: int  # the window over which they were spread, wall
    to_ms: int
    planned: int = 0
    sent: int = 0
    failed: int = 0
    uncertain: int = 0
    late: int = 0
    dropped: int = 0
    first_ms: int = 0  # wall time of the first send; 0: none yet
    last_ms: int = 0
    final: bool = False  # nothing of it is sent any more


class Rehearsal(msgspec.Struct, frozen=True):
    """Kind `rehearsal`: one was held, and wiped. The same times twice are one."""

    began_ms: int  # wall
    ended_ms: int


class Ladder(msgspec.Struct, frozen=True, omit_defaults=True):
    """Kind `ladder`: an edge that carries the room stands on another rung from now on."""

    edge: str  # this run of it
    rung: str  # docs/protocol.md 3.13
    joined: int = 1  # parts of one send
    reason: str = ""  # the reading that led there; empty: calm again


class Snapshot(msgspec.Struct, frozen=True):
    """Kind `snapshot`: everything a reader needs to begin here.

    Written each minute, twice: first visible to the stage (whole), then public (only what
    listeners may know). `frontier`: the Merkle tree's right edge over all entries before
    this one (RFC 9162 2.1), from the largest subtree to the smallest.
    """

    size: int  # number of entries before this one
    frontier: list[bytes]
    room: Room
    roster: list[Participant]
    speaking: list[str]
    term: int
    part: int  # next part number
    private: dict[str, Any] = msgspec.field(default_factory=dict)  # stage only
    shown: dict[str, Any] = msgspec.field(default_factory=dict)
    """What else listeners may know: kind -> its last body, with `at`, the entry's media time."""


def keeps_shorter(days: int | None, *, than: int | None) -> bool:
    """Whether a recording that is kept for `days` goes sooner; None: for ever."""
    return days is not None and (than is None or days < than)


def encode(body: object) -> bytes:
    """msgpack of a body struct or of plain data."""
    return msgspec.msgpack.encode(body)


def event_json(*, seq: int, kind: str, at: int, body: Any) -> bytes:
    """The event as pages see it, in `emsg` boxes and on `/events`: compact JSON.

    at: media time in samples that the event refers to.
    """
    return msgspec.json.encode({"seq": seq, "kind": kind, "at": at, "body": body})
