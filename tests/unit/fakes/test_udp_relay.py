"""`tests.fakes.udp_relay`: the fate of packets is what was ordered, and the same each time."""

import itertools

import pytest

from tests.fakes.udp_relay import Fate, Network, UdpRelay

N = 20_000


def fates(network: Network, seed: int = 7) -> list[float | None]:
    fate = Fate(network, seed)
    return [fate.next(n * 0.02) for n in range(N)]


@pytest.mark.parametrize(("loss", "burst"), [(0.016, 1), (0.05, 1), (0.043, 3), (0.2, 1)])
def test_as_many_are_lost_as_ordered_and_in_such_runs(loss: float, burst: float) -> None:
    found = fates(Network(loss=loss, burst=burst))
    lost = [due is None for due in found]
    assert sum(lost) / N == pytest.approx(loss, rel=0.15)
    runs = [len(list(run)) for is_lost, run in itertools.groupby(lost) if is_lost]
    usual = burst if burst > 1 else 1.0
    assert sum(runs) / len(runs) == pytest.approx(usual, rel=0.1)


def test_the_same_seed_is_the_same_network() -> None:
    network = Network(loss=0.05, jitter_ms=50, reorder=True)
    assert fates(network) == fates(network)
    assert fates(network) != fates(network, seed=8)


def test_jitter_keeps_the_order_unless_it_may_not() -> None:
    ordered = [d for d in fates(Network(jitter_ms=50)) if d is not None]
    assert ordered == sorted(ordered)
    mixed = [d for d in fates(Network(jitter_ms=50, reorder=True)) if d is not None]
    assert mixed != sorted(mixed)
    mean_s = sum(d - n * 0.02 for n, d in enumerate(mixed)) / N
    assert mean_s == pytest.approx(0.05, rel=0.05)


def test_a_good_network_changes_nothing() -> None:
    assert fates(Network(delay_ms=30)) == pytest.approx([n * 0.02 + 0.03 for n in range(N)])


def test_the_answer_names_the_relay_and_nothing_else() -> None:
    relay = UdpRelay(Network(), seed=1)
    relay.port = 4_711
    answer = (
        "v=0\r\nm=audio 40000 UDP/TLS/RTP/SAVPF 111\r\n"
        "a=candidate:1 1 udp 99 10.0.0.5 40000 typ host\r\n"
        "a=candidate:2 1 udp 98 10.0.0.6 40000 typ host\r\na=end-of-candidates\r\n"
    )
    changed = relay.rewritten(answer)
    assert "m=audio 4711 " in changed
    assert changed.count("a=candidate") == 1
    assert "a=candidate:1 1 udp 99 127.0.0.1 4711 typ host\r\n" in changed
