"""What a ticket makes of a request; F22: what was not signed here counts as none."""

import random

from hustings.base.clock import ManualClock
from hustings.edge.door.admission import Priority
from hustings.edge.door.standing import Standing
from hustings.edge.http.protocol import Request
from hustings.edge.metrics import Counts
from hustings.edge.waiting.keys import HeldKeys
from hustings.wire.tickets import Ticket, TicketKeys

KEYS = TicketKeys({1: b"k" * 32, 2: b"l" * 32}, 2)
NOW = 1_800_000_000


def standing(**options):
    counts = Counts()
    held = HeldKeys(counts)
    held.now = KEYS
    clock = ManualClock(wall_ms=NOW * 1_000)
    return Standing(held, clock, counts, **options), counts


def shown(text: str, room: str = "demo") -> Request:
    return Request("GET", f"/live/{room}/opus.mp4", {"ticket": text}, {})


def ticket(kind="seat", room="demo", exp_s=NOW + 60, number=7) -> str:
    return KEYS.sign(Ticket(room, NOW - 5, number, kind, exp_s))


def test_a_seat_is_a_listener_who_comes_back():
    ask, counts = standing()
    assert ask(shown(ticket())) is Priority.BACK
    assert ask(Request("GET", "/live/demo/opus.mp4", {}, {})) is None
    assert counts.tickets == {"seat": 1}


def test_who_waits_is_a_newcomer_until_their_turn():
    ask, _ = standing(called=lambda ticket: ticket.id == 8)
    assert ask(shown(ticket("wait"))) is None
    assert ask(shown(ticket("wait", number=8))) is Priority.CALLED


def test_F22_of_100000_bad_tickets_none_is_accepted_and_all_are_counted():
    """Forged, of another house, expired, for another room."""
    ask, counts = standing()
    chance = random.Random(22)
    foreign = TicketKeys({2: b"x" * 32}, 2)
    good = ticket()
    makers = [
        lambda n: good[: n % len(good)] + chance.choice("AZaz09-_") + good[n % len(good) + 1 :],
        lambda n: foreign.sign(Ticket("demo", NOW, n, "seat", NOW + 60)),
        lambda n: ticket(exp_s=NOW - 200, number=n),
        lambda n: ticket(room="other", number=n),
        lambda n: chance.randbytes(40).hex(),
    ]
    forged = [makers[n % 5](n) for n in range(100_000)]
    forged = [text for text in forged if text != good]
    assert [text for text in forged if ask(shown(text)) is not None] == []
    assert sum(counts.tickets.values()) == len(forged)
    assert set(counts.tickets) == {"token_bad", "token_expired", "token_room"}
