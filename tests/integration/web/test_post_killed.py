"""`hustings web` is killed while a letter is on its way: it is not sent twice, and the page's figures say so."""

import asyncio
import os
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from hustings.store import open_database
from hustings.web.post import queries
from hustings.web.post.addresses import address_from_form
from hustings.web.post.message import Note, draft
from tests.fakes.loopback import free_port
from tests.fakes.smtp import smtp_server
from tests.support.house import PROGRAM, ROOT

FAR_MS = 4_000_000_000_000


@contextmanager
def web(folder: Path, smtp_port: int) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """The real process."""
    port = free_port()
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT / "src"),
        "HUSTINGS_DATA": str(folder),
        "HUSTINGS_WEB_PORT": str(port),
        "HUSTINGS_MAIL_HOST": "127.0.0.1",
        "HUSTINGS_MAIL_PORT": str(smtp_port),
        "HUSTINGS_MAIL_TLS": "none",
        "HUSTINGS_MAIL_SENDER": "no-reply@debate.example",
    }
    with (folder / "log").open("ab") as log:
        process = subprocess.Popen(
            [*PROGRAM, "web"], env=environment, cwd=folder, stdout=log, stderr=log
        )
    try:
        yield process, f"http://127.0.0.1:{port}"
    finally:
        process.kill()
        process.wait(10)


async def until_it_answers(url: str) -> None:
    async with httpx.AsyncClient() as client, asyncio.timeout(60):
        while True:
            try:
                if (await client.get(f"{url}/readyz")).status_code == 200:
                    return
            except httpx.HTTPError:
                await asyncio.sleep(0.1)


def states(folder: Path) -> dict[str, str]:
    with sqlite3.connect(folder / "hustings.sqlite") as database:
        found = dict(database.execute("SELECT key, state FROM letters"))
    database.close()
    return found


async def test_F41_after_kill_9_what_was_on_its_way_is_unsure_and_what_waited_is_sent(
    tmp_path: Path,
) -> None:
    database = await open_database("", folder=tmp_path)
    async with database.write() as connection:
        for name in ("ada", "bo"):
            to = address_from_form(f"{name}@x.example")
            letter = draft(to, Note("x", "y"), key=name, batch="b", until_ms=FAR_MS)
            await queries.add(connection, [letter], 0 if name == "ada" else FAR_MS - 1)
    async with smtp_server() as postman:
        postman.on_data = "hang"
        with web(tmp_path, postman.port) as (process, url):
            await until_it_answers(url)
            async with asyncio.timeout(60):
                while states(tmp_path)["ada"] != "sending" or not postman.connections:
                    await asyncio.sleep(0.05)
            process.kill()
        postman.on_data = ""
        postman.let_go()
        async with database.write() as connection:
            await connection.exec_driver_sql("UPDATE letters SET next_ms = 0")
        await database.close()
        with web(tmp_path, postman.port) as (_, url):
            async with asyncio.timeout(60):
                while states(tmp_path)["bo"] != "sent":
                    await asyncio.sleep(0.05)
            assert states(tmp_path) == {"ada": "unsure", "bo": "sent"}
            assert postman.recipients.count("ada@x.example") <= 1  # that is why it is unsure
            assert postman.recipients.count("bo@x.example") == 1
