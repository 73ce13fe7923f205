"""The fields of rooms as programs send and read them, with their bounds; pydantic at this boundary.

What may stand in a room is decided by the same rules as for the form (`web.rooms.model`): what is
sent becomes the form's fields, and errors have its codes.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal

import msgspec
from pydantic import BaseModel, ConfigDict, Field

from hustings.base.errors import UserError
from hustings.pages.locales import LANGUAGES
from hustings.web.rooms.model import (
    FIELDS,
    INVITED,
    NAME_CHARS,
    TEXT_CHARS,
    TITLE_CHARS,
    PlannedRoom,
    Wish,
    fields_of,
    keeping,
)
from hustings.web.rooms.plan import Plan
from hustings.web.rooms.wording import fields_of_texts, others, texts_from_form
from hustings.wire import kinds
from hustings.wire.kinds import DELAYS_S, EXPECTED, KEEP_DAYS, LOBBY_MIN, Picture
from hustings.wire.links import Links
from hustings.wire.rules import TEXT_CHARS as RULES_CHARS
from hustings.wire.wording import TEXTS

LAST_MS: Final = 253_402_300_799_999  # the end of the year 9999
State = Literal["scheduled", "lobby", "live", "ended"]

WallMs = Annotated[int, Field(ge=0, le=LAST_MS)]
Title = Annotated[
    str, Field(min_length=1, max_length=TITLE_CHARS, examples=["Who runs the harbour?"])
]
Description = Annotated[str, Field(max_length=TEXT_CHARS, examples=["Two candidates, one hour."])]
Language = Annotated[
    str,
    Field(
        max_length=35,
        pattern=r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8}){0,3}$",
        description="BCP 47 tag of what is spoken.",
        examples=["de-CH"],
    ),
]
Name = Annotated[str, Field(max_length=NAME_CHARS, examples=["Ada"])]
Start = Annotated[
    WallMs,
    Field(
        description="Planned start, wall milliseconds UTC; 0: not said.",
        examples=[1_800_000_000_000],
    ),
]
Expected = Annotated[
    int, Field(ge=0, le=EXPECTED, description="Listeners reckoned with; 0: not said.")
]
Delay = Annotated[
    int,
    Field(
        description="Broadcast delay in seconds; 0: none.",
        json_schema_extra={"enum": list(DELAYS_S)},
    ),
]
Keep = Annotated[int, Field(ge=0, le=KEEP_DAYS)]
KeepDays = Annotated[
    Keep | None,
    Field(
        description="Days that the recording is kept after the end; 0: not kept, null: for ever."
    ),
]
Before = Annotated[int, Field(ge=0, le=LOBBY_MIN)]
LobbyMin = Annotated[
    Before | None,
    Field(
        description="Minutes before the start at which the lobby opens by itself; 0: by hand only, "
        "null: as the house does it."
    ),
]
DoorsChoice = Annotated[
    kinds.Doors | None,
    Field(
        description="With which state the waiting line of a full house begins to move; who waits by "
        "then comes in in an order drawn by lot. null: as the house does it."
    ),
]
OwnRules = Annotated[
    str,
    Field(
        max_length=RULES_CHARS,
        description="Rules of this room beside the house's, in the language that is spoken: people "
        "agree to them before they raise a hand or come on stage.",
        examples=["One question each."],
    ),
]
RulesAlone = Annotated[bool, Field(description="`own_rules` hold instead of the house's.")]


class Asked(BaseModel):
    """What programs send: exactly these fields, of exactly these types."""

    model_config = ConfigDict(extra="forbid", strict=True)


def _without_defaults(schema: dict[str, Any]) -> None:
    for about in schema["properties"].values():
        about.pop("default", None)


class NewWords(Asked):
    """What the room is, for readers of one more language."""

    title: Title
    description: Description = ""


Reader = Annotated[str, Field(json_schema_extra={"enum": list(LANGUAGES)})]
Texts = Annotated[
    Annotated[dict[Reader, NewWords], Field(max_length=TEXTS)] | None,
    Field(
        description="Title and description for readers of other languages than the spoken one: "
        "these and no others; null: none.",
        examples=[{"de": {"title": "Wem gehört der Hafen?", "description": ""}}],
    ),
]


class RoomChange(Asked):
    """What is to change; fields that are left out stay as they are."""

    model_config = ConfigDict(
        json_schema_extra=_without_defaults,
    )

    title: Title = ""
    description: Description = ""
    language: Language = ""
    host: Name = ""
    start_ms: Start = 0
    radio: bool = False
    expected: Expected = 0
    delay_s: Delay = 0
    keep_days: KeepDays = None
    lobby_min: LobbyMin = None
    doors: DoorsChoice = None
    own_rules: OwnRules = ""
    rules_alone: RulesAlone = False
    texts: Texts = None

    def form(self) -> dict[str, str]:
        """The fields that were sent, as the form has them; the start is not among them."""
        sent = self.model_dump(exclude_unset=True)
        fields = {name: _spelled(sent[name]) for name in FIELDS if name in sent}
        return fields | (keeping(self.keep_days) if "keep_days" in sent else {})

    def with_start(self, wish: Wish, start_ms: int) -> Wish:
        """The wish with the start that was sent; else with the one that it has."""
        sent = "start_ms" in self.model_fields_set
        return msgspec.structs.replace(wish, start_ms=self.start_ms if sent else start_ms)

    def words(self, spoken: str) -> dict[str, kinds.Words] | None:
        """What was sent for readers of other languages than the `spoken` one; None: nothing was.

        Raises UserError: language_bad; title_missing with the field as the form has it.
        """
        if "texts" not in self.model_fields_set:
            return None
        sent = {each: kinds.Words(**said.model_dump()) for each, said in (self.texts or {}).items()}
        readers = others(spoken)
        if not sent.keys() <= set(readers):
            may = ", ".join(readers)
            raise UserError("language_bad", f"Readers' other languages are {may}.", field="texts")
        found = texts_from_form(fields_of_texts(sent), sent)
        for blank in sent.keys() - found.keys():
            raise UserError("title_missing", "Give it a title too.", field=f"title-{blank}")
        return found


class NewRoom(RoomChange):
    """A room to be. What is left out is as in the empty form."""

    title: Title
    language: Language = "en"
    address: Annotated[
        str,
        Field(
            max_length=64,
            pattern=r"^[a-z0-9]([a-z0-9-]{0,62}[a-z0-9])?$",
            description="The room's address, for ever; left out: made from the title.",
            examples=["harbour"],
        ),
    ] = ""
    cohosts: Annotated[
        list[Name], Field(max_length=INVITED - 1, description="Invited as co-hosts.")
    ] = []
    speakers: Annotated[
        list[Name], Field(max_length=INVITED - 1, description="Invited as speakers.")
    ] = []

    def form(self) -> dict[str, str]:
        """As `RoomChange.form`; names one a line."""
        people = {"cohosts": self.cohosts, "speakers": self.speakers}
        lines = {field: "\n".join(map(_line, names)) for field, names in people.items()}
        return super().form() | {"language": self.language} | lines


class Words(BaseModel):
    """What the room is, for readers of one more language."""

    title: str
    description: str


class Room(BaseModel):
    """One room, as everybody may see it."""

    room: str = Field(description="Address of the room, the same for ever.")
    title: str
    description: str
    state: State
    language: str = Field(description="BCP 47 tag of what is spoken.")
    host: str
    start_ms: int = Field(description="Planned start, wall milliseconds UTC; 0: not planned.")
    was_ms: int = Field(description="The start that was announced before; 0: never moved.")
    ended_ms: int = Field(description="When it ended; 0: not yet.")
    cancelled: bool = Field(description="It does not take place.")
    cancelled_ms: int = Field(description="When it was cancelled; 0: it takes place.")
    cancelled_why: str = Field(description="Why, in the hosts' words; may be empty.")
    radio: bool = Field(description="An MP3 stream is made too.")
    expected: int
    delay_s: int
    keep_days: int | None
    lobby_min: int | None
    doors: kinds.Doors | None
    own_rules: str = Field(description="Rules of this room beside the house's.")
    rules_alone: bool = Field(description="They hold instead of the house's.")
    deleted: bool = Field(description="The recording is gone.")
    listen: str = Field(description="The listeners' page.")
    stream: str = Field(description="HLS playlist.")
    picture: str | None = Field(description="Where the room's picture is; null: it has none.")
    picture_alt: str = Field(description="What it shows, in words.")
    texts: dict[str, Words] = Field(
        description="Title and description for readers of other languages, by BCP 47 tag."
    )


class RoomPlan(Room):
    """One room, with how far the last change has come."""

    waiting: bool = Field(description="Something is on its way to the stage still.")
    refused: str = Field(
        description="What the stage refused, in its words; needs the scope rooms:read, else empty."
    )


class RoomsPage(BaseModel):
    """A page of a list."""

    rooms: list[Room]
    next: str | None = Field(description="`after` of the next page; null: this is the last.")


def room_answer(planned: PlannedRoom, links: Links) -> Room:
    """A room in a list: as the stage last said, else as it is planned."""
    wish, shown = planned.current, planned.facts.picture if planned.facts else None
    return Room(
        **_facts(planned, links),
        **_picture(planned, links, msgspec.structs.asdict(shown) if shown else None),
        **_wished(wish) | {"title": planned.title},
        cancelled=planned.is_off,
        cancelled_why=planned.facts.cancelled_why if planned.facts else "",
        texts=_texts(planned.facts.texts if planned.facts else {}),
    )


def plan_answer(plan: Plan, links: Links, *, knows: bool) -> RoomPlan:
    """A room by itself: as it was asked for last. knows: whoever asks may see refusals."""
    return RoomPlan(**plan_fields(plan, links, knows=knows))


def plan_fields(plan: Plan, links: Links, *, knows: bool) -> dict[str, Any]:
    """The fields of `plan_answer`."""
    return {
        **_facts(plan.planned, links),
        **_picture(plan.planned, links, plan.picture),
        **_wished(plan.wish),
        "cancelled": plan.is_off,
        "cancelled_why": plan.why,
        "texts": _texts(plan.texts),
        "waiting": plan.backlog.waiting > 0,
        "refused": plan.backlog.refused if knows else "",
    }


def form_of(plan: Plan, change: RoomChange) -> dict[str, str]:
    """The form of this room, with what is to change."""
    return {**fields_of(plan.wish), **change.form()}


def _wished(wish: Wish) -> dict[str, Any]:
    return msgspec.structs.asdict(wish)


def _facts(planned: PlannedRoom, links: Links) -> Mapping[str, Any]:
    facts = planned.facts
    return {
        "room": planned.room,
        "state": planned.state,
        "was_ms": facts.was_ms if facts else 0,
        "ended_ms": facts.ended_ms if facts else 0,
        "cancelled_ms": facts.cancelled_ms if facts else 0,
        "deleted": bool(facts and facts.deleted),
        "listen": links.listen(planned.room),
        "stream": f"{links.edge}/live/{planned.room}/index.m3u8",
    }


def _picture(planned: PlannedRoom, links: Links, shown: Mapping[str, str] | None) -> dict[str, Any]:
    if shown is None:
        return {"picture": None, "picture_alt": ""}
    file = Picture(shown["hash"], shown["alt"], 0, 0).file
    return {"picture": f"{links.listen(planned.room)}/{file}", "picture_alt": shown["alt"]}


def _texts(texts: Mapping[str, kinds.Words]) -> dict[str, Words]:
    return {each: Words(**msgspec.structs.asdict(said)) for each, said in texts.items()}


def _spelled(value: Any) -> str:
    if isinstance(value, bool):
        return "on" if value else ""
    if value is None:  # as the house does it
        return ""
    return str(value)


def _line(name: str) -> str:
    return " ".join(name.split())
