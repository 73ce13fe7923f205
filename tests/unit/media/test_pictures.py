"""A photo becomes a small JPEG of its pixels and nothing else."""

import io
import random
import subprocess
import sys

import pytest
from PIL import Image, ImageCms

from hustings.base.errors import UserError
from hustings.media.pictures import small_jpeg
from hustings.wire.pictures import PICTURE_BYTES, expect_small_jpeg
from tests.fakes.photos import SECRET, photo, png_head, turned


def small(data: bytes, *, most: int = PICTURE_BYTES) -> Image.Image:
    made = small_jpeg(data, width=1_200, height=630, most=most)
    assert len(made) <= most
    width, height = expect_small_jpeg(made)
    assert (width <= 1_200, height <= 630) == (True, True)
    image = Image.open(io.BytesIO(made))
    assert (image.format, image.mode, image.size) == ("JPEG", "RGB", (width, height))
    return image


def is_red(image: Image.Image, x: float, y: float) -> bool:
    pixel = image.getpixel((int(x * image.width), int(y * image.height)))
    assert isinstance(pixel, tuple)
    return pixel[0] > pixel[2]


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_each_format_is_made_small(kind: str) -> None:
    image = small(photo(3_000, 2_000, kind))
    assert image.size == (945, 630)
    assert is_red(image, 0.2, 0.5)
    assert not is_red(image, 0.8, 0.5)


def test_one_that_is_small_already_is_not_blown_up() -> None:
    assert small(photo(300, 200)).size == (300, 200)


@pytest.mark.parametrize(
    ("orientation", "red"),
    [
        *((1, (0.2, 0.5)), (2, (0.8, 0.5)), (3, (0.8, 0.5)), (4, (0.2, 0.5))),
        *((5, (0.5, 0.2)), (6, (0.5, 0.2)), (7, (0.5, 0.8)), (8, (0.5, 0.8))),
    ],
)
def test_it_stands_upright_and_tells_of_no_place(
    orientation: int, red: tuple[float, float]
) -> None:
    data = turned(orientation)
    assert SECRET in data
    made = small_jpeg(data, width=1_200, height=630, most=PICTURE_BYTES)
    assert SECRET not in made
    image = small(data)
    assert not image.getexif()
    assert "comment" not in image.info
    assert image.size == ((640, 480) if orientation < 5 else (473, 630))
    assert is_red(image, *red)
    assert not is_red(image, 1 - red[0], 1 - red[1])


@pytest.mark.parametrize("mode", ["L", "LA", "P", "RGBA", "1", "I;16"])
def test_every_kind_of_pixels_is_read(mode: str) -> None:
    image = Image.new(mode, (400, 300))
    out = io.BytesIO()
    image.save(out, "PNG")
    small(out.getvalue())


def test_what_is_transparent_stands_on_white() -> None:
    image = small(photo(400, 300, "PNG", mode="RGBA", color=(0, 0, 0, 0)))
    assert image.getpixel((20, 20)) == (255, 255, 255)


def test_print_colours_and_a_profile_of_its_own_are_read() -> None:
    cmyk = Image.new("CMYK", (400, 300), (0, 255, 255, 0))
    out = io.BytesIO()
    cmyk.save(out, "JPEG")
    assert is_red(small(out.getvalue()), 0.5, 0.5)
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    image = small(photo(icc_profile=profile))
    assert is_red(image, 0.2, 0.5)
    assert "icc_profile" not in image.info
    assert is_red(small(photo(icc_profile=b"nonsense")), 0.2, 0.5)


def test_noise_fits_too() -> None:
    noise = Image.frombytes("RGB", (1_200, 630), random.Random(1).randbytes(1_200 * 630 * 3))
    out = io.BytesIO()
    noise.save(out, "PNG")
    small(out.getvalue())
    assert small(out.getvalue(), most=20_000).width < 900


def test_what_hides_behind_a_picture_stays_there() -> None:
    """A telephone hangs a film behind it, somebody else a script."""
    made = small_jpeg(
        photo() + b"<script>alert(1)</script>", width=1_200, height=630, most=PICTURE_BYTES
    )
    assert b"script" not in made


@pytest.mark.parametrize(
    "data",
    [
        photo(3_000, 2_000)[:5_000],
        photo(3_000, 2_000, "PNG")[:5_000],
        photo(3_000, 2_000, "WEBP")[:500],
        png_head(640, 480),
        png_head(640, 480, b"IDAT"),
        b"\xff\xd8\xff\xc0\x00\x11\x08\x01\xe0\x02\x80<html><script>",
    ],
    ids=["jpeg", "png", "webp", "no pixels", "not packed", "html"],
)
def test_a_damaged_one_is_refused(data: bytes) -> None:
    with pytest.raises(UserError) as refused:
        small_jpeg(data, width=1_200, height=630, most=PICTURE_BYTES)
    assert refused.value.code == "picture_broken"


def test_the_process_that_does_it_answers_with_the_picture_or_the_reason() -> None:
    def process(data: bytes) -> subprocess.CompletedProcess[bytes]:
        words = (sys.executable, "-m", "hustings.media.pictures", "1200", "630", "50000")
        return subprocess.run(words, input=data, capture_output=True, check=False)

    done = process(photo())
    assert (done.returncode, done.stderr) == (0, b"")
    assert expect_small_jpeg(done.stdout) == (640, 480)
    done = process(png_head(30_000, 30_000))
    assert done.returncode == 3
    assert b'"picture_large"' in done.stdout
