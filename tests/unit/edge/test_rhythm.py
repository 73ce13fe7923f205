"""The edge's one clock: it rides on what wakes the loop, and rings when nothing does."""

from collections.abc import Callable

from hustings.base.clock import ManualClock
from hustings.edge.rhythm import APART_S, Rhythm

PAUSE_S = 0.4


class Alarm:
    def __init__(self, at_s: float, ring: Callable[[], None]) -> None:
        self.at_s, self.ring, self.cancelled = at_s, ring, False

    def cancel(self) -> None:
        self.cancelled = True


class Loop:
    """Time passes when a test says so; `late_s`: how long the loop is busy before it rings."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.alarms: list[Alarm] = []
        self.soon: list[Callable[[], None]] = []
        self.rang = 0

    def call_later(self, delay: float, callback: Callable[[], None], /) -> Alarm:
        self.alarms.append(Alarm(self.clock.monotonic() + delay, callback))
        return self.alarms[-1]

    def call_soon(self, callback: Callable[[], None], /) -> None:
        self.soon.append(callback)

    def run(self, seconds: float, *, late_s: float = 0.0) -> None:
        until = self.clock.monotonic() + seconds
        while due := [a for a in self.alarms if not a.cancelled and a.at_s <= until]:
            alarm = min(due, key=lambda each: each.at_s)
            self.alarms.remove(alarm)
            self.clock.advance(alarm.at_s - self.clock.monotonic() + late_s)
            self.rang += 1
            alarm.ring()
        self.clock.advance(max(0.0, until - self.clock.monotonic()))


class House:
    def __init__(self) -> None:
        self.loop = Loop()
        self.turns = self.steps = 0
        self.late: list[float] = []
        self.broken: list[str] = []
        self.rhythm = Rhythm(
            self.turn,
            (self.fails, self.step),
            clock=self.loop.clock,
            pause_s=lambda: PAUSE_S,
            late=self.late.append,
            broken=lambda what, _error: self.broken.append(what),
        )
        self.rhythm.start(self.loop)

    def turn(self) -> None:
        self.turns += 1

    def step(self) -> None:
        self.steps += 1

    def fails(self) -> None:
        raise ValueError


def test_alone_it_rings_and_a_step_that_fails_stops_nothing() -> None:
    house = House()
    house.loop.run(10 * PAUSE_S + 0.01)
    assert (house.turns, house.steps, house.loop.rang) == (11, 11, 10)
    assert house.broken == ["House.fails"] * 11


def test_while_the_feed_wakes_the_loop_no_timer_rings() -> None:
    house = House()
    for _ in range(20):
        house.loop.run(0.32)
        house.rhythm.woken()
    assert (house.loop.rang, house.steps) == (0, 21)
    house.loop.run(1.0)  # the feed stands still
    assert house.loop.rang == 2


def test_many_feeds_do_not_make_it_faster() -> None:
    house = House()
    for _ in range(100):
        house.loop.run(0.01)
        house.rhythm.woken()
    assert house.steps <= 1 + 1.0 / APART_S


def test_both_ways_say_how_late_the_loop_is() -> None:
    house = House()
    house.loop.run(PAUSE_S, late_s=0.25)
    assert round(house.late[-1], 3) == 0.25
    house.loop.run(0.2)
    house.rhythm.woken()
    house.loop.clock.advance(0.1)  # busy with something else
    house.loop.soon.pop()()
    assert round(house.late[-1], 3) == 0.1


def test_stopped_is_stopped() -> None:
    house = House()
    house.rhythm.stop()
    house.rhythm.woken()
    house.loop.run(5.0)
    assert (house.turns, house.loop.rang) == (1, 0)
