import contextlib
import hashlib
import io
import json

import av
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hustings.base.errors import PeerError
from hustings.media.cmaf import (
    BoxReader,
    boxes,
    emsg,
    event_of,
    fragments,
    frames_of,
    init_segment,
    media_part,
)
from hustings.media.hold import hold_frames
from hustings.wire.names import CMAF_RENDITIONS, PART_SAMPLES

THIRTY_HOURS = 30 * 3_600 * 48_000 // PART_SAMPLES  # a part number

frames_lists = st.lists(st.binary(min_size=1, max_size=40), min_size=1, max_size=20)


def stream(rendition: str, first: int, count: int, joined: int = 1, events: bool = False) -> bytes:
    data = init_segment(rendition)
    for n in range(first, first + count, joined):
        event = emsg(b'{"seq":1,"kind":"x"}', media_time=n * PART_SAMPLES, seq=n)
        frames = [f for k in range(n, n + joined) for f in hold_frames(rendition, k)]
        data += media_part(rendition, n, frames, events=[event, event] if events else ())
    return data


@pytest.mark.parametrize("rendition", CMAF_RENDITIONS)
@pytest.mark.parametrize(("joined", "events"), [(1, False), (1, True), (3, True), (12, False)])
def test_ffmpeg_reads_every_sample_where_it_belongs(
    rendition: str, joined: int, events: bool
) -> None:
    data = stream(rendition, THIRTY_HOURS, 12, joined, events)
    with av.open(io.BytesIO(data)) as container:
        track = container.streams.audio[0]
        assert (track.sample_rate, track.channels) == (48_000, 1)
        packets = [p for p in container.demux(track) if p.size]
        assert packets[0].pts == THIRTY_HOURS * PART_SAMPLES
        assert packets[-1].pts + packets[-1].duration == (THIRTY_HOURS + 12) * PART_SAMPLES
        assert [bytes(p) for p in packets] == frames_of(data)
        decoded = sum(frame.samples for p in packets for frame in p.decode())
    # ffmpeg drops Opus' look-ahead, as the specification of dOps asks
    assert decoded == 12 * PART_SAMPLES - (312 if rendition != "aac" else 0)


@pytest.mark.parametrize(
    ("rendition", "init", "part"),
    [
        ("opus", "1160a7dabd4a20f3", "6425b1c261de5a38"),
        ("opus-low", "1160a7dabd4a20f3", "6425b1c261de5a38"),
        ("aac", "9ce8876dc0b930e0", "bda7fb143c6c3b68"),
    ],
)
def test_the_bytes_never_change(rendition: str, init: str, part: str) -> None:
    """Edges of two versions behind one cache must agree to the byte."""
    assert digest(init_segment(rendition)) == init
    event = emsg(b"{}", media_time=7 * PART_SAMPLES, seq=3)
    assert digest(media_part(rendition, 7, [b"a", b"bc"], events=[event])) == part


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:16]


def test_small_enough() -> None:
    assert len(init_segment("opus")) < 620
    frames = hold_frames("opus", 0)
    assert len(media_part("opus", 0, frames)) - sum(map(len, frames)) == 168


@given(frames_lists, st.integers(0, 2**40))
def test_frames_come_back(frames: list[bytes], n: int) -> None:
    data = media_part("opus", n, frames)
    [fragment] = fragments(list(boxes(data)))
    assert fragment.frames == frames
    assert fragment.media_time == n * PART_SAMPLES
    assert fragment.sequence == (n + 1) % 2**32
    assert [box.kind for box in boxes(data)] == [b"moof", b"mdat"]


@given(st.binary(max_size=200).filter(lambda data: b"\0" not in data), st.integers(0, 2**62))
def test_events_come_back(data: bytes, media_time: int) -> None:
    [box] = boxes(emsg(data, media_time=media_time, seq=2**32 + 5))
    event = event_of(box)
    assert event is not None
    assert event == (media_time, 5, data)


def test_foreign_events_are_not_ours() -> None:
    ours = emsg(json.dumps({}).encode(), media_time=0, seq=0)
    [foreign] = boxes(ours.replace(b"urn:hustings", b"urn:somebody"))
    [moof, _] = boxes(media_part("aac", 0, [b"x"]))
    assert event_of(foreign) is None
    assert event_of(moof) is None


@given(st.lists(st.integers(1, 400), max_size=20))
def test_a_stream_may_be_cut_anywhere(cuts: list[int]) -> None:
    data = stream("opus", 5, 3, events=True)
    reader, found, at = BoxReader(), [], 0
    for cut in [*cuts, len(data)]:
        found += reader.feed(data[at : at + cut])
        at += cut
    assert found == list(boxes(data))
    assert reader.pending == 0


@given(st.binary(max_size=300))
def test_garbage_is_a_clear_error_or_nothing(data: bytes) -> None:
    with contextlib.suppress(PeerError):
        frames_of(data)


@given(st.integers(0, 600), st.integers(0, 255))
def test_a_flipped_byte_is_a_clear_error_or_other_frames(at: int, value: int) -> None:
    data = bytearray(media_part("opus", 5, [b"abc" * 50] * 3))
    data[at % len(data)] = value
    with contextlib.suppress(PeerError):
        frames_of(bytes(data))


def test_an_unknown_rendition_is_a_bug() -> None:
    with pytest.raises(ValueError, match="flac"):
        init_segment("flac")


def test_a_cut_file_says_so() -> None:
    with pytest.raises(PeerError, match="cut box"):
        list(boxes(init_segment("aac")[:-1]))


def test_joined_parts_are_the_same_sound() -> None:
    def decoded(data: bytes) -> bytes:
        with av.open(io.BytesIO(data)) as container:
            return np.concatenate([f.to_ndarray()[0] for f in container.decode(audio=0)]).tobytes()

    assert decoded(stream("aac", 9, 8, 1)) == decoded(stream("aac", 9, 8, 8))
