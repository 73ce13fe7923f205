"""What edges and the stage tell each other of a queue."""

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from hustings.base.limits import Limits
from hustings.edge.audience.forum import Forum
from hustings.edge.audience.hands import Hand, HandQueue
from hustings.wire.batch import DOWN, HANDS, Asked, Batch, encode
from hustings.wire.queues import TOLD, Said, fitting
from hustings.wire.sketch import Sketch


def word(seconds: int) -> Said:
    return Said({1_800_000_000 + n: 40 for n in range(seconds)}, free=900, pace=450.5)


@given(st.lists(st.integers(0, TOLD), max_size=100))
def test_the_words_of_a_whole_tree_fit_into_batches_and_all_come_up(sizes: list[int]) -> None:
    """As after a restart of the stage, when every edge tells everything again."""
    waiting = {f"{n:010}": word(size) for n, size in enumerate(sizes)}
    expected, told = list(waiting), list[str]()
    while waiting:
        now = fitting(waiting)
        assert now
        assert len(encode(Batch(queues=now))) <= 24_000
        told += now
        waiting = {run: said for run, said in waiting.items() if run not in now}
    assert told == expected


def test_a_batch_that_is_full_of_everything_is_one_that_the_stage_takes() -> None:
    sketch = Sketch()
    for number in range(100_000):
        sketch.add(number * 0x9E3779B97F4A7C15 % 2**64)
    hands = HandQueue()
    for number in range(HANDS):
        hands.put(Hand(f"{number:020x}", "\U0001f389" * 80, "\x01" * 280, 1.0))
        hands.lower(f"{number + 9_000:020x}")
    for number in range(DOWN):
        hands.lower(f"{number + 8_000:020x}")
    batch = Batch(
        pages=sketch.encode(),
        players=sketch.encode(),
        hands=hands.offer(2.0),
        queues=fitting({f"{n:010}": word(TOLD) for n in range(9)}),
    )
    assert len(batch.hands.down) == DOWN
    assert len(encode(batch)) < Limits().body_bytes
    forum = Forum()  # its words go without sketches
    for number in range(99):
        forum.ask(Asked(f"{number:020x}", "\U0001f389" * 280, "\x01" * 80))
        forum.hear("child", {f"{number:020x}": [10**9] * 8}, [])
    asked, votes = forum.offer()
    words = msgspec.structs.replace(batch, pages=b"", players=b"", asked=asked, votes=votes)
    assert len(encode(words)) < Limits().body_bytes
