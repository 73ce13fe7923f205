"""The house's letters and a real SMTP server: the page is honest, and no trouble of theirs is a request's."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from hustings.settings import MailSettings
from hustings.web.post import queries
from hustings.web.post.addresses import address_from_form
from hustings.web.post.message import Note, draft
from tests.fakes.smtp import Postman, smtp_server
from tests.fakes.web_house import House, open_house


@pytest.fixture
async def server() -> AsyncIterator[Postman]:
    async with smtp_server() as postman:
        yield postman


@pytest.fixture
async def mailing(tmp_path: Path, server: Postman) -> AsyncIterator[House]:
    async with open_house(tmp_path, mail=server.settings) as house:
        yield house
        server.let_go()
        await house.services.post.settled()
        await house.services.post._close()


async def write(house: House, to: str, key: str) -> None:
    services = house.services
    now_ms = services.clock.wall_ms()
    note = Note("Tonight", "It begins at eight.")
    letter = draft(
        address_from_form(to), note, key=key, batch="remind:hall", until_ms=now_ms + 3_600_000
    )
    async with services.database.write() as connection:
        await queries.add(connection, [letter], now_ms)


async def send(house: House) -> None:
    await house.services.post.turn()
    await house.services.post.settled()


async def test_the_page_says_what_was_sent_and_what_was_not_and_names_nobody(
    mailing: House, server: Postman
) -> None:
    await mailing.become_host()
    server.on_rcpt["eve@refused.example"] = "550 no such user"
    server.on_rcpt["kim@full.example"] = "452 mailbox full"
    for to in ("ada@good.example", "eve@refused.example", "kim@full.example"):
        await write(mailing, to, to)
    await send(mailing)
    assert server.recipients == ["ada@good.example"]
    answer = await mailing.browser.get("/post")
    assert answer.status_code == 200
    for said in ("refused.example", "550 no such user", "452 mailbox full", "given up"):
        assert said in answer.text
    assert "eve@" not in answer.text
    assert "No mail server" not in answer.text


async def test_a_house_without_mail_says_so(house: House) -> None:
    await house.become_host()
    page = (await house.browser.get("/post")).text
    assert "No mail server is set up" in page
    assert not house.services.post.carries("mail")


async def test_only_who_sees_the_board_sees_the_letters(house: House) -> None:
    assert (await house.browser.get("/post")).headers["location"] == "/sign-in"
    code = await house.services.house.new_code("host")
    await house.browser.post("/start", data={"code": code})
    answer = await house.browser.get("/post", headers={"Accept": "application/json"})
    assert (answer.status_code, answer.json()["code"]) == (403, "permission")


async def test_F41_a_mail_server_that_hangs_and_a_locked_database_are_no_requests_trouble(
    mailing: House, server: Postman, tmp_path: Path
) -> None:
    await mailing.become_host()
    server.on_data = "hang"
    for number in range(20):
        await write(mailing, f"n{number}@good.example", f"k{number}")
    running = asyncio.get_running_loop().create_task(mailing.services.post.run())
    mailing.services.post.wake()
    while server.connections < MailSettings().connections:
        await asyncio.sleep(0.01)
    for path in ("/", "/post", "/account", "/readyz"):
        assert (await mailing.browser.get(path)).status_code == 200, path
    assert (await mailing.create()).status_code == 303
    holder = sqlite3.connect(tmp_path / "hustings.sqlite", isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    server.on_data = ""
    server.let_go()  # what became of those cannot be written now
    for path in ("/", "/post"):
        assert (await mailing.browser.get(path)).status_code == 200, path
    await asyncio.sleep(0.3)
    assert not running.done()
    assert server.connections == MailSettings().connections
    holder.execute("ROLLBACK")
    holder.close()
    mailing.services.post.wake()
    while len(server.mails) < 20:
        await asyncio.sleep(0.02)
    assert sorted(server.recipients) == sorted({f"n{n}@good.example" for n in range(20)})
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
