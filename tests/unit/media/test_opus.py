import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hustings.base.errors import PeerError
from hustings.media.opus import OpusDecoder, OpusEncoder, codec_version
from hustings.media.pcm import SILENCE, dbfs
from tests.fakes.sounds import babble, ticks, tone


def test_the_library_says_who_it_is() -> None:
    assert codec_version().startswith("libopus 1.")


@pytest.mark.parametrize("application", ["audio", "voip"])
def test_a_tone_survives(application: str) -> None:
    encoder = OpusEncoder(32_000, application=application)  # type: ignore[arg-type]
    decoder = OpusDecoder()
    sound = [decoder.decode(encoder.encode(pcm)) for pcm in ticks(tone(48_000, peak=0.3))]
    assert all(pcm.shape == (960,) and pcm.dtype == np.float32 for pcm in sound)
    assert dbfs(np.concatenate(sound[10:])) == pytest.approx(dbfs(tone(48_000, peak=0.3)), abs=1)


def test_bitrate_is_kept() -> None:
    sizes = {}
    for bitrate in (12_000, 32_000):
        encoder = OpusEncoder(bitrate, application="voip")
        sizes[bitrate] = sum(len(encoder.encode(pcm)) for pcm in ticks(babble(240_000))) * 8 / 5
    assert 8_000 < sizes[12_000] < 15_000
    assert 24_000 < sizes[32_000] < 40_000


def test_a_lost_frame_comes_back_from_the_next_packet() -> None:
    encoder = OpusEncoder(32_000, application="voip", fec=True, loss_percent=20)
    packets = [encoder.encode(pcm) for pcm in ticks(babble(48_000))]
    decoder = OpusDecoder()
    clean = [decoder.decode(packet) for packet in packets]
    errors: dict[str, float] = {"fec": 0.0, "plc": 0.0}
    for way in errors:
        decoder = OpusDecoder()
        for n, packet in enumerate(packets):
            if n % 10 != 5 or n + 1 == len(packets):
                decoder.decode(packet)
                continue
            made = decoder.recover(packets[n + 1]) if way == "fec" else decoder.conceal()
            assert made.shape == (960,)
            errors[way] += float(np.sum((made - clean[n]) ** 2))
    assert errors["fec"] < 0.5 * errors["plc"]


def test_concealment_fades_away() -> None:
    encoder, decoder = OpusEncoder(32_000, application="voip"), OpusDecoder()
    for pcm in ticks(babble(48_000)):
        decoder.decode(encoder.encode(pcm))
    guesses = [dbfs(decoder.conceal()) for _ in range(50)]
    assert guesses[-1] < guesses[0] - 10


def test_an_independent_frame_needs_no_history() -> None:
    """After other sound the decoder is right from an independent frame on."""

    def error_after_seam(*, independent: bool) -> float:
        encoder = OpusEncoder(32_000, complexity=5)
        loud = ticks(tone(48_000, peak=0.5))
        packets = [
            encoder.encode(pcm, independent=independent and n == 25) for n, pcm in enumerate(loud)
        ]
        straight, seam = OpusDecoder(), OpusDecoder()
        expected = [straight.decode(packet) for packet in packets]
        quiet = OpusEncoder(32_000, complexity=5)
        for _ in range(10):
            seam.decode(quiet.encode(SILENCE))
        got = [seam.decode(packet) for packet in packets[25:]]
        return float(np.sum((np.concatenate(got[1:4]) - np.concatenate(expected[26:29])) ** 2))

    assert error_after_seam(independent=True) < 0.1 * error_after_seam(independent=False)


def test_wrong_sizes_are_refused() -> None:
    with pytest.raises(ValueError, match="960"):
        OpusEncoder(32_000).encode(SILENCE[:100])
    with pytest.raises(PeerError) as caught:
        OpusDecoder().decode(b"")
    assert caught.value.code == "opus_packet"
    with pytest.raises(PeerError):
        OpusDecoder().decode(b"\xff\xff\xff\xff")


@given(st.lists(st.binary(min_size=1, max_size=200), max_size=8))
def test_garbage_never_breaks_the_decoder(packets: list[bytes]) -> None:
    decoder = OpusDecoder()
    for packet in packets:
        try:
            pcm = decoder.decode(packet)
        except PeerError:
            continue
        assert np.isfinite(pcm).all()
    good = OpusEncoder(32_000).encode(SILENCE)
    assert decoder.decode(good).shape == (960,)


def test_settings_can_change_while_it_runs() -> None:
    encoder = OpusEncoder(32_000, application="voip", fec=True)
    speech = ticks(babble(96_000))
    calm = sum(len(encoder.encode(pcm)) for pcm in speech)
    encoder.expect_loss(30)
    encoder.reset()
    assert sum(len(encoder.encode(pcm)) for pcm in speech) != calm
