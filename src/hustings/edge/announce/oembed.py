"""oEmbed 1.0 (oembed.com): what another site's editor is told of a link to a room. Pure."""

from collections.abc import Mapping
from html import escape
from typing import Any, Final
from urllib.parse import urlsplit

from hustings.archive.podcast import House, plain
from hustings.base.errors import HustingsError, NotFound
from hustings.base.ids import RoomId, room_id
from hustings.wire.kinds import Room
from hustings.wire.pictures import picture_url

WIDTH: Final = (240, 480)  # least and usual, px
HEIGHT: Final = (180, 220)
AGE_S: Final = 3_600


def room_asked(query: Mapping[str, str], edge: str) -> RoomId:
    """Whose page `url=` is, with whatever query of its own.

    edge: our base URL. Raises NotFound `page_unknown` for every other address, and
    `format_unknown` (501).
    """
    if query.get("format", "json") != "json":
        raise HustingsError("format_unknown", "oEmbed is answered as JSON only.", status=501)
    page = query.get("url", "").partition("?")[0].partition("#")[0]
    name = page.removeprefix(f"{edge}/r/")
    if name == page or not urlsplit(edge).netloc or "/" in name:
        raise NotFound("page_unknown", "This is not the address of a room here.")
    return room_id(name)


def oembed(house: House, room: Room, query: Mapping[str, str]) -> dict[str, Any]:
    """The answer: a frame with the small player, no larger than `maxwidth` and `maxheight` say."""
    width, height = (
        _within(bounds, query.get(name, ""))
        for bounds, name in ((WIDTH, "maxwidth"), (HEIGHT, "maxheight"))
    )
    title = plain(room.title) or room.room
    source = escape(f"{house.edge}/r/{room.room}/embed")
    thumbnail: dict[str, Any] = {}  # all three, or none (2.3.4)
    if room.picture:
        thumbnail = {
            "thumbnail_url": picture_url(house.edge, room),
            "thumbnail_width": room.picture.width,
            "thumbnail_height": room.picture.height,
        }
    return {
        **thumbnail,
        "version": "1.0",
        "type": "rich",
        "title": title,
        "author_name": plain(room.host),
        "provider_name": plain(house.title),
        "provider_url": f"{house.web}/",
        "cache_age": AGE_S,
        "width": width,
        "height": height,
        "html": f'<iframe src="{source}" title="{escape(title)}" width="{width}" height="{height}" '
        'loading="lazy" style="border:0"></iframe>',
    }


def _within(bounds: tuple[int, int], most: str) -> int:
    least, usual = bounds
    if not (most.isascii() and most.isdigit() and len(most) < 6):
        return usual
    return max(least, min(int(most), usual))
