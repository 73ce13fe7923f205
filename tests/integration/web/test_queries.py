"""How often the main pages ask the database; the figures are pinned, so that none grows unseen."""

import pytest

from hustings.web.accounts.model import DAY_MS
from hustings.web.house import queries
from hustings.web.house.service import hashed
from tests.fakes.api_client import person, program
from tests.fakes.web_house import House
from tests.support.counting import counted
from tests.support.many_rooms import fill

MOST = {
    "/": 5,  # who, live, coming, cancelled, past
    "/all": 3,  # who, the page, the months on offer
    "/all?when=coming": 3,
    "/rooms/new": 1,
    "/rooms/room-10": 8,  # who, room, backlog, invitations, crew, guests, promotions and how many there are
    "/account": 7,  # who, passkeys, recovery codes, devices, mail address, keys, rooms one helps with
    "/people": 4,  # who, everybody, invitations, browsers without an account
}


@pytest.fixture
async def full(house: House) -> House:
    """A house with 300 rooms, in which Ada is signed in."""
    now_ms = house.clock.wall_ms()
    await fill(house.services.database, 300, now_ms)
    await person(house)
    async with house.services.database.write() as connection:
        await queries.add_session(
            connection, hashed("open"), now_ms=now_ms, expires_ms=now_ms + DAY_MS, account="ada"
        )
    house.browser.cookies.set("hustings_session", "open")
    return house


@pytest.mark.parametrize(("path", "most"), MOST.items())
async def test_a_page_asks_no_more_than_it_needs(full: House, path: str, most: int) -> None:
    with counted(full.services.database) as asked:
        answer = await full.browser.get(path)
    assert answer.status_code == 200
    assert len(asked) <= most, asked


async def test_the_interface_asks_for_the_key_and_the_page(full: House) -> None:
    ada = await program(full, await person(full, "bo"))
    await ada.call("GET", "/me")  # the first of the day writes that it was used
    with counted(full.services.database) as asked:
        page = (await ada.call("GET", "/rooms", params={"limit": 200})).json()
    assert len(page["rooms"]) == 200
    assert len(asked) == 2, asked


async def test_home_shows_a_page_of_each_and_leads_on(full: House) -> None:
    home = (await full.browser.get("/")).text
    assert home.count('class="entry"') == 40
    assert "/all?when=coming&amp;after=" in home
    past = (await full.browser.get("/all?when=past&lang=de")).text
    assert past.count('class="entry"') == 20
    assert "Nächste Seite" in past
    found = (await full.browser.get("/all?words=evening+299%3A")).text
    assert found.count('class="entry"') == 1
    assert (await full.browser.get("/all?words=nowhere")).text.count('class="entry"') == 0
    month = (await full.browser.get("/all?month=1970-01")).text
    assert "Nothing was found." in month
    bad = await full.browser.get("/all?after=x")
    assert bad.status_code == 400
