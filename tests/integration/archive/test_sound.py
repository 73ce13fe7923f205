"""Past sound out of a journal file: true parts, and hold audio for whatever is missing."""

import pytest

from hustings.archive.sound import read_parts
from hustings.base.errors import NotFound
from hustings.journal.recovery import INDEX_FILE, JOURNAL_FILE
from hustings.media import cmaf
from hustings.media.hold import hold_frames
from hustings.wire.names import CMAF_RENDITIONS, PART_SAMPLES
from tests.fakes.evenings import record
from tests.fakes.stage_feed import sound


@pytest.mark.parametrize("rendition", CMAF_RENDITIONS)
def test_holes_and_erased_parts_are_hold_audio_and_nothing_is_missing(tmp_path, rendition):
    folder = record(tmp_path, range(400, 460), holes={412, 413, 425}, erased={414, 440})
    found = cmaf.fragments(list(cmaf.boxes(read_parts(folder, rendition, 408, 444))))
    assert [each.media_time for each in found] == [n * PART_SAMPLES for n in range(408, 444)]
    for n, each in zip(range(408, 444), found, strict=True):
        hold = n in {412, 413, 414, 425, 440}
        assert each.frames == (hold_frames(rendition, n) if hold else sound(n)[rendition]), n


def test_before_and_behind_the_record_there_is_hold_audio(tmp_path):
    folder = record(tmp_path, range(400, 420))
    data = read_parts(folder, "opus", 390, 430)
    assert len(cmaf.frames_of(data)) == 40 * 16
    assert cmaf.frames_of(data)[:16] == hold_frames("opus", 390)


def test_a_torn_tail_costs_the_torn_part_only(tmp_path):
    folder = record(tmp_path, range(400, 420), over=False)
    file = folder / JOURNAL_FILE
    data = file.read_bytes()
    file.write_bytes(data[: data.rfind(sound(419)["opus"][15]) + 3])
    frames = cmaf.frames_of(read_parts(folder, "opus", 408, 420))
    assert frames == [f for n in range(408, 419) for f in sound(n)["opus"]] + hold_frames(
        "opus", 419
    )


def test_a_lost_index_costs_time_only(tmp_path):
    folder = record(tmp_path, range(400, 460))
    (folder / INDEX_FILE).unlink()
    assert cmaf.frames_of(read_parts(folder, "opus", 455, 456)) == sound(455)["opus"]


def test_no_journal_is_said(tmp_path):
    with pytest.raises(NotFound, match="no journal"):
        read_parts(tmp_path, "opus", 0, 1)
