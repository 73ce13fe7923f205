"""Seats of an edge: three limits, each by itself."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hustings.edge.waiting.seats import RATES, Seats
from hustings.media.cmaf import media_part
from hustings.settings import EdgeSettings
from hustings.wire.names import PART_SECONDS

PACKET = 1_448  # bytes of TCP payload
AROUND = 90  # Ethernet with preamble and gap, IP, TCP with time stamps


def seats(**settings: object) -> Seats:
    return Seats(EdgeSettings(**settings))  # type: ignore[arg-type]


def test_a_fifth_of_the_connections_is_kept_for_those_who_wait() -> None:
    some = seats(listeners=10)
    assert some.free == 8
    for _ in range(8):
        some.take("opus")
    assert some.free == 0
    some.leave("opus")
    assert some.free == 1


def test_bandwidth_is_a_limit_of_its_own() -> None:
    some = seats(listeners=10_000, bandwidth_mbit=1, waiting_share=0)
    before = some.free
    assert before == 1e6 // RATES["opus"]
    some.take("aac")
    assert before - some.free in {1, 2, 3}
    some.take("events")
    assert some.free >= before - 3  # what is written weighs little


def test_a_shut_edge_has_no_seats() -> None:
    shut = [False]
    some = Seats(EdgeSettings(), shut=lambda: shut[0])
    assert some.free
    shut[0] = True
    assert some.free == 0


def test_events_take_no_seat() -> None:
    some = seats(listeners=10)
    for _ in range(50):
        some.take("events")
    assert some.free == 8


@given(moves=st.lists(st.sampled_from(["opus", "aac", "mp3", "events"]), max_size=60))
def test_what_is_left_is_free_again(moves: list[str]) -> None:
    some = seats(listeners=100, bandwidth_mbit=3)
    before = some.free
    for stream in moves:
        some.take(stream)
        assert 0 <= some.free <= before
    for stream in moves:
        some.leave(stream)
    assert some.free == before


@pytest.mark.parametrize(
    ("rendition", "kbit", "frames"), [("opus", 32, 16), ("opus-low", 12, 16), ("aac", 64, 15)]
)
def test_rates_are_what_travels_for_one_listener(rendition: str, kbit: int, frames: int) -> None:
    """A part at its nominal rate as it leaves, chunk and packets around it."""
    frame = bytes(round(kbit * 1_000 * PART_SECONDS / 8 / frames))
    size = len(media_part(rendition, 5_000, [frame] * frames)) + 8
    bits = (size + AROUND * math.ceil(size / PACKET)) * 8 / PART_SECONDS
    assert 0.95 < RATES[rendition] / bits < 1.1
