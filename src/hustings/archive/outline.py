"""What a journal tells of an evening: from when to when, who spoke, its chapters, what is missing. Pure.

Keeps true: times are media time in samples, as the journal has them; kinds that are not known, and
bodies that cannot be read, change nothing. `archive.replay` folds a whole journal with it.
"""

from typing import Final, Literal

import msgspec

from hustings.base.errors import PeerError
from hustings.journal.entry import Entry
from hustings.wire import kinds
from hustings.wire.names import PART_SAMPLES, SAMPLE_RATE

PAUSE: Final = SAMPLE_RATE  # a breath of a second does not end a turn
_CHAPTERS: Final = 500
_PEOPLE: Final = 200
_TURNS: Final = 20_000
_TITLE: Final = 200  # letters


class Chapter(msgspec.Struct, frozen=True):
    """Where something begins: a point of the running order, or somebody from the audience."""

    at: int
    title: str
    kind: Literal["title", "agenda", "call"]


class Turn(msgspec.Struct):
    """Somebody spoke from `start` to `end`."""

    start: int
    end: int


class Outline:
    """Fold a journal's public entries in order; then ask."""

    def __init__(self) -> None:
        self.room: kinds.Room | None = None
        self.first = -1  # number of the first part that was made; -1: none
        self.end = 0  # ... and behind the last one
        self.missing: list[int] = []  # made, and erased or lost since
        self.made: set[int] = set()  # parts that are there
        self.taken: list[range] = []  # stretches that were taken back, erased yet or not
        self._tracks: dict[str, set[int]] = {}  # participant -> parts that their own track has
        self._withdrawn: dict[
            str, int
        ] = {}  # participant -> entry with which they last agreed no more
        self._guests: dict[str, kinds.Booking] = {}
        self.names: dict[str, str] = {}  # participant -> the last name they bore
        self.chapters: list[Chapter] = []
        self._turns: dict[str, list[Turn]] = {}
        self._speaking: dict[str, Turn] = {}
        self._count = 0

    def fold(self, entry: Entry) -> None:
        """Take the next entry."""
        if entry.kind == kinds.TRACK:
            self._track(entry)
        if entry.kind == kinds.GUEST:
            self._guest(entry)
        if entry.visibility != 0:
            return
        if entry.kind == kinds.PART:
            self._part(entry)
            return
        try:
            self._fold(entry)
        except (PeerError, KeyError, TypeError, AttributeError, ValueError):
            return  # of a shape that we do not know

    def _part(self, entry: Entry) -> None:
        n = entry.media_time // PART_SAMPLES
        if self.first < 0:
            self.first = n
        self.end = max(self.end, n + 1)
        if entry.body is None:
            self.missing.append(n)
        else:
            self.made.add(n)

    def _track(self, entry: Entry) -> None:
        try:
            track = entry.decode(kinds.Track)
        except PeerError:  # erased, or lost
            return
        if track.who in self._tracks or len(self._tracks) < _PEOPLE:
            self._tracks.setdefault(track.who, set()).add(track.n)

    def _guest(self, entry: Entry) -> None:
        """Only the newest of a guest's has a body, soon; one without says nothing."""
        try:
            said = entry.decode(kinds.Booking)
        except PeerError:
            return
        self._guests.pop(said.guest.id, None)
        if said.announced and not said.gone and len(self._guests) < _PEOPLE:
            self._guests[said.guest.id] = said

    def _take_back(self, whose: set[str], seq: int) -> None:
        """Nothing of their tracks before this entry is to be had, erased yet or not."""
        for who in whose:
            self._tracks.pop(who, None)
            self._withdrawn[who] = seq

    def _fold(self, entry: Entry) -> None:
        if entry.kind == kinds.ROOM:
            room = entry.decode(kinds.Room)
            self._take_back(
                set(self.room.tracks if self.room else ()) - set(room.tracks), entry.seq
            )
            self.room = room
        elif entry.kind == kinds.ROSTER:
            person = entry.decode(kinds.Roster).participant
            if person.id in self.names or len(self.names) < _PEOPLE:
                self.names[person.id] = person.name
        elif entry.kind == kinds.LEVEL:
            self._level(entry.media_time, entry.decode(kinds.Level).speaking)
        elif entry.kind == kinds.CALL:
            self._chapter(entry.media_time, entry.decode(kinds.Call).name, "call")
        elif entry.kind == kinds.DUMP:
            dump = entry.decode(kinds.Dump)
            self.taken.append(range(dump.first, dump.last + 1))
        elif entry.kind == kinds.AGENDA:
            point = entry.decode(kinds.Agenda)
            if point.id and not point.again:
                self._chapter(entry.media_time, point.title, "agenda")

    def _level(self, at: int, speaking: list[str]) -> None:
        for who in [each for each in self._speaking if each not in speaking]:
            self._speaking.pop(who).end = at
        for who in speaking:
            if who in self._speaking:
                continue
            turns = self._turns.setdefault(who, [])
            if turns and at - turns[-1].end <= PAUSE:
                self._speaking[who] = turns[-1]
            elif self._count < _TURNS and len(self._turns) <= _PEOPLE:
                self._count += 1
                turns.append(Turn(at, at))
                self._speaking[who] = turns[-1]

    def _chapter(self, at: int, title: str, kind: Literal["agenda", "call"]) -> None:
        title = " ".join(title.split())[:_TITLE]
        if title and len(self.chapters) < _CHAPTERS:
            self.chapters.append(Chapter(at, title, kind))

    # ------------------------------------------------------------ asked afterwards

    @property
    def told(self) -> kinds.Room | None:
        """The room's facts with the guests who are announced now, as the stage tells them."""
        if self.room is None:
            return None
        said = sorted(self._guests.values(), key=lambda each: (each.place, each.guest.id))
        return msgspec.structs.replace(self.room, guests=[each.guest for each in said])

    @property
    def start(self) -> int:
        """Media time at which the replay begins."""
        return max(0, self.first) * PART_SAMPLES

    def silent(self, n: int) -> bool:
        """Whether part `n` was taken back."""
        return any(n in stretch for stretch in self.taken)

    def agreed(self, who: str, seq: int) -> bool:
        """Whether an entry `seq` of their track is none that they took back since."""
        return seq > self._withdrawn.get(who, -1)

    def own_tracks(self) -> dict[str, list[int]]:
        """The parts in which those were heard who agree that their own track is kept."""
        agreed = self.room.tracks if self.room is not None else []
        heard = {who: sorted(self._tracks.get(who, ())) for who in agreed}
        kept = {who: [n for n in parts if self._sounds(n)] for who, parts in heard.items()}
        return {who: parts for who, parts in kept.items() if parts}

    def _sounds(self, n: int) -> bool:
        return self.first <= n < self.end and not self.silent(n)

    @property
    def held(self) -> int:
        """Parts that are hold audio."""
        return self.end - max(0, self.first) - sum(not self.silent(n) for n in self.made)

    @property
    def samples(self) -> int:
        """How long it is."""
        return self.end * PART_SAMPLES - self.start

    def turns(self) -> dict[str, list[Turn]]:
        """Who spoke when, in samples since the replay's start; who spoke most comes first."""
        found = {}
        for who, turns in self._turns.items():
            cut = [self._cut(turn, open_=turn is self._speaking.get(who)) for turn in turns]
            if kept := [turn for turn in cut if turn.end > turn.start]:
                found[who] = kept
        return dict(sorted(found.items(), key=lambda each: -spoken(each[1])))

    def _cut(self, turn: Turn, *, open_: bool) -> Turn:
        end = self.samples if open_ else turn.end - self.start
        return Turn(max(0, turn.start - self.start), min(self.samples, end))

    def silences(self, least: int = 2 * SAMPLE_RATE) -> list[Turn]:
        """Stretches of at least `least` samples in which nobody spoke; none if nobody ever did."""
        turns = sorted((t for each in self.turns().values() for t in each), key=lambda t: t.start)
        found, heard = [], 0
        for turn in turns:
            if turn.start - heard >= least:
                found.append(Turn(heard, turn.start))
            heard = max(heard, turn.end)
        if turns and self.samples - heard >= least:
            found.append(Turn(heard, self.samples))
        return found

    def contents(self) -> list[Chapter]:
        """Chapters since the replay's start; if there are any, the first is at 0."""
        inside = [
            Chapter(max(0, each.at - self.start), each.title, each.kind)
            for each in self.chapters
            if each.at < self.end * PART_SAMPLES
        ]
        if inside and inside[0].at > 0 and self.room is not None:
            inside.insert(0, Chapter(0, self.room.title or "…", "title"))
        return inside


def spoken(turns: list[Turn]) -> int:
    """Samples that some turns take."""
    return sum(turn.end - turn.start for turn in turns)
