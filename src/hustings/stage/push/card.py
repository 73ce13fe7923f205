"""The picture that a platform shows while we talk: a host's page draws it, we encode it once.

Browsers set type in every script and direction, and have the fonts; the stage has neither. So the page of
whoever gives the address draws title, names and link on a canvas and sends a JPEG of exactly
`WIDTH` × `HEIGHT`, which is checked before any decoder sees it (`is_card`, pure). Without one: a plain
picture. `encoded` runs in the pushing process.
"""

import io
from typing import Final

import av
import numpy as np
from av.video.frame import PictureType

from hustings.stage.push.tags import FPS, GOP, Picture, picture_of

WIDTH: Final = 1_280
HEIGHT: Final = 720
CARD_BYTES: Final = 60 * 1024  # the stage's door takes 64 KiB
_PLAIN: Final = (0x14, 0x23, 0x3D)
_FRAMES: Final = {0xC0, 0xC1, 0xC2}  # JPEG: baseline, extended, progressive
_BARE: Final = {0x01, *range(0xD0, 0xDA)}  # markers without a length


def is_card(data: bytes) -> bool:
    """Whether this is a JPEG of exactly the size that is wanted."""
    if len(data) > CARD_BYTES or data[:2] != b"\xff\xd8":
        return False
    at = 2
    while at + 9 < len(data) and data[at] == 0xFF:
        marker = data[at + 1]
        if marker in _FRAMES:
            size = (
                int.from_bytes(data[at + 7 : at + 9], "big"),
                int.from_bytes(data[at + 5 : at + 7], "big"),
            )
            return size == (WIDTH, HEIGHT)
        if marker in _BARE:
            return False  # no size before the data
        at += 2 + int.from_bytes(data[at + 2 : at + 4], "big")
    return False


def encoded(card: bytes) -> Picture:
    """Two seconds of H.264 that show the card, or a plain picture if there is none that can be read."""
    frame = _decoded(card) if is_card(card) else None
    if frame is None:
        plain = np.full((HEIGHT, WIDTH, 3), _PLAIN, dtype=np.uint8)
        frame = av.VideoFrame.from_ndarray(plain, format="rgb24")
    still = frame.reformat(WIDTH, HEIGHT, "yuv420p")
    still.pict_type = PictureType.NONE  # else each would be the key frame that a JPEG is
    encoder = av.CodecContext.create("libx264", "w")
    encoder.width, encoder.height, encoder.pix_fmt = WIDTH, HEIGHT, "yuv420p"
    encoder.framerate = FPS
    encoder.time_base = 1 / encoder.framerate
    encoder.options = {
        "preset": "veryfast", "tune": "stillimage", "profile": "main", "level": "3.1", "crf": "21",
        "x264-params": f"keyint={GOP}:min-keyint={GOP}:scenecut=0:bframes=0:threads=1",
    }  # fmt: skip
    packets = []
    for number in range(GOP):
        still.pts = number
        still.time_base = encoder.time_base
        packets += encoder.encode(still)
    packets += encoder.encode(None)
    return picture_of([bytes(packet) for packet in packets])


def _decoded(card: bytes) -> "av.VideoFrame | None":
    try:
        with av.open(io.BytesIO(card), format="mjpeg") as file:
            return next(iter(file.decode(video=0)), None)
    except av.FFmpegError:
        return None
