"""Sound that comes as bytes: what changes on the way, and what would take the memory of all."""

import io

import av
import numpy as np
import pytest

from hustings.base.errors import PeerError
from hustings.media.live import read_live
from tests.fakes.sounds import tone


def encoded(codec: str, form: str, *, layout: str = "mono", rate: int = 48_000) -> bytes:
    """A second of a tone."""
    out = io.BytesIO()
    with av.open(out, "w", format=form) as file:
        stream = file.add_stream(codec, rate=rate, layout=layout)
        channels = 2 if layout == "stereo" else 1
        pcm = np.repeat((tone(rate) * 32_767).astype(np.int16), channels)[None]
        frame = av.AudioFrame.from_ndarray(pcm, "s16", layout)
        frame.sample_rate = rate
        for each in av.AudioResampler(stream.codec_context.format.name, layout, rate).resample(
            frame
        ):
            file.mux(stream.encode(each))
        file.mux(stream.encode(None))
    return out.getvalue()


@pytest.mark.parametrize(("codec", "form"), [("aac", "adts"), ("libmp3lame", "mp3")])
def test_a_stream_that_changes_its_kind_goes_on(codec: str, form: str) -> None:
    data = b"".join(
        encoded(codec, form, layout=layout, rate=rate)
        for layout, rate in (("mono", 48_000), ("stereo", 48_000), ("stereo", 44_100))
    )
    blocks = list(read_live(io.BytesIO(data), {"adts": "aac"}.get(form, form)))
    assert len(blocks) > 2.8 * 50
    loud = [np.sqrt(np.mean(block**2)) for block in blocks]
    assert np.median(loud) == pytest.approx(0.3 / np.sqrt(2), rel=0.1)


@pytest.mark.parametrize("rate", [10, 1_000, 400_000])
def test_rates_of_no_sound_are_refused(rate: int) -> None:
    with pytest.raises(PeerError) as caught:
        list(read_live(io.BytesIO(encoded("flac", "flac", rate=rate)), "flac"))
    assert caught.value.code == "source_sound"


@pytest.mark.parametrize("data", [b"", b"no sound at all" * 2_000])
def test_what_is_no_sound_is_refused(data: bytes) -> None:
    with pytest.raises(PeerError) as caught:
        list(read_live(io.BytesIO(data), "ogg"))
    assert caught.value.code == "source_sound"
