"""Part numbers out of a stream that is cut anywhere: what `media.cmaf` finds, without its work."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hustings.base.errors import PeerError
from hustings.edge.http import protocol
from hustings.edge.http.protocol import Answer
from hustings.load.crowd.scanning import AnswerReader, PartScanner, Span, Spread, Word
from hustings.media import cmaf
from hustings.media.hold import hold_frames
from hustings.wire.names import PART_SAMPLES


def part(n, joined=1, rendition="opus", events=()):
    frames = [f for k in range(n, n + joined) for f in hold_frames(rendition, k)]
    return cmaf.media_part(rendition, n, frames, events=events)


def cut(data, places):
    places = sorted({p % (len(data) + 1) for p in places})
    return [data[a:b] for a, b in zip([0, *places], [*places, len(data)], strict=True)]


streams = st.lists(
    st.tuples(st.integers(0, 2**33), st.sampled_from([1, 2, 4, 8]), st.booleans()),
    min_size=1,
    max_size=5,
)


@given(streams, st.sampled_from(["opus", "opus-low", "aac"]), st.lists(st.integers(0, 2**16)))
def test_it_finds_what_the_muxer_made_however_it_is_cut(spans, rendition, places):
    data = cmaf.init_segment(rendition)
    for n, joined, told in spans:
        event = cmaf.emsg(b'{"moof": 1}', media_time=n * PART_SAMPLES, seq=1)
        data += part(n, joined, rendition, events=(event,) if told else ())
    scanner = PartScanner()
    found = [span for piece in cut(data, places) for span in scanner.feed(piece)]
    assert found == [Span(n, joined) for n, joined, _ in spans]


@given(st.lists(st.integers(0, 2**12)))
def test_words_of_the_edge_are_read_and_other_events_are_not(places):
    def event(json):
        return cmaf.emsg(json, media_time=0, seq=1)

    data = cmaf.init_segment("opus") + part(
        7,
        events=(
            event(b'{"kind": "state", "body": {"reconnect_s": 2.5, "room": {}}}'),
            event(b'{"kind": "level", "body": {"speaking": ["ada"]}}'),
            event(b'{"kind": "note", "body": "spread_s"}'),
            event(b'{"kind": "drain", "body": {"spread_s": 4.0}}'),
            event(b'{"kind": "drain", "body": {"spread_s": }}'),
        ),
    )
    scanner = PartScanner()
    words = [
        word
        for piece in cut(data, places)
        for _ in [scanner.feed(piece)]
        for word in scanner.words()
    ]
    assert words == [Word("state", Spread(reconnect_s=2.5)), Word("drain", Spread(spread_s=4.0))]
    assert scanner.words() == []


def test_a_part_is_told_with_its_last_byte():
    data = part(7)
    scanner = PartScanner()
    assert scanner.feed(data[:-1]) == []
    assert scanner.feed(data[-1:]) == [Span(7, 1)]


@given(st.integers(0, 7) | st.integers(2**25, 2**32 - 1))
def test_a_box_of_impossible_size_is_refused(size):
    scanner = PartScanner()
    assert scanner.feed(size.to_bytes(4)) == []
    with pytest.raises(PeerError, match="impossible size"):
        scanner.feed(b"free")


@given(st.binary(max_size=150))
def test_a_broken_head_of_a_fragment_is_refused(data):
    moof = (8 + len(data)).to_bytes(4) + b"moof" + data
    with pytest.raises(PeerError, match="fragment"):
        PartScanner().feed(moof)


def test_sound_without_a_head_is_refused():
    with pytest.raises(PeerError, match="without its head"):
        PartScanner().feed(b"\0\0\0\x08mdat")


def test_a_fragment_that_is_no_whole_part_is_refused():
    frames = hold_frames("opus", 0)[:5]
    with pytest.raises(PeerError, match="no whole part"):
        PartScanner().feed(cmaf.media_part("opus", 3, frames))


# ------------------------------------------------------------ HTTP


def read(data, places=()):
    reader = AnswerReader()
    body = b"".join(piece for each in cut(data, places) for piece in reader.feed(each))
    return reader, body


@given(st.lists(st.binary(min_size=1, max_size=50), max_size=6), st.lists(st.integers(0, 2**12)))
def test_chunks_however_they_are_cut(chunks, places):
    head = protocol.head(200, {"Transfer-Encoding": "chunked"}, close=True)
    data = head + b"".join(map(protocol.chunk, chunks))
    reader, body = read(data, places)
    assert (reader.status, body, reader.complete) == (200, b"".join(chunks), False)
    reader, body = read(data + protocol.LAST_CHUNK, places)
    assert (body, reader.complete) == (b"".join(chunks), True)


@given(st.binary(max_size=80), st.lists(st.integers(0, 2**12)))
def test_an_answer_with_a_length(body, places):
    data = Answer(503, {"Retry-After": "4"}, body).encode() + b"and more"
    reader, found = read(data, places)
    assert (reader.status, found, reader.complete) == (503, body, True)
    assert reader.headers["retry-after"] == "4"


def test_an_answer_until_the_connection_closes():
    reader, body = read(b"HTTP/1.0 200 OK\r\n\r\nabc")
    assert (reader.status, body, reader.complete) == (200, b"abc", False)


def test_an_answer_without_a_body():
    reader, body = read(b"HTTP/1.1 204 No Content\r\n\r\n")
    assert (reader.status, body, reader.complete) == (204, b"", True)


@pytest.mark.parametrize(
    "data",
    [
        b"SSH-2.0-x\r\n\r\n",
        b"HTTP/1.1 abc\r\n\r\n",
        b"x" * 17_000,
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"1" * 200,
    ],
)
def test_what_is_no_answer_is_refused(data):
    with pytest.raises(PeerError):
        AnswerReader().feed(data)
