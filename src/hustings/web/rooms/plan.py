"""A room as its hosts see it: what it is to be, though the stage may not have heard yet; pure."""

import hashlib
from collections.abc import Mapping
from typing import Any, Literal

import msgspec

from hustings.base.errors import UserError
from hustings.web.outbox.model import Backlog
from hustings.web.rooms.model import PlannedRoom, Wish, expect_kept, keeping, wish_from_form
from hustings.wire.kinds import Words

Part = Literal["wish", "texts", "picture"]  # each has a form of its own


class Plan(msgspec.Struct, frozen=True):
    """The room, and what of it is on its way to the stage."""

    planned: PlannedRoom
    backlog: Backlog

    @property
    def wish(self) -> Wish:
        """What was asked for last, by whomever."""
        return self.planned.wish if self.backlog.waiting else self.planned.current

    @property
    def is_off(self) -> bool:
        """Whether it was cancelled."""
        return bool(self.backlog.wanted.get("cancelled", self.planned.is_off))

    @property
    def why(self) -> str:
        """Why it was cancelled."""
        facts = self.planned.facts
        wanted = str(self.backlog.wanted.get("cancelled_why", ""))
        return wanted or (facts.cancelled_why if facts else "")

    @property
    def picture(self) -> Mapping[str, str] | None:
        """Hash and words (`alt`) of the room's picture; None: it has none."""
        facts, wanted = self.planned.facts, self.backlog.wanted
        if "picture" in wanted:
            coming: Mapping[str, str] | None = wanted["picture"]
            return coming
        shown = facts.picture if facts else None
        return {"hash": shown.hash, "alt": shown.alt} if shown else None

    @property
    def texts(self) -> Mapping[str, Words]:
        """Title and description in further languages."""
        facts, wanted = self.planned.facts, self.backlog.wanted
        if "texts" in wanted:
            return msgspec.convert(wanted["texts"], dict[str, Words])
        return facts.texts if facts else {}

    @property
    def version(self) -> str:
        """Differs whenever something differs that a host could have changed or must know."""
        said = [
            *(msgspec.structs.astuple(self.wish), self.planned.state, self.is_off, self.why),
            *(self.picture, sorted(self.texts.items())),
        ]
        return _digest(said)

    def seen(self, part: Part) -> str:
        """The version of what one form holds: another form's change is no conflict with it.

        Nor is the delay that hosts set on the stage; the one that was asked for stands in its place,
        so that a form opened before the start can be saved after it.
        """
        wish = self.wish
        if self.planned.state in {"live", "ended"}:
            wish = msgspec.structs.replace(wish, delay_s=self.planned.wish.delay_s)
        said = {
            "wish": msgspec.structs.astuple(wish),
            "texts": sorted(self.texts.items()),
            "picture": self.picture,
        }
        return _digest(said[part])

    def expect(self, seen: str, part: Part | None = None) -> None:
        """Raise UserError `room_changed` (412) if it is not what was seen; "": whatever it is."""
        if seen and seen != (self.seen(part) if part else self.version):
            raise UserError("room_changed", "The room was changed meanwhile.", status=412)


def changed(plan: Plan, fields: Mapping[str, str], *, guest: bool = False) -> Wish:
    """The wish of a filled form. Raises UserError with `field` naming what to mend.

    guest: it is from somebody who is let into this room alone; how long its recording stays, and
    whether the house's rules hold in it, is not theirs to say.
    """
    fields = dict(fields)
    if plan.planned.state == "live":  # the delay is the hosts' own on the stage
        fields["delay_s"] = str(plan.planned.current.delay_s)
    if guest:
        fields |= keeping(plan.wish.keep_days)
        fields["rules_alone"] = "on" if plan.wish.rules_alone else ""
    wish = wish_from_form(fields, before_ms=plan.wish.start_ms)
    expect_kept(plan.planned, wish)
    return wish


def differing(saved: Wish, wanted: Wish) -> list[tuple[str, Any]]:
    """The fields in which they differ, as they are saved."""
    pairs = zip(msgspec.structs.asdict(saved).items(), msgspec.structs.astuple(wanted), strict=True)
    return [(name, value) for (name, value), other in pairs if value != other]


def _digest(said: object) -> str:
    return hashlib.sha256(msgspec.json.encode(said)).hexdigest()[:20]
