"""A photo that somebody chose, made anew as a small JPEG: for cards, calendars, players and pages.

Keeps true: what comes out holds pixels alone (no place, no camera, nothing that was hidden behind
the picture), upright, in sRGB, at most as large as was asked; the file is decoded in a process of
its own, with bounds on memory and time, which may die of it. `python -m hustings.media.pictures
WIDTH HEIGHT BYTES` is that process; `web.rooms.darkroom` starts it.
"""

import contextlib
import io
import os
import resource
import sys
from typing import Any, Final

import msgspec
from PIL import Image, ImageCms

from hustings.base.errors import UserError
from hustings.media.picture_head import expect_photo

MEMORY: Final = 1 << 30  # address space of the process; 50 megapixels take some 500 MB
CPU_S: Final = 20
REFUSED: Final = 3  # exit code: stdout holds why, as JSON
_QUALITIES: Final = (86, 78, 70, 62, 54, 46)
_SHRINK: Final = 0.85
_ON_ITS_SIDE: Final = frozenset({5, 6, 7, 8})
_UPRIGHT: Final = {  # orientation (Exif 2.32, tag 274) -> what sets it right
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_PAPER: Final = (255, 255, 255)  # behind what is transparent


def small_jpeg(data: bytes, *, width: int, height: int, most: int) -> bytes:
    """The photo within `width` x `height` px and `most` bytes.

    Raises UserError as `expect_photo` does, and `picture_broken`.
    """
    head = expect_photo(data)
    try:
        with Image.open(io.BytesIO(data), formats=[head.format]) as opened:
            if opened.width * opened.height > 1.1 * head.width * head.height:
                raise ValueError("its parts disagree about its size")
            return _encoded(_small(opened, width, height), most)
    except (OSError, ValueError, SyntaxError, EOFError, MemoryError, Image.DecompressionBombError):
        raise UserError(
            "picture_broken", "This picture is damaged. Save it anew, or choose another."
        ) from None


def _small(opened: Image.Image, width: int, height: int) -> Image.Image:
    """Upright, RGB, within the box."""
    orientation = opened.getexif().get(0x0112, 1)
    profile = opened.info.get("icc_profile")
    opened.draft("RGB", (2 * width, 2 * height))  # a JPEG is decoded at a fraction of its size
    opened.load()
    made = _plain(opened)
    if orientation in _ON_ITS_SIDE:
        width, height = height, width
    made.thumbnail((width, height), Image.Resampling.LANCZOS)
    if profile and made.mode in {"RGB", "CMYK"}:
        made = _in_srgb(made, profile)
    if made.mode in {"RGBA", "LA", "La", "PA"}:
        made = made.convert("RGBA")
        paper = Image.new("RGB", made.size, _PAPER)
        paper.paste(made, mask=made.getchannel("A"))
        made = paper
    bare = Image.new("RGB", made.size)  # nothing that was beside the pixels comes along
    bare.paste(made.convert("RGB"))
    return bare.transpose(_UPRIGHT[orientation]) if orientation in _UPRIGHT else bare


def _plain(image: Image.Image) -> Image.Image:
    """In a mode that can be made smaller: no palette, no 16 bits."""
    if image.mode == "P":
        return image.convert("RGBA" if "transparency" in image.info else "RGB")
    if image.mode.startswith("I"):
        return image.point(lambda value: value * (1 / 256)).convert("L")
    return image.convert("L") if image.mode == "1" else image


def _in_srgb(image: Image.Image, profile: bytes) -> Image.Image:
    with contextlib.suppress(ImageCms.PyCMSError, OSError, ValueError):
        made = ImageCms.profileToProfile(
            image, io.BytesIO(profile), ImageCms.createProfile("sRGB"), outputMode="RGB"
        )
        if made is not None:
            return made
    return image


def _encoded(image: Image.Image, most: int) -> bytes:
    """The best quality that fits; where none does, of a smaller one."""
    while True:
        for quality in _QUALITIES:
            out = io.BytesIO()
            image.save(out, "JPEG", quality=quality, optimize=True, progressive=True)
            if out.tell() <= most:
                return out.getvalue()
        size = [max(1, round(side * _SHRINK)) for side in image.size]
        image = image.resize((size[0], size[1]), Image.Resampling.LANCZOS)


def main(argv: list[str]) -> int:
    """stdin: the file; stdout: the JPEG, or with exit code 3 `{"code", "title"}`."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_S, CPU_S))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    os.nice(10)
    width, height, most = map(int, argv)
    said: Any
    try:
        said, code = small_jpeg(sys.stdin.buffer.read(), width=width, height=height, most=most), 0
    except UserError as error:
        said, code = msgspec.json.encode({"code": error.code, "title": error.title}), REFUSED
    sys.stdout.buffer.write(said)
    sys.stdout.buffer.flush()
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
