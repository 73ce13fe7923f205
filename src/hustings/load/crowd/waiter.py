"""One person in the queue: when they ask for what, and when their turn has come. Pure.

Follows `pages/static/listener/waiting.js`: sound in segments that any cache may serve, fetched some
time after each is complete; the queue's state looked at more often the nearer the turn; a seat
asked for at the turn. Times are seconds since the common start. `load.crowd.waiting` has the connection.
"""

from collections.abc import Callable
from typing import Final

import msgspec

from hustings.wire.names import OPUS, OPUS_LOW, PART_SECONDS, SEGMENT_PARTS

QUEUE: Final = "queue.json"
BEHIND: Final = 2  # complete segments in hand
SPREAD_S: Final = 3.0  # a crowd that waits for one segment does not ask at once
NEAR_S: Final = 20.0
NEAR_PEOPLE: Final = 10
MOST_POLL_S: Final = 20.0
_AGAIN_S: Final = 1.0  # after a segment that did not come


class Told(msgspec.Struct):
    """The problem document of a refusal: the fields that we use."""

    code: str = ""
    ticket: str = ""
    place: float | None = None
    ahead: float | None = None
    wait_s: float | None = None
    part: int = -1


class State(msgspec.Struct):
    """`queue.json`: the fields that we use."""

    part: int
    serving: float = 0.0
    rate: float = 0.0
    open: bool = False
    spans: list[tuple[float, float, float]] = []


class Waiter:
    """One person's wait. chance: 0..1, drawn anew at each call."""

    def __init__(
        self, told: Told, rendition: str, now_s: float, chance: Callable[[], float]
    ) -> None:
        self.turn = False  # a seat may be asked for
        self.sound_s = -1.0  # when the first segment had come
        self.segments = 0
        self.place = told.place
        self._low = OPUS_LOW if rendition in {OPUS, OPUS_LOW} else rendition
        self._chance = chance
        self._phase_s = chance() * SPREAD_S
        self._look_s = now_s  # when the queue is looked at next
        self._part, self._part_s = -1, now_s  # next to be sent, and when that was said
        self._segment = -1
        self._not_before_s = now_s

    def due(self) -> tuple[float, str]:
        """The next request: when, and for what below `/live/ROOM/`."""
        if self._segment >= 0 and (at_s := self._segment_s()) <= self._look_s:
            return at_s, f"{self._low}/{self._segment}.m4s"
        return self._look_s, QUEUE

    def again(self, told: Told, asked_s: float, now_s: float) -> None:
        """A seat was asked for and there was none: the place stays."""
        self.place = told.place if told.place is not None else self.place
        self.turn = False
        self._look_s = max(self._look_s, now_s + asked_s)

    def answered(self, what: str, status: int, body: bytes, now_s: float) -> None:
        """What was asked for has come, or was refused."""
        if what != QUEUE:
            self._heard(now_s, whole=status == 200)
            return
        people = left_s = -1.0
        try:
            state = msgspec.json.decode(body, type=State) if status == 200 else None
        except msgspec.DecodeError:
            state = None
        if state is not None:
            self._part, self._part_s = state.part, now_s
            if self._segment < 0:
                self._segment = self._newest()
            self.turn = state.open or (self.place is not None and self.place <= state.serving)
            if self.place is not None:
                people = ahead(state.spans, state.serving, self.place)
                left_s = people / state.rate if state.rate > 0 else -1.0
        self._look_s = now_s + poll_delay_s(people, left_s, self._chance())

    def _heard(self, now_s: float, *, whole: bool) -> None:
        if whole:
            self.segments += 1
            self._segment += 1
            self.sound_s = now_s if self.sound_s < 0 else self.sound_s
        else:  # it may be gone
            self._segment = max(self._segment, self._newest())
            self._not_before_s = now_s + _AGAIN_S * (1 + self._chance())

    def _segment_s(self) -> float:
        """When the wanted segment is asked for: after it is complete, and a little more."""
        missing = (self._segment + 1) * SEGMENT_PARTS - self._part
        wait_s = 0.0 if self.segments < BEHIND else self._phase_s
        return max(self._not_before_s, self._part_s + missing * PART_SECONDS + wait_s)

    def _newest(self) -> int:
        return max(0, self._part // SEGMENT_PARTS - BEHIND)


def ahead(spans: list[tuple[float, float, float]], serving: float, place: float) -> float:
    """How many stand before a place."""
    people = 0.0
    for first, end, count in spans:
        share = min(place, end) - max(serving, first)
        if share > 0 and end > first:
            people += count * share / (end - first)
    return people


def poll_delay_s(people: float, left_s: float, chance: float) -> float:
    """Until the queue is looked at again. people, left_s: before us, until our turn; -1: unknown."""
    if 0 <= people < NEAR_PEOPLE or 0 <= left_s < NEAR_S:
        return 1.5 * (1 + chance)
    return min(MOST_POLL_S, left_s / 4 if left_s > 0 else MOST_POLL_S / 2) * (1 + chance)
