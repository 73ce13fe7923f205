"""How much sound a journal holds, and what became of the rest."""

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from hustings.archive.outline import Outline
from hustings.cli.verify import sound_in_words
from hustings.journal.extent import Extent, Sound
from hustings.wire import kinds
from hustings.wire.names import PART_SAMPLES, PART_SECONDS
from tests.fakes.entries import Writer

REASONS = ["restart", "frozen", "not_live", "disk", "dump", "delay", "new"]


def sound(writer: Writer) -> Sound:
    extent = Extent()
    for entry in writer.entries:
        extent.fold(entry)
    return extent.sound()


def gap(writer: Writer, first: int, last: int, reason: str) -> None:
    writer.add(kinds.GAP, kinds.Gap(first, last, reason), at=first * PART_SAMPLES)


def test_each_part_counts_once_under_what_became_of_it() -> None:
    writer = Writer()
    for n in (*range(100, 110), *range(160, 170)):
        writer.part(n)
    gap(writer, 0, 99, "not_live")  # before the first part: no sound was due
    gap(writer, 110, 149, "frozen")
    gap(writer, 150, 154, "disk")
    writer.add(kinds.DUMP, kinds.Dump(105, 112, "host"))
    bare = msgspec.structs.replace(writer.part(155), body=None)
    writer.entries[-1] = bare
    found = sound(writer)
    assert found.whole_s == round(70 * PART_SECONDS, 2)
    assert found.kept_s == round(15 * PART_SECONDS, 2)
    assert found.taken_back_s == round(8 * PART_SECONDS, 2)
    assert found.disk_s == round(5 * PART_SECONDS, 2)
    assert found.bare_s == round(1 * PART_SECONDS, 2)
    assert found.unmade == {
        "frozen": round(37 * PART_SECONDS, 2),
        "": round(4 * PART_SECONDS, 2),
    }


@given(
    st.lists(st.integers(0, 60), min_size=1, unique=True),
    st.lists(st.tuples(st.integers(0, 80), st.integers(0, 80), st.sampled_from(REASONS))),
    st.lists(st.tuples(st.integers(0, 80), st.integers(0, 80))),
)
def test_what_is_missing_is_what_the_replay_fills(
    parts: list[int], gaps: list[tuple[int, int, str]], dumps: list[tuple[int, int]]
) -> None:
    writer, outline = Writer(), Outline()
    for n in sorted(parts):
        writer.part(n)
    for each in gaps:
        gap(writer, *each)
    for first, last in dumps:
        writer.add(kinds.DUMP, kinds.Dump(first, last, "host"))
    for entry in writer.entries:
        outline.fold(entry)
    found = sound(writer)
    assert found.missing_s == round(outline.held * PART_SECONDS, 2)
    fates = found.kept_s + found.unmade_s + found.taken_back_s + found.disk_s + found.bare_s
    assert abs(fates - found.whole_s) < 0.05


def test_numbers_that_somebody_made_up_cost_nothing() -> None:
    writer = Writer()
    writer.part(0)
    writer.part(2**40)
    gap(writer, 0, 2**62, "frozen")
    assert sound(writer).kept_s == 0.64


def test_it_is_said_in_words() -> None:
    assert list(sound_in_words(Sound())) == ["sound: none"]
    assert list(sound_in_words(Sound(whole_s=40.32, kept_s=40.32))) == ["sound: all of 0:40"]
    holes = Sound(773, 290, 483, unmade_s=483, unmade={"frozen": 483})
    assert "; ".join(sound_in_words(holes)) == (
        "sound: 4:50 of 12:53; 8:03 never made (the machine stood still); "
        "0:00 taken back; 0:00 lost to a full disk"
    )
    both = msgspec.structs.replace(holes, unmade={"frozen": 480, "": 3}, bare_s=1)
    assert "(8:00 the machine stood still, 0:03 nothing says why)" in "".join(sound_in_words(both))
