"""From a listener's cost to machines: arithmetic that a person can check, and a stampede against it."""

from html import unescape

import msgspec
import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from hustings.base.errors import UserError
from hustings.load.plan.calibration import Calibration, calibration_of, fitted, read_calibration
from hustings.load.plan.outlook import Outlook, html, rate, text
from hustings.load.plan.planning import Machine, Wanted, limits_of, plan, read_rate, wire_bit_s
from hustings.load.plan.simulation import JOIN_S, SEGMENT_S, simulate
from hustings.load.rehearsal.judging import Verdict
from hustings.load.rehearsal.orders import Target
from hustings.load.rehearsal.report import Rehearsed, Waits
from hustings.load.rehearsal.summary import Edges, Summary
from hustings.load.rehearsal.wish import Wish

COST = Calibration(
    machine="a box", listeners=1_500, idle_cpu=0.02, listener_us=30.0, join_us=150.0,
    joins_a_second=1_500.0, listener_bit_s=36_000.0, listener_bytes=2_000.0, fit=0.99,
)  # fmt: skip
BOX = Machine(cores=2, memory_bytes=8 * 2**30, link_bit_s=1e9)


def the_plan(listeners=100_000, machine=BOX, cost=COST, **facts):
    return plan(Wanted(listeners=listeners, **facts), machine, cost)


def test_each_limit_is_what_one_would_compute_by_hand():
    limits = limits_of(BOX, COST, 40_000.0)
    assert limits == {
        "processor": int((0.7 - 0.02) / 30e-6),
        "connections": 16_000,
        "line": int(0.7e9 / 40_000),
        "memory": int(0.7 * 8 * 2**30 / (2_000 + 16_384)),
    }
    assert limits_of(BOX, COST, 40_000.0, joined=4)["processor"] == int(0.68 / 7.5e-6)
    pressed = msgspec.structs.replace(COST, joined=2.0)  # measured while the ladder joined parts
    assert limits_of(BOX, pressed, 40_000.0)["processor"] == int(0.68 / 60e-6)


def test_the_smallest_limit_gives_out_first():
    assert the_plan().first == "connections"
    assert the_plan(machine=msgspec.structs.replace(BOX, link_bit_s=1e8)).first == "line"
    assert the_plan(machine=msgspec.structs.replace(BOX, memory_bytes=2e8)).first == "memory"
    assert the_plan(cost=msgspec.structs.replace(COST, listener_us=60)).first == "processor"


def test_there_are_two_machines_at_least_so_that_one_may_die():
    assert the_plan(10).machines == 2


def test_the_line_carries_more_than_the_sound():
    plain, tls = wire_bit_s(COST, tls=False), wire_bit_s(COST, tls=True)
    assert plain == pytest.approx(36_000 + 78 * 8 * 3.125)
    assert tls > plain


def test_a_machine_that_carries_nobody_is_told():
    with pytest.raises(UserError) as refused:
        the_plan(machine=msgspec.structs.replace(BOX, link_bit_s=1_000))
    assert refused.value.code == "plan_impossible"


def test_a_price_is_only_named_if_prices_are():
    assert the_plan().price is None
    found = the_plan(machine_hour=0.5, hours=2)
    assert found.price == found.machines
    assert the_plan(gigabyte=0.01).price == pytest.approx(the_plan().gigabytes / 100, abs=0.01)


costs = st.builds(
    Calibration, machine=st.just("x"), listeners=st.just(1), idle_cpu=st.floats(0, 0.5),
    listener_us=st.floats(0.5, 500), join_us=st.floats(0, 1e4), joins_a_second=st.floats(1, 1e5),
    listener_bit_s=st.floats(1e3, 1e6), listener_bytes=st.floats(0, 1e6), fit=st.floats(0, 1),
)  # fmt: skip
boxes = st.builds(
    Machine, cores=st.integers(1, 256), memory_bytes=st.floats(1e9, 1e12),
    link_bit_s=st.floats(1e8, 4e11), connections=st.integers(100, 1_000_000),
)  # fmt: skip


@given(costs, boxes, st.integers(1, 10**8), st.floats(0, 2))
def test_a_plan_holds_what_it_promises(cost, box, listeners, spare):
    try:
        found = the_plan(listeners, box, cost, spare=spare)
    except UserError:
        assume(False)
    assert found.seats >= listeners
    assert (found.machines - found.spare_machines) * found.per_machine >= listeners
    assert found.per_machine == min(found.limits.values()) == found.limits[found.first]
    assert found.machine_mbit * 1e6 <= box.link_bit_s
    assert found.edges == found.machines * box.edges
    assert (found.parents > 0) == (found.edges > 50)
    assert sorted(found.joined.values()) == list(found.joined.values())


@pytest.mark.parametrize(
    ("said", "rate"),
    [("10Gbit", 1e10), ("2.5 Gbit/s", 2.5e9), ("100M", 1e8), ("1000Mbps", 1e9), ("5000", 5_000)],
)
def test_rates(said, rate):
    assert read_rate(said) == rate


@pytest.mark.parametrize("said", ["", "fast", "-1Gbit", "0", "1e9", "10 GB"])
def test_what_is_no_rate(said):
    with pytest.raises(UserError):
        read_rate(said)


# ------------------------------------------------------------ calibration


@given(st.floats(0, 0.2), st.floats(5e-6, 1e-4), st.floats(0, 1e-3))
def test_costs_are_found_again(idle, each, join):
    joins = [100.0] * 10 + [0.0] * 10
    hearing = [*np.cumsum(joins[:10]), *[1_000.0] * 10]
    cpu = [idle + each * h + join * j for h, j in zip(hearing, joins, strict=True)]
    found = fitted(cpu, hearing, joins)
    assert found[:3] == pytest.approx((idle, each, join), rel=1e-3, abs=1e-8)
    assert found[3] == pytest.approx(1)


@given(st.lists(st.tuples(*[st.floats(0, 100)] * 3), min_size=8, max_size=20))
def test_no_cost_is_ever_negative(rows):
    cpu, hearing, joins = zip(*rows, strict=True)
    assert all(cost >= 0 for cost in fitted(cpu, hearing, joins)[:3])


def rehearsed(**seconds):
    target = Target("http://127.0.0.1:1", "127.0.0.1", 1, False, "demo")
    summary = Summary(peak_hearing=1_000, peak_joins=120.0, edges=Edges(1, 1.0, 2_000_000))
    joins = [100.0] * 10
    hearing = [100.0 * n for n in range(1, 11)] + [1_000.0] * 10
    series = {"hearing": hearing, "first_sounds": joins, "bytes": [4_500.0 * h for h in hearing],
              "edge_cpu_s": [9.0] + [0.01 + 30e-6 * (h - 50) for h in hearing[1:10]]
              + [0.01 + 30e-6 * h for h in hearing[10:]]} | seconds  # fmt: skip
    verdict = Verdict("passed", "", (), ())
    return Rehearsed(Wish(target=target), summary, verdict, None, series, Waits(), 0, "a box")


def test_a_rehearsal_calibrates():
    cost = calibration_of(rehearsed())
    assert cost.listener_us == pytest.approx(30, rel=0.02)
    assert cost.idle_cpu == pytest.approx(0.01, abs=0.002)
    assert (cost.listener_bit_s, cost.listener_bytes, cost.joins_a_second) == (36_000, 2_000, 120)
    assert read_calibration(msgspec.json.encode(rehearsed())) == cost
    assert read_calibration(msgspec.json.encode({"calibration": cost})) == cost


def test_joined_parts_leave_seconds_empty_and_still_count():
    waves = [4_500.0 * 3 * 1_000 * (n % 3 == 0) for n in range(10, 20)]
    cost = calibration_of(rehearsed(bytes=[0.0] * 10 + waves))
    assert cost.listener_bit_s == pytest.approx(36_000, rel=0.25)


def test_a_rehearsal_in_which_nobody_was_sent_anything_is_no_calibration():
    with pytest.raises(UserError) as refused:
        calibration_of(rehearsed(bytes=[0.0] * 20))
    assert refused.value.code == "plan_calibration"


@pytest.mark.parametrize("data", [b"", b"{}", b"[]", b"\xff", b'{"calibration": {}}'])
def test_what_is_no_calibration(data):
    with pytest.raises(UserError) as refused:
        read_calibration(data)
    assert refused.value.code == "plan_calibration"


def test_a_rehearsal_of_another_machine_does_not_calibrate():
    with pytest.raises(UserError, match="own edge"):
        calibration_of(rehearsed(edge_cpu_s=[]))


# ------------------------------------------------------------ the stampede


def test_doors_wide_enough_keep_nobody_waiting():
    found = simulate(people=10_000, over_s=60, joins_a_second=1_000, seats=20_000)
    assert found.most_waiting == 0
    assert found.live_most_s == found.any_sound_p95_s == JOIN_S
    assert found.turned_away == 0
    assert sum(found.arrived) == sum(found.admitted) == 10_000


def test_narrow_doors_make_a_queue_that_lasts_as_long_as_it_must():
    found = simulate(people=10_000, over_s=10, joins_a_second=100, seats=20_000)
    assert found.all_in_s == pytest.approx(100, abs=2)
    assert found.most_waiting > 8_000
    assert found.live_p95_s > found.live_p50_s > 20
    assert found.any_sound_p95_s == JOIN_S + SEGMENT_S  # they hear something at once
    assert found.asks_a_second == pytest.approx(found.most_waiting / 4, abs=1)


def test_who_finds_no_seat_is_told_apart():
    found = simulate(people=1_000, over_s=10, joins_a_second=1_000, seats=400)
    assert found.turned_away == 600
    assert sum(found.admitted) == pytest.approx(400)


def test_the_same_seed_is_the_same_evening():
    facts = {"people": 5_000, "over_s": 20.0, "joins_a_second": 100.0, "seats": 9_000}
    assert simulate(**facts, seed=3) == simulate(**facts, seed=3)
    assert simulate(**facts, seed=3) != simulate(**facts, seed=4)


@given(st.integers(0, 10**7), st.floats(1, 600), st.floats(0, 1e6), st.integers(0, 10**7))
def test_nobody_is_made_or_lost(people, over_s, joins, seats):
    found = simulate(people=people, over_s=over_s, joins_a_second=joins, seats=seats)
    assert sum(found.arrived) == people
    seated, rounding = min(people, seats), 1 + len(found.admitted) / 1_000
    assert sum(found.admitted) <= seated + rounding
    assert found.turned_away == max(0, people - seats)
    assert all(0 <= each <= people for each in found.waiting)
    assert found.any_sound_p95_s <= JOIN_S + SEGMENT_S
    assert found.all_in_s < 0 or sum(found.admitted) == pytest.approx(seated, abs=rounding)


# ------------------------------------------------------------ what is said


def outlook(listeners=8_000_000, **facts):
    wanted = Wanted(listeners=listeners, **facts)
    found = plan(wanted, BOX, COST)
    stampede = simulate(people=listeners // 2, over_s=60, joins_a_second=10_000, seats=found.seats)
    return Outlook(wanted=wanted, plan=found, stampede=stampede, calibration=COST)


def test_every_assumption_is_printed():
    found = outlook(machine_hour=1.0)
    said, page = text(found), html(found)
    for each in found.assumptions:
        assert each.what in said
        assert each.why in said
        assert each.what in unescape(page)
    for sentence in found.sentences:
        assert sentence in said
    assert "<script" not in page
    assert page.count("<figure>") == 3


def test_a_rough_calibration_is_admitted():
    good = outlook()
    rough = msgspec.structs.replace(good, calibration=msgspec.structs.replace(COST, fit=0.3))
    assert "rough" not in " ".join(good.sentences)
    assert "rough" in rough.sentences[-1]


def test_the_json_comes_back():
    found = outlook()
    assert msgspec.json.decode(msgspec.json.encode(found), type=Outlook) == found


@pytest.mark.parametrize(
    ("bits", "said"), [(36_000, "36 kbit/s"), (5e8, "500 Mbit/s"), (3.2e11, "320 Gbit/s")]
)
def test_rates_in_words(bits, said):
    assert rate(bits) == said
