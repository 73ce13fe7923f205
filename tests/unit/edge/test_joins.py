"""The queue of joins, in virtual time: turns, order, who is late."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hustings.edge.door.joins import INTERVAL_S, TARGET_S, JoinQueue


def test_networks_take_turns_whatever_their_number_of_people():
    queue: JoinQueue[str] = JoinQueue()
    for n in range(100):
        assert queue.push("flood", f"f{n}", 0.0)
    for n in range(3):
        assert queue.push("village", f"v{n}", 0.0)
    got = [queue.pop() for _ in range(6)]
    assert got == ["f0", "v0", "f1", "v1", "f2", "v2"]


@pytest.mark.parametrize("every", [30, 55, 70, 99, 101, 150])
def test_a_network_that_asks_more_often_is_not_served_more_often(every):
    """A hundred loud ones come back each ms, a quiet one once in a while; there is a turn a ms."""
    queue: JoinQueue[str] = JoinQueue()
    asked, got, waiting = 0, Counter[str](), set[str]()
    for step in range(10_000):
        now = step / 1_000
        names = [f"loud{n}" for n in range(100)] + (["quiet"] if step % every == 0 else [])
        asked += "quiet" in names
        for name in names:
            if name not in waiting:
                waiting.add(name)
                queue.push(name, name, now)
        waiting.difference_update(queue.late(now))
        served = queue.pop()
        if served is not None:
            waiting.discard(served)
            got[served] += 1
    assert got["quiet"] >= 0.9 * min(asked, 10_000 / 101)
    assert got["quiet"] <= 10_000 / 101 + 3


def test_what_is_remembered_is_bounded():
    queue: JoinQueue[int] = JoinQueue(size=50)
    for n in range(70_000):
        queue.push(f"net {n}", n, n / 1_000)
        if n % 3 == 0:
            queue.pop()
        queue.late(n / 1_000)
    assert len(queue._turn) <= 65_536
    assert len(queue._turns) <= 65 + 2 * len(queue._lanes)
    assert len(queue._order) <= 1_000


def overload(queue: JoinQueue[str]) -> float:
    """A standing queue for two intervals; the second at which it is known."""
    now = 0.0
    queue.push("a", "first", now)
    while not queue.overloaded:
        now += 0.010
        queue.push("a", f"at {now:.2f}", now)
        queue.judge(now)
    return now


def test_a_standing_queue_is_overload_and_turns_the_order_round():
    queue: JoinQueue[str] = JoinQueue()
    now = overload(queue)
    assert now <= 3 * INTERVAL_S
    queue.push("a", "newest", now)
    assert queue.pop() == "newest"
    late = queue.late(now)
    assert late[0] == "first"
    assert all(float(item[3:]) < now - 2 * TARGET_S + 0.006 for item in late[1:])


def test_a_short_queue_is_none():
    queue: JoinQueue[str] = JoinQueue()
    for step in range(200):
        now = step * 0.010
        queue.push("a", "x", now)
        assert queue.late(now + TARGET_S) == []
        assert queue.pop() == "x"
        queue.judge(now + TARGET_S)
    assert not queue.overloaded


def test_overload_ends_with_the_queue():
    queue: JoinQueue[str] = JoinQueue()
    now = overload(queue)
    while queue.pop() is not None:
        pass
    queue.judge(now)
    queue.judge(now + INTERVAL_S)
    queue.judge(now + 2 * INTERVAL_S)
    assert not queue.overloaded
    again = overload(JoinQueue())
    assert again <= 3 * INTERVAL_S


def test_overload_of_long_ago_is_forgotten():
    queue: JoinQueue[str] = JoinQueue()
    now = overload(queue)
    queue.judge(now + 60)
    assert not queue.overloaded


def test_a_full_queue_takes_no_more():
    queue: JoinQueue[int] = JoinQueue(size=10)
    assert [queue.push("a", n, 0.0) for n in range(12)] == [True] * 10 + [False] * 2
    assert len(queue) == 10
    queue.pop()
    assert queue.push("b", 99, 0.0)


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("push"), st.integers(0, 4)),
        st.tuples(st.just("pop"), st.just(0)),
        st.tuples(st.just("wait"), st.integers(1, 60)),
    ),
    max_size=200,
)


@given(STEPS)
def test_everyone_leaves_exactly_once(steps):
    """By being let in or by being late; lanes and order never disagree."""
    queue: JoinQueue[int] = JoinQueue(size=30)
    now, count, inside = 0.0, 0, 0
    left: Counter[int] = Counter()
    for what, value in steps:
        if what == "push":
            if queue.push(str(value), count, now):
                inside += 1
            else:
                assert len(queue) == 30
                left[count] += 1
            count += 1
        elif what == "pop":
            item = queue.pop()
            assert (item is None) == (inside == 0)
            if item is not None:
                left[item] += 1
                inside -= 1
        else:
            now += value / 1_000
            late = queue.late(now)
            left.update(late)
            inside -= len(late)
        assert len(queue) == inside
    while (item := queue.pop()) is not None:
        left[item] += 1
    assert len(queue) == 0
    assert left == Counter(range(count))


@given(st.lists(st.integers(1, 40), min_size=2, max_size=6))
def test_no_network_gets_two_turns_before_another_gets_one(sizes):
    queue: JoinQueue[int] = JoinQueue()
    for network, size in enumerate(sizes):
        for _ in range(size):
            queue.push(str(network), network, 0.0)
    served: Counter[int] = Counter()
    while (network := queue.pop()) is not None:
        served[network] += 1
        waiting = [n for n, size in enumerate(sizes) if served[n] < size]
        assert all(served[network] <= served[n] + 1 for n in waiting)
