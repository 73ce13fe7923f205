"""Wishes become orders: everybody once, within bounds; and nobody else's machine is loaded by mistake."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hustings.base.errors import Denied, UserError
from hustings.load.crowd.lines import source_address
from hustings.load.rehearsal.flooding import flood_of, served
from hustings.load.rehearsal.orders import Findings, Orders, Own, Person, Refusal, Target
from hustings.load.rehearsal.target import read_target, resolved
from hustings.load.rehearsal.wish import Wish, checked, shares
from hustings.load.rehearsal.witness import between, stage_of

TARGET = Target("http://127.0.0.1:1", "127.0.0.1", 1, False, "demo", addresses=("127.0.0.1",))


@given(
    st.integers(1, 300),
    st.integers(1, 7),
    st.sampled_from(["ramp", "stampede", "reconnect", "flood"]),
)
def test_everybody_comes_once_and_decoders_are_shared_out(listeners, processes, shape):
    wish = Wish(target=TARGET, shape=shape, listeners=listeners, processes=processes, decode=0.1)
    orders = shares(wish, 5.0)
    assert len(orders) == processes
    assert sum(len(each.listeners) for each in orders) == listeners
    assert 0.1 * listeners <= sum(each.decoders for each in orders) <= 0.1 * listeners + 1
    assert all(each.end_s == wish.end_s for each in orders)
    assert all(max(each.listeners, default=0) < each.end_s for each in orders)
    assert all((each.cut_s > 0) == (shape == "reconnect") for each in orders)
    assert [msgspec.json.decode(msgspec.json.encode(o), type=Orders) for o in orders] == orders


def test_a_flood_comes_after_the_listeners_and_in_the_time_that_is_left():
    wish = Wish(target=TARGET, shape="flood", listeners=10, visits_a_second=50, seconds=4)
    visits = sorted(at for each in shares(wish, 0.0) for at in each.visits)
    assert len(visits) == 200
    assert wish.event_s > wish.coming_s
    assert wish.event_s <= visits[0]
    assert visits[-1] <= wish.end_s


@pytest.mark.parametrize(
    "wrong",
    [
        {"listeners": 0},
        {"listeners": 10**7},
        {"seconds": 0.0},
        {"seconds": 1e6},
        {"over_s": 1e6},
        {"rude": 1.5},
        {"slow": -1.0},
        {"processes": 100},
        {"addresses": -1},
    ],
)
def test_a_rehearsal_is_bounded(wrong):
    with pytest.raises(UserError, match="must be"):
        checked(Wish(target=TARGET, **wrong))


@pytest.mark.parametrize(
    ("url", "room", "port"),
    [
        ("http://127.0.0.1:8002/r/demo", "demo", 8002),
        ("http://localhost/live/a-b/opus.mp4?from=3", "a-b", 80),
        ("https://[::1]/r/demo/", "demo", 443),
    ],
)
def test_a_rooms_addresses(url, room, port):
    target = read_target(url, rendition="opus", ca="")
    assert (target.room, target.port) == (room, port)
    assert target.path == f"/live/{room}/opus.mp4"


@pytest.mark.parametrize(
    "url", ["", "demo", "http://127.0.0.1", "ftp://x/r/demo", "http://x:99999/r/demo",
            "http://127.0.0.1:8002/", "http://127.0.0.1/r/No_Room"],
)  # fmt: skip
def test_what_is_no_rooms_address(url):
    with pytest.raises(UserError) as refused:
        read_target(url, rendition="opus", ca="")
    assert refused.value.code == "load_url"


def test_another_machine_is_loaded_only_if_it_is_named_twice():
    foreign = read_target("http://192.0.2.7/r/demo", rendition="opus", ca="")
    with pytest.raises(Denied) as refused:
        resolved(foreign, "")
    assert refused.value.code == "load_host"
    with pytest.raises(Denied):
        resolved(foreign, "192.0.2.8")
    assert resolved(foreign, "192.0.2.7").addresses == ("192.0.2.7",)
    here = read_target("http://127.0.0.1/r/demo", rendition="opus", ca="")
    assert resolved(here, "").addresses == ("127.0.0.1",)


def test_people_come_from_many_networks():
    found = [source_address(number) for number in range(5_000)]
    assert len({address for address, _ in found}) == 5_000
    assert len({address.rpartition(".")[0] for address, _ in found}) > 4_000
    assert len({group for _, group in found}) > 250
    assert all(address.startswith("127.") and address != "127.0.0.1" for address, _ in found)


@given(st.floats(0, 1e5), st.floats(0, 1e5))
def test_a_flood_keeps_both_bounds_and_says_which_held(capacity, refusals):
    flood = flood_of(capacity, refusals)
    assert flood.rate <= 10 * capacity + 0.1
    assert flood.rate <= 0.8 * refusals + 0.1
    held = 10 * capacity if flood.bound == "10 × C" else 0.8 * refusals
    assert flood.rate == pytest.approx(held, abs=0.1)


def test_a_step_counts_as_served_only_if_all_were_in_time():
    good = Findings(persons=[Person(1, "polite", False, 0, first_sound_s=1.2)] * 3)
    assert served(good)
    late = [Person(1, "polite", False, 0, first_sound_s=1.3)]
    never = [Person(1, "polite", False, 0)]
    assert not served(Findings())
    assert not served(Findings(persons=good.persons + late))
    assert not served(Findings(persons=good.persons + never))
    assert not served(Findings(persons=good.persons, refusals={"busy": Refusal(503, 1)}))
    assert not served(Findings(persons=good.persons, own=Own(late_p99_ms=90)))


METRICS = """# TYPE hustings_stage_ticks_total counter
hustings_stage_ticks_total {ticks}
hustings_stage_late_ticks_total 3
hustings_stage_skipped_ticks_total 0
hustings_stage_rooms{{state="live"}} 1
"""


def test_the_stages_own_word():
    before, after = stage_of(METRICS.format(ticks=10)), stage_of(METRICS.format(ticks=60))
    assert between(before, after).ticks == 50
    assert between(after, before) is None  # it began anew
    assert between(None, after) is None
    assert stage_of("nothing 1\nof ours x\n") is None
