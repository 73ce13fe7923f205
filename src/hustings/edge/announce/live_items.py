"""Evenings that are to come or on now, in the podcast feed (`podcast:liveItem`). Pure.

The feed of replays is a file; who is live is known to the edge, which puts these before its end
(`put_in`) as it serves it. Keeps true: whatever people wrote, the feed stays well-formed; the same
rooms make the same bytes. Format: Podcast Namespace 1.0.
"""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Final, Literal
from xml.etree.ElementTree import Element, tostring

from hustings.archive.podcast import House, add, add_guest, plain
from hustings.base.ids import is_private
from hustings.edge.announce.calendar import LENGTH_MS
from hustings.wire.kinds import Room
from hustings.wire.pictures import picture_url

AHEAD_MS: Final = 14 * 86_400_000
BEHIND_MS: Final = 86_400_000  # an evening that ended, or that nobody opened, is told for a day
ITEMS: Final = 50
_END: Final = b"</channel>"
_WORDS: Final = 4_000

Status = Literal["pending", "live", "ended"]


def status_of(room: Room, now_ms: int) -> Status | None:
    """As podcast players see a room; None: they do not see it."""
    if room.cancelled_ms or room.deleted or room.rehearsal_of or is_private(room.room):
        return None
    if room.imported:  # nobody could ever hear it live
        return None
    if room.state == "live":
        return "live"
    if room.state == "ended":
        return "ended" if room.live_ms and now_ms - room.ended_ms < BEHIND_MS else None
    begins = -BEHIND_MS < room.start_ms - now_ms < AHEAD_MS
    return "pending" if room.state == "lobby" or begins else None


def live_items(house: House, rooms: Iterable[Room], now_ms: int) -> bytes:
    """One element for each, the earliest first."""
    seen = [(room, status) for room in rooms if (status := status_of(room, now_ms)) is not None]
    seen.sort(key=lambda pair: (_began_ms(pair[0]), pair[0].room))
    return b"\n".join(_item(house, room, status) for room, status in seen[:ITEMS])


def put_in(feed: bytes, items: bytes) -> bytes:
    """The feed with these at the end of its channel."""
    before, end, after = feed.rpartition(_END)
    return b"".join((before, items, b"\n", end, after)) if items and end else feed


def _began_ms(room: Room) -> int:
    return room.live_ms or room.start_ms or room.epoch_ms


def _item(house: House, room: Room, status: Status) -> bytes:
    page, live = f"{house.edge}/r/{room.room}", f"{house.edge}/live/{room.room}"
    began_ms = _began_ms(room)
    ended_ms = room.ended_ms if status == "ended" else max(room.start_ms, began_ms) + LENGTH_MS
    item = Element(
        "podcast:liveItem", {"status": status, "start": _iso(began_ms), "end": _iso(ended_ms)}
    )
    title = plain(room.title) or room.room
    add(item, "title", title)
    add(item, "link", page)
    # Not the guid of its replay: players would take one for the other.
    add(item, "guid", f"urn:hustings:room:{room.room}:live", isPermaLink="false")
    add(item, "description", plain(room.description, _WORDS, lines=True) or title)
    kind = "audio/mpeg" if room.radio else "audio/mp4"
    sound = f"{live}/radio.mp3" if room.radio else f"{live}/aac.mp4"
    add(item, "enclosure", url=sound, type=kind, length="0")
    hls = add(item, "podcast:alternateEnclosure", type="application/vnd.apple.mpegurl", length="0")
    add(hls, "podcast:source", uri=f"{live}/index.m3u8")
    add(item, "podcast:contentLink", title, href=page)
    if room.picture:
        add(item, "itunes:image", href=picture_url(house.edge, room))
    if host := plain(room.host):
        add(item, "itunes:author", host)
        add(item, "podcast:person", host, role="host")
    for each in room.guests:
        add_guest(item, house.edge, room.room, each)
    return bytes(tostring(item, encoding="utf-8"))


def _iso(wall_ms: int) -> str:
    return datetime.fromtimestamp(wall_ms // 1_000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
