"""The podcast feed of a house's replays: RSS 2.0 that any podcast player follows. Pure.

Keeps true: an episode's guid is its room's name, whatever else changes, the house's address too;
the bytes say nothing of when they were made, so a house without news has an unchanged feed;
whatever people wrote into titles, the feed is well-formed. Written by `archive.episodes`.
Format: RSS 2.0, Apple's podcast tags, Podcast Namespace 1.0 (podcastindex.org/namespace/1.0).
"""

import re
import uuid
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from email.utils import formatdate
from typing import Final
from urllib.parse import quote
from xml.etree.ElementTree import Element, SubElement, indent, tostring

import msgspec

from hustings.archive.index import Download, Replay
from hustings.base.ids import is_private
from hustings.settings import Settings
from hustings.wire.kinds import Guest
from hustings.wire.links import Links, links_for
from hustings.wire.pictures import guest_url

PODCAST: Final = "podcast.xml"
EPISODES: Final = 300  # Apple shows so many; some 2 kB each
TTL_MIN: Final = 60
# The m4a is there as soon as an evening is listed, is the record's own AAC (nothing encoded twice),
# and every podcast player takes it; an MP3 may come later or never, and an enclosure shall not change.
ENCLOSURE: Final = "audio.m4a"

_TITLE: Final = 200  # letters
_WORDS: Final = 4_000  # of a description: Apple's bound
_PEOPLE: Final = 20
_NAMESPACES: Final = {
    "xmlns:atom": "http://www.w3.org/2005/Atom",
    "xmlns:dc": "http://purl.org/dc/elements/1.1/",
    "xmlns:itunes": "http://www.itunes.com/dtds/podcast-1.0.dtd",
    "xmlns:podcast": "https://podcastindex.org/namespace/1.0",
}
_GUIDS: Final = uuid.UUID("ead4c236-bf58-58c6-a2c6-a6b28d128cb6")  # of podcast:guid, by its spec
_TRANSCRIPTS: Final = {
    "html": "text/html",
    "json": "application/json",
    "srt": "application/x-subrip",
    "txt": "text/plain",
    "vtt": "text/vtt",
}
# What XML cannot hold, and what turns the words around it: controls, embeddings and overrides.
_UNFIT: Final = re.compile(
    "[^\t\n\x20-\x7e\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]|[\u202a-\u202e\u2066-\u2069]"
)


class House(msgspec.Struct, frozen=True):
    """Whose podcast it is; addresses are base URLs as the public reaches them."""

    title: str
    about: str
    category: str  # one of Apple's
    image: str
    web: str
    edge: str


class Episode(msgspec.Struct, frozen=True):
    """What the feed says of one replay."""

    room: str
    title: str
    description: str
    language: str
    host: str
    live_ms: int
    duration_s: float
    audio: Download
    others: list[Download]  # the same sound in other formats
    people: list[str]  # who spoke, beside the host, the guests and callers
    chapters: bool
    transcript: str
    picture: str = ""  # its file, below the room's address
    guests: list[Guest] = []  # who were announced and agreed to it


def house_of(settings: Settings, links: Links | None = None) -> House:
    """The house as its settings describe it; links: for one visitor, else those of the settings."""
    links, house = links or links_for(settings), settings.house
    return House(
        title=house.title,
        about=house.about or house.title,
        category=house.category,
        image=house.image or f"{links.edge}/static/icon-512.png",
        web=links.web,
        edge=links.edge,
    )


def episode(replay: Replay) -> Episode | None:
    """A replay's place in the feed; None for a private room's, or one that has no sound yet."""
    room = replay.room
    audio = next((each for each in replay.downloads if each.name == ENCLOSURE), None)
    if audio is None or is_private(room.room) or room.rehearsal_of or room.state != "ended":
        return None
    host = plain(room.host)
    names = dict.fromkeys(plain(speaker.name) for speaker in replay.speakers)
    told = {host, *(plain(guest.name) for guest in room.guests)}
    # whoever was called up from the audience gave a name for the evening, not for a feed
    told |= {plain(each.title) for each in replay.chapters if each.kind == "call"}
    return Episode(
        room=room.room,
        title=plain(room.title) or room.room,
        description=plain(room.description, _WORDS, lines=True),
        language=plain(room.language),
        host=host,
        live_ms=room.live_ms or room.epoch_ms,
        duration_s=replay.duration_s,
        audio=audio,
        others=[each for each in replay.downloads if each.name != ENCLOSURE],
        people=[name for name in names if name and name not in told][:_PEOPLE],
        chapters=bool(replay.chapters),
        transcript=replay.transcript,
        picture=room.picture.file if room.picture else "",
        guests=room.guests,
    )


def feed(house: House, episodes: Iterable[Episode]) -> bytes:
    """The newest `EPISODES` as a feed, newest first."""
    shown = sorted(episodes, key=lambda each: (-each.live_ms, each.room))[:EPISODES]
    rss = Element("rss", {"version": "2.0", **_NAMESPACES})
    channel = SubElement(rss, "channel")
    _about(channel, house, shown)
    for each in shown:
        _item(channel, house, each)
    indent(rss)
    return bytes(tostring(rss, encoding="utf-8", xml_declaration=True)) + b"\n"


def plain(words: str, most: int = _TITLE, *, lines: bool = False) -> str:
    """Words as XML may hold them and as they read beside others.

    most: letters; lines: line breaks stay.
    """
    words = _UNFIT.sub("", words.replace("\r\n", "\n").replace("\r", "\n")[: 8 * most])
    if not lines:
        words = " ".join(words.split())
    return words[:most].strip()


def _about(channel: Element, house: House, shown: Sequence[Episode]) -> None:
    title, own = plain(house.title) or "Hustings", f"{house.edge}/{PODCAST}"
    add(channel, "title", title)
    add(channel, "link", f"{house.web}/")
    add(channel, "description", plain(house.about, _WORDS, lines=True) or title)
    add(channel, "language", _language(shown))
    add(channel, "ttl", str(TTL_MIN))
    if shown:
        add(channel, "pubDate", _date(shown[0].live_ms))
    add(channel, "atom:link", href=own, rel="self", type="application/rss+xml")
    add(channel, "podcast:guid", str(uuid.uuid5(_GUIDS, own.partition("://")[2])))
    add(channel, "podcast:medium", "podcast")
    add(channel, "itunes:author", title)
    add(channel, "itunes:category", text=plain(house.category))
    add(channel, "itunes:explicit", "false")
    add(channel, "itunes:image", href=house.image)
    image = SubElement(channel, "image")
    add(image, "url", house.image)
    add(image, "title", title)
    add(image, "link", f"{house.web}/")


def _item(channel: Element, house: House, each: Episode) -> None:
    page = f"{house.edge}/r/{each.room}"
    item = SubElement(channel, "item")
    add(item, "title", each.title)
    add(item, "link", page)
    add(item, "guid", f"urn:hustings:room:{each.room}", isPermaLink="false")
    add(item, "pubDate", _date(each.live_ms))
    add(item, "description", each.description or each.title)
    add(item, "enclosure", url=f"{page}/{each.audio.name}", **_file(each.audio))
    add(item, "itunes:duration", str(round(each.duration_s)))
    add(item, "itunes:explicit", "false")
    if each.picture:
        add(item, "itunes:image", href=f"{page}/{each.picture}")
    if each.language:
        add(item, "dc:language", each.language)
    if each.host:
        add(item, "itunes:author", each.host)
        add(item, "podcast:person", each.host, role="host")
    for guest in each.guests:
        add_guest(item, house.edge, each.room, guest)
    for name in each.people:
        add(item, "podcast:person", name, role="guest")
    if each.chapters:
        add(item, "podcast:chapters", url=f"{page}/chapters.json", type="application/json+chapters")
    if each.transcript:
        kind = _TRANSCRIPTS.get(each.transcript.rpartition(".")[2], "text/plain")
        add(item, "podcast:transcript", url=f"{page}/{quote(each.transcript)}", type=kind)
    for file in each.others:
        other = add(item, "podcast:alternateEnclosure", **_file(file))
        add(other, "podcast:source", uri=f"{page}/{file.name}")


def add(parent: Element, tag: str, words: str = "", **attributes: str) -> Element:
    """A new last child."""
    made = SubElement(parent, tag, attributes)
    made.text = words or None
    return made


def add_guest(item: Element, edge: str, room: str, guest: Guest) -> None:
    """Somebody who was announced, with their picture and address where there are such."""
    more = {"img": guest_url(edge, room, guest), "href": guest.url}
    shown = {name: value for name, value in more.items() if value}
    add(item, "podcast:person", plain(guest.name), role="guest", **shown)


def _file(file: Download) -> dict[str, str]:
    return {"length": str(file.bytes), "type": file.type}


def _date(wall_ms: int) -> str:
    """As RFC 822 writes it."""
    return formatdate(wall_ms // 1_000, usegmt=True)


def _language(shown: Iterable[Episode]) -> str:
    """What is spoken most often here."""
    counted = Counter(_spoken(shown))
    return counted.most_common(1)[0][0] if counted else "en"


def _spoken(shown: Iterable[Episode]) -> Iterator[str]:
    for each in shown:
        if each.language:
            yield each.language
