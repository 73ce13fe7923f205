"""The door's decisions in virtual time: classes, pressure, addresses, places, Retry-After."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hustings.edge.door.admission import (
    COST_S,
    SLICE_S,
    Admission,
    Answer,
    Outlook,
    Place,
    Places,
    Priority,
    Refusal,
    Wanted,
    asker,
    wanted,
)

JOIN = wanted("/live/demo/opus.mp4")
PART = wanted("/live/demo/aac/part/7.m4s")


def ask(door, want=JOIN, address="192.0.2.7", *, ticket=False, x=0.0, now_s=0.0, item="i"):
    return door.ask(item, want, asker(address), ticket=ticket, x=x, now_s=now_s)


@pytest.mark.parametrize(
    ("path", "priority", "join", "memory"),
    [
        ("/healthz", Priority.CHECK, False, True),
        ("/r/demo", Priority.NEWCOMER, False, True),
        ("/static/listener/page.js", Priority.BACK, False, True),
        ("/metrics", Priority.EXTRA, False, False),
        ("/live/demo/opus-low.mp4", Priority.NEWCOMER, True, False),
        ("/live/demo/radio.mp3", Priority.NEWCOMER, True, False),
        ("/live/demo/index.m3u8", Priority.NEWCOMER, True, False),
        ("/live/demo/aac/index.m3u8", Priority.SOUND, False, True),
        ("/live/demo/aac/init.mp4", Priority.SOUND, False, True),
        ("/live/demo/opus-low/77.m4s", Priority.SOUND, False, True),
        ("/live/demo/events", Priority.NEWCOMER, True, False),
        ("/live/demo/queue.json", Priority.CALLED, False, True),
        ("/live/demo/hand", Priority.VOICE, False, False),
        ("/live/demo", Priority.EXTRA, False, False),
        ("/feed", Priority.EXTRA, False, False),  # an edge's credential makes it a CHECK
        ("/rooms/demo/batch", Priority.EXTRA, False, False),
        ("/", Priority.EXTRA, False, False),
        ("", Priority.EXTRA, False, False),
    ],
)
def test_what_a_path_asks_for(path, priority, join, memory):
    assert wanted(path) == Wanted(priority, join, memory)


@given(st.text(max_size=60))
def test_every_path_has_a_class(path):
    assert wanted(path).priority in Priority


# ---------------------------------------------------------------- pressure


def lives(priority: Priority, x: float) -> bool:
    door: Admission[str] = Admission(join_share=1.0)
    return ask(door, Wanted(priority), x=x) is Answer.GRANTED


def test_the_cubic_rule():
    """100 (1 - x³): at .35 everything up to 96 lives, at .8 up to 49; sound at any."""
    assert [p for p in Priority if not lives(p, 0.35)] == [Priority.VOICE]
    assert [p for p in Priority if lives(p, 0.8)] == [
        Priority.CHECK,
        Priority.SOUND,
        Priority.BACK,
    ]
    assert [p for p in Priority if lives(p, 1.0)] == [Priority.CHECK, Priority.SOUND]
    assert all(lives(p, 0.0) for p in Priority)


@given(st.floats(0, 1), st.floats(0, 1))
def test_more_pressure_never_admits_more(a, b):
    low, high = sorted((a, b))
    assert all(lives(p, low) for p in Priority if lives(p, high))


def test_memory_is_served_without_a_question_until_the_pressure_is_high():
    door: Admission[str] = Admission(join_share=1.0)
    page = wanted("/r/demo")
    assert all(ask(door, page, x=0.79) is Answer.GRANTED for _ in range(2_000))
    refused = ask(door, page, x=0.81)
    assert isinstance(refused, Refusal)
    assert (refused.reason, refused.status) == ("shed", 503)
    assert ask(door, PART, x=0.81) is Answer.GRANTED


def test_under_high_pressure_a_greedy_address_is_slowed_first():
    door: Admission[str] = Admission(join_share=1.0)
    got = [ask(door, PART, x=0.85) for _ in range(600)]
    assert got.count(Answer.GRANTED) == 500
    assert got[-1] == Refusal("rate", 429, 2)
    assert ask(door, PART, "198.51.100.1", x=0.85) is Answer.GRANTED


# ---------------------------------------------------------------- addresses


def test_in_calm_a_shared_address_brings_whom_it_likes():
    door: Admission[str] = Admission(join_share=1.0)
    assert all(ask(door) is Answer.GRANTED for _ in range(2_000))


def test_when_there_is_not_enough_addresses_take_turns():
    door: Admission[str] = Admission(join_share=1.0)
    got = [ask(door, x=0.5) for _ in range(30)]
    assert got.count(Answer.GRANTED) == 20
    assert got[-1] == Refusal("rate", 429, 2)
    assert ask(door, address="192.0.2.8", x=0.5) is Answer.GRANTED
    assert ask(door, x=0.5, now_s=0.6) is Answer.GRANTED  # 2 a second


def test_a_network_has_a_rate_too():
    door: Admission[str] = Admission(join_share=1.0)
    got = [ask(door, address=f"192.0.2.{n}", x=0.5) for n in range(250)]
    assert got.count(Answer.GRANTED) == 200
    got = [ask(door, address=f"2001:db8:0:{n:x}00::1", x=0.5) for n in range(250)]
    assert got.count(Answer.GRANTED) == 250  # a /48 has 400
    assert isinstance(ask(door, address="2001:db8::ffff", x=0.5), Answer)


def test_a_ticket_and_this_machine_pass_addresses():
    door: Admission[str] = Admission(join_share=1.0)
    assert all(ask(door, ticket=True, x=0.5) is Answer.GRANTED for _ in range(500))
    assert all(ask(door, address="127.0.0.9", x=0.5) is Answer.GRANTED for _ in range(500))


def test_a_refusal_is_not_held_against_the_address():
    door: Admission[str] = Admission(join_share=1.0)
    for _ in range(100):
        assert isinstance(ask(door, x=0.7), Refusal)  # shed
    assert ask(door, x=0.5) is Answer.GRANTED


# ---------------------------------------------------------------- the work budget


def serve(door, seconds, arrivals, *, cost_s=0.001, start=0.0):
    """Offer `arrivals(step)` each ms; returns addresses let in, by being granted or in turn."""
    let_in, away = [], []

    def enter(address, now_s):
        let_in.append(address)
        door.spend(cost_s, now_s)

    for step in range(int(seconds * 1_000)):
        now_s = start + step / 1_000
        for address in arrivals(step):
            verdict = ask(door, address=address, now_s=now_s, item=address)
            if verdict is Answer.GRANTED:
                enter(address, now_s)
            elif isinstance(verdict, Refusal):
                away.append((address, verdict))
        while True:
            gone, item = door.turn(now_s)
            away += gone
            if item is None:
                break
            enter(item, now_s)
    return let_in, away


def test_joins_take_their_share_and_no_more_in_a_flood():
    """200 a second fit into a fifth of a core at 1 ms each; 2,000 come; 90 % of 200 get in."""
    door: Admission[str] = Admission(join_share=0.2)
    let_in, away = serve(door, 5, lambda step: [f"10.{step % 200}.{step % 7}.1"] * 2)
    assert 0.9 * 1_000 <= len(let_in) <= 1_010
    assert {r.reason for _, r in away} <= {"late", "rate", "full"}
    assert all(2 <= r.retry_s <= 120 for _, r in away)
    assert len(let_in) + len(away) + len(door.queue) == 10_000


def test_a_flood_from_one_network_leaves_the_others_their_share():
    """F2 in small: 1,900 a second from one /24, 100 a second from a hundred others."""
    door: Admission[str] = Admission(join_share=0.2)

    def arrivals(step):
        rude = [f"203.0.113.{step % 250}", f"203.0.113.{step % 249}"]
        return [*rude, f"10.{step // 10 % 100}.0.1"] if step % 10 == 0 else rude

    let_in, _ = serve(door, 5, arrivals)
    polite = sum(1 for address in let_in if address.startswith("10."))
    assert polite >= 0.8 * 500  # their fair share is all they ask for
    assert len(let_in) >= 0.9 * 1_000 - 100


def test_it_recovers_alone_when_the_flood_ends():
    door: Admission[str] = Admission(join_share=0.2)
    serve(door, 2, lambda step: [f"10.{step % 200}.0.1"] * 3)
    let_in, away = serve(
        door, 2, lambda step: [f"10.{step % 200}.1.1"] if step % 10 == 0 else [], start=2.5
    )
    assert len(let_in) == 200
    assert [address for address, _ in away if address.endswith(".1.1")] == []


def test_without_a_budget_nobody_waits():
    door: Admission[str] = Admission(join_share=1.0)
    let_in, away = serve(door, 0.5, lambda step: [f"10.0.{step % 200}.1"] * 5)
    assert (len(let_in), away) == (2_500, [])


def test_every_decision_is_counted_once():
    door: Admission[str] = Admission(join_share=0.2)
    let_in, away = serve(door, 1, lambda step: [f"10.{step % 50}.0.1"] * 2)
    counted = {outcome: n for (_, outcome), n in door.counts.items()}
    assert counted.pop("granted") == len(let_in)
    assert sum(counted.values()) == len(away)
    assert {kind for kind, _ in door.counts} == {"newcomer"}


# ---------------------------------------------------------------- when to come again


def test_those_who_are_turned_away_are_spread_by_what_is_admitted():
    outlook = Outlook()
    for n in range(500):
        outlook.admitted(n / 100)  # 100 a second
    times = [outlook.away("one", 5.0) for _ in range(5_000)]
    assert times[0] == 2
    assert times == sorted(times)
    assert 50 <= times[-1] <= 120
    assert outlook.away("other", 5.0) <= 3  # not its fault
    assert outlook.away("one", 25.0) == 2  # all that is past


@given(st.lists(st.tuples(st.integers(0, 5), st.floats(0, 30)), max_size=200))
def test_retry_after_keeps_its_bounds(steps):
    outlook, now_s = Outlook(), 0.0
    for network, gap in steps:
        now_s += gap
        assert 2 <= outlook.away(str(network), now_s) <= 120


# ---------------------------------------------------------------- places


def test_places_are_answered_a_little_beyond_the_limit_then_dropped():
    places = Places(limit=3, of_network=100, spare=2)
    crowd = [asker(f"10.0.{n}.1") for n in range(7)]
    got = [places.take(who) for who in crowd]
    assert got == [Place.IN] * 3 + [Place.FULL] * 2 + [Place.NONE] * 2
    for who in crowd[:5]:
        places.leave(who)
    assert places.take(crowd[0]) is Place.IN


def test_one_network_cannot_take_all_places():
    places = Places(limit=100, of_network=10, spare=5)
    one = asker("192.0.2.1")
    got = [places.take(one) for _ in range(20)]
    assert got == [Place.IN] * 10 + [Place.CROWDED] * 5 + [Place.NONE] * 5
    assert places.take(asker("192.0.3.1")) is Place.IN
    assert places.take(asker("127.0.0.1")) is Place.IN
    for _ in range(20):
        places.leave(one)
    assert places.take(one) is Place.IN


def test_this_machine_is_not_one_network_among_others():
    places = Places(limit=100, of_network=10, spare=5)
    assert all(places.take(asker("127.0.0.1")) is Place.IN for _ in range(50))


def test_joins_get_more_while_nothing_presses_and_the_rate_is_what_they_cost():
    door: Admission[str] = Admission(join_share=0.2, idle_share=0.6)
    assert door.rate == pytest.approx(0.6 / COST_S)
    for _ in range(300):
        door.spend(300e-6, 1.0)
    assert door.rate == pytest.approx(0.6 / 300e-6, rel=0.01)
    for x, share in ((0.0, 0.6), (0.6, 0.36)):
        door = Admission(join_share=0.2, idle_share=0.6)
        granted = 0
        while ask(door, ticket=True, x=x) is Answer.GRANTED:
            door.spend(97e-6, 0.0)
            granted += 1
        assert granted == math.ceil(share * SLICE_S / 97e-6)
