"""The wheel of deadlines, titles in MP3, metrics."""

from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hustings.base.clock import ManualClock
from hustings.base.errors import OperatorError
from hustings.base.keyfiles import service_key
from hustings.edge import metrics
from hustings.edge.app import credential
from hustings.edge.http.wheel import Wheel
from hustings.edge.metrics import Counts
from hustings.edge.sound.radio import METAINT, TitledStream, title_block
from hustings.settings import EdgeSettings, Settings
from hustings.wire.tokens import KeyRing


class Item:
    def __init__(self, deadline: float) -> None:
        self.deadline = deadline
        self.bucket = -1


# ---------------------------------------------------------------- wheel


@given(st.lists(st.tuples(st.floats(0, 30), st.floats(0, 30)), max_size=50))
def test_nobody_is_late_and_nobody_early(times: list[tuple[float, float]]) -> None:
    wheel: Wheel[Item] = Wheel()
    items = [Item(first) for first, _ in times]
    for item in items:
        wheel.add(item)
    for item, (first, later) in zip(items, times, strict=True):
        item.deadline = max(first, later)  # moved without telling the wheel
    seen: set[int] = set()
    for quarter in range(130):
        now = quarter / 4
        for item in wheel.expired(now):
            assert now - 0.25 <= item.deadline <= now or item.deadline == 0.0
            assert id(item) not in seen
            seen.add(id(item))
    assert len(seen) == len(items)
    assert len(wheel) == 0


def test_an_earlier_deadline_moves_the_item_and_removal_forgets_it() -> None:
    wheel: Wheel[Item] = Wheel()
    item, gone = Item(50.0), Item(3.0)
    wheel.add(item)
    wheel.add(gone)
    wheel.remove(gone)
    item.deadline = 4.0
    wheel.add(item)
    assert wheel.expired(10.0) == [item]
    item.deadline = 2.0  # in the past already
    wheel.add(item)
    assert wheel.expired(10.1) == [item]


# ---------------------------------------------------------------- radio


@given(st.lists(st.integers(0, 40_000), min_size=1, max_size=40), st.text(max_size=60))
def test_a_listener_who_begins_anywhere_counts_right(sizes: list[int], title: str) -> None:
    stream = TitledStream()
    pieces = [stream.piece(b"s" * size, title) for size in sizes]
    whole = b"".join(piece.data for piece in pieces)
    starts = [0]
    at = 0
    for piece in pieces:
        if piece.begin >= 0:
            starts.append(at + piece.begin)
        at += len(piece.data)
    block = title_block(title)
    for start in starts:
        body, sound = whole[start:], 0
        while len(body) > METAINT:
            assert body[:METAINT] == b"s" * METAINT
            assert body[METAINT : METAINT + len(block)] == block
            sound += METAINT
            body = body[METAINT + len(block) :]
        assert body == b"s" * len(body)
        assert sound + len(body) <= sum(sizes)


@pytest.mark.parametrize("title", ["", "Town hall", "It's; on\r\n", "ü" * 5_000])
def test_title_blocks_are_well_formed(title: str) -> None:
    block = title_block(title)
    assert len(block) == 1 + 16 * block[0]
    text = block[1:].rstrip(b"\0").decode()
    assert text.startswith("StreamTitle='")
    assert text.endswith("';")
    assert text.count("'") == 2
    assert "\n" not in text


# ---------------------------------------------------------------- metrics


def test_metrics_are_prometheus_text() -> None:
    counts = Counts()
    counts.joins = 10**7 + 1
    counts.parts["live"] = 3
    counts.answers[200] = 2
    lines = metrics.text(counts, {"listeners": 5}).decode().splitlines()
    assert "hustings_edge_listeners 5" in lines
    assert "hustings_edge_joins_total 10000001" in lines
    assert 'hustings_edge_parts_total{source="live"} 3' in lines
    assert 'hustings_edge_answers_total{status="200"} 2' in lines
    assert len({line for line in lines if line.startswith("# TYPE")}) == sum(
        line.startswith("# TYPE") for line in lines
    )


def test_an_edge_beside_its_stage_makes_its_own_credential(tmp_path: Path) -> None:
    clock = ManualClock()
    ring = KeyRing([service_key(tmp_path)])
    made = credential(Settings(data=str(tmp_path)), clock)
    claims = ring.check(made, kind="edge", now_s=clock.wall_ms() / 1_000)
    assert claims.name == "this machine"
    far = EdgeSettings(origin="https://far.example")
    with pytest.raises(OperatorError, match="edge-token"):
        credential(Settings(edge=far), clock)
    given = msgspec.structs.replace(far, token="t")
    assert credential(Settings(edge=given), clock) == "t"
