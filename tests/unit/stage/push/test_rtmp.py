"""RTMP as a publisher speaks it: values, chunks, and the whole conversation with a server that is scripted."""

import contextlib
from struct import pack

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hustings.base.errors import PeerError
from hustings.stage.push import amf
from hustings.stage.push.chunks import (
    AUDIO,
    COMMAND,
    MESSAGE_BYTES,
    OUR_CHUNK,
    SET_CHUNK,
    USER_CONTROL,
    WINDOW,
    ChunkReader,
    Message,
    chunked,
)
from hustings.stage.push.rtmp import HANDSHAKE, Publisher

VALUES = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.dictionaries(st.text(min_size=1, max_size=9), inner, max_size=4),
    max_leaves=8,
)
SERVER = b"\x03" + b"S" * HANDSHAKE + b"C" * HANDSHAKE
NOISE = bytes(range(256)) * 6


@given(st.lists(VALUES, max_size=5))
def test_values_come_back(values: list[object]) -> None:
    assert amf.decode(amf.encode(*values)) == values


@given(st.binary(max_size=200))
def test_nothing_makes_the_reader_of_values_fail(data: bytes) -> None:
    amf.decode(data)


def messages(data: bytes, *, chunk: int = OUR_CHUNK) -> list[Message]:
    reader = ChunkReader()
    reader.chunk_bytes = chunk
    return list(reader.feed(data))


@given(
    st.lists(
        st.builds(
            Message,
            st.sampled_from([AUDIO, COMMAND]),
            st.integers(0, 9),
            st.sampled_from([0, 5, 0xFFFFFE, 0xFFFFFF, 0x1000000, 0xFFFFFFFF]),
            st.binary(max_size=3 * OUR_CHUNK),
        ),
        max_size=4,
    ),
    st.integers(1, 700),
)
def test_messages_come_back_however_they_are_cut(sent: list[Message], cut: int) -> None:
    data = b"".join(map(chunked, sent))
    reader = ChunkReader()
    reader.chunk_bytes = OUR_CHUNK
    pieces = [data[at : at + cut] for at in range(0, len(data), cut)]
    assert [each for piece in pieces for each in reader.feed(piece)] == sent


def test_shorter_headers_go_on_from_what_was() -> None:
    """Types 1, 2 and 3, in two interleaved chunk streams, one of them with a long number."""
    first = b"\x04" + pack(">I", 1_000)[1:] + b"\0\0\x06" + b"\x08" + pack("<I", 1)
    other = b"\x00\x10" + pack(">I", 7)[1:] + b"\0\0\x01" + b"\x14" + pack("<I", 0) + b"x"
    data = first + b"abcd" + other + b"\xc4ef"
    data += b"\x44" + pack(">I", 20)[1:] + b"\0\0\x02\x08" + b"gh"
    data += b"\x84" + pack(">I", 30)[1:] + b"ij" + b"\xc4" + b"kl"
    found = messages(data, chunk=4)
    assert [(m.time_ms, m.body) for m in found if m.kind == 8] == [
        (1_000, b"abcdef"), (1_020, b"gh"), (1_050, b"ij"), (1_080, b"kl"),
    ]  # fmt: skip
    assert [m.body for m in found if m.kind == 0x14] == [b"x"]


def test_what_is_too_long_or_goes_on_from_nothing_is_no_rtmp() -> None:
    long = b"\x04\0\0\0" + pack(">I", MESSAGE_BYTES + 1)[1:] + b"\x08\0\0\0\0"
    for data in (long, b"\xc4abc"):
        with pytest.raises(PeerError) as refusal:
            messages(data)
        assert refusal.value.code == "push_protocol"


@given(st.binary(max_size=400))
def test_garbage_raises_nothing_but_a_peer_error(data: bytes) -> None:
    with contextlib.suppress(PeerError):
        publisher = Publisher("live", "rtmp://x/live", "key", NOISE)
        publisher.feed(SERVER + data)


def command(*words: object) -> bytes:
    return chunked(Message(COMMAND, 0, 0, amf.encode(*words)))


def spoken(data: bytes) -> list[list[object]]:
    return [amf.decode(m.body) for m in messages_of_us(data) if m.kind == COMMAND]


def messages_of_us(data: bytes) -> list[Message]:
    reader = ChunkReader()
    found = []
    for message in reader.feed(data):
        if message.kind == SET_CHUNK:
            reader.chunk_bytes = int.from_bytes(message.body, "big")
        found.append(message)
    return found


def connected() -> Publisher:
    publisher = Publisher("live", "rtmp://x/live", "the-key", NOISE)
    assert publisher.take()[:1] == b"\x03"
    publisher.feed(SERVER[:1_000])
    assert publisher.take() == b""
    publisher.feed(SERVER[1_000:])
    return publisher


def test_the_whole_conversation() -> None:
    publisher = connected()
    out = publisher.take()
    assert out[:HANDSHAKE] == b"S" * HANDSHAKE
    reader = ChunkReader()
    heard = list(reader.feed(out[HANDSHAKE : HANDSHAKE + 16]))
    assert [m.kind for m in heard] == [SET_CHUNK]
    [connect] = spoken(out[HANDSHAKE:])
    assert connect[:2] == ["connect", 1.0]
    assert isinstance(connect[2], dict)
    assert (connect[2]["app"], connect[2]["tcUrl"]) == ("live", "rtmp://x/live")

    publisher.feed(command("_result", 1, {"fmsVer": "x"}, {"level": "status"}))
    assert [words[0] for words in spoken(publisher.take())] == [
        "releaseStream",
        "FCPublish",
        "createStream",
    ]
    publisher.feed(command("_error", 2, None, {}))  # servers may not know releaseStream
    publisher.feed(command("_result", 4, None, 3))
    assert spoken(publisher.take()) == [["publish", 5.0, None, "the-key", "live"]]
    assert not publisher.ready
    publisher.feed(
        command("onStatus", 0, None, {"level": "status", "code": "NetStream.Publish.Start"})
    )
    assert publisher.ready
    publisher.put(AUDIO, 40, b"sound")
    assert messages_of_us(publisher.take()) == [Message(AUDIO, 3, 40, b"sound")]
    publisher.goodbye()
    assert [words[0] for words in spoken(publisher.take())] == ["FCUnpublish", "deleteStream"]


def test_without_a_key_it_asks_for_a_stream_and_publishes_nothing() -> None:
    publisher = Publisher("live", "rtmp://x/live", None, NOISE)
    publisher.feed(SERVER)
    publisher.take()
    publisher.feed(command("_result", 1, {"fmsVer": "x"}, {"level": "status"}))
    assert [words[0] for words in spoken(publisher.take())] == ["createStream"]
    assert not publisher.created
    publisher.feed(command("_result", 4, None, 3))
    assert publisher.created
    assert publisher.take() == b""
    assert not publisher.ready


def test_pings_and_windows_are_answered() -> None:
    publisher = connected()
    publisher.take()
    publisher.feed(chunked(Message(USER_CONTROL, 0, 0, b"\0\x06abcd")))
    assert [(m.kind, m.body) for m in messages_of_us(publisher.take())] == [
        (USER_CONTROL, b"\0\x07abcd")
    ]
    publisher.feed(chunked(Message(WINDOW, 0, 0, pack(">I", 2_000))))
    publisher.feed(chunked(Message(99, 0, 0, bytes(120))) * 20)
    assert [m.kind for m in messages_of_us(publisher.take())] == [3]


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (command("_error", 1, None, {"description": "no such app: the-key"}), "push_refused"),
        (
            command("onStatus", 0, None, {"level": "error", "code": "NetStream.Publish.BadName"}),
            "push_key",
        ),
        (
            command("onStatus", 0, None, {"level": "error", "description": "the-key is in use"}),
            "push_key",
        ),
    ],
)
def test_a_refusal_has_a_code_and_never_the_servers_words(answer: bytes, code: str) -> None:
    publisher = connected()
    with pytest.raises(PeerError) as refusal:
        publisher.feed(answer)
    assert refusal.value.code == code
    assert "the-key" not in refusal.value.title


def test_another_protocol_is_noticed_at_once() -> None:
    publisher = Publisher("live", "rtmp://x/live", "key", NOISE)
    with pytest.raises(PeerError) as refusal:
        publisher.feed(b"HTTP/1.1 400 Bad Request\r\n")
    assert refusal.value.code == "push_protocol"
