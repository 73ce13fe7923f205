"""What is refused before anything decodes it."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hustings.base.errors import UserError
from hustings.media.picture_head import PIXELS, SIDE, expect_photo
from tests.fakes.photos import photo, png_head, webp_head


def code(data: bytes) -> str:
    with pytest.raises(UserError) as refused:
        expect_photo(data)
    return refused.value.code


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_photos_are_known_by_their_heads(kind: str) -> None:
    assert expect_photo(photo(321, 222, kind)) == (kind, 321, 222, False)


def test_a_webp_without_loss_too() -> None:
    assert expect_photo(photo(321, 222, "WEBP", lossless=True))[:3] == ("WEBP", 321, 222)


@pytest.mark.parametrize(
    ("data", "refusal"),
    [
        (png_head(30_000, 30_000), "picture_large"),
        (png_head(SIDE + 1, 300), "picture_large"),
        (png_head(8_000, PIXELS // 8_000 + 1), "picture_large"),
        (webp_head(30_000, 30_000), "picture_large"),
        (webp_head(16_384, 16_384, moves=True), "picture_animated"),
        (png_head(640, 480, b"acTL", b"IDAT"), "picture_animated"),
        (png_head(640, 480, *[b"tEXt"] * 2_000), "picture_animated"),
        (png_head(199, 480), "picture_small"),
        (png_head(0, 480), "picture_broken"),
        (b"\x89PNG\r\n\x1a\nIHDR", "picture_broken"),
        (b"\xff\xd8\xff\xe0", "picture_broken"),
        (b"RIFF....WEBPVP8 " + bytes(20), "picture_broken"),
        (b"RIFF....WEBP", "picture_broken"),
        (b"GIF89a" + bytes(100), "picture_format"),
        (b'<svg xmlns="http://www.w3.org/2000/svg"/>', "picture_format"),
        (b"<!doctype html><script>", "picture_format"),
        (b"%PDF-1.7", "picture_format"),
        (b"\x00\x00\x00\x1cftypheic", "picture_format"),
        (b"", "picture_format"),
    ],
)
def test_everything_else_has_a_reason(data: bytes, refusal: str) -> None:
    assert code(data) == refusal


@given(
    st.sampled_from([b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"RIFF1234WEBP", b""]),
    st.binary(max_size=300),
)
def test_any_bytes_are_a_photo_or_refused(begin: bytes, rest: bytes) -> None:
    with contextlib.suppress(UserError):
        head = expect_photo(begin + rest)
        assert head.width * head.height <= PIXELS
        assert not head.moves
