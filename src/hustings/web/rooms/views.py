"""Home, the room form, and a room's page for its hosts."""

from collections import Counter
from collections.abc import Mapping
from typing import Any, Final, get_args
from urllib.parse import urlencode

from fastapi import APIRouter
from starlette.responses import RedirectResponse, Response

from hustings.base.errors import TryLater, UserError
from hustings.base.ids import RoomId, new_id, room_id
from hustings.pages import problems
from hustings.pages.locales import own_name
from hustings.web.guests.model import Back
from hustings.web.outbox.stage import StageRefused
from hustings.web.problems import not_found
from hustings.web.rooms import lists
from hustings.web.rooms.erasing import reason_from_form, stretch_from_form
from hustings.web.rooms.languages import spoken_languages
from hustings.web.rooms.local_time import start_from_form
from hustings.web.rooms.model import (
    FIELDS,
    LEADS,
    NAME_CHARS,
    REASON_CHARS,
    ROLES,
    Invitation,
    PassKind,
    Person,
    Wish,
    address_from_form,
    as_usual,
    clean,
    fields_of,
    keeping,
    people_from_form,
    role_from_form,
    wish_from_form,
)
from hustings.web.rooms.plan import Part, Plan, changed, differing
from hustings.web.rooms.service import LISTED
from hustings.web.rooms.wording import fields_of_texts, others
from hustings.web.rooms.zones import zone_choices
from hustings.web.visit import Visit, Visitor
from hustings.wire.kinds import DELAYS_S

router = APIRouter(include_in_schema=False)
FORMS: Final = frozenset(
    {
        "lobby",
        "cancel",
        "revive",
        "invitations",
        "picture",
        "languages",
        "crew",
        "guests",
        "erase",
        "delete",
    }
)

REFUSED: Final = {"room_changed": 409}  # what a form could not save; else 422
# what the page says where the stage refuses, by its code; else `..._refused`
_ERASE_SAID: Final = {"stretch_bad": "erase_bad", "room_unknown": "erase_unknown"}
_DELETE_SAID: Final = {
    "reason_missing": "delete_bad",
    "room_state": "delete_early",
    "room_unknown": "delete_unknown",
}


@router.get("/")
async def home(visit: Visitor) -> Response:
    """What is on, what comes, what was."""
    calendar = await visit.services.rooms.calendar()
    return visit.page("web_home.html", calendar=calendar, who=await visit.who())


@router.get("/all")
async def all_rooms(visit: Visitor) -> Response:
    """All rooms a page at a time, or those of a month, or with a word in title or host's name."""
    asked = visit.request.query_params
    when, month = asked.get("when", ""), asked.get("month", "")
    words = clean(asked.get("words", ""), NAME_CHARS)
    after = lists.place_of(asked.get("after", ""))
    from_ms, until_ms = lists.month_of(month)
    if when == "coming":
        found, span = await visit.services.rooms.coming(after), (0, 0)
    else:
        query = lists.Query(
            states=("ended",) if when == "past" else (),
            from_ms=from_ms,
            until_ms=until_ms,
            words=words,
            after=after,
            latest_first=True,
            limit=LISTED,
        )
        found, span = await visit.services.rooms.found(query)
    more = {"when": when, "month": month, "words": words, "after": found.next}
    return visit.page(
        "web_rooms.html",
        page=found,
        more=urlencode({name: text for name, text in more.items() if text}),
        when=when if when in {"coming", "past"} else "",
        words=words,
        month=month,
        months=lists.months(*span),
        who=await visit.who(),
    )


@router.get("/rooms/new")
async def new_room(visit: Visitor) -> Response:
    """The empty form."""
    if await visit.who() is None:
        return visit.go("/sign-in")
    await visit.needs("rooms")
    usual = visit.services.settings.stage
    kept = keeping(None if usual.keep_days < 0 else usual.keep_days)
    lobby = {"lobby_min": str(usual.lobby_min), "doors": usual.doors}
    return _form_page(visit, {"language": visit.language, **kept, **lobby})


@router.get("/rooms")
async def form_again(visit: Visitor) -> Response:
    """Where the form's address leads without the form: a link to another language, a reload."""
    return visit.go("/rooms/new")


@router.post("/rooms")
async def create_room(visit: Visitor) -> Response:
    """Make the room and its invitations; a mistake shows the form again, filled."""
    who = await visit.needs("rooms")
    fields = await visit.form()
    try:
        wish = wish_from_form(fields)
        people = people_from_form(fields)
        address = address_from_form(fields, title=wish.title, suffix=new_id(4))
        wish = as_usual(wish, visit.services.settings.stage)
        await visit.services.rooms.create(address, wish, people, by=who.account)
    except (UserError, TryLater) as error:
        return _form_page(visit, fields, error)
    visit.services.outbox.wake()
    return visit.go(f"/rooms/{address}", said="created")


@router.get("/rooms/{room}")
async def room_page(visit: Visitor, room: str) -> Response:
    """For hosts: everything about the room. For everybody else: the way to listen."""
    name = room_id(room)
    if not await visit.may_in(name, "rooms"):
        return RedirectResponse(visit.links.listen(name), 303)
    return await room_view(visit, name)


@router.post("/rooms/{room}")
async def change_room(visit: Visitor, room: str) -> Response:
    """Edit what the form holds."""
    name = room_id(room)
    await visit.needs_in(name, "rooms")
    fields, wish = await visit.form(), None
    try:
        plan = await visit.services.rooms.plan(name)
        wish = changed(plan, fields, guest=not await visit.may_in(name, "lead"))
        wish = as_usual(wish, visit.services.settings.stage)
        await visit.services.rooms.change(name, wish, seen=fields.get("seen", ""), part="wish")
    except (UserError, TryLater) as error:
        answer = await room_view(
            visit, name, status=_status(error), fields=fields, error=error, wanted=wish
        )
        return problems.with_patience(answer, error)
    visit.services.outbox.wake()
    return visit.go(f"/rooms/{name}", said="changed")


@router.post("/rooms/{room}/lobby")
async def open_lobby(visit: Visitor, room: str) -> Response:
    """Ask the stage to open the lobby."""
    name = room_id(room)
    await visit.needs_in(name, "rooms")
    await visit.services.rooms.open_lobby(name)
    visit.services.outbox.wake()
    return visit.go(f"/rooms/{name}", said="lobby")


@router.post("/rooms/{room}/cancel")
async def cancel(visit: Visitor, room: str) -> Response:
    """Say that the room does not take place, and why."""
    name = room_id(room)
    await visit.needs_in(name, "rooms")
    why = clean((await visit.form()).get("why", ""), REASON_CHARS)
    await visit.services.rooms.cancel(name, why)
    visit.services.outbox.wake()
    return visit.go(f"/rooms/{name}", said="cancelled")


@router.post("/rooms/{room}/revive")
async def revive(visit: Visitor, room: str) -> Response:
    """It takes place after all, at the time of the form."""
    name = room_id(room)
    await visit.needs_in(name, "rooms")
    planned = await visit.services.rooms.room(name)
    fields = await visit.form()
    try:
        start_ms = start_from_form(fields, before_ms=planned.start_ms)
        await visit.services.rooms.revive(name, start_ms)
    except UserError as error:
        if "field" not in error.facts:
            raise
        fields = {**fields_of(planned.current), **fields}
        return await room_view(visit, name, status=422, fields=fields, error=error)
    visit.services.outbox.wake()
    return visit.go(f"/rooms/{name}", said="revived")


@router.post("/rooms/{room}/invitations")
async def invite(visit: Visitor, room: str) -> Response:
    """One more invitation, or a pass for an encoder."""
    name = room_id(room)
    who = await visit.needs_in(name, "rooms")
    await visit.services.rooms.room(name)
    fields = await visit.form()
    person = Person(
        clean(fields.get("name", ""), NAME_CHARS), role_from_form(fields.get("role", ""))
    )
    await _expect_theirs(visit, name, person.role)
    kind: PassKind = "whip" if fields.get("kind") == "whip" else "invite"
    await visit.services.rooms.invite(name, person, kind, by=who.account)
    return visit.go(f"/rooms/{name}", said="invited")


@router.post("/rooms/{room}/invitations/{jti}/revoke")
async def revoke(visit: Visitor, room: str, jti: str) -> Response:
    """Withdraw a pass."""
    name = room_id(room)
    await visit.needs_in(name, "rooms")
    about = ""
    for each in await visit.services.rooms.invitations(name):
        if each.jti == jti:
            await _expect_theirs(visit, name, each.role)
            about = each.name
    if question := await visit.unsure("seat", about, back=f"/rooms/{name}"):
        return question
    await visit.services.rooms.revoke(name, jti)
    visit.services.outbox.wake()
    return visit.go(f"/rooms/{name}", said="revoked")


@router.post("/rooms/{room}/erase")
async def erase(visit: Visitor, room: str) -> Response:
    """Have the stage take back a stretch of the past, at once or not at all."""
    await visit.needs("erase")
    name = room_id(room)
    await visit.services.rooms.room(name)
    try:
        await visit.services.stage.erase(name, stretch_from_form(await visit.form()))
    except UserError:
        return visit.go(f"/rooms/{name}", said="erase_bad")
    except StageRefused as error:
        return visit.go(f"/rooms/{name}", said=_ERASE_SAID.get(error.code, "erase_refused"))
    except TryLater:
        return visit.go(f"/rooms/{name}", said="erase_away")
    return visit.go(f"/rooms/{name}", said="erased")


@router.post("/rooms/{room}/delete")
async def delete(visit: Visitor, room: str) -> Response:
    """Delete the whole recording: asks once more, then has the stage do it at once or not at all."""
    await visit.needs("erase")
    name = room_id(room)
    planned = await visit.services.rooms.room(name)
    fields = await visit.form()
    try:
        reason = reason_from_form(fields)
    except UserError:
        return visit.go(f"/rooms/{name}", said="delete_bad")
    if fields.get("sure") != "yes":
        return visit.page("web_delete.html", planned=planned, reason=reason)
    try:
        left = await visit.services.stage.delete(name, reason)
    except StageRefused as error:
        return visit.go(f"/rooms/{name}", said=_DELETE_SAID.get(error.code, "delete_refused"))
    except TryLater:
        return visit.go(f"/rooms/{name}", said="delete_away")
    await visit.services.rooms.learn([left])
    return visit.go(f"/rooms/{name}", said="deleted")


@router.get("/rooms/{room}/invitations/{jti}/revoke")
@router.get("/rooms/{room}/{form}")
async def room_again(visit: Visitor, room: str, form: str = "") -> Response:
    """Where the address of one of the room's forms leads without the form: to the room's page."""
    if form and form not in FORMS:
        raise not_found()
    return visit.go(f"/rooms/{room_id(room)}")


async def _expect_theirs(visit: Visit, room: RoomId, role: str) -> None:
    """Who does not lead the room has nothing to do with its leads' passes. Raises Denied."""
    if role in LEADS:
        await visit.needs_in(room, "lead")


async def room_view(
    visit: Visit,
    room: RoomId,
    *,
    status: int = 200,
    fields: dict[str, str] | None = None,
    error: UserError | TryLater | None = None,
    picture_error: str = "",
    alt: str = "",
    kept: str = "",
    texts: Mapping[str, str] | None = None,
    texts_error: UserError | None = None,
    wanted: Wish | None = None,
    of_guests: Back | None = None,
    said: str = "",
) -> Response:
    """A room's page for its hosts; what could not be taken stands in its form again.

    alt, kept: words for a picture, and itself (JPEG, base64), with `picture_error`; texts: fields of
    other languages, with `texts_error`; wanted: what the form meant, with `error` `room_changed`.
    """
    plan = await visit.services.rooms.plan(room)
    passes = await visit.services.rooms.invitations(room)
    who = await visit.signed_in()
    guest = not await visit.may_in(room, "lead")
    theirs = [each for each in passes if not (guest and each.role in LEADS)]
    return visit.page(
        "web_room.html",
        status,
        planned=plan.planned,
        may_erase=await visit.may("erase"),
        guest=guest,
        who=who,
        crew=None if guest else await visit.services.crew.of(room),
        made_by=Counter(each.made_by for each in passes if not each.revoked_ms),
        guests=await visit.services.guests.of(room),
        of_guests=of_guests or Back(),
        **_form(visit, fields or fields_of(plan.wish), error),
        seats=[(each, _address(visit, each)) for each in theirs if each.kind == "invite"],
        encoders=[_encoder(visit, each) for each in theirs if each.kind == "whip"],
        backlog=plan.backlog,
        is_off=plan.is_off,
        why=plan.why,
        picture=_picture(visit, plan),
        others=[(each, own_name(each)) for each in others(plan.wish.language)],
        texts=fields_of_texts(plan.texts) if texts is None else texts,
        texts_wrong=texts_error.facts.get("field", "") if texts_error else "",
        texts_error=texts_error.code if texts_error else "",
        texts_saved=plan.texts,
        differing=differing(plan.wish, wanted) if wanted else [],
        seen={part: plan.seen(part) for part in get_args(Part)},
        kept=kept,
        picture_error=picture_error,
        alt=alt,
        asked=await visit.services.reminders.counts(room),
        sendings=await visit.services.reminders.promotions(room),
        roles=[each for each in ROLES if not (guest and each in LEADS)],
        said=said or visit.request.query_params.get("said", ""),
    )


def _encoder(visit: Visit, pass_: Invitation) -> tuple[Invitation, str, str]:
    """An encoder's pass with its token, and what a radio studio shows."""
    rooms = visit.services.rooms
    return pass_, rooms.sign(pass_), rooms.source_password(pass_)


def _picture(visit: Visit, plan: Plan) -> dict[str, str] | None:
    """Words of the room's picture, and where to see it: here, while it is on its way to the stage."""
    if (shown := plan.picture) is None:
        return None
    name = shown["hash"]
    if jpeg := plan.backlog.pictures.get(name):
        return {"alt": shown["alt"], "source": f"data:image/jpeg;base64,{jpeg}"}
    source = f"{visit.links.edge}/r/{plan.planned.room}/picture.{name}.jpg"
    return {"alt": shown["alt"], "source": source}


def _address(visit: Visit, invitation: Invitation) -> str:
    return visit.links.seat(invitation.room, visit.services.rooms.sign(invitation))


def _form_page(
    visit: Visit, fields: dict[str, str], error: UserError | TryLater | None = None
) -> Response:
    """The form as it was typed: a mistake is mended there, and nothing is lost to a full disk."""
    page = visit.page("web_room_new.html", _status(error), **_form(visit, fields, error))
    return problems.with_patience(page, error)


def _status(error: UserError | TryLater | None) -> int:
    if error is None:
        return 200
    return REFUSED.get(error.code, 422) if isinstance(error, UserError) else error.status


def _form(
    visit: Visit, fields: dict[str, str], error: UserError | TryLater | None
) -> dict[str, Any]:
    """What `_web_room_fields.html` needs."""
    return {
        "fields": {**dict.fromkeys(FIELDS, ""), **fields},
        "wrong": str(error.facts.get("field", "")) if error else "",
        "error": error.code if error else "",
        "spoken": spoken_languages(visit.language, fields.get("language", "")[:35]),
        "zones": zone_choices(visit.language, fields.get("zone", "")[:64]),
        "choices": error.facts.get("choices", []) if error else [],
        "delays": DELAYS_S,
        "usual": visit.services.settings.stage,
    }
