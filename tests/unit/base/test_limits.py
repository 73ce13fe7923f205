"""Rates, budgets and addresses, in virtual time."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hustings.base.limits import (
    Gcra,
    Limits,
    WorkBudget,
    address_key,
    client_address,
    content_length,
    forwarded_hops,
    network_key,
)
from hustings.settings import Settings


def test_a_burst_passes_then_the_rate_holds():
    gcra = Gcra(rate=2, burst=20)
    assert [gcra.take("a", 0.0) for _ in range(20)] == [0.0] * 20
    wait = gcra.take("a", 0.0)
    assert wait == pytest.approx(0.5)
    assert gcra.take("a", wait) == 0.0
    assert gcra.take("b", 0.0) == 0.0


def test_a_refusal_costs_nothing_later():
    gcra = Gcra(rate=1, burst=1)
    assert gcra.take("a", 0.0) == 0.0
    assert all(gcra.take("a", 0.5) > 0 for _ in range(1_000))
    assert gcra.take("a", 1.0) == 0.0


@given(st.lists(st.floats(0, 0.2), max_size=300))
def test_no_one_gets_more_than_burst_and_rate(gaps):
    gcra = Gcra(rate=10, burst=5)
    now, granted = 0.0, 0
    for gap in gaps:
        now += gap
        granted += gcra.take("a", now) == 0.0
    assert granted <= 5 + 10 * now + 1e-6


def test_a_flood_of_addresses_costs_no_memory():
    gcra = Gcra(rate=1, burst=1, size=100)
    for n in range(10_000):
        gcra.take(str(n), 0.0)
    assert len(gcra) == 100


def test_the_budget_opens_again_with_the_next_slice():
    budget = WorkBudget(share=0.2, slice_s=0.05)
    assert budget.wait(0.0) == 0.0
    budget.spend(0.011, 0.0)
    assert budget.wait(0.0) == pytest.approx(0.05)
    assert budget.wait(0.051) == 0.0


def test_an_overdraft_is_paid_back_but_not_for_ever():
    budget = WorkBudget(share=0.2, slice_s=0.05)
    budget.spend(3.0, 0.0)  # one monstrous request
    assert budget.wait(0.199) > 0
    assert budget.wait(0.251) == 0.0


@given(st.lists(st.tuples(st.floats(0.0, 0.03), st.floats(0.0, 0.01)), min_size=50))
def test_work_stays_within_its_share(steps):
    """However requests come, what is begun is at most a fifth, one slice and one request more."""
    budget = WorkBudget(share=0.2, slice_s=0.05)
    now, spent = 0.0, 0.0
    for gap, cost in steps:
        now += gap
        if budget.wait(now) == 0.0:
            budget.spend(cost, now)
            spent += cost
    assert spent <= 0.2 * now + 0.01 + 0.01 + 1e-6


@pytest.mark.parametrize(
    ("address", "key"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2ff:3::1", "2001:db8:1:200::/56"),
        ("fe80::1%eth0", "fe80::/56"),
        ("nonsense", "nonsense"),
    ],
)
def test_whom_a_limit_means(address, key):
    assert address_key(address) == key


@pytest.mark.parametrize(
    ("peer", "hops", "client"),
    [
        ("192.0.2.7", ["10.0.0.1"], "192.0.2.7"),  # a stranger cannot speak for others
        ("127.0.0.1", [], "127.0.0.1"),
        ("127.0.0.1", ["192.0.2.7"], "192.0.2.7"),
        ("127.0.0.1", ["6.6.6.6", "192.0.2.7"], "192.0.2.7"),  # what it claimed is not read
        ("127.0.0.1", ["192.0.2.7", "127.0.0.2"], "192.0.2.7"),
        ("127.0.0.1", ["::ffff:192.0.2.7", " ::ffff:127.0.0.2"], "192.0.2.7"),
    ],
)
def test_only_our_proxies_are_believed(peer, hops, client):
    assert client_address(peer, hops, ["127.0.0.1", "127.0.0.2"]) == client


@given(st.binary(max_size=20))
def test_a_length_is_digits_or_nothing(value):
    length = content_length(value)
    assert length is None or 0 <= length < 10**12


def test_the_settings_are_limits():
    assert Limits(**msgspec.structs.asdict(Settings().guard)) == Limits()


@pytest.mark.parametrize(
    ("value", "hops"),
    [
        ("for=192.0.2.43", ["192.0.2.43"]),
        ('For="[2001:db8:cafe::17]:4711"', ["2001:db8:cafe::17"]),
        (
            "for=192.0.2.60;proto=http;by=203.0.113.43, for=198.51.100.17:80",
            ["192.0.2.60", "198.51.100.17"],
        ),
        ("proto=https", ["unknown"]),
        ("for=unknown, for=_hidden", ["unknown", "_hidden"]),
        ('for="open, for=192.0.2.1', ["open", "192.0.2.1"]),  # what the proxy adds stays readable
        ("", []),
    ],
)
def test_the_hops_of_a_forwarded_header(value, hops):
    assert forwarded_hops(value, "forwarded") == hops


@given(st.text(alphabet='for="[]:;, 12.', max_size=40))
def test_what_our_proxy_adds_is_the_last_hop_whatever_came_before(told):
    assert forwarded_hops(f"{told}, for=192.0.2.1", "forwarded")[-1] == "192.0.2.1"
    assert forwarded_hops(f"{told}, 192.0.2.1", "x-forwarded-for")[-1].strip() == "192.0.2.1"


@pytest.mark.parametrize(
    ("key", "network"),
    [
        ("192.0.2.7", "192.0.2.0/24"),
        ("2001:db8:1:200::/56", "2001:db8:1::/48"),
        ("nonsense", ".0/24"),
        ("a:b", "a:b"),
    ],
)
def test_the_network_of_an_address(key, network):
    assert network_key(key) == network


def test_asking_for_the_wait_costs_nothing():
    gcra = Gcra(rate=1, burst=2)
    assert [gcra.wait("a", 0.0) for _ in range(10)] == [0.0] * 10
    gcra.charge("a", 0.0)
    gcra.charge("a", 0.0)
    assert gcra.wait("a", 0.0) == pytest.approx(1.0)
