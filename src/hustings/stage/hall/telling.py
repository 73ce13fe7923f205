"""What the pages of one room's people are told, and when (docs/protocol.md 4.1).

Keeps true: nothing is decided here; every message is a view of the room's record, its sound or its
audience as they are now, made by `stage.views` and its like.
"""

from collections.abc import Sequence
from typing import Any

import msgspec

from hustings.base.clock import Clock
from hustings.stage.hall.gallery import Gallery
from hustings.stage.hall.record import Record
from hustings.stage.room import Change
from hustings.stage.signs import Signs
from hustings.stage.sound import Sound
from hustings.stage.views import held_view, seats_view
from hustings.stage.watchers import Watchers
from hustings.wire import kinds


class Telling:
    """To the pages of one room."""

    def __init__(
        self,
        record: Record,
        gallery: Gallery,
        sound: Sound,
        signs: Signs,
        watchers: Watchers,
        clock: Clock,
    ) -> None:
        self._record = record
        self._gallery = gallery
        self._sound = sound
        self._signs = signs
        self._signs_told = signs.view()
        self._watchers = watchers
        self._clock = clock

    def view(self) -> dict[str, Any]:
        """The whole room, as `welcome` has it."""
        model = self._record.model
        return {
            "room": msgspec.to_builtins(model.facts),
            **self._record.evening.view(self._record.air_time),
            **self._gallery.hands_view(),
            **seats_view(model),
            "speaking": model.speaking,
            "media_time": self._record.media_time,
            **self._signs.view(),
        }

    def entered(self, changes: Sequence[Change]) -> None:
        """What the record took in just now."""
        tell, model = self._watchers.tell, self._record.model
        told = {change.kind for change in changes}
        for change in changes:
            if isinstance(change.body, kinds.Seat) and change.body.change == "asked":
                invited = {"type": "invited", "by": change.body.by}
                self._watchers.tell_one(change.body.id, invited)
        if kinds.ROOM in told:
            tell({"type": "room", "room": msgspec.to_builtins(model.facts)})
        if told & {kinds.ROSTER, kinds.SEAT, kinds.CHARGE, kinds.PANIC, kinds.TALK}:
            tell({"type": "roster", **seats_view(model)})
            self.signs()
        if kinds.HAND in told:
            tell({"type": "hands", **self._gallery.hands_view()})
        for message in self._record.evening.news(told, self._record.air_time):
            tell(message)

    def levels(self, speaking: list[str]) -> None:
        """Five times a second: who is heard and how loud, how many listen, what is held back."""
        if not self._watchers:
            return
        sound = self._sound
        heard = {"levels": sound.levels(), "loudness": sound.loudness, "speaking": speaking}
        light = self._gallery.audience.light(self._clock.monotonic())
        held, hands = held_view(sound.delay), self._gallery.counts_view()
        self._watchers.tell({"type": "levels", **heard, **light, **held, **hands})

    def signs(self) -> None:
        """Which microphones are in trouble, if that is news."""
        self._signs.keep(self._record.model.people)
        if (now := self._signs.view()) != self._signs_told:
            self._signs_told = now
            self._watchers.tell({"type": "microphones", **now})

    def second(self) -> None:
        """Once a second: the evening's own news."""
        for message in self._record.evening.second(self._record.air_time):
            self._watchers.tell(message)
