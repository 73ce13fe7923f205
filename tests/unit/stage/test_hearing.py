"""The stage's word against a listener's, part by part."""

from hypothesis import given
from hypothesis import strategies as st

from hustings.media.cmaf import init_segment, media_part
from hustings.media.hold import hold_frames
from hustings.media.opus import OpusEncoder
from hustings.media.pcm import SILENCE
from hustings.stage.hearing import ENOUGH, WAITING, Hearing
from hustings.stage.probe import Ear
from hustings.wire.names import OPUS, PART_SECONDS, PART_TICKS

LOUD, QUIET = -20.0, -80.0


def said(hearing: Hearing, who: dict[str, int], levels: list[float], first: int = 0) -> None:
    """Parts in which these were loud for so many ticks, as they came to the probe."""
    for n, level in enumerate(levels, first):
        hearing.spoke(n, who, now_s=n * PART_SECONDS)
        hearing.heard(n, level, now_s=n * PART_SECONDS + 0.3)


def test_whoever_speaks_alone_and_is_loud_at_the_edge_is_heard():
    hearing = Hearing()
    said(hearing, {"ada": 16}, [LOUD] * (ENOUGH - 1))
    assert hearing.verdict("ada") is None
    said(hearing, {"ada": 16}, [LOUD], first=50)
    assert hearing.verdict("ada") is True
    assert hearing.behind_s is not None
    assert round(hearing.behind_s, 2) == 0.62
    assert hearing.verdict("ben") is None


def test_whoever_the_edge_does_not_carry_is_lost_until_it_does():
    hearing = Hearing()
    said(hearing, {"ada": 16}, [QUIET] * ENOUGH)
    assert hearing.verdict("ada") is False
    said(hearing, {"ada": 16}, [LOUD] * ENOUGH, first=100)
    assert hearing.verdict("ada") is None  # the two do not agree
    said(hearing, {"ada": 16}, [LOUD] * 14, first=200)
    assert hearing.verdict("ada") is True


def test_two_at_once_prove_nothing_of_either_nor_does_a_cough():
    hearing = Hearing()
    said(hearing, {"ada": 16, "ben": 1}, [LOUD] * 20)
    said(hearing, {"cleo": 4}, [LOUD] * 20, first=50)
    assert [hearing.verdict(who) for who in ("ada", "ben", "cleo")] == [None] * 3
    assert hearing.spoken_s("ada") > 6
    assert 1 < hearing.spoken_s("cleo") < 2


def test_another_line_begins_anew_and_others_keep_theirs():
    hearing = Hearing()
    said(hearing, {"ada": 16}, [LOUD] * ENOUGH)
    said(hearing, {"ben": 16}, [LOUD] * ENOUGH, first=50)
    hearing.forget("ada")
    assert (hearing.verdict("ada"), hearing.spoken_s("ada")) == (None, 0.0)
    assert hearing.verdict("ben") is True


@given(st.lists(st.tuples(st.integers(-5, 300), st.floats(-120, 0)), max_size=60))
def test_a_probe_that_is_late_or_mad_changes_only_what_the_stage_made(
    came: list[tuple[int, float]],
):
    hearing = Hearing()
    for n in range(200):
        hearing.spoke(n, {"ada": 16}, now_s=float(n))
    for n, level in came:
        hearing.heard(n, level, now_s=201.0)
    made = range(200 - WAITING, 200)
    proofs = len({n for n, _ in came if n in made})
    assert hearing.verdict("ada") is None or proofs >= ENOUGH


def test_the_ear_finds_parts_however_the_bytes_are_cut_and_joined_and_leaves_hold_audio_out():
    encoder = OpusEncoder(32_000)
    quiet = [encoder.encode(SILENCE) for _ in range(PART_TICKS)]
    two = [encoder.encode(SILENCE) for _ in range(2 * PART_TICKS)]
    stream = b"".join(
        [
            init_segment(OPUS),
            media_part(OPUS, 7, quiet),
            media_part(OPUS, 8, hold_frames(OPUS, 8)),
            media_part(OPUS, 9, two),
        ]
    )
    ear, found = Ear(), []
    for at in range(0, len(stream), 97):
        found += ear.feed(stream[at : at + 97])
    assert [n for n, _ in found] == [7, 9, 10]
    assert all(level < -60 for _, level in found)
