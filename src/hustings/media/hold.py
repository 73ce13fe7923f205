"""Hold audio: a calm loop that fills whatever is missing, the same bytes on every edge.

Hold part N is a pure function of (rendition, N): frames shipped as data, encoded once by
`media.make_data`, never encoded here. The loop is 30 parts (9.6 s) long; it was encoded twice in
a row and the second pass kept, so the encoders stand at its end as they do at its start.
Called by `edge.sound.program`, and by the stage for the replay of gaps.
"""

from functools import cache
from importlib.resources import files
from typing import Final

import msgspec

HOLD_PARTS: Final = 30


def hold_frames(rendition: str, n: int) -> list[bytes]:
    """The frames of hold part `n` (>= 0); do not change the list. KeyError: no such rendition."""
    return _loop()[rendition][n % HOLD_PARTS]


@cache
def _loop() -> dict[str, list[list[bytes]]]:
    """Rendition -> 30 parts -> frames. MP3's 13 or 14 frames a part repeat every 3 parts."""
    data = files("hustings.media").joinpath("data", "hold.msgpack").read_bytes()
    return msgspec.msgpack.decode(data, type=dict[str, list[list[bytes]]])
