"""Parts that are taken back lose their bodies in whatever copy; everything else stays as it is."""

from hustings.journal.entry import Entry
from hustings.journal.feed import _Records
from hustings.journal.records import FIRST_LINE, entry_record
from hustings.journal.taken import without_taken
from hustings.wire import kinds
from tests.fakes.entries import Writer


def evening() -> list[Entry]:
    writer = Writer()
    writer.room()
    for n in range(20):
        writer.part(n)
    writer.roster("Ann")
    writer.add(kinds.DUMP, kinds.Dump(5, 9))
    writer.part(20)
    return writer.entries


def test_only_parts_of_the_stretch_lose_their_bodies() -> None:
    entries = evening()
    after = without_taken(entries)
    assert [each.seq for each in after if isinstance(each, Entry) and each.body is None] == [
        *range(6, 11)
    ]
    assert [each for each in after if isinstance(each, Entry)][:6] == entries[:6]


def test_without_a_dump_or_with_one_that_cannot_be_read_nothing_changes() -> None:
    writer = Writer()
    entries = [writer.part(0), writer.add(kinds.DUMP, {"first": "x"})]
    assert without_taken(entries) == entries
    assert without_taken(evening()[:-2]) == evening()[:-2]


def test_a_follower_that_stood_still_never_sees_them() -> None:
    """An edge that was frozen reads parts and the word in one piece, and its chain holds."""
    records = _Records(None)
    records.begin(0)
    read = records.read(FIRST_LINE + b"".join(entry_record(each) for each in evening()))
    assert [each.body is None for each in read if isinstance(each, Entry)].count(True) == 5
