"""What the first bytes of a photo say of it: format, size, whether it moves. Pure; decodes nothing.

Keeps true: a picture that would need much memory or time is refused before anything decodes it.
Formats: ITU T.81 (JPEG), W3C PNG 3, RFC 9649 (WebP).
"""

from typing import Final, Literal, NamedTuple

from hustings.base.errors import UserError
from hustings.wire.pictures import jpeg_size

Format = Literal["JPEG", "PNG", "WEBP"]

PIXELS: Final = 50_000_000  # what telephones make; 200 MB while it is decoded
SIDE: Final = 16_384
LEAST: Final = 200  # px of a side: what sites ask of a card's picture
_PNG: Final = b"\x89PNG\r\n\x1a\n"
_CHUNKS: Final = 1_000  # of a PNG before its pixels


class Head(NamedTuple):
    """A picture as its header has it; px."""

    format: Format
    width: int
    height: int
    moves: bool = False


def expect_photo(data: bytes) -> Head:
    """The head of a photo that may be decoded.

    Raises UserError `picture_format`, `picture_broken`, `picture_animated`, `picture_large`,
    `picture_small`.
    """
    head = _head(data)
    if head.moves:
        raise UserError("picture_animated", "Choose a picture that does not move.")
    if head.width * head.height > PIXELS or max(head.width, head.height) > SIDE:
        raise UserError("picture_large", "Choose a smaller picture: at most 50 megapixels.")
    if min(head.width, head.height) < LEAST:
        raise UserError("picture_small", f"Choose a larger picture: at least {LEAST} px a side.")
    return head


def _head(data: bytes) -> Head:
    if data.startswith(b"\xff\xd8\xff"):
        found = _jpeg(data)
    elif data.startswith(_PNG):
        found = _png(data)
    elif data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        found = _webp(data)
    else:
        raise UserError("picture_format", "Choose a photo as JPEG, PNG or WebP.")
    if found is None:
        raise UserError(
            "picture_broken", "This picture is damaged. Save it anew, or choose another."
        )
    return found


def _jpeg(data: bytes) -> Head | None:
    size = jpeg_size(data)
    return Head("JPEG", *size) if size else None


def _png(data: bytes) -> Head | None:
    if data[12:16] != b"IHDR":
        return None
    width, height = (int.from_bytes(data[i : i + 4]) for i in (16, 20))
    return Head("PNG", width, height, _is_apng(data)) if width and height else None


def _is_apng(data: bytes) -> bool:
    at = len(_PNG)
    for _ in range(_CHUNKS):
        kind = data[at + 4 : at + 8]
        if kind == b"acTL":
            return True
        if kind in {b"IDAT", b""}:
            return False
        at += 12 + int.from_bytes(data[at : at + 4])
    return True  # no photo has so many: nothing that we want to read


def _webp(data: bytes) -> Head | None:
    kind, body = data[12:16], data[20:30]
    if len(body) < 10:
        return None
    if kind == b"VP8X":
        width, height = (1 + int.from_bytes(body[i : i + 3], "little") for i in (4, 7))
        return Head("WEBP", width, height, moves=bool(body[0] & 0x02))
    if kind == b"VP8 " and body[3:6] == b"\x9d\x01\x2a":
        width, height = (int.from_bytes(body[i : i + 2], "little") & 0x3FFF for i in (6, 8))
        return Head("WEBP", width, height) if width and height else None
    if kind == b"VP8L" and body[:1] == b"\x2f":
        bits = int.from_bytes(body[1:5], "little")
        return Head("WEBP", 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF))
    return None
