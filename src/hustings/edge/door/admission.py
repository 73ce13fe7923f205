"""Who may come in, now, soon or later: the edge's decisions about each request. Pure.

In the order of cost, cheapest first (docs/operations.md "The door"): connections of a network
(`Places`); what is served from memory passes while the pressure is below `MEMORY_X`; rates by
address and network, for those without a ticket and only while there is not enough for all;
priority classes by the cubic rule; the work budget for joins, behind which `JoinQueue` waits.
Addresses put people in order and never ban anyone: whoever holds a ticket passes them.

`edge.door.entry` asks here with pressure x (0 calm … 1 the end, `edge.pressure.load`) and the time. Sources:
Netflix's cubic shedding (arthur.gonigberg.com 2020-11-15), GCRA (ITU-T I.371).
"""

import math
from collections import Counter
from enum import Enum, IntEnum, auto
from typing import Final, Generic, NamedTuple, TypeVar

from hustings.base.limits import Gcra, WorkBudget, address_key, is_near, network_key
from hustings.edge.door.joins import JoinQueue
from hustings.wire.pictures import PICTURE_FILE

MEMORY_X: Final = 0.8  # below it what lies in memory is served without a question
SHORT_X: Final = 0.5  # from here on addresses count, as they do while joins queue
SLICE_S: Final = 0.005  # of the work budget: shorter than `joins.TARGET_S`
COST_S: Final = 150e-6  # of CPU for a join, until some have been measured
_RECENT: Final = 0.02  # weight of the last one
RETRY_S: Final = (2, 120)  # bounds of Retry-After
_WINDOW_S: Final = 5.0
_KEYS: Final = 65_536

T = TypeVar("T")


class Priority(IntEnum):
    """Classes of requests; under pressure x those above 100 (1 - x³) are refused, but no sound."""

    CHECK = 5  # is this process well?
    SOUND = 25  # parts and playlists of those who listen
    BACK = 40  # a listener who lost the line
    CALLED = 60  # whose turn in the waiting room has come; the waiting room's own answers
    NEWCOMER = 75  # a page, or the first request for sound
    EXTRA = 90  # counts, metrics
    VOICE = 97  # hands and reactions


class Wanted(NamedTuple):
    """What a request asks for."""

    priority: Priority
    join: bool = False  # begins a stream: costs work now, and a place for long
    memory: bool = False  # bytes that lie ready


_STREAM: Final = Wanted(Priority.NEWCOMER, join=True)
_TOP: Final = {
    "healthz": Wanted(Priority.CHECK, memory=True),
    "readyz": Wanted(Priority.CHECK, memory=True),
    "static": Wanted(Priority.BACK, memory=True),
    "r": Wanted(Priority.NEWCOMER, memory=True),
    "podcast.xml": Wanted(Priority.EXTRA, memory=True),
    "calendar.ics": Wanted(Priority.EXTRA, memory=True),
    "oembed": Wanted(Priority.EXTRA, memory=True),
    "status": Wanted(Priority.EXTRA, memory=True),
    "status.json": Wanted(Priority.EXTRA, memory=True),
}
_OF_ROOM: Final = {
    "radio.mp3": _STREAM,
    "index.m3u8": _STREAM,
    "events": _STREAM,  # who reads instead of hearing stands where those stand who hear
    "state.json": Wanted(Priority.EXTRA, memory=True),
    "queue.json": Wanted(Priority.CALLED, memory=True),
    "ticket": Wanted(Priority.CALLED, memory=True),
    "hand": Wanted(Priority.VOICE),
    "react": Wanted(Priority.VOICE),
    "question": Wanted(Priority.VOICE),
    "vote": Wanted(Priority.VOICE),
    "poll": Wanted(Priority.VOICE),
    "questions.json": Wanted(Priority.EXTRA, memory=True),
    "receipt": Wanted(Priority.EXTRA),
}
_MEDIA: Final = Wanted(Priority.SOUND, memory=True)
_PICTURE: Final = Wanted(Priority.EXTRA, memory=True)
_REST: Final = Wanted(Priority.EXTRA)


def wanted(path: str) -> Wanted:
    """The class of a path of docs/protocol.md 3, before any ticket is looked at."""
    first, _, rest = path.removeprefix("/").partition("/")
    if first == "r" and PICTURE_FILE.search(rest):
        return _PICTURE
    if first != "live":
        return _TOP.get(first, _REST)
    name = rest.partition("/")[2]
    if "/" in name:
        return _MEDIA
    return _STREAM if name.endswith(".mp4") else _OF_ROOM.get(name, _REST)


class Asker(NamedTuple):
    """Where a request comes from, as it is limited."""

    address: str  # `address_key`
    network: str  # `network_key`
    near: bool  # this machine, or a proxy of ours that named nobody: not limited by address


def asker(client: str, *, ours: bool = False) -> Asker:
    """client: a plain address; ours: it is a trusted proxy."""
    key = address_key(client)
    return Asker(key, network_key(key), ours or is_near(client))


class Place(Enum):
    """What a new connection gets."""

    IN = auto()
    CROWDED = auto()  # its network has very many: without a ticket it is told to come later
    FULL = auto()  # all places are taken: it is told to come later
    NONE = auto()  # it is dropped unanswered: even refusing would cost too much


class Places:
    """Connections, all of them and those of each network; handshakes under way count."""

    def __init__(self, *, limit: int, of_network: int, spare: int) -> None:
        """spare: connections beyond a limit that are still answered."""
        self._limit = limit
        self._of_network = of_network
        self._spare = spare
        self.taken = 0
        self._networks: Counter[str] = Counter()

    def take(self, who: Asker) -> Place:
        """One more connection, whatever it gets; `leave` when it is gone."""
        self.taken += 1
        self._networks[who.network] += 1
        over = self.taken - self._limit
        crowd = 0 if who.near else self._networks[who.network] - self._of_network
        if max(over, crowd) > self._spare:
            return Place.NONE
        if over > 0:
            return Place.FULL
        return Place.CROWDED if crowd > 0 else Place.IN

    def leave(self, who: Asker) -> None:
        """A connection is gone."""
        self.taken -= 1
        self._networks[who.network] -= 1
        if not self._networks[who.network]:
            del self._networks[who.network]


class Refusal(NamedTuple):
    """No, and when to come again; `reason` is what is counted."""

    reason: str
    status: int  # 429: this address; 503: anybody now
    retry_s: int


class Answer(Enum):
    """What else `ask` may say."""

    GRANTED = auto()
    QUEUED = auto()


class AddressRates:
    """Joins by address and by network: a shared address puts people in order."""

    def __init__(self) -> None:
        self._address = Gcra(rate=2, burst=20)  # IPv4
        self._home = Gcra(rate=20, burst=200)  # IPv4 /24, IPv6 /56
        self._site = Gcra(rate=40, burst=400)  # IPv6 /48

    def _pair(self, who: Asker) -> tuple[Gcra, Gcra]:
        return (self._home, self._site) if ":" in who.address else (self._address, self._home)

    def wait(self, who: Asker, now_s: float) -> float:
        """0.0 if one more join is within the rates, else the seconds until it is."""
        own, shared = self._pair(who)
        return own.wait(who.address, now_s) or shared.wait(who.network, now_s)

    def charge(self, who: Asker, now_s: float) -> None:
        """A join was granted."""
        own, shared = self._pair(who)
        own.charge(who.address, now_s)
        shared.charge(who.network, now_s)


class Outlook:
    """When those who are turned away should come again: ceil(ahead / rate), within bounds.

    Ahead of somebody are those of the same network who were turned away in the last 5 to 10 s,
    and a network's rate is its share of what is admitted, since networks take turns. So people
    from a network that floods are sent away for long, and the others are not.
    """

    def __init__(self) -> None:
        self._away: tuple[Counter[str], Counter[str]] = (Counter(), Counter())  # before, now
        self._admitted = [0, 0]
        self._since_s = float("-inf")
        self._span_s = 0.0  # of the window before this one

    def admitted(self, now_s: float) -> None:
        """A join was granted."""
        self._roll(now_s)
        self._admitted[1] += 1

    def away(self, network: str, now_s: float) -> int:
        """Somebody is turned away; returns the seconds for Retry-After."""
        self._roll(now_s)
        before, now = self._away
        if network not in now and len(now) >= _KEYS:
            network = ""
        now[network] += 1
        span_s = max(1.0, self._span_s + now_s - self._since_s)
        rate = max(1.0, sum(self._admitted) / span_s)
        ahead = (before[network] + now[network]) * max(len(before), len(now))
        least, most = RETRY_S
        return min(most, max(least, math.ceil(ahead / rate)))

    def _roll(self, now_s: float) -> None:
        if now_s - self._since_s < _WINDOW_S:
            return
        quiet = now_s - self._since_s >= 2 * _WINDOW_S
        self._away = (Counter() if quiet else self._away[1], Counter())
        self._admitted = [0 if quiet else self._admitted[1], 0]
        self._span_s = 0.0 if quiet else now_s - self._since_s
        self._since_s = now_s


class Admission(Generic[T]):
    """The rules of one edge process. T is whatever waits in the queue."""

    def __init__(self, *, join_share: float, idle_share: float = 0.0) -> None:
        """join_share: of one core, for joins; 1.0: all of it.

        idle_share: what they get while nothing presses, if that is more: an edge that takes over
        another one's listeners has little else to do.
        """
        self.queue: JoinQueue[tuple[T, Asker, Priority]] = JoinQueue()
        self.counts: Counter[tuple[str, str]] = Counter()  # (class, what became of it)
        self._rates = AddressRates()
        self._greedy = Gcra(rate=50, burst=500)
        self._outlook = Outlook()
        self._shares = (join_share, max(join_share, idle_share))  # under pressure, in calm
        self._cost_s = COST_S
        self._budget = WorkBudget(share=join_share, slice_s=SLICE_S) if join_share < 1 else None

    def ask(
        self, item: T, want: Wanted, who: Asker, *, ticket: bool, x: float, now_s: float
    ) -> Answer | Refusal:
        """Decide about one request; a queued one comes out of `turn`.

        want: its class, as a ticket may have raised it; ticket: it holds a valid one.
        """
        self.queue.judge(now_s)
        if self._budget is not None:
            pressed, calm = self._shares
            self._budget.grant(calm - (calm - pressed) * x)
        if want.memory and x < MEMORY_X:
            return self._grant(want, who, now_s)
        limited = not (ticket or who.near)
        if limited and (refusal := self._too_many(want, who, x, now_s)):
            return refusal
        # Sound is never shed: a refusal costs as much as the part, and its player would stop.
        if want.priority > max(Priority.SOUND, 100 * (1 - x**3)):
            return self.away(want.priority, "shed", who, now_s)
        if not want.join or (not self.queue and self.wait(now_s) == 0.0):
            return self._grant(want, who, now_s)
        if self.queue.push(who.network, (item, who, want.priority), now_s):
            return Answer.QUEUED
        return self.away(want.priority, "full", who, now_s)

    def turn(self, now_s: float) -> tuple[list[tuple[T, Refusal]], T | None]:
        """Those who have waited too long, and the next to let in, if the budget allows one."""
        gone = [
            (item, self.away(priority, "late", who, now_s))
            for item, who, priority in self.queue.late(now_s)
        ]
        if self.wait(now_s) > 0.0 or (entry := self.queue.pop()) is None:
            return gone, None
        item, who, priority = entry
        self._grant(Wanted(priority, join=True), who, now_s)
        return gone, item

    def wait(self, now_s: float) -> float:
        """Seconds until a join may begin; 0.0: now."""
        return self._budget.wait(now_s) if self._budget is not None else 0.0

    def spend(self, cpu_s: float, now_s: float) -> None:
        """A join cost so much."""
        self._cost_s += _RECENT * (cpu_s - self._cost_s)
        if self._budget is not None:
            self._budget.spend(cpu_s, now_s)

    @property
    def rate(self) -> float:
        """Joins a second that are let in while nothing presses, by what they cost of late."""
        return self._shares[1] / self._cost_s

    def away(self, priority: Priority, reason: str, who: Asker, now_s: float) -> Refusal:
        """Turn somebody away; also for a reason that was found elsewhere (`full`: no place)."""
        self.counts[priority.name.lower(), reason] += 1
        return Refusal(reason, 503, self._outlook.away(who.network, now_s))

    def _too_many(self, want: Wanted, who: Asker, x: float, now_s: float) -> Refusal | None:
        if want.memory:
            wait_s = self._greedy.take(who.address, now_s)
        elif want.join and (x >= SHORT_X or self.queue.overloaded):
            wait_s = self._rates.wait(who, now_s)
        else:
            return None
        if not wait_s:
            return None
        self.counts[want.priority.name.lower(), "rate"] += 1
        least, most = RETRY_S
        return Refusal("rate", 429, min(most, max(least, math.ceil(wait_s))))

    def _grant(self, want: Wanted, who: Asker, now_s: float) -> Answer:
        self.counts[want.priority.name.lower(), "granted"] += 1
        if want.join:
            self._outlook.admitted(now_s)
            if not who.near:
                self._rates.charge(who, now_s)
        return Answer.GRANTED
