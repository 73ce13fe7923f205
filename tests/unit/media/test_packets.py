from hypothesis import given
from hypothesis import strategies as st

from hustings.base.errors import PeerError
from hustings.media.opus import OpusDecoder, OpusEncoder
from hustings.media.packets import has_fec, packet_samples
from tests.fakes.sounds import babble, ticks


def test_lengths_of_all_configurations() -> None:
    one_frame = [packet_samples(bytes([config << 3, 0])) for config in range(32)]
    assert one_frame[:4] == [480, 960, 1920, 2880]
    assert one_frame[12:16] == [480, 960, 480, 960]
    assert one_frame[16:20] == [120, 240, 480, 960]


def test_lengths_of_several_frames() -> None:
    twenty_ms = 31 << 3
    assert packet_samples(bytes([twenty_ms | 1, 0, 0])) == 1920
    assert packet_samples(bytes([twenty_ms | 2, 1, 0, 0])) == 1920
    assert packet_samples(bytes([twenty_ms | 3, 6])) == 5760
    assert packet_samples(bytes([twenty_ms | 3, 7])) == 0  # 140 ms is not allowed
    assert packet_samples(bytes([twenty_ms | 3])) == 0
    assert packet_samples(b"") == 0


def test_fec_is_seen_where_the_encoder_was_asked_for_it() -> None:
    speech = ticks(babble(48_000))
    voip = OpusEncoder(32_000, application="voip", fec=True, loss_percent=10)
    with_fec = [has_fec(voip.encode(pcm)) for pcm in speech]
    assert sum(with_fec) > 0.5 * len(with_fec)
    plain = OpusEncoder(32_000, application="voip")
    assert not any(has_fec(plain.encode(pcm)) for pcm in speech)
    assert not has_fec(bytes([31 << 3, 0xFF, 0xFF]))  # CELT


@given(st.binary(max_size=80))
def test_any_bytes_are_judged_as_libopus_does(packet: bytes) -> None:
    has_fec(packet)  # never raises
    try:
        decoded = len(OpusDecoder().decode(packet))
    except PeerError:
        return
    assert packet_samples(packet) == decoded
