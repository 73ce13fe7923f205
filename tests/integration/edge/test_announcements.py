"""Calendars, the podcast's live items, frames and cards as the real edge serves them."""

import gzip
import re
from pathlib import Path

import icalendar

from hustings.archive.podcast import feed, house_of
from hustings.settings import Settings
from tests.fakes.edges import RunningEdge, running_edge
from tests.fakes.stage_feed import StageFeed

START_MS = 4_000_000_000_000  # 2096


async def planned(stage: StageFeed, edge: RunningEdge, **facts: object) -> None:
    facts = {"state": "scheduled", **facts}
    stage.room("may", title="A debate", start_ms=START_MS, **facts)
    await edge.until("rooms.facts('may')")


async def test_a_room_and_the_house_are_calendars(stage: StageFeed, edge: RunningEdge) -> None:
    await planned(stage, edge, revision=2)
    for path in ("/r/may.ics", "/calendar.ics"):
        answer = await edge.get(path)
        assert answer.status == 200
        assert answer.headers["content-type"] == "text/calendar; charset=utf-8"
        (event,) = icalendar.Calendar.from_ical(answer.body).events
        assert (event["SUMMARY"], event["SEQUENCE"]) == ("A debate", 2)
        assert event["URL"].endswith("/r/may")
        again = await edge.get(path, If_None_Match=answer.headers["etag"])
        assert (again.status, again.body) == (304, b"")
    assert b'href="/r/may.ics?lang=en"' in (await edge.get("/r/may")).body


async def test_no_start_and_no_room_are_not_there(edge: RunningEdge) -> None:
    for path, code in (("/r/nobody.ics", "room_unknown"), ("/r/demo.ics", "start_none")):
        refused = await edge.get(path)
        assert (refused.status, refused.json["code"]) == (404, code)  # type: ignore[index]
    assert (await edge.get("/calendar.ics/x")).status == 404


async def test_an_edge_that_knows_no_rooms_yet_empties_nobodys_calendar() -> None:
    async with running_edge("http://127.0.0.1:9") as edge:
        for path in ("/calendar.ics", "/r/may.ics"):
            assert (await edge.get(path)).status == 503


async def test_the_podcast_tells_who_is_live_but_not_twice(
    stage: StageFeed, tmp_path: Path
) -> None:
    (tmp_path / "replays").mkdir()
    (tmp_path / "replays/podcast.xml").write_bytes(feed(house_of(Settings()), []))
    async with (
        running_edge(stage.url, archive=str(tmp_path)) as first,
        running_edge(stage.url, archive=first.url) as second,
    ):
        for edge in (first, second):
            await edge.until("rooms.indexed and rooms.facts('demo')")
            body = (await edge.get("/podcast.xml")).body
            assert body.count(b'<podcast:liveItem status="live"') == 1
            assert b"/live/demo/radio.mp3" in body
            packed = await edge.get("/podcast.xml", Accept_Encoding="gzip")
            assert gzip.decompress(packed.body) == body
        asked = await first.get("/podcast.xml", Hustings_Archive="1")
        assert b"liveItem" not in asked.body


async def test_a_link_becomes_a_frame_that_any_site_may_show(edge: RunningEdge) -> None:
    page = (await edge.get("/r/demo?lang=en")).body.decode()
    told = re.search(r'json\+oembed" href="http://[^/"]+(/oembed[^"]+)"', page)
    assert told
    answer = await edge.get(told[1])
    assert answer.status == 200
    frame = re.search(r'src="http://[^/"]+(/r/demo/embed)"', answer.json["html"])  # type: ignore[index]
    assert frame
    player = await edge.get(frame[1] + "?lang=de")
    assert player.status == 200
    assert player.headers["content-security-policy"].endswith("frame-ancestors *")
    assert "set-cookie" not in player.headers
    assert b'<html lang="de"' in player.body
    for path in ("/r/demo", "/status", "/r/nobody"):
        assert "frame-ancestors 'self'" in (await edge.get(path)).headers["content-security-policy"]
    assert (await edge.get("/r/nobody/embed")).status == 404
    refused = await edge.get("/oembed?url=http://evil.example/r/demo")
    assert (refused.status, refused.json["code"]) == (404, "page_unknown")  # type: ignore[index]


async def test_whoever_takes_it_from_a_page_gets_the_words_of_that_page(
    stage: StageFeed, edge: RunningEdge
) -> None:
    await planned(stage, edge, language="en", texts={"de": {"title": "Eine Debatte"}})
    for language, title in (("de", "Eine Debatte"), ("en", "A debate"), ("ar", "A debate")):
        answer = await edge.get(f"/r/may.ics?lang={language}")
        (event,) = icalendar.Calendar.from_ical(answer.body).events
        assert event["SUMMARY"] == title
        assert event["SUMMARY"].params["LANGUAGE"] == ("de" if language == "de" else "en")


async def test_each_language_has_a_calendar_of_the_house_of_its_own(
    stage: StageFeed, edge: RunningEdge
) -> None:
    await planned(stage, edge, language="en", texts={"ar": {"title": "مناظرة"}})
    tags = set()
    for _ in range(2):  # the second time as it is kept
        for query, title in (("?lang=ar", "مناظرة"), ("?lang=de", "A debate"), ("", "A debate")):
            answer = await edge.get(f"/calendar.ics{query}")
            whole = icalendar.Calendar.from_ical(answer.body)
            (event,) = whole.events
            assert event["SUMMARY"] == title
            assert event["SUMMARY"].params["LANGUAGE"] == ("ar" if title == "مناظرة" else "en")
            assert whole["SOURCE"].endswith(f"/calendar.ics{query}")
            tags.add(answer.headers["etag"])
    assert len(tags) == 3
    assert (await edge.get("/calendar.ics?lang=xx")).headers["etag"] in tags


async def test_how_things_go_is_told_in_the_readers_language(
    stage: StageFeed, edge: RunningEdge
) -> None:
    await planned(stage, edge, state="lobby", language="en", texts={"ar": {"title": "مناظرة"}})
    for path in ("/status", "/status/may"):
        assert '<bdi lang="ar">مناظرة</bdi>' in (await edge.get(f"{path}?lang=ar")).body.decode()
        assert '<bdi lang="en">A debate</bdi>' in (await edge.get(f"{path}?lang=de")).body.decode()
    assert (await edge.get("/status/may.json")).json["titles"] == {"ar": "مناظرة"}  # type: ignore[index]
