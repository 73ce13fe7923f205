"""Downloads' places: half for one alone, less for each of many, none lost."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hustings.base.errors import TryLater
from hustings.edge.door.admission import asker
from hustings.edge.past.places import DownloadPlaces

ADA, BEN, FAR = asker("198.51.100.7"), asker("198.51.100.8"), asker("203.0.113.1")


def fill(places: DownloadPlaces, who) -> int:
    """As many downloads as are granted."""
    before = places.taken
    with contextlib.suppress(TryLater):
        while True:
            places.take(who)
    return places.taken - before


def test_one_address_alone_leaves_half_and_a_network_a_third():
    places = DownloadPlaces(64)
    assert fill(places, ADA) == 32
    assert fill(places, BEN) == 11  # of the same network: 43 of 64
    assert fill(places, FAR) > 0


def test_a_refusal_says_whose_fault_it_is():
    places = DownloadPlaces(2)
    places.take(ADA)
    with pytest.raises(TryLater) as refused:
        places.take(ADA)
    assert (refused.value.code, refused.value.facts["status"]) == ("request_rate", 429)
    assert refused.value.delay_s > 0
    places.take(FAR)
    with pytest.raises(TryLater) as refused:
        places.take(FAR)
    assert (refused.value.code, refused.value.status) == ("past_busy", 503)


def test_this_machine_and_proxies_that_name_nobody_have_all():
    assert fill(DownloadPlaces(8), asker("127.0.0.1")) == 8


@given(st.lists(st.tuples(st.integers(0, 5), st.booleans()), max_size=200))
def test_whoever_leaves_makes_room_and_nothing_is_kept_of_them(steps):
    places, held = DownloadPlaces(16), []
    for number, comes in steps:
        who = asker(f"198.51.{number % 2}.{number}")
        if comes:
            try:
                places.take(who)
            except TryLater:
                continue
            held.append(who)
        elif held:
            places.leave(held.pop(number % len(held)))
        assert places.taken == len(held) <= 16
    for who in held:
        places.leave(who)
    assert (places.taken, len(places._addresses), len(places._networks)) == (0, 0, 0)
    assert fill(places, FAR) == 8
