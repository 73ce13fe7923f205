"""Two hosts edit one room at once: whoever is second sees both, and nothing of either is lost."""

import re

from hustings.base.ids import RoomId
from tests.fakes.photos import photo
from tests.fakes.web_house import House

HALL = RoomId("hall")
EDIT = {"title": "Town hall", "language": "en", "host": "Ada"}


async def opened(house: House) -> dict[str, str]:
    """The versions that stand in the forms of the room's page."""
    text = (await house.browser.get("/rooms/hall")).text
    forms = re.findall(r'<form[^>]* action="/rooms/hall(/\w+)?"[^>]*>(.*?)</form>', text, re.DOTALL)
    found = {}
    for action, form in forms:
        if seen := re.search(r'name="seen" value="([0-9a-f]{20})"', form):
            found[action] = seen[1]
    assert set(found) == {"", "/languages", "/picture"}
    return found


async def planned(house: House) -> None:
    await house.become_host()
    await house.create()


async def test_the_plan(house: House) -> None:
    await planned(house)
    mine, theirs = await opened(house), await opened(house)
    saved = EDIT | {"title": "Their <title>", "seen": theirs[""]}
    assert (await house.browser.post("/rooms/hall", data=saved)).status_code == 303
    refused = await house.browser.post(
        "/rooms/hall", data=EDIT | {"description": "My words", "seen": mine[""]}
    )
    assert refused.status_code == 409
    assert "Their &lt;title&gt;" in refused.text
    assert "My words</textarea>" in refused.text
    assert (await house.services.rooms.plan(HALL)).wish.title == "Their <title>"
    again = (await opened(house))[""]
    assert f'name="seen" value="{again}"' in refused.text  # what they see now
    now = EDIT | {"description": "My words", "seen": again}
    assert (await house.browser.post("/rooms/hall", data=now)).status_code == 303
    wish = (await house.services.rooms.plan(HALL)).wish
    assert (wish.title, wish.description) == ("Town hall", "My words")


async def test_words_in_other_languages(house: House) -> None:
    await planned(house)
    mine, theirs = await opened(house), await opened(house)
    path = "/rooms/hall/languages"
    await house.browser.post(path, data={"title-de": "Ihrer", "seen": theirs["/languages"]})
    refused = await house.browser.post(
        path, data={"title-de": "Meiner", "title-ar": "لي", "seen": mine["/languages"]}
    )
    assert refused.status_code == 409
    assert 'value="Meiner"' in refused.text
    assert ">Ihrer</bdi>" in refused.text
    assert (await house.services.rooms.plan(HALL)).texts["de"].title == "Ihrer"
    # the other forms of that page meet no change of theirs
    edit = EDIT | {"seen": mine[""]}
    assert (await house.browser.post("/rooms/hall", data=edit)).status_code == 303


async def test_a_picture_is_not_chosen_twice(house: House) -> None:
    await planned(house)
    mine, theirs = await opened(house), await opened(house)
    path = "/rooms/hall/picture"

    async def show(green: int | None = None, **fields: str) -> tuple[int, str]:
        data = b"" if green is None else photo(color=(10, green, 60))
        files = {"photo": ("p.jpg" if data else "", data)}
        answer = await house.browser.post(path, data=fields, files=files)
        return answer.status_code, answer.text

    assert (await show(20, alt="Theirs", seen=theirs["/picture"]))[0] == 303
    status, page = await show(250, alt="Mine", seen=mine["/picture"])
    assert status == 409
    plan = await house.services.rooms.plan(HALL)
    assert plan.picture
    assert plan.picture["alt"] == "Theirs"
    (kept,) = re.findall(r'name="kept" value="([^"]+)"', page)
    assert 'value="Mine"' in page
    assert "Theirs" in page
    again = (await opened(house))["/picture"]
    assert (await show(alt="Mine", seen=again, kept=kept))[0] == 303
    now = (await house.services.rooms.plan(HALL)).picture
    assert now
    assert now["alt"] == "Mine"
    assert now["hash"] != plan.picture["hash"]
    assert (await show(remove="yes", seen=again))[0] == 409
    assert (await show(alt="New words", seen=again))[0] == 409
    assert (await house.services.rooms.plan(HALL)).picture == now
    latest = (await opened(house))["/picture"]
    assert (await show(alt="Mine", seen=latest, kept="no base64"))[0] == 422
    assert (await show(remove="yes", seen=latest))[0] == 303
