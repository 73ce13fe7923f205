"""Who listens to one room at one edge: counted, never named. Pure; time and salt are given.

Streams are counted as they are open. Players and pages on HLS have no connection of their own: a
player counts as long as it asks for playlists, a page by its receipts, which reach us also from
behind a cache. Each receipt may come to another edge of a port, so one counts for exactly the
time until the next. Whoever stays 60 s goes into a sketch: pages by what they call themselves (a
ticket, or a random word of the tab), others by address and agent; both only as a hash keyed with
the day's salt, so that nothing kept here leads to anybody.

Bounds: of streams no more than twice the open ones are held; `_SEEN` pages and as many players are
remembered, then the oldest are forgotten: counts too low, never memory too high. `edge.audience.voice`
owns one.
"""

from collections import deque
from typing import Annotated, Final, Literal, Protocol

import msgspec

from hustings.wire.batch import Now
from hustings.wire.sketch import Sketch, keyed

UNIQUE_S: Final = 60.0  # as podcasts are counted (IAB 2.1); shorter is a look through the door
RECEIPT_S: Final = 30.0  # pages send one so often
_PLAYLIST_KEPT_S: Final = 15.0  # players ask each target duration (4 s) at least; caches add some
_TIMED: Final = 1_000
_SEEN: Final = 100_000

Hears = Literal["hls", "low", "nothing"]
_KINDS: Final[tuple[tuple[Hears, bool], ...]] = (
    ("hls", False),
    ("hls", True),
    ("low", False),
    ("low", True),
    ("nothing", True),
)


class Receipt(msgspec.Struct, frozen=True):
    """What a page without a stream of its own says of itself each 30 s."""

    id: Annotated[str, msgspec.Meta(min_length=8, max_length=160)]  # ticket, or the tab's word
    hears: Hears
    waits: bool = False  # for a low-delay seat
    heard_s: Annotated[float, msgspec.Meta(ge=0)] = 0.0  # on end


class Salt(msgspec.Struct, frozen=True):
    """What hashes are keyed with until the stage hands out the next one."""

    id: str
    key: bytes


class Identity(msgspec.Struct, frozen=True, gc=False):
    """A listener as counted: 64 keyed bits, and whether a page said who it is."""

    hash: int
    page: bool


def identify(salt: Salt, *, page: str = "", address: str = "", agent: str = "") -> Identity:
    """page: what a page calls itself; without it, address and agent stand for the player."""
    if page:
        return Identity(keyed(salt.key, "page", page), page=True)
    return Identity(keyed(salt.key, "player", address, agent), page=False)


class Stays(Protocol):
    """A connection."""

    @property
    def closed(self) -> bool:
        """Whether it is gone."""
        ...


class Seen:
    """Those who asked within the last seconds."""

    def __init__(self, kept_s: float) -> None:
        self._kept_s = kept_s
        self._times: dict[int, tuple[float, float]] = {}  # hash -> first, last; by the last

    def __len__(self) -> int:
        return len(self._times)

    def touch(self, who: int, now_s: float) -> float:
        """They ask; returns for how many seconds they have been asking."""
        first, _ = self._times.pop(who, (now_s, 0.0))
        if len(self._times) >= _SEEN:
            del self._times[next(iter(self._times))]
        self._times[who] = (first, now_s)
        return now_s - first

    def leave(self, who: int) -> None:
        """They ask no more."""
        self._times.pop(who, None)

    def forget(self, now_s: float) -> None:
        """Let go who has not asked for long."""
        while self._times:
            who = next(iter(self._times))
            if now_s - self._times[who][1] <= self._kept_s:
                return
            del self._times[who]


class Census:
    """The counts of one room."""

    def __init__(self) -> None:
        self.pages = Sketch()
        self.players = Sketch()
        self._timed: deque[tuple[float, Identity, Stays]] = deque()
        self._most = _TIMED  # of them, before those that are gone are let go
        self._receipts = {kind: Seen(RECEIPT_S) for kind in _KINDS}
        self._playlists = Seen(_PLAYLIST_KEPT_S)

    def joined(self, who: Identity, stream: Stays, now_s: float) -> None:
        """A stream begins."""
        if len(self._timed) >= self._most:
            self._timed = deque(each for each in self._timed if not each[2].closed)
            self._most = max(_TIMED, 2 * len(self._timed))
        self._timed.append((now_s + UNIQUE_S, who, stream))

    def asked(self, who: Identity, now_s: float) -> None:
        """A player asks for a playlist."""
        self._long(who, self._playlists.touch(who.hash, now_s))

    def receipt(self, who: Identity, said: Receipt, now_s: float) -> None:
        """A page says what it hears, and for how long; one that hears nothing any more leaves."""
        for seen in self._receipts.values():
            seen.leave(who.hash)
        kind = self._receipts.get((said.hears, said.waits))
        if kind is not None:
            kind.touch(who.hash, now_s)
        if said.hears != "nothing":
            self._long(who, said.heard_s)

    def _long(self, who: Identity, heard_s: float) -> None:
        if heard_s >= UNIQUE_S:
            (self.pages if who.page else self.players).add(who.hash)

    def turn(self, now_s: float) -> None:
        """Let time pass; once a second."""
        while self._timed and self._timed[0][0] <= now_s:
            _, who, stream = self._timed.popleft()
            if not stream.closed:
                self._long(who, UNIQUE_S)
        self._playlists.forget(now_s)
        for seen in self._receipts.values():
            seen.forget(now_s)

    def now(self, *, live: int, low: int) -> Now:
        """live, low: open streams."""
        return Now(
            live=live,
            low=low + self._told("low"),
            hls=len(self._playlists) + self._told("hls"),
        )

    @property
    def waiting(self) -> int:
        """Pages that wait for a seat."""
        return sum(len(seen) for (_, waits), seen in self._receipts.items() if waits)

    def _told(self, hears: Hears) -> int:
        return sum(len(seen) for (heard, _), seen in self._receipts.items() if heard == hears)
