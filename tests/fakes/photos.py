"""Photos as people choose them, and files that only look like such."""

import io
import struct
import zlib
from typing import Any

from PIL import Image

from hustings.media.pictures import small_jpeg

SECRET = b"52.5200 N 13.4050 E"  # beside the pixels: where somebody lives


def photo(width: int = 640, height: int = 480, kind: str = "JPEG", **more: Any) -> bytes:
    """Left half red, right half blue."""
    image = Image.new(more.pop("mode", "RGB"), (width, height), more.pop("color", (200, 30, 30)))
    image.paste((30, 30, 200), (width // 2, 0, width, height))
    out = io.BytesIO()
    image.save(out, kind, **more)
    return out.getvalue()


def turned(orientation: int, width: int = 640, height: int = 480) -> bytes:
    """A photo as a telephone keeps it: to be turned when it is shown, and where it was taken."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    exif[0x010E] = SECRET.decode()  # ImageDescription
    return photo(width, height, exif=exif, comment=SECRET)


def jpeg(color: tuple[int, int, int] = (10, 120, 60)) -> bytes:
    """A picture as web hands it to the stage."""
    return small_jpeg(photo(color=color), width=1_200, height=630, most=50_000)


def png_head(width: int, height: int, *chunks: bytes) -> bytes:
    """A PNG of that size, as far as its head tells: there is nothing behind it."""
    head = _chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + b"".join(_chunk(each, bytes(8)) for each in chunks)


def webp_head(width: int, height: int, *, moves: bool = False) -> bytes:
    """A WebP of that size, as far as its head tells."""
    size = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    body = b"VP8X" + struct.pack("<I", 10) + bytes([0x02 if moves else 0, 0, 0, 0]) + size
    return b"RIFF" + struct.pack("<I", len(body) + 4) + b"WEBP" + body


def _chunk(kind: bytes, data: bytes) -> bytes:
    body = kind + data
    return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))
