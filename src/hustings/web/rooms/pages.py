"""Rooms a page at a time: one more is read than is shown, to know whether there is a next page; pure."""

import msgspec

from hustings.web.rooms.lists import Query, cursor_of
from hustings.web.rooms.model import PlannedRoom


class Page(msgspec.Struct, frozen=True):
    """Some rooms of a list."""

    rooms: list[PlannedRoom]
    next: str = ""  # the cursor of the next page; "": this is the last


def one_more(query: Query) -> Query:
    """What `cut` needs."""
    return msgspec.structs.replace(query, limit=query.limit + 1)


def cut(found: list[PlannedRoom], limit: int) -> Page:
    """The page out of at least one room more than it holds, where there are more."""
    if len(found) <= limit:
        return Page(found)
    last = found[limit - 1]
    return Page(found[:limit], cursor_of(last.sort_ms, last.room))
