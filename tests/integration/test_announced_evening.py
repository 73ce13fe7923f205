"""A newsroom's evening from its announcement to the podcast, with the programs that people use.

A program plans it by the client; readers ask for it by calendar, feed, mail and push; a radio studio
speaks by Icecast and an encoder by WHIP, both in the real house; the recording reaches a podcast
player's parser. docs/organiser.md tells the same story.
"""

import asyncio
import io
import re
import sys
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import icalendar
import numpy as np
import podcastparser
import pytest

from hustings.client import House as Client
from hustings.client import RoomMade, Words
from hustings.media.decoders import FrameDecoder
from hustings.wire.names import OPUS
from tests.fakes.certificates import certificate
from tests.fakes.push_service import Browser, PushService, push_service
from tests.fakes.smtp import Postman, smtp_server
from tests.fakes.tools import need
from tests.integration.test_api_example import new_key
from tests.support.ear import Ear
from tests.support.house import ROOT, House, free_ports
from tests.support.speakers import Place
from tests.support.stage import Person
from tests.support.tones import HERTZ, running, share_of_tone

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

TITLES = {"de": "Wem gehört der Hafen?", "ar": "من يدير الميناء؟"}
READER = "ada@example.org"
HANG_S = 90  # no measure of anything
SOON_S = 25  # from the announcement of the start to the start


@dataclass
class Newsroom:
    """The house, whoever plans for it, and where its letters go."""

    house: House
    studios: int
    postman: Postman
    pushes: PushService
    client: Client
    http: httpx.AsyncClient


@pytest.fixture
async def newsroom(tmp_path: Path) -> AsyncIterator[Newsroom]:
    [studios] = free_ports(1)
    async with smtp_server() as postman, push_service() as pushes, httpx.AsyncClient() as http:
        house = House(
            tmp_path / "house",
            HUSTINGS_STAGE_RADIO_PORT=str(studios),
            HUSTINGS_MAIL_HOST="127.0.0.1",
            HUSTINGS_MAIL_PORT=str(postman.port),
            HUSTINGS_MAIL_TLS="none",
            HUSTINGS_MAIL_SENDER="Newsroom <evening@news.example>",
            HUSTINGS_OUTBOUND_ALLOW=pushes.url,
            HUSTINGS_REMINDERS_MINUTES="0.1",
            HUSTINGS_REMINDERS_AHEAD_MIN="0.1",
        )
        await asyncio.to_thread(house.start)
        try:
            key = await new_key(house.data)
            with Client(house.web, key) as client:
                yield Newsroom(house, studios, postman, pushes, client, http)
        finally:
            await asyncio.to_thread(house.stop)


async def test_an_announced_evening(newsroom: Newsroom) -> None:
    room = await asyncio.to_thread(plan, newsroom.client)
    uid = await by_calendar(newsroom, room, sequence=1)
    await in_three_languages(newsroom, room)
    assert await by_calendar(newsroom, room, sequence=2) == uid
    await by_feed(newsroom, room)
    await by_mail(newsroom, room)
    browser = await by_push(newsroom, room)

    start = datetime.now(UTC) + timedelta(seconds=SOON_S)
    await asyncio.to_thread(newsroom.client.rooms.change, room.room, start=start)
    assert await by_calendar(newsroom, room, sequence=3) == uid
    await reminded(newsroom, browser)

    host = await Person(Place(newsroom.house), room.room, "host").join("Amina")
    async with host.control(), Ear(newsroom.house.edge, room.room) as ear:
        await host.do("go_live")
        await a_studio_is_heard(newsroom, room, host, ear)
        await an_encoder_is_heard(newsroom, room, host, ear)
        await host.socket.send('{"type": "do", "id": 99, "command": "end"}')
        await host.hear("bye")
    await host.http.aclose()
    await in_the_podcast(newsroom, room)
    await counted(newsroom, room)


def plan(client: Client) -> RoomMade:
    """In a month, as far as anybody knows yet."""
    return client.rooms.create(
        "Who runs the harbour?",
        address="harbour",
        host="Amina",
        description="The vote is on Sunday.",
        start=datetime.now(UTC) + timedelta(days=13),
    )


async def in_three_languages(newsroom: Newsroom, room: RoomMade) -> None:
    """The program says it in two more, from the room as it knows it; readers read it in theirs."""
    texts = {language: Words(title) for language, title in TITLES.items()}
    told = await asyncio.to_thread(newsroom.client.rooms.change, room, texts=texts)
    assert told.texts == texts
    for language, title in TITLES.items():
        await get(
            newsroom,
            f"/r/{room.room}?lang={language}",
            lambda body, title=title: title.encode() in body,
        )


async def until(found: Callable[[], Any]) -> Any:
    """Wait until it is true."""
    async with asyncio.timeout(HANG_S):
        while not (said := found()):
            await asyncio.sleep(0.1)
    return said


async def get(newsroom: Newsroom, path: str, good: Callable[[bytes], Any]) -> Any:
    """What the edge says at a path, once that is true of it."""
    async with asyncio.timeout(HANG_S):
        while True:
            answer = await newsroom.http.get(newsroom.house.edge + path, follow_redirects=True)
            if answer.is_success and (said := good(answer.content)):
                return said
            await asyncio.sleep(0.2)


async def by_calendar(newsroom: Newsroom, room: RoomMade, *, sequence: int) -> str:
    """A calendar program follows the address; the identity of what it finds."""

    def event(body: bytes) -> icalendar.Event | None:
        events = icalendar.Calendar.from_ical(body).events
        return next((each for each in events if each["SEQUENCE"] == sequence), None)

    one = await get(newsroom, f"/r/{room.room}.ics", event)
    whole = await get(newsroom, "/calendar.ics", event)
    assert one["UID"] == whole["UID"]
    assert one["SUMMARY"] == room.title
    return str(one["UID"])


async def by_feed(newsroom: Newsroom, room: RoomMade) -> None:
    """The feed names the evening before it begins."""
    feed = await get(newsroom, "/podcast.xml", lambda body: room.title.encode() in body and body)
    assert b'<podcast:liveItem status="pending"' in feed


async def by_mail(newsroom: Newsroom, room: RoomMade) -> None:
    """Asked for on the page, agreed to in the mail."""
    page = f"{newsroom.house.web}/remind/{room.room}"
    asked = await newsroom.http.post(f"{page}/mail", data={"address": READER, "zone": "UTC"})
    assert asked.headers["location"].endswith("?said=asked")
    await until(lambda: newsroom.postman.mails)
    text = newsroom.postman.mails[-1].get_content()
    link = re.search(r"http\S+/yes\?lang=\w+&t=(\S+)", text)
    assert link, text
    agreed = await newsroom.http.post(f"{page}/yes", data={"t": link[1]})
    assert agreed.headers["location"].endswith("?said=confirmed")


async def by_push(newsroom: Newsroom, room: RoomMade) -> Browser:
    """What the page's script sends once the browser has agreed."""
    browser = newsroom.pushes.browser("/reader")
    url = f"{newsroom.house.web}/remind/{room.room}/push?zone=UTC&lang=ar"
    assert (await newsroom.http.post(url, json=browser.subscription)).status_code == 201
    return browser


async def reminded(newsroom: Newsroom, browser: Browser) -> None:
    """Both, once each, before it begins."""
    await until(lambda: len(newsroom.postman.mails) == 2 and newsroom.pushes.messages)
    mail = newsroom.postman.mails[-1]
    assert (mail["To"], mail["Subject"]) == (READER, "Soon: Who runs the harbour?")
    assert newsroom.pushes.count[urlsplit(browser.endpoint).path] == 1


async def a_studio_is_heard(newsroom: Newsroom, room: RoomMade, host: Person, ear: Ear) -> None:
    """Debian's ffmpeg sends MP3 as a radio studio does."""
    ffmpeg = need("ffmpeg", why="it sends as a radio studio does")
    seat = await asyncio.to_thread(
        newsroom.client.rooms.invite, room.room, "Radio Nord", kind="whip"
    )
    target = f"source:{seat.password}@127.0.0.1:{newsroom.studios}{seat.mount}"
    words = ["-re", "-f", "lavfi", "-i", f"sine=frequency={HERTZ}:duration=120:sample_rate=44100"]
    words += [
        "-c:a",
        "libmp3lame",
        "-content_type",
        "audio/mpeg",
        "-f",
        "mp3",
        "-ice_name",
        "Radio Nord",
    ]
    async with running(ffmpeg, *words, f"icecast://{target}"):
        await brought_up(host, "Radio Nord")
        await tone(ear)


async def an_encoder_is_heard(newsroom: Newsroom, room: RoomMade, host: Person, ear: Ear) -> None:
    """ffmpeg 8 sends by WHIP."""
    seat = await asyncio.to_thread(newsroom.client.rooms.invite, room.room, "Truck", kind="whip")
    made = certificate(newsroom.house.data, "truck")
    url = f"{newsroom.house.stage}/rooms/{room.room}/whip"
    program = [sys.executable, str(ROOT / "tests/fakes/whip_ffmpeg.py"), url, str(seat.token)]
    async with running(*program, *(str(each) for each in made)):
        await brought_up(host, "Truck")
        await tone(ear)


async def brought_up(host: Person, name: str) -> None:
    """The host brings them on stage once their sound is there."""
    while True:
        told = await host.hear("roster")
        found = [who for who in told["roster"] if who["name"] == name and who["connected"]]
        if found:
            await host.do("invite", participant=found[0]["id"])
            return


async def tone(ear: Ear) -> None:
    """A listener hears the tone, from now on."""
    await until(lambda: ear.parts and not ear.parts[-1].hold)
    begin = len(ear.parts)

    def heard() -> bool:
        parts = ear.parts[begin:][-6:]
        if len(parts) < 6:
            return False
        decoder = FrameDecoder(OPUS)
        pcm = np.concatenate([decoder.decode(frame) for part in parts for frame in part.frames])
        return share_of_tone(pcm[9_600:]) > 0.9

    await until(heard)


async def in_the_podcast(newsroom: Newsroom, room: RoomMade) -> None:
    """The player's parser finds the episode, and its sound is there to fetch."""

    def episode(body: bytes) -> dict[str, Any] | None:
        feed = podcastparser.parse("https://news.example/podcast.xml", io.BytesIO(body))
        return next((each for each in feed["episodes"] if each["title"] == room.title), None)

    found = await get(newsroom, "/podcast.xml", episode)
    [enclosure] = found["enclosures"]
    sound = await newsroom.http.get(enclosure["url"])
    assert sound.status_code == 200
    assert len(sound.content) == enclosure["file_size"]


async def counted(newsroom: Newsroom, room: RoomMade) -> None:
    """What was sent is public."""
    until_s = time.monotonic() + HANG_S
    while True:
        page = (await newsroom.http.get(f"{newsroom.house.web}/remind/{room.room}")).text
        if "What was sent" in page or time.monotonic() > until_s:
            break
        await asyncio.sleep(0.5)
    assert "What was sent" in page
