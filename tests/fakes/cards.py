"""Pictures as a host's page draws them: JPEG."""

import av
import numpy as np

from hustings.stage.push.card import HEIGHT, WIDTH

RED = (200, 30, 30)


def card(width: int = WIDTH, height: int = HEIGHT, colour: tuple[int, ...] = RED) -> bytes:
    """One colour."""
    encoder = av.CodecContext.create("mjpeg", "w")
    encoder.width, encoder.height, encoder.pix_fmt = width, height, "yuvj420p"
    encoder.framerate = 1
    encoder.time_base = 1 / encoder.framerate
    pixels = np.full((height, width, 3), colour, dtype=np.uint8)
    frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
    return b"".join(bytes(p) for p in [*encoder.encode(frame), *encoder.encode(None)])
