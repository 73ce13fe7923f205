"""The mark as PNG, for home screens and lock screens, which take no SVG. Run by hand after a change:

    python -m hustings.pages.make_icons

Writes `static/icon-192.png`, `icon-512.png` (as `icon.svg`) and `icon-whole.png`: the ground to
all edges and the mark within the inner 60 %, for systems that cut icons to a shape of their own.
"""

import struct
import zlib
from pathlib import Path
from typing import Any, Final

import numpy as np

_FOLDER: Final = Path(__file__).parent / "static"
_GROUND: Final = (0x0B, 0x5A, 0x5F)
_STROKES: Final = ((9, 7, 25), (16, 12.5, 19.5), (23, 7, 25))  # x, from y, to y: as in icon.svg
_WIDTH: Final = 4.0
_CORNER: Final = 8.0
_FINE: Final = 4  # samples of a pixel's side


def icon(size: int, *, whole: bool = False) -> bytes:
    """A PNG of size x size pixels. whole: no round corners, and the mark smaller."""
    points = (np.arange(size * _FINE) + 0.5) * 32 / (size * _FINE)
    x, y = np.meshgrid(points, points)
    ground = np.ones_like(x) if whole else _rounded(x, y)
    if whole:
        x, y = (16 + (each - 16) / 0.75 for each in (x, y))
    mark = np.zeros_like(x)
    for at, top, end in _STROKES:
        mark = np.maximum(mark, np.hypot(x - at, y - np.clip(y, top, end)) <= _WIDTH / 2)
    mark, ground = (_coarse(each, size) for each in (mark, ground))
    pixels = np.empty((size, size, 4))
    pixels[..., 3] = ground * 255
    for channel, shade in enumerate(_GROUND):
        pixels[..., channel] = shade + (255 - shade) * mark
    return _png(np.rint(pixels).astype(np.uint8))


def _rounded(x: Any, y: Any) -> Any:
    inner = 16 - _CORNER
    return np.hypot(*(np.maximum(abs(each - 16) - inner, 0) for each in (x, y))) <= _CORNER


def _coarse(fine: Any, size: int) -> Any:
    return fine.reshape(size, _FINE, size, _FINE).mean(axis=(1, 3))


def _png(pixels: Any) -> bytes:
    """RGBA of 8 bits (PNG 1.2, sections 4.1 and 6.3)."""
    height, width = pixels.shape[:2]
    rows = b"".join(b"\0" + row.tobytes() for row in pixels)
    chunks = (
        (b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 6, 0, 0, 0)),
        (b"IDAT", zlib.compress(rows, 9)),
        (b"IEND", b""),
    )
    made = b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        for kind, body in chunks
    )
    return b"\x89PNG\r\n\x1a\n" + made


if __name__ == "__main__":
    for name, size, whole in (("192", 192, False), ("512", 512, False), ("whole", 512, True)):
        (_FOLDER / f"icon-{name}.png").write_bytes(icon(size, whole=whole))
