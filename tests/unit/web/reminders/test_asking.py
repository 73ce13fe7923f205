"""Which mailboxes are asked: one letter each ten minutes, five rooms at once, and nobody twice."""

import msgspec

from hustings.base.ids import RoomId
from hustings.web.post.addresses import address_from_form
from hustings.web.reminders.asking import AGAIN_MS, GOOD_MS, UNCONFIRMED, Ask, Known, letters
from hustings.web.reminders.model import Subscription
from hustings.web.reminders.words import Event

HALL, YARD = RoomId("hall"), RoomId("yard")
NOW = 10_000_000_000
EVENT = Event(HALL, "Town hall", "Ada", NOW, "", "https://h/r/hall", "", "https://h")
ROOM_FOR_ALL = {HALL: 100, YARD: 100}


def ask(who: str = "ada", room: RoomId = HALL, *, at_ms: int = NOW, new: str = "") -> Ask:
    to = address_from_form(f"{who}@example.org")
    kept = Subscription(new or f"new-{who}-{room}", room, "mail", to.text, b"", "en", "", 0)
    return Ask(to, f"hash-{who}", kept, EVENT, NOW, at_ms)


def known(
    who: str = "ada", room: RoomId = HALL, *, confirmed_ms: int = 0, made_ms: int = 1
) -> Known:
    return Known(f"old-{who}-{room}", room, f"hash-{who}", confirmed_ms, made_ms)


def asked(
    asks: list[Ask], there: list[Known], space: dict[RoomId, int] = ROOM_FOR_ALL
) -> list[str]:
    return [each.subscription for each in letters(asks, there, space, NOW)]


def test_a_new_mailbox_is_asked_and_one_that_is_subscribed_is_not() -> None:
    assert asked([ask()], []) == ["new-ada-hall"]
    assert asked([ask()], [known(confirmed_ms=1)]) == []
    assert asked([ask()], [known(room=YARD, confirmed_ms=1)]) == ["new-ada-hall"]


def test_a_mailbox_that_did_not_answer_is_asked_again_after_ten_minutes() -> None:
    assert asked([ask()], [known(made_ms=NOW - AGAIN_MS + 1)]) == []
    assert asked([ask()], [known(made_ms=NOW - AGAIN_MS)]) == [
        "old-ada-hall"
    ]  # its links stay good


def test_of_many_asks_at_once_for_one_mailbox_one_counts() -> None:
    assert asked([ask(new="a"), ask(new="b"), ask("bo")], []) == ["a", "new-bo-hall"]
    waits = known(made_ms=NOW - AGAIN_MS)
    assert asked([ask(), ask()], [waits]) == ["old-ada-hall"]


def test_one_mailbox_is_asked_about_five_rooms_at_once() -> None:
    rooms = [RoomId(f"room-{n}") for n in range(UNCONFIRMED + 2)]
    space = dict.fromkeys(rooms, 9)
    assert len(asked([ask(room=each) for each in rooms], [], space)) == UNCONFIRMED
    there = [known(room=each) for each in rooms[1:]]
    assert asked([ask(room=rooms[0])], there, space) == []
    assert asked([ask("bo", rooms[0])], there, space) == [f"new-bo-{rooms[0]}"]


def test_a_room_takes_as_many_as_it_has_space_for() -> None:
    asks = [ask("ada"), ask("bo"), ask("cy"), ask("ada", YARD)]
    assert asked(asks, [], {HALL: 2, YARD: 0}) == ["new-ada-hall", "new-bo-hall"]


def test_what_waited_too_long_is_of_no_use_any_more() -> None:
    assert asked([ask(at_ms=NOW - GOOD_MS)], []) == ["new-ada-hall"]
    assert asked([ask(at_ms=NOW - GOOD_MS - 1)], []) == []


def test_what_is_kept_is_what_was_asked_for() -> None:
    one = ask()
    [letter] = letters([one], [], ROOM_FOR_ALL, NOW)
    assert letter.ask is one
    assert msgspec.structs.asdict(letter)["again"] == ""
