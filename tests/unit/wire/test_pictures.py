"""Pictures as they travel: named by what is in them, and no others are taken."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hustings.base.errors import UserError
from hustings.wire.kinds import Picture, Room
from hustings.wire.pictures import (
    PICTURE_BYTES,
    PICTURE_FILE,
    digest,
    expect_small_jpeg,
    jpeg_size,
    picture_url,
    shown,
)
from tests.fakes.photos import jpeg, photo


def test_a_picture_has_an_address_that_says_what_it_is() -> None:
    data = jpeg()
    picture = Picture(digest(data), "A bridge", 640, 480)
    room = Room("hall", "Hall", picture=picture)
    assert picture_url("https://e.example", room) == f"https://e.example/r/hall/{picture.file}"
    found = PICTURE_FILE.fullmatch(picture.file)
    assert found is not None
    assert found[1] == digest(data)
    assert shown(room) == {digest(data)}
    assert (picture_url("https://e.example", Room("hall", "Hall")), shown(Room("h", "H"))) == (
        "",
        frozenset(),
    )


@pytest.mark.parametrize("size", [(640, 480), (201, 999)])
def test_its_size_is_read_from_its_head(size: tuple[int, int]) -> None:
    assert jpeg_size(photo(*size)) == size
    assert jpeg_size(photo(*size, progressive=True, comment=b"\xff\xc0 not a frame")) == size


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"<svg/>",
        photo(kind="PNG"),
        jpeg()[:-1],
        jpeg() + b"<script>",
        photo(quality=100, comment=b" " * PICTURE_BYTES),
    ],
    ids=["nothing", "svg", "png", "cut", "longer", "large"],
)
def test_nothing_else_travels(data: bytes) -> None:
    with pytest.raises(UserError) as refused:
        expect_small_jpeg(data)
    assert refused.value.code == "picture_bad"


@given(st.binary(max_size=200), st.integers(0, 400))
def test_any_bytes_have_a_size_or_none(tail: bytes, at: int) -> None:
    for data in (b"\xff\xd8" + tail, photo()[:at] + tail):
        size = jpeg_size(data)
        assert size is None or (0 < size[0] < 65_536 and 0 < size[1] < 65_536)
