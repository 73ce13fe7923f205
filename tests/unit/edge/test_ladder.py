"""The ladder: up at once and one rung at a time, down only when the lower rung would hold."""

from hypothesis import given
from hypothesis import strategies as st

from hustings.edge.pressure import load
from hustings.edge.pressure.ladder import HOLD_S, Ladder, Rung, rung
from hustings.edge.pressure.load import SAMPLE_S, Lag, Load, Smoothed


class Edge:
    """A ladder and an edge whose sends cost half as much for each doubling."""

    def __init__(self) -> None:
        self.ladder = Ladder(0.0)
        self.now_s = 0.0
        self.log: list[tuple[float, Rung]] = []

    def run(self, seconds: float, cpu_one_by_one: float = 0.0, **others: float) -> None:
        for _ in range(int(seconds / SAMPLE_S)):
            self.now_s += SAMPLE_S
            cpu = min(1.0, cpu_one_by_one / self.ladder.rung.joined)
            before = self.ladder.rung
            if self.ladder.step(Load(cpu=cpu, **others), self.now_s) != before:
                self.log.append((self.now_s, self.ladder.rung))


def test_a_calm_edge_sends_parts_one_by_one() -> None:
    e = Edge()
    e.run(600, 0.5)
    assert e.log == []
    assert (e.ladder.rung, e.ladder.reason) == (rung(0), "")


def test_load_joins_parts_one_rung_at_a_time_and_stops_where_it_suffices() -> None:
    e = Edge()
    e.run(30, 2.0)
    assert [each.joined for _, each in e.log] == [2, 4]
    assert e.ladder.reason == "cpu"
    assert e.log[1][0] - e.log[0][0] >= 1.0
    assert e.ladder.rung.extras


def test_it_does_not_swing() -> None:
    """Half the sends is calm; twice as many would not be: it stays."""
    e = Edge()
    e.run(1_800, 0.95)
    assert [each.joined for _, each in e.log] == [2]


def test_it_comes_down_when_the_lower_rung_would_do_and_says_why_and_since_when() -> None:
    e = Edge()
    e.run(30, 2.0)
    up = e.now_s
    e.run(60, 0.4)
    assert [each.joined for _, each in e.log[2:]] == [2, 1]
    assert e.log[2][0] - up >= HOLD_S
    assert e.ladder.reason == ""
    assert e.ladder.since_s == e.log[-1][0]


def test_a_step_down_that_proves_wrong_is_tried_later_and_later() -> None:
    """Lag that goes away with each rung, for which there is no prediction."""
    e = Edge()
    for _ in range(6):
        e.run(12, lag_s=0.2)
        e.run(400, lag_s=0.0)
    quick = [at for at, each in e.log if each.level == 0]
    assert len(quick) == 6  # it does come down in the end

    shaky = Ladder(0.0)
    moves, now_s = 0, 0.0
    for _ in range(int(1_800 / SAMPLE_S)):
        now_s += SAMPLE_S
        before = shaky.rung
        lag_s = 0.0 if before.joined > 1 else 0.2
        moves += shaky.step(Load(lag_s=lag_s), now_s) != before
    assert moves <= 24  # and not 2 in each 12 seconds


def test_more_of_the_same_reaches_the_queue_and_each_rung_gives_up_one_thing_more() -> None:
    e = Edge()
    e.run(60, lag_s=0.5)
    assert [each.level for _, each in e.log] == [1, 2, 3, 4, 5, 6]
    assert [each.extras for _, each in e.log] == [True, True, True, False, False, False]
    assert [each.low for _, each in e.log] == [False] * 4 + [True] * 2
    assert [each.queue for _, each in e.log] == [False] * 5 + [True]


def test_full_of_connections_means_a_queue_but_no_longer_sends() -> None:
    e = Edge()
    e.run(30, 0.2, connections=1.0)
    assert e.ladder.rung.queue
    assert e.ladder.rung.joined == 1
    assert e.ladder.rung.extras
    assert e.ladder.reason == "connections"
    e.run(60, 0.2, connections=0.5)
    assert e.ladder.rung == rung(0)


@given(
    st.lists(
        st.builds(Load, cpu=st.floats(0, 1), lag_s=st.floats(0, 1), connections=st.floats(0, 1))
    )
)
def test_one_rung_a_second_at_most_and_always_one_of_the_seven(samples: list[Load]) -> None:
    ladder, now_s, changed_s, level = Ladder(0.0), 0.0, -1.0, 0
    for sample in samples:
        now_s += SAMPLE_S
        now = ladder.step(sample, now_s)
        joined = {1: 0, 2: 1, 4: 2, 8: 3}[now.joined]
        assert abs(joined - level) <= 1
        if joined > level:
            assert now_s - changed_s >= 1.0
        if joined != level:
            changed_s = now_s
        level = joined


def test_pressure_rises_quickly_and_falls_slowly() -> None:
    smoothed = Smoothed()
    rising = [smoothed.take(1.0) for _ in range(4)]
    falling = [smoothed.take(0.0) for _ in range(4)]
    assert rising[-1] > 0.7
    assert falling[-1] > 0.4


def test_pressure_says_which_reading_it_comes_from() -> None:
    assert load.work(Load(cpu=0.75)) == (0.5, "cpu") or load.work(Load(cpu=0.75))[1] == "cpu"
    assert load.work(Load(lag_s=0.150)) == (1.0, "lag")
    assert load.work(Load(backlog=0.9)) == (1.0, "backlog")
    assert load.space(Load(memory=0.95)) == (1.0, "memory")
    assert load.space(Load(connections=1.0)) == (1.0, "connections")
    assert load.work(Load())[0] == load.space(Load())[0] == 0.0


def test_one_late_turn_is_no_lag() -> None:
    lag = Lag()
    for _ in range(24):
        lag.take(0.001)
    lag.take(2.0)
    assert lag.late_s == 0.001
    lag.take(2.0)
    assert lag.late_s == 2.0
