"""The picture that is encoded once and repeated, and both tracks on one clock."""

import io
from itertools import pairwise

import av
import pytest

from hustings.stage.push.card import CARD_BYTES, HEIGHT, WIDTH, encoded, is_card
from hustings.stage.push.chunks import AUDIO, VIDEO
from hustings.stage.push.tags import FPS, GOP, Picture, Tagger, nal_units
from hustings.wire.names import AAC_FRAME, PART_SAMPLES
from tests.fakes.cards import card

STILL = Picture(b"config", tuple(b"%d" % number for number in range(GOP)))


def test_a_card_is_a_jpeg_of_one_size() -> None:
    assert is_card(card())
    assert not is_card(card(WIDTH, HEIGHT - 16))
    assert not is_card(card() + bytes(CARD_BYTES))
    assert not is_card(card()[:20])
    for data in (b"", b"\xff\xd8", b"\x89PNG\r\n", b"\xff\xd8\xff\xe0\xff\xff" + bytes(50)):
        assert not is_card(data)


@pytest.mark.parametrize(
    ("given", "red"), [(card(), True), (b"", False), (card()[:-400] + bytes(400), True)]
)
def test_two_seconds_of_it_can_be_shown_over_and_over(given: bytes, red: bool) -> None:
    picture = encoded(given)
    assert len(picture.frames) == GOP
    decoder = av.CodecContext.create("h264", "r")
    decoder.extradata = picture.config
    shown = []
    for frame in picture.frames * 3:
        shown += decoder.decode(av.Packet(frame))
    shown += decoder.decode(None)
    assert len(shown) == 3 * GOP
    assert [number for number, each in enumerate(shown) if each.key_frame] == [0, GOP, 2 * GOP]
    pixel = shown[-1].to_ndarray(format="rgb24")[HEIGHT // 4, WIDTH // 2]
    assert (pixel[0] > 2 * pixel[2]) == red
    assert sum(map(len, picture.frames)) < 100_000


def test_units_of_a_byte_stream() -> None:
    assert list(nal_units(b"\0\0\0\1ab\0\0\1c\0\0\0\1d")) == [b"ab", b"c", b"d"]


def parts(first: int, count: int) -> list[tuple[int, list[bytes]]]:
    return [(n * PART_SAMPLES, [b"a"] * 15) for n in range(first, first + count)]


def test_both_tracks_begin_at_nothing_and_go_on_in_the_order_of_their_times() -> None:
    tagger = Tagger(STILL)
    heads = tagger.heads()
    assert [(tag.kind, tag.time_ms) for tag in heads] == [(VIDEO, 0), (AUDIO, 0)]
    assert heads[1].body == b"\xaf\x00\x11\x88"  # AAC-LC, 48 kHz, one channel
    tags = [tag for part in parts(337_500, 20) for tag in tagger.part(*part)]
    times = [tag.time_ms for tag in tags]
    assert times[0] == 0
    assert all(later >= sooner for sooner, later in pairwise(times))
    sounds = [tag for tag in tags if tag.kind == AUDIO]
    assert [tag.time_ms for tag in sounds] == [n * AAC_FRAME * 1_000 // 48_000 for n in range(300)]
    pictures = [tag for tag in tags if tag.kind == VIDEO]
    assert [tag.time_ms for tag in pictures] == [n * 1_000 // FPS for n in range(len(pictures))]
    assert len(pictures) == 64  # 6.4 s
    keys = [n for n, tag in enumerate(pictures) if tag.body[0] == 0x17]
    assert keys == [0, 20, 40, 60]  # every two seconds
    assert pictures[21].body == b"\x27\x01\0\0\0" + STILL.frames[1]


def test_after_a_hole_there_is_a_key_frame_and_no_flood() -> None:
    tagger = Tagger(STILL)
    before = [tag for part in parts(0, 4) for tag in tagger.part(*part)]
    after = [tag for part in parts(500, 4) for tag in tagger.part(*part)]
    pictures = [tag for tag in after if tag.kind == VIDEO]
    assert pictures[0].body[0] == 0x17
    assert pictures[0].time_ms > before[-1].time_ms
    assert len(pictures) <= GOP + 13


def test_what_comes_twice_or_from_before_is_left_out() -> None:
    tagger = Tagger(STILL)
    list(tagger.part(*parts(100, 1)[0]))
    assert list(tagger.part(*parts(99, 1)[0])) == []


def test_pyav_reads_a_card_as_it_is() -> None:
    with av.open(io.BytesIO(card()), format="mjpeg") as file:
        assert next(iter(file.decode(video=0))).width == WIDTH
