"""A room as its hosts see it: when is it another one?"""

from hustings.base.ids import RoomId
from hustings.web.outbox.model import Backlog
from hustings.web.rooms.model import PlannedRoom, Wish
from hustings.web.rooms.plan import Plan

PICTURE = {"hash": "a" * 8, "alt": "The bridge"}
GERMAN = {"title": "Saal", "description": ""}
ARABIC = {"title": "القاعة", "description": ""}


def version(**wanted: object) -> str:
    hall = PlannedRoom(RoomId("hall"), Wish("Hall"), made_here=True, created_ms=1)
    return Plan(hall, Backlog(waiting=1, wanted=wanted)).version


def test_a_room_with_another_picture_or_other_words_is_another_version() -> None:
    seen = [
        version(),
        version(picture=PICTURE),
        version(picture=PICTURE | {"alt": "The old bridge"}),
        version(texts={"de": GERMAN}),
        version(texts={"ar": GERMAN}),
        version(texts={"de": GERMAN, "ar": ARABIC}),
    ]
    assert len(set(seen)) == len(seen)
    assert version(picture=None, texts={}) == version()
    assert version(texts={"ar": ARABIC, "de": GERMAN}) == seen[-1]  # in whatever order they came
