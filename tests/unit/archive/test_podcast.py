"""The feed: whole whatever titles hold, stable while nothing changes, and read by a real player."""

import io
import xml.etree.ElementTree as ET

import msgspec
import podcastparser
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from hustings.archive.index import Chapter, Download, Replay, Speaker
from hustings.archive.podcast import EPISODES, House, episode, feed, house_of, plain
from hustings.base.ids import private_id
from hustings.settings import HouseSettings, PublicUrl, Settings
from hustings.wire import kinds

HOUSE = House(
    title="Town & country",
    about="What was said.",
    category="News",
    image="https://edge.example/static/icon-512.png",
    web="https://house.example",
    edge="https://edge.example",
)
URL = "https://edge.example/podcast.xml"
LIVE_MS = 1_777_658_400_000  # 1 May 2026, 18:00 UTC


def replay(
    room: str = "may", *, files: tuple[str, ...] = ("m4a", "mp3"), **facts: object
) -> Replay:
    known = {"title": "A debate", "state": "ended", "live_ms": LIVE_MS, "host": "Ada"}
    types = {"m4a": "audio/mp4", "mp3": "audio/mpeg"}
    return Replay(
        room=kinds.Room(room, **(known | facts)),  # type: ignore[arg-type]
        duration_s=3_600.4,
        first=0,
        end=11_250,
        renditions=["aac", "opus"],
        sound="s",
        stamp="1-1",
        chapters=[Chapter(0.0, "Opening")],
        speakers=[Speaker("Ada", 60.0, []), Speaker("Ben <b>", 30.0, [])],
        downloads=[Download(f"audio.{kind}", types[kind], 1_000) for kind in files],
    )


def parsed(*replays: Replay, house: House = HOUSE) -> dict:
    episodes = [each for each in map(episode, replays) if each is not None]
    return podcastparser.parse(URL, io.BytesIO(feed(house, episodes)), max_episodes=0)


def test_a_podcast_player_finds_everything():
    found = parsed(replay(description="First line.\nSecond & last.", language="de"))
    assert found["title"] == "Town & country"
    assert found["link"] == "https://house.example/"
    assert found["language"] == "de"
    assert found["cover_url"] == HOUSE.image
    assert found["itunes_categories"] == [["News"]]
    (item,) = found["episodes"]
    assert item["title"] == "A debate"
    assert item["guid"] == "urn:hustings:room:may"
    assert item["link"] == "https://edge.example/r/may"
    assert item["published"] == LIVE_MS // 1_000
    assert item["total_time"] == 3_600
    assert item["description"] == "First line.\nSecond & last."
    assert item["enclosures"] == [
        {
            "url": "https://edge.example/r/may/audio.m4a",
            "file_size": 1_000,
            "mime_type": "audio/mp4",
        }
    ]


def test_whoever_was_called_up_from_the_audience_is_no_guest_of_the_feed():
    called = msgspec.structs.replace(
        replay(), chapters=[Chapter(0.0, "Opening"), Chapter(60.0, "Ben <b>", "call")]
    )
    found = episode(called)
    assert found is not None
    assert found.people == []


def test_newer_players_find_chapters_people_and_other_formats():
    """By the Podcast Namespace's own address, which this parser does not know."""
    item = ET.fromstring(feed(HOUSE, [episode(replay())])).find("channel/item")
    space = "{https://podcastindex.org/namespace/1.0}"
    chapters = item.find(f"{space}chapters")
    assert chapters.get("url") == "https://edge.example/r/may/chapters.json"
    assert chapters.get("type") == "application/json+chapters"
    people = [(each.text, each.get("role")) for each in item.findall(f"{space}person")]
    assert people == [("Ada", "host"), ("Ben <b>", "guest")]
    other = item.find(f"{space}alternateEnclosure")
    assert (other.get("type"), other.get("length")) == ("audio/mpeg", "1000")
    assert other.find(f"{space}source").get("uri") == "https://edge.example/r/may/audio.mp3"


def test_a_room_keeps_its_guid_whatever_else_changes():
    before = parsed(replay())["episodes"][0]["guid"]
    moved = House(
        "New", "", "News", "https://b.example/i.png", "https://b.example", "https://c.example"
    )
    after = parsed(replay(title="Another title", live_ms=LIVE_MS + 1), house=moved)
    assert after["episodes"][0]["guid"] == before


def test_a_transcript_is_named_once_there_is_one():
    from msgspec.structs import replace

    assert b"podcast:transcript" not in feed(HOUSE, [episode(replay())])
    told = feed(HOUSE, [episode(replace(replay(), transcript="transcript.vtt"))])
    assert b'url="https://edge.example/r/may/transcript.vtt" type="text/vtt"' in told


@pytest.mark.parametrize(
    "hidden",
    [
        replay(private_id("rehearsal")),
        replay(private_id("soundcheck")),
        replay("may", rehearsal_of="evening"),
        replay("may", state="live"),
        replay("may", files=("mp3",)),  # being made
    ],
)
def test_what_is_private_or_not_over_is_no_episode(hidden):
    assert episode(hidden) is None


def test_the_newest_come_first_and_only_so_many():
    many = [replay(f"r{n}", live_ms=LIVE_MS + n * 1_000) for n in range(EPISODES + 5)]
    guids = [each["guid"] for each in parsed(*many)["episodes"]]
    assert guids == [f"urn:hustings:room:r{n}" for n in range(EPISODES + 4, 4, -1)]


def test_the_same_replays_give_the_same_bytes_in_any_order():
    some = [episode(replay(f"r{n}")) for n in range(5)]
    assert feed(HOUSE, some) == feed(HOUSE, some[::-1])


HOSTILE = "\x00\x0b\ud800\ufffe]]><!--&amp;<script>\u202eevil\u2066\r\n--><![CDATA["


@given(st.text(st.characters(codec=None), max_size=400), st.text(st.characters(), max_size=80))
@example(HOSTILE, HOSTILE)
@example("\u202e" * 300, "")
def test_whatever_people_write_the_feed_parses(words, name):
    hostile = replay(title=words, description=words, host=name, language=name)
    house = House(
        words, words, name, "https://e.example/i.png", "https://w.example", "https://e.example"
    )
    data = feed(house, [episode(hostile)])
    item = ET.fromstring(data).find("channel/item")
    assert item.findtext("title") == (plain(words) or "may")
    assert not set("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\r\x00") & set(
        data.decode()
    )
    assert len(parsed(hostile, house=house)["episodes"]) == 1


def test_words_keep_what_their_language_needs():
    assert plain("مناظرة\u200c ها \u200fx") == "مناظرة\u200c ها \u200fx"
    assert plain("a\r\nb\rc", lines=True) == "a\nb\nc"
    assert plain("a" * 999) == "a" * 200


def test_the_house_is_as_its_settings_say():
    urls = PublicUrl(web="https://w.example/", edge="https://e.example/")
    plainly = house_of(Settings(public_url=urls))
    assert (plainly.title, plainly.about, plainly.web) == (
        "Hustings",
        "Hustings",
        "https://w.example",
    )
    assert plainly.image == "https://e.example/static/icon-512.png"
    own = HouseSettings(
        title="T", about="A", category="Government", image="https://i.example/i.png"
    )
    told = house_of(Settings(public_url=urls, house=own))
    assert (told.title, told.about, told.category, told.image) == (
        "T",
        "A",
        "Government",
        "https://i.example/i.png",
    )


def test_an_episode_has_its_rooms_picture():
    picture = kinds.Picture("0" * 32, "A bridge", 640, 480)
    [found] = parsed(replay("a", picture=picture))["episodes"]
    assert found["episode_art_url"] == f"https://edge.example/r/a/{picture.file}"


def test_a_guest_who_spoke_is_one_person_with_a_picture() -> None:
    guests = [kinds.Guest("a", "Ben <b>", picture="a" * 32), kinds.Guest("b", "Cy")]
    found = episode(replay(guests=guests))
    assert found is not None
    item = ET.fromstring(feed(HOUSE, [found])).find("channel/item")
    assert item is not None
    space = {"podcast": "https://podcastindex.org/namespace/1.0"}
    persons = [(each.text, each.get("img")) for each in item.findall("podcast:person", space)]
    picture = f"https://edge.example/r/may/guest.{'a' * 32}.jpg"
    assert persons == [("Ada", None), ("Ben <b>", picture), ("Cy", None)]
