"""What newcomers and those present are told of an evening, from its entries."""

from typing import Any

import msgspec

from hustings.edge.sound.facts import Facts
from hustings.journal.entry import Entry
from hustings.wire import kinds
from hustings.wire.names import SAMPLE_RATE
from tests.fakes.entries import Writer


class Told:
    """Facts, and what they announce."""

    def __init__(self) -> None:
        self.facts = Facts()
        self.writer = Writer()

    def fold(self, kind: str, body: msgspec.Struct, at_s: float = 0) -> Entry:
        entry = self.writer.add(kind, body, at=round(at_s * SAMPLE_RATE))
        self.facts.fold(entry)
        return entry

    def take(self) -> list[dict[str, Any]]:
        return [msgspec.json.decode(event.data)["body"] for event in self.facts.take()]


def test_newcomers_hear_of_the_point_that_is_current() -> None:
    told = Told()
    told.fold(kinds.AGENDA, kinds.Agenda("i1", "Opening"), 7)
    told.fold(kinds.AGENDA, kinds.Agenda("i1", "The opening", again=True), 9)
    shown = told.facts.shown["agenda"]
    assert (shown["title"], shown["at"]) == ("The opening", 7 * SAMPLE_RATE)
    told.fold(kinds.AGENDA, kinds.Agenda())
    assert told.facts.shown == {}
    assert told.take() == [
        {"id": "i1", "title": "Opening"},
        {"id": "i1", "title": "The opening", "again": True},
        {},
    ]


def test_a_snapshot_brings_what_is_shown_and_nothing_else() -> None:
    told = Told()
    shown = {"agenda": {"id": "i1", "title": "T", "at": 1}, "listeners": 0}
    room = kinds.Room("r", "R")
    told.fold(kinds.SNAPSHOT, kinds.Snapshot(0, [], room, [], [], 1, 0, shown=shown))
    assert told.facts.shown == {"agenda": shown["agenda"]}


def test_reactions_go_on_as_they_come_and_in_sums_of_ten_seconds_without_extras() -> None:
    told = Told()
    told.fold(kinds.REACTIONS, kinds.Reactions({"clap": 2}), 1)
    told.fold(kinds.REACTIONS, kinds.Reactions({"clap": 3}), 2)
    assert told.take() == [{"counts": {"clap": 2}}, {"counts": {"clap": 3}}]
    told.facts.extras = False
    for second in range(3, 14):
        told.fold(kinds.REACTIONS, kinds.Reactions({"clap": 1, "wow": 1}), second)
    assert told.take() == [{"counts": {"clap": 10, "wow": 10}}]  # the eleventh waits
    told.facts.extras = True
    told.fold(kinds.REACTIONS, kinds.Reactions({"clap": 1}), 14)
    assert told.take() == [{"counts": {"clap": 2, "wow": 1}}]  # nothing is lost


def test_those_present_hear_of_a_room_without_its_words_in_all_languages() -> None:
    told = Told()
    room = kinds.Room("r", "R", texts={"de": kinds.Words("Die Brücke", "W" * 2_000)})
    told.fold(kinds.ROOM, room)
    assert told.take() == [{"room": "r", "title": "R"}]
    assert told.facts.room["texts"]["de"]["title"] == "Die Brücke"  # a page that is made knows them


def test_guests_are_the_indexs_word_and_outlive_what_the_journal_says() -> None:
    told = Told()
    told.fold(kinds.ROOM, kinds.Room("r", "R"))
    bo = {"id": "bo", "name": "Bo"}
    told.facts.meet([bo])
    told.fold(kinds.ROOM, kinds.Room("r", "R 2"))
    assert (told.facts.room["title"], told.facts.room["guests"]) == ("R 2", [bo])
    assert all("guests" not in each for each in told.take())  # a page has them, a part no room
    told.facts.meet([])
    assert "guests" not in told.facts.room
    assert Facts({"room": "r", "guests": [bo]}).room["guests"] == [bo]
