"""A host gives a room a picture; it reaches the stage before the facts that show it."""

import asyncio

import httpx
import pytest

from hustings.web.shield import PHOTO_BYTES
from hustings.wire.pictures import digest, expect_small_jpeg
from tests.fakes.photos import SECRET, photo, png_head, turned
from tests.fakes.web_house import House

ALT = {"alt": "The old bridge"}
EDGE = "http://127.0.0.1:8002"  # by the address by which the browser came


async def choose(house: House, data: bytes | None, **fields: str) -> httpx.Response:
    files = {"photo": ("bridge.jpg", data or b"", "image/jpeg")}
    return await house.browser.post("/rooms/hall/picture", data=ALT | fields, files=files)


async def turns(house: House) -> None:
    """Until all has been sent: of each room one message after another."""
    for _ in range(4):
        await house.turn()


@pytest.fixture
async def hall(house: House) -> House:
    await house.become_host()
    await house.create()
    await house.turn()
    return house


async def test_a_photo_is_made_small_and_reaches_the_stage(hall: House) -> None:
    assert (await choose(hall, turned(6))).headers["location"] == "/rooms/hall?said=picture"
    page = await hall.browser.get("/rooms/hall?said=picture")
    assert "data:image/jpeg;base64," in page.text  # seen here before the stage has it
    assert f"img-src 'self' {EDGE} data:" in str(page.headers["content-security-policy"])
    await turns(hall)
    [(name, data)] = hall.stage.pictures.items()
    assert digest(data) == name
    assert SECRET not in data
    assert expect_small_jpeg(data) == (473, 630)
    assert hall.stage.rooms["hall"]["picture"] == {
        **ALT, "hash": name, "width": 640, "height": 480,
    }  # fmt: skip
    page = await hall.browser.get("/rooms/hall")
    assert f'src="{EDGE}/r/hall/picture.{name}.jpg"' in page.text
    assert 'alt="The old bridge"' in page.text


async def test_words_change_without_the_picture_and_both_go_together(hall: House) -> None:
    await choose(hall, photo())
    await turns(hall)
    [name] = hall.stage.pictures
    await choose(hall, None, alt="The new bridge")
    await turns(hall)
    assert hall.stage.rooms["hall"]["picture"]["alt"] == "The new bridge"
    assert hall.stage.rooms["hall"]["picture"]["hash"] == name
    await hall.browser.post("/rooms/hall", data={"title": "Town hall 2", "language": "en"})
    await turns(hall)
    assert hall.stage.rooms["hall"]["picture"]["hash"] == name  # an edit leaves it alone
    answer = await choose(hall, None, alt="", remove="yes")
    assert answer.headers["location"] == "/rooms/hall?said=picture_removed"
    await turns(hall)
    assert hall.stage.rooms["hall"]["picture"] is None
    assert "picture." not in (await hall.browser.get("/rooms/hall")).text


async def test_a_picture_waits_for_a_stage_that_is_away_and_comes_first(hall: House) -> None:
    hall.stage.away = True
    await choose(hall, photo())
    await choose(hall, photo(color=(1, 2, 3)), alt="Another")
    await hall.browser.post("/rooms/hall", data={"title": "Later", "language": "en"})
    hall.stage.away = False
    hall.stage.calls.clear()
    await turns(hall)
    sent = [call.partition("/rooms/hall")[2][:9] for call in hall.stage.calls if "PUT" in call]
    assert sent == ["/pictures", ""]  # the newest alone
    assert hall.stage.rooms["hall"]["title"] == "Later"
    assert hall.stage.rooms["hall"]["picture"]["alt"] == "Another"


@pytest.mark.parametrize(
    ("data", "fields", "words"),
    [
        (png_head(30_000, 30_000), {}, "at most 12 MB and 50 megapixels"),
        (b"\xff\xd8\xff" + bytes(PHOTO_BYTES), {}, "at most 12 MB and 50 megapixels"),
        (b"<svg/>", {}, "Save it as JPEG, PNG or WebP"),
        (photo()[:3_000], {}, "This picture is damaged"),
        (photo(150, 150), {}, "at least 200 pixels"),
        (photo(), {"alt": " "}, "Say in a few words what the picture shows."),
        (None, {}, "Choose a picture."),
    ],
    ids=["bomb", "large", "svg", "cut", "small", "no words", "none"],
)
async def test_what_to_do_is_said(
    hall: House, data: bytes | None, fields: dict[str, str], words: str
) -> None:
    answer = await choose(hall, data, **fields)
    assert answer.status_code == 422
    assert answer.text.count(words) >= 2  # above the form, and at the field
    assert ALT["alt"] in answer.text or fields  # what was written is still there
    await turns(hall)
    assert hall.stage.pictures == {}


async def test_so_many_photos_at_once_and_no_more(hall: House) -> None:
    answers = await asyncio.gather(*(choose(hall, photo(2_000, 1_500)) for _ in range(8)))
    codes = sorted(answer.status_code for answer in answers)
    assert set(codes) <= {303, 503}
    assert codes.count(303) >= 4
    busy = [answer for answer in answers if answer.status_code == 503]
    assert all(answer.headers["retry-after"] for answer in busy)


async def test_a_body_beyond_all_measure_is_refused_before_it_is_read(hall: House) -> None:
    headers = {
        "content-type": "multipart/form-data; boundary=b",
        "content-length": str(2 << 30),
        "connection": "close",
    }
    reader, writer = await asyncio.open_connection(
        hall.browser.base_url.host, hall.browser.base_url.port
    )
    cookie = "; ".join(f"{each.name}={each.value}" for each in hall.browser.cookies.jar)
    head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    writer.write(
        f"POST /rooms/hall/picture HTTP/1.1\r\nhost: x\r\ncookie: {cookie}\r\n{head}\r\n".encode()
    )
    status = await reader.readline()
    writer.close()
    assert b" 413 " in status


async def test_nobody_else_may(hall: House) -> None:
    hall.browser.cookies.clear()
    assert (await choose(hall, photo())).status_code == 401
    assert (await hall.browser.get("/rooms/hall/picture")).status_code == 303
