"""The queue of raised hands: who came first is offered first, whatever is lost on the way."""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from hustings.edge.audience.hands import Hand, HandQueue
from hustings.wire.batch import HANDS, Answer, Hands, encode

NOW = 10_000.0
IDS = st.integers(0, 40).map(lambda n: f"{n:020x}")


def topic_of(hand: str) -> str:
    return ("", "rent", "trams")[int(hand, 16) % 3]


class Queue(RuleBasedStateMachine):
    """Against a plain list."""

    def __init__(self) -> None:
        super().__init__()
        self.queue = HandQueue()
        self.up: dict[str, float] = {}
        self.wanted: dict[str, int] = {"": HANDS}
        self.taken: set[str] = set()
        self.said: Hands | None = None

    @rule(hand=IDS, at=st.integers(0, 9_000), again=st.booleans())
    def put(self, hand: str, at: int, again: bool) -> None:
        self.queue.put(Hand(hand, "n", "q", float(at), topic_of(hand)), again=again)
        if hand not in self.up:
            self.taken.discard(hand)
        self.up.setdefault(hand, float(at))

    @rule(hand=IDS, called=st.booleans())
    def down(self, hand: str, called: bool) -> None:
        (self.queue.settle if called else self.queue.lower)(hand)
        self.up.pop(hand, None)
        self.taken.discard(hand)

    @rule()
    def offer(self) -> None:
        if self.said is not None:
            self.queue.lost()
        self.said = self.queue.offer(NOW)
        waiting = sorted((at, hand) for hand, at in self.up.items() if hand not in self.taken)
        assert self.said.up == len(self.up)
        left, first = dict(self.wanted), []
        for _, hand in waiting:
            if left.get(topic_of(hand), 0) > 0 and len(first) < HANDS:
                left[topic_of(hand)] -= 1
                first.append(hand)
        assert [each.id for each in self.said.first] == first
        for topic, told in self.said.topics.items():
            of_topic = [at for at, hand in waiting if topic_of(hand) == topic]
            assert told.up == sum(topic_of(hand) == topic for hand in self.up)
            assert told.oldest_s == (max(0.001, NOW - of_topic[0]) if of_topic else 0.0)
        assert bool(self.said.oldest_s) == bool(waiting)

    @rule(taken=st.integers(0, 60), wanted=st.integers(0, 60), more=st.integers(0, 9))
    def answered(self, taken: int, wanted: int, more: int) -> None:
        if self.said is None:
            return
        topics = {"rent": more}
        self.queue.answered(self.said, Answer(taken=taken, wanted=wanted, topics=topics))
        self.taken |= {each.id for each in self.said.first[:taken]} & self.up.keys()
        self.wanted, self.said = {"": wanted, **topics}, None

    @rule()
    def lost(self) -> None:
        self.queue.lost()
        self.said = None

    @invariant()
    def the_size_is_known(self) -> None:
        assert len(self.queue) == len(self.up)
        assert sum(map(len, self.queue._heaps.values())) <= 2 * len(self.up) + 200


Queue.TestCase.settings = settings(max_examples=40, stateful_step_count=30, deadline=None)
TestQueue = Queue.TestCase


def test_who_lowers_at_another_edge_is_told_on_and_once() -> None:
    queue = HandQueue()
    queue.lower("a" * 20)
    said = queue.offer(NOW)
    assert said.down == ["a" * 20]
    queue.lost()
    assert queue.offer(NOW).down == ["a" * 20]
    queue.answered(said, Answer(taken=0, wanted=0))
    assert queue.offer(NOW).down == []


def test_a_hand_that_only_waits_here_goes_down_without_a_word() -> None:
    queue = HandQueue()
    queue.put(Hand("a" * 20, "n", "q", 1.0))
    queue.lower("a" * 20)
    assert not queue.news
    queue.put(Hand("b" * 20, "n", "q", 1.0), again=True)
    assert queue.offer(NOW).down == ["b" * 20]  # another edge may hold it


def test_a_hundred_thousand_hands_cost_a_batch_nothing() -> None:
    queue = HandQueue()
    for n in range(100_000):
        queue.put(Hand(f"{n:020x}", "n", "q", float(n % 977)))
    said = queue.offer(NOW)
    assert (said.up, len(said.first)) == (100_000, HANDS)
    assert {each.age_s for each in said.first} == {NOW}
    queue.answered(said, Answer(taken=HANDS, wanted=0))
    assert not queue.news
    assert (queue.offer(NOW).up, queue.offer(NOW).first) == (100_000, [])


def test_hands_with_much_to_say_do_not_make_a_batch_that_the_stage_refuses() -> None:
    """It takes 64 KiB; a batch that is refused comes again, and nothing else could get through."""
    queue, expected = HandQueue(), [f"{n:020x}" for n in range(60)]
    for at, hand in enumerate(expected):
        queue.put(Hand(hand, "\U0001f389" * 80, "\x01" * 280, float(at)))
    taken: list[str] = []
    while len(taken) < len(expected):
        said = queue.offer(NOW)
        assert said.first
        assert len(encode(said)) < 16_000
        taken += [each.id for each in said.first]
        queue.answered(said, Answer(taken=len(said.first), wanted=HANDS))
    assert taken == expected
