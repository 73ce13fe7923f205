"""Facts and times of an imported room; pure."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hustings.archive.importing import expect_free, facts_of, over
from hustings.archive.playlists import evening
from hustings.base.errors import UserError
from hustings.base.ids import RoomId, private_id
from hustings.wire.kinds import Imported

IMPORTED = Imported("debate.mp3", "ab" * 32, 1_800_000_000_000)
START_MS = 1_777_658_400_000
ROOM = RoomId("spring")


def test_the_room_says_from_its_first_entry_on_where_its_sound_is_from():
    facts = facts_of(ROOM, IMPORTED, title="Spring", start_ms=START_MS, host="Ada", radio=True)
    assert facts.imported == IMPORTED
    assert (facts.state, facts.epoch_ms, facts.live_ms) == ("live", START_MS, START_MS)
    assert over(facts, 10).imported == IMPORTED


@given(st.integers(1, 24 * 11_250), st.integers(1, 4_000_000_000_000))
def test_an_evening_has_exactly_the_parts_that_were_written(parts, start_ms):
    ended = over(facts_of(ROOM, IMPORTED, title="T", start_ms=start_ms), parts)
    assert ended.state == "ended"
    past = evening(msgspec.to_builtins(ended), 0)
    assert past is not None
    assert (past.first, past.end, past.over) == (0, parts, True)


def test_a_name_that_exists_is_refused_also_of_a_past_room(tmp_path):
    expect_free(tmp_path, ROOM)
    (tmp_path / ROOM).mkdir()
    with pytest.raises(UserError, match="already") as refused:
        expect_free(tmp_path, ROOM)
    assert refused.value.code == "room_taken"
    with pytest.raises(UserError, match="stage alone"):
        expect_free(tmp_path, private_id("rehearsal"))
