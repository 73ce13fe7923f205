"""One person of the crowd: what they ask for, when they come back, what they heard. Pure.

Follows the rules of our listener page: resume by part number, wait as long as the server asks and
a random while more. A rude one comes back at once, whatever the server says; a visitor leaves at the first
sound. Times are seconds since the common start. `load.crowd.process` calls it for each answer and part.
"""

from typing import Final

from hustings.load.crowd.player import Player
from hustings.load.crowd.scanning import Span
from hustings.load.crowd.waiter import Told
from hustings.load.rehearsal.orders import Manner, Person
from hustings.wire.patience import asked_s, retry_delay_s

RUDE_S: Final = 0.1  # until a rude one tries again; as long again by chance


class Member:
    """One person."""

    __slots__ = (
        "_back_after_s",
        "_queued_s",
        "failures",
        "group",
        "manner",
        "number",
        "player",
        "record",
        "source",
        "spread_s",
        "stays",
        "ticket",
        "tried_s",
    )

    def __init__(self, due_s: float, manner: Manner, *, stays: bool, group: int) -> None:
        self.manner = manner
        self.stays = stays
        self.player = Player()
        self.number = 0
        self.source = ""  # address that they come from; empty: the machine's own
        self.failures = 0  # in a row
        self.ticket = ""  # a place in the queue, then a seat
        self.spread_s = 1.0  # of a return, as the edge last said
        self.tried_s = 0.0  # when the attempt in hand began
        self.record = Person(round(due_s, 4), manner, stays, group)
        self._back_after_s = -1.0
        self._queued_s = -1.0  # since when

    def path(self, stream: str) -> str:
        """What the next request asks for; `stream` is the endless stream's path."""
        resume = f"&from={self.player.next}" if self.player.next >= 0 else ""
        return f"{stream}?ticket={self.ticket}{resume}"

    def tries(self, now_s: float) -> None:
        """An attempt begins."""
        self.tried_s = now_s
        self.record.tries += 1

    def connected(self, now_s: float) -> None:
        """The connection stands."""
        if self.record.connect_ms < 0:
            self.record.connect_ms = round((now_s - self.tried_s) * 1_000, 2)

    def answered(self, now_s: float) -> None:
        """The first byte of the stream came."""
        if self.record.first_byte_s < 0:
            self.record.first_byte_s = round(now_s, 4)

    def took(self, span: Span, now_s: float) -> bool:
        """Parts came whole; True if they are the person's first sound."""
        self.failures = 0
        self.player.took(span.first, span.parts, now_s)
        if self._back_after_s >= 0:
            self.record.back_s = max(self.record.back_s, round(now_s - self._back_after_s, 4))
            self._back_after_s = -1.0
        if self.record.first_sound_s >= 0:
            return False
        self.record.first_sound_s = round(now_s, 4)
        return True

    def refused(self, retry_after: str, chance: float) -> float:
        """Seconds until the next try after a refusal. chance: 0..1."""
        return self._delay_s(asked_s(retry_after), chance)

    def broke(self, now_s: float, chance: float) -> float:
        """Seconds until the next try after a connection that broke or never stood."""
        if self.record.first_sound_s >= 0 and self._back_after_s < 0:
            self.record.cuts += 1
            self._back_after_s = now_s
        return self._delay_s(0.0, chance)

    def queued(self, told: Told, now_s: float) -> None:
        """There is no seat yet: a place in the queue."""
        self.ticket = told.ticket
        if self._queued_s < 0:
            self._queued_s = now_s
            self.record.estimate_s = -1.0 if told.wait_s is None else round(told.wait_s, 2)

    def waited(self, sound_s: float, now_s: float) -> None:
        """A seat at last, or the end. sound_s: when the slower stream was first heard; -1: never."""
        self.record.queued_s = round(self.record.queued_s + now_s - self._queued_s, 3)
        if self.record.waiting_sound_s < 0:
            self.record.waiting_sound_s = round(sound_s, 4)
        self._queued_s = -1.0

    def end(self, now_s: float) -> Person:
        """The rehearsal, or this person's visit, is over: what became of them."""
        record, player = self.record, self.player
        if self.stays:
            player.end(now_s)
        record.parts, record.pieces, record.lost = player.parts, player.pieces, player.lost
        record.away = self._back_after_s >= 0
        record.silence_s, record.stalls = round(player.silence_s, 3), player.stalls
        return record

    def _delay_s(self, asked: float, chance: float) -> float:
        if self.manner == "rude":
            return RUDE_S * (1.0 + chance)
        delay = retry_delay_s(self.failures, asked, chance, self.spread_s)
        self.failures += 1
        return delay
