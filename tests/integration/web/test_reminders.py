"""`/remind/{room}` as people and mail programs use it, with a real SMTP server and a push service."""

import re
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx
import msgspec
import pytest
from sqlalchemy import select

from hustings.base.ids import RoomId
from hustings.settings import OutboundSettings
from hustings.store.schema import letters, subscriptions
from hustings.wire.kinds import Words
from tests.fakes.push_service import PushService, push_service
from tests.fakes.smtp import Postman, smtp_server
from tests.fakes.web_house import House, open_house

HALL = RoomId("hall")
START = "2027-02-01T20:00"


@pytest.fixture
async def postman() -> AsyncIterator[Postman]:
    async with smtp_server() as server:
        yield server


@pytest.fixture
async def pushes() -> AsyncIterator[PushService]:
    async with push_service() as service:
        yield service


@pytest.fixture
async def house(tmp_path: Path, postman: Postman, pushes: PushService) -> AsyncIterator[House]:
    async with open_house(
        tmp_path, mail=postman.settings, outbound=OutboundSettings(allow=(pushes.url,))
    ) as opened:
        await opened.become_host()
        assert (await opened.create(start=START)).status_code == 303
        await opened.turn()
        opened.browser.cookies.clear()
        yield opened


async def carried(house: House) -> None:
    """Let mailboxes be asked that wait to be, and the post carry what waits."""
    await house.services.reminders.turn()
    await house.services.post.turn()
    await house.services.post.settled()


async def ask(house: House, address: str = "ada@example.org") -> httpx.Response:
    form = {"address": address, "zone": "Europe/Berlin"}
    return await house.browser.post("/remind/hall/mail", data=form)


def link(postman: Postman, act: str) -> str:
    """Path and query of the link in the last mail."""
    text = postman.mails[-1].get_content()
    found = re.search(rf"http\S+/remind/hall/{act}\?lang=\w+&t=\S+", text)
    assert found, text
    parts = urlsplit(found[0])
    return f"{parts.path}?{parts.query}"


def token_of(link: str) -> str:
    """The part of a link that acts."""
    return parse_qs(urlsplit(link).query)["t"][0]


def button(page: str) -> str:
    found = re.search(r'name="t" value="([^"]+)"', page)
    assert found
    return found[1]


async def subscribed(house: House) -> int:
    query = select(subscriptions.c.subscription).where(subscriptions.c.confirmed_ms > 0)
    async with house.services.database.read() as connection:
        return len((await connection.execute(query)).all())


async def test_by_mail_from_the_form_to_the_reminder_to_its_end(
    house: House, postman: Postman
) -> None:
    answer = await ask(house)
    assert answer.headers["location"] == "/remind/hall?said=asked"
    await carried(house)
    assert postman.recipients == ["ada@example.org"]
    yes = link(postman, "yes")
    page = await house.browser.get(yes)
    assert await subscribed(house) == 0  # looking changes nothing: mail programs open links
    action = re.search(r'action="(/remind/hall/yes[^"]*)"', page.text)
    assert action
    answer = await house.browser.post(action[1], data={"t": button(page.text)})
    assert answer.headers["location"] == "/remind/hall?lang=en&said=confirmed"
    assert await subscribed(house) == 1

    planned = await house.services.rooms.room(HALL)
    house.clock.advance((planned.start_ms - house.clock.wall_ms()) / 1_000 - 9 * 60)
    await house.services.dispatch.turn()
    await carried(house)
    mail = postman.mails[-1]
    assert (mail["To"], mail["Subject"]) == ("ada@example.org", "Soon: Town hall")
    assert "February 1, 2027" in mail.get_content()
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    stop = mail["List-Unsubscribe"].strip("<>")
    assert link(postman, "stop") in stop
    again = await house.browser.get(link(postman, "stop"))
    assert await subscribed(house) == 1
    assert "End the reminder" in again.text
    one_click = {"Content-Type": "application/x-www-form-urlencoded"}
    answer = await house.browser.post(
        link(postman, "stop"), content="List-Unsubscribe=One-Click", headers=one_click
    )
    assert answer.status_code == 200
    assert await subscribed(house) == 0
    async with house.services.database.read() as connection:
        left = (await connection.execute(select(letters.c.recipient))).all()
    assert {row.recipient for row in left} == {""}


async def test_the_page_says_the_same_of_every_address(house: House, postman: Postman) -> None:
    first = await ask(house)
    await carried(house)
    await house.browser.post("/remind/hall/yes", data={"t": token_of(link(postman, "yes"))})
    known, unknown = await ask(house), await ask(house, "bo@example.org")
    assert first.headers["location"] == known.headers["location"] == unknown.headers["location"]
    await carried(house)
    assert postman.recipients == ["ada@example.org", "bo@example.org"]


async def test_nobody_can_fill_a_strangers_mailbox(house: House, postman: Postman) -> None:
    for _ in range(5):
        assert (await ask(house)).status_code == 303
    await carried(house)
    assert len(postman.mails) == 1
    house.clock.advance(601)
    await ask(house)
    await carried(house)
    assert len(postman.mails) == 2


async def test_one_network_cannot_ask_without_end(house: House) -> None:
    answers = [(await ask(house, f"a{n}@example.org")).status_code for n in range(65)]
    assert answers[0] == 303
    assert answers[-1] == 503


async def test_what_is_no_address_is_said_beside_its_field(house: House) -> None:
    answer = await ask(house, "ada@")
    assert answer.status_code == 422
    assert "This is not an e-mail address." in answer.text
    assert 'value="ada@"' in answer.text


@pytest.mark.parametrize("token", ["", "x", "x.y", "ä.é"])
async def test_a_forged_link_does_nothing(house: House, token: str) -> None:
    for act in ("yes", "stop"):
        answer = await house.browser.post(f"/remind/hall/{act}", data={"t": token})
        assert answer.status_code == 403
        assert "This link is not whole" in answer.text


async def test_a_link_that_confirms_does_not_end_and_the_reverse(
    house: House, postman: Postman
) -> None:
    await ask(house)
    await carried(house)
    token = token_of(link(postman, "yes"))
    assert (await house.browser.post("/remind/hall/stop", data={"t": token})).status_code == 403


async def test_a_browser_is_reminded_and_the_journal_counts_it(
    house: House, pushes: PushService
) -> None:
    browser = pushes.browser("/one")
    url = "/remind/hall/push?zone=Europe/Berlin&lang=de"
    assert (await house.browser.post(url, json=browser.subscription)).status_code == 201
    assert (await house.browser.post(url, json=browser.subscription)).status_code == 201
    state = await house.browser.post("/remind/hall/push/state", json={"endpoint": browser.endpoint})
    assert state.json() == {"on": True}

    planned = await house.services.rooms.room(HALL)
    house.clock.advance((planned.start_ms - house.clock.wall_ms()) / 1_000 - 9 * 60)
    await house.services.dispatch.turn()
    await carried(house)
    [message] = pushes.messages
    assert b'"web_push":8030' in message
    assert b"February" not in message  # it is in German
    assert pushes.headers["topic"]
    assert 0 < int(pushes.headers["ttl"]) <= 9 * 60

    house.clock.advance(10 * 60)
    await house.services.dispatch.turn()
    await house.turn()  # one message of a room at a time
    await house.turn()
    entry = house.stage.entries[-1]
    assert entry["kind"] == "promotion"
    said = {name: entry["body"][name] for name in ("channel", "planned", "sent", "final")}
    assert said == {"channel": "push", "planned": 1, "sent": 1, "final": True}
    page = await house.browser.get("/remind/hall")
    assert "What was sent" in page.text


async def test_a_browser_that_is_gone_is_forgotten(house: House, pushes: PushService) -> None:
    await house.browser.post("/remind/hall/push", json=pushes.browser().subscription)
    pushes.answer = "410 Gone"
    planned = await house.services.rooms.room(HALL)
    house.clock.advance((planned.start_ms - house.clock.wall_ms()) / 1_000 - 9 * 60)
    await house.services.dispatch.turn()
    await carried(house)
    assert await subscribed(house) == 0


async def test_a_browser_can_be_taken_back(house: House, pushes: PushService) -> None:
    browser = pushes.browser()
    await house.browser.post("/remind/hall/push", json=browser.subscription)
    end = {"endpoint": browser.endpoint}
    assert (await house.browser.post("/remind/hall/push/stop", json=end)).status_code == 204
    state = await house.browser.post("/remind/hall/push/state", json=end)
    assert state.json() == {"on": False}


@pytest.mark.parametrize(
    "endpoint",
    ["http://push.example/1", "https://user@push.example/", "https://127.1/", "ftp://x/"],
)
async def test_endpoints_that_we_would_not_go_to_are_not_taken(
    house: House, pushes: PushService, endpoint: str
) -> None:
    said = pushes.browser().subscription | {"endpoint": endpoint}
    answer = await house.browser.post(
        "/remind/hall/push", json=said, headers={"Accept": "application/json"}
    )
    assert (answer.status_code, answer.json()["code"]) == (400, "outbound_url")
    assert await subscribed(house) == 0


async def test_nobody_is_reminded_of_what_is_over(house: House, pushes: PushService) -> None:
    planned = await house.services.rooms.room(HALL)
    assert planned.facts
    off = {"cancelled_ms": house.clock.wall_ms(), "cancelled_why": "Storm", "revision": 1}
    await house.services.rooms.learn([msgspec.structs.replace(planned.facts, **off)])
    assert (await ask(house)).status_code == 422
    answer = await house.browser.post("/remind/hall/push", json=pushes.browser().subscription)
    assert answer.status_code == 409
    page = await house.browser.get("/remind/hall")
    assert "This conversation was cancelled." in page.text
    assert "Your e-mail address" not in page.text


async def test_hosts_see_how_many_asked(house: House, pushes: PushService) -> None:
    await house.browser.post("/remind/hall/push", json=pushes.browser().subscription)
    await house.become_host()
    page = await house.browser.get("/rooms/hall")
    assert re.search(r"in browsers\s+1\.", page.text)


async def test_the_worker_is_served_where_its_pages_are(house: House) -> None:
    answer = await house.browser.get("/remind/worker.js")
    assert answer.headers["content-type"].startswith("text/javascript")
    assert "showNotification" in answer.text


async def test_a_reader_stays_in_their_language(house: House, postman: Postman) -> None:
    planned = await house.services.rooms.room(HALL)
    assert planned.facts
    said = msgspec.structs.replace(planned.facts, texts={"ar": Words("القاعة")}, revision=1)
    await house.services.rooms.learn([said])
    page = (await house.browser.get("/remind/hall?lang=ar")).text
    assert '<bdi lang="ar">القاعة</bdi>' in page
    for path in ("/r/hall", "/r/hall.ics", "/calendar.ics"):
        assert f'{path}?lang=ar"' in page
    home = (await house.browser.get("/?lang=ar")).text
    assert home.count('/calendar.ics?lang=ar"') == 3
    assert '/r/hall?lang=ar"' in home
    await house.browser.post("/remind/hall/mail?lang=ar", data={"address": "ada@example.org"})
    await carried(house)
    assert "القاعة" in postman.mails[-1]["Subject"]
    assert "القاعة" in postman.mails[-1].get_content()
    for act in ("yes", "stop"):
        opened = link(postman, "yes").replace("/yes?", f"/{act}?")
        page = (await house.browser.get(opened, headers={"Accept-Language": "de"})).text
        assert '<html lang="ar" dir="rtl"' in page
        assert f"/remind/hall/{act}?lang=ar" in page
