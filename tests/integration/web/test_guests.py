"""A guest's own page, without an account and without scripts; and whoever tries to use it for something else."""

import html
import re

import httpx
import msgspec
import pytest

from hustings.web.guests.model import Card, Guest
from hustings.wire.pictures import digest, expect_small_jpeg
from hustings.wire.tokens import Claims, KeyRing
from tests.fakes.photos import SECRET, photo, png_head, turned
from tests.fakes.web_house import House

OWN_ADDRESS = re.compile(r'href="\?[^"]*"|<p class="notice elsewhere">.*?</p>')  # of the page
EVIL = '<script>alert("x")</script>'


@pytest.fixture
async def hall(house: House) -> House:
    await house.become_host()
    await house.create(start="2030-05-05T20:00", zone="UTC", keep="days", keep_days="30")
    answer = await house.browser.post(
        "/rooms/hall/guests", data={"name": "Bo Lind", "line": "Mayor of Kalmar"}
    )
    assert "The guest’s link stands below" in answer.text
    assert html.escape((await bo(house))[1]) in answer.text
    await turns(house)
    return house


async def turns(house: House) -> None:
    for _ in range(4):
        await house.turn()


async def bo(house: House) -> tuple[Guest, str]:
    """The guest, and the address of their page."""
    [guest] = await house.services.guests.of("hall")  # type: ignore[arg-type]
    return guest, house.services.guests.link(guest, "")


async def say(house: House, link: str, **ticked: str) -> httpx.Response:
    fields = {"name": "Bo Lind", "line": "Mayor of Kalmar", "url": "", "kept": "30"}
    return await house.browser.post(link, data=fields | ticked)


async def give(house: House, link: str, data: bytes, **fields: str) -> httpx.Response:
    files = {"photo": ("me.jpg", data, "image/jpeg")}
    return await house.browser.post(link.replace("?", "/picture?"), data=fields, files=files)


def ticked(page: str) -> list[str]:
    return re.findall(r'name="(\w+)" value="yes"[^>]* checked', page)


async def test_who_has_no_account_sees_the_evening_and_decides(hall: House) -> None:
    guest, link = await bo(hall)
    hall.browser.cookies.clear()
    page = (await hall.browser.get(link)).text
    for words in ("Town hall", "Hosted by", "Ada", "30 days after the end", 'value="Bo Lind"'):
        assert words in page
    assert ticked(page) == []
    assert 'name="picture" value="yes"' not in page  # there is none yet
    answer = await say(hall, link, announce="yes", url="example.org")
    assert answer.headers["location"] == f"{link}&said=saved"
    page = (await hall.browser.get(answer.headers["location"])).text
    assert ticked(page) == ["announce"]
    assert "wording 1 of the question" in page
    await turns(hall)
    [said] = hall.stage.guests
    assert (said["announced"], said["recorded"], said["url"]) == (
        True,
        False,
        "https://example.org",
    )
    assert "Bo Lind" in (await hall.browser.get("/")).text
    await hall.browser.post(link.replace("?", "/withdraw?"))
    hall.stage.away = True
    assert "Bo Lind" not in (await hall.browser.get("/")).text  # at once, whoever is away
    assert guest.guest == said["id"]


async def test_a_picture_is_made_small_kept_to_oneself_and_shown_when_that_is_agreed_to(
    hall: House,
) -> None:
    _, link = await bo(hall)
    hall.browser.cookies.clear()
    assert (await give(hall, link, turned(6))).headers["location"] == f"{link}&said=picture"
    page = (await hall.browser.get(link)).text
    assert "data:image/jpeg;base64," in page
    await turns(hall)
    assert hall.stage.pictures == {}
    await say(hall, link, announce="yes", picture="yes")
    await turns(hall)
    [(name, data)] = hall.stage.pictures.items()
    assert digest(data) == name
    assert max(expect_small_jpeg(data)) == 512
    assert SECRET not in data
    assert hall.stage.rooms["hall"]["guests"][0]["picture"] == name
    await give(hall, link, b"", remove="yes")
    await turns(hall)
    assert hall.stage.rooms["hall"]["guests"][0]["picture"] == ""
    assert "data:image" not in (await hall.browser.get(link)).text


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (png_head(30_000, 30_000), "at most 12 MB and 50 megapixels"),
        (b"<svg onload='alert(1)'/>", "no photo that we can read"),
        (photo(100, 100), "at least 200 pixels"),
        (photo()[:500], "damaged"),
        (b"", "Choose a picture."),
    ],
    ids=["bomb", "svg", "small", "broken", "none"],
)
async def test_what_is_no_photo_is_refused_in_words(hall: House, data: bytes, words: str) -> None:
    _, link = await bo(hall)
    answer = await give(hall, link, data)
    assert answer.status_code == 422
    assert words in answer.text
    assert (await hall.services.guests.of("hall"))[0].picture == ""  # type: ignore[arg-type]


async def test_who_agrees_to_another_recording_than_is_kept_now_reads_so(hall: House) -> None:
    _, link = await bo(hall)
    assert 'name="kept" value="30"' in (await hall.browser.get(link)).text
    wish = (await hall.services.rooms.room("hall")).wish  # type: ignore[arg-type]
    hall.stage.away = True
    await hall.services.rooms.change("hall", msgspec.structs.replace(wish, keep_days=None))  # type: ignore[arg-type]
    answer = await say(hall, link, announce="yes", record="yes", name="Bo L.")
    assert answer.status_code == 422
    assert "has changed since you opened this page" in answer.text
    assert "the recording stays" in answer.text
    assert ticked(answer.text) == ["announce"]
    assert 'value="Bo L."' in answer.text
    assert (await bo(hall))[0].answers == []
    await say(hall, link, announce="yes", record="yes", kept="ever")
    assert (await bo(hall))[0].agrees("record")


async def test_opening_a_link_agrees_to_nothing(hall: House) -> None:
    before, link = await bo(hall)
    for path in (link, link.replace("?", "/picture?"), link.replace("?", "/withdraw?")):
        for more in ("&announce=yes&record=yes&name=X", "&said=saved", "&lang=ar"):
            assert (await hall.browser.get(path + more)).status_code in {200, 303}
            assert (await hall.browser.head(path + more)).status_code in {200, 303, 405}
    assert (await bo(hall))[0] == before


async def test_links_that_are_not_good_meet_one_answer(hall: House) -> None:
    guest, link = await bo(hall)
    services = hall.services
    await hall.create(address="other", title="Other")
    elsewhere = await services.guests.add("other", Card("Cy"))  # type: ignore[arg-type]
    other = services.guests.link(elsewhere, "")
    forged = KeyRing([b"f" * 32]).sign(
        Claims(typ="guest", jti=guest.link, iat=1, room="hall", sub=guest.guest)
    )
    [seat] = [each for each in await services.rooms.invitations("hall") if each.name == "Bo"]  # type: ignore[arg-type]
    bad = [
        "/guest/hall",
        f"/guest/hall?t={forged}",
        f"/guest/hall?t={services.rooms.sign(seat)}",  # another right of the same house
        other.replace("/other?", "/hall?"),
        link.replace("/hall?", "/other?"),
        link.replace("/hall?", "/nowhere?"),
        link[:-3],
    ]
    renew = f"/rooms/hall/guests/{guest.guest}/link"
    assert "stops working at once" in (await hall.browser.post(renew)).text
    assert (await hall.browser.get(link)).status_code == 200  # nothing is done unasked
    renewed = (await hall.browser.post(renew, data={"sure": "yes"})).text
    assert html.escape((await bo(hall))[1]) in renewed
    bad.append(link)
    answers = set()
    for path in bad:
        for answer in (
            await hall.browser.get(path),
            await hall.browser.post(path, data={"name": "X", "announce": "yes"}),
            await hall.browser.post(path.replace("?", "/withdraw?", 1)),
        ):
            if "?" in path or "withdraw" not in str(answer.url):
                answers.add((answer.status_code, OWN_ADDRESS.sub("", answer.text)))
    assert [status for status, _ in answers] == [404]
    assert (await give(hall, link, photo())).status_code == 404
    assert not any(each.answers for each in await services.guests.of("hall"))  # type: ignore[arg-type]
    assert (await services.guests.of("other"))[0].answers == []  # type: ignore[arg-type]


async def test_another_sites_form_does_nothing(hall: House) -> None:
    before, link = await bo(hall)
    for headers in ({"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://evil.example"}):
        for path in (link, link.replace("?", "/withdraw?"), "/rooms/hall/guests"):
            answer = await hall.browser.post(
                path, data={"name": "X", "announce": "yes"}, headers=headers
            )
            assert answer.status_code == 403
    assert (await bo(hall))[0] == before


async def test_what_people_write_is_text_on_every_page(hall: House) -> None:
    _, link = await bo(hall)
    fields = {
        "name": EVIL,
        "line": f'" onmouseover="alert(1) \u202e{EVIL}',
        "url": "https://x.example/'",
    }
    assert (await hall.browser.post(link, data=fields | {"announce": "yes"})).status_code == 422
    await hall.browser.post(link, data=fields | {"announce": "yes", "url": ""})
    await turns(hall)
    for path in (link, "/rooms/hall", "/"):
        page = (await hall.browser.get(path)).text
        assert EVIL not in page
        assert html.escape(EVIL, quote=False).replace('"', "&#34;") in page
        assert '" onmouseover' not in page
        assert "\u202e" not in page
    answer = await hall.browser.post(link, data=fields | {"url": "javascript:alert(1)"})
    assert (answer.status_code, "Give a web address" in answer.text) == (422, True)
    assert (await hall.browser.post(link, data={"name": " "})).status_code == 422


async def test_hosts_see_who_agreed_to_what_and_when(hall: House) -> None:
    guest, link = await bo(hall)
    page = (await hall.browser.get("/rooms/hall")).text
    assert page.count("no answer yet") == 3
    assert link.partition("?t=")[2][:40] not in page  # who could see it could agree for them
    await say(hall, link, announce="yes", record="yes")
    page = (await hall.browser.get("/rooms/hall")).text
    assert (page.count("agreed on"), page.count("no answer yet")) == (2, 1)
    path = f"/rooms/hall/guests/{guest.guest}"
    for fields, said in (
        ({"name": "Bo Lindh"}, "guest_changed"),
        ({"move": "later"}, "guest_moved"),
    ):
        answer = await hall.browser.post(path, data=fields)
        assert answer.headers["location"] == f"/rooms/hall?said={said}"
    for where in ("/rooms/hall/guests", path):  # what was typed is not lost
        for fields, status, words in (
            ({"name": "", "line": "Typed"}, 422, "Give a name."),
            ({"name": "B", "line": "Typed", "url": "javascript:1"}, 422, "Give a web address"),
        ):
            answer = await hall.browser.post(where, data=fields)
            assert (answer.status_code, words in answer.text) == (status, True)
            assert answer.text.count('value="Typed"') == 1
            assert answer.text.count('aria-invalid="true"') == 1
    stale = {"name": "Bo", "line": "Typed", "seen": guest.seen}
    answer = await hall.browser.post(path, data=stale)
    assert (answer.status_code, "stands in the form below" in answer.text) == (409, True)
    assert answer.text.count('value="Typed"') == 1
    assert "to be asked anew" in (await hall.browser.get("/rooms/hall?said=guest_changed")).text
    for address in ("", f"/{guest.guest}", f"/{guest.guest}/link", f"/{guest.guest}/remove"):
        answer = await hall.browser.get(f"/rooms/hall/guests{address}")
        assert answer.headers["location"] == "/rooms/hall"
    assert "Remove this guest?" in (await hall.browser.post(f"{path}/remove")).text
    answer = await hall.browser.post(f"{path}/remove", data={"sure": "yes"})
    assert answer.headers["location"].endswith("guest_out")
    assert (await hall.browser.post(f"{path}/remove")).status_code == 404
    hall.browser.cookies.clear()
    for address in ("", f"/{guest.guest}", f"/{guest.guest}/link", f"/{guest.guest}/remove"):
        answer = await hall.browser.post(f"/rooms/hall/guests{address}", data={"name": "X"})
        assert answer.status_code == 401


async def test_the_page_is_there_in_each_language_and_keeps_the_link(hall: House) -> None:
    _, link = await bo(hall)
    for language in ("en", "de", "ar"):
        answer = await hall.browser.get(f"{link}&lang={language}")
        assert f'lang="{language}"' in answer.text
        forms = re.findall(r'action="(/guest[^"]+)"', answer.text)
        assert all(f"lang={language}" in each for each in forms)
        assert html.escape(link.partition("?")[2] + "&lang=de") in answer.text
        assert answer.headers["cache-control"] == "no-store"
        assert "noindex" in answer.text
