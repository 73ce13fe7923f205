import numpy as np
import pytest

from hustings.media.pcm import SILENCE, dbfs
from tests.fakes.sounds import tone


def test_levels() -> None:
    assert dbfs(np.ones(960, dtype=np.float32)) == pytest.approx(0.0)
    assert dbfs(tone(48_000, peak=1.0)) == pytest.approx(-3.01, abs=0.01)
    assert dbfs(tone(48_000, peak=0.1)) == pytest.approx(-23.01, abs=0.01)


def test_silence_has_a_floor() -> None:
    assert dbfs(SILENCE) == -100.0
    assert dbfs(SILENCE[:0]) == -100.0
    assert dbfs(np.full(960, 1e-9, dtype=np.float32)) == -100.0


def test_the_shared_silence_cannot_be_changed() -> None:
    with pytest.raises(ValueError, match="read-only"):
        SILENCE[0] = 1.0
