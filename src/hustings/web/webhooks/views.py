"""`/webhooks`, for owners and staff: which other programs are told what, and how that goes."""

from typing import Final

from fastapi import APIRouter
from starlette.responses import Response

from hustings.base.errors import TryLater, UserError
from hustings.web.visit import Visit, Visitor
from hustings.web.webhooks.events import EVENTS
from hustings.web.webhooks.model import events_from_form

router = APIRouter(prefix="/webhooks", include_in_schema=False)

_URL: Final = "url"


@router.get("")
async def hooks(visit: Visitor) -> Response:
    """The list, and the form for one more; the way in for everybody else."""
    if await visit.who() is None:
        return visit.go("/sign-in")
    await visit.needs("hooks")
    return await _list(visit, said=visit.request.query_params.get("said", ""))


@router.post("")
async def register(visit: Visitor) -> Response:
    """One more; its secret is shown this once."""
    await visit.needs("hooks")
    fields = await visit.form()
    try:
        events = events_from_form(fields)
        hook, secret = await visit.services.hooks.register(fields.get(_URL, "").strip(), events)
    except UserError as refused:
        return await _list(visit, fields=fields, refused=refused.code)
    return await _one(visit, hook.hook, secret=secret)


@router.get("/{hook}")
async def hook_page(visit: Visitor, hook: str) -> Response:
    """One hook and its last messages."""
    await visit.needs("hooks")
    return await _one(visit, hook, said=visit.request.query_params.get("said", ""))


@router.post("/{hook}")
async def change(visit: Visitor, hook: str) -> Response:
    """Another address, other events."""
    await visit.needs("hooks")
    fields = await visit.form()
    try:
        events = events_from_form(fields)
        await visit.services.hooks.change(hook, fields.get(_URL, "").strip(), events)
    except UserError as refused:
        return await _one(visit, hook, said=refused.code, status=422)
    return visit.go(f"/webhooks/{hook}", said="changed")


@router.get("/{hook}/secret")
async def secret_again(visit: Visitor, hook: str) -> Response:
    """A secret is shown once: the language link of its page leads to the hook."""
    return visit.go(f"/webhooks/{hook}")


@router.post("/{hook}/secret")
async def renew_secret(visit: Visitor, hook: str) -> Response:
    """A new secret, shown this once."""
    await visit.needs("hooks")
    _, secret = await visit.services.hooks.renew_secret(hook)
    return await _one(visit, hook, secret=secret)


@router.post("/{hook}/pause")
async def pause(visit: Visitor, hook: str) -> Response:
    """Told no more for now."""
    await visit.needs("hooks")
    await visit.services.hooks.pause(hook)
    return visit.go(f"/webhooks/{hook}", said="paused")


@router.post("/{hook}/resume")
async def resume(visit: Visitor, hook: str) -> Response:
    """Told again."""
    await visit.needs("hooks")
    await visit.services.hooks.resume(hook)
    return visit.go(f"/webhooks/{hook}", said="resumed")


@router.post("/{hook}/remove")
async def remove(visit: Visitor, hook: str) -> Response:
    """Forgotten, with its messages."""
    await visit.needs("hooks")
    known, _ = await visit.services.hooks.one(hook)
    if question := await visit.unsure("hook", known.url, back=f"/webhooks/{hook}"):
        return question
    await visit.services.hooks.remove(hook)
    return visit.go("/webhooks", said="removed")


@router.post("/{hook}/test")
async def test(visit: Visitor, hook: str) -> Response:
    """A message that tells of nothing."""
    await visit.needs("hooks")
    try:
        await visit.services.hooks.ping(hook)
    except (UserError, TryLater) as refused:
        return visit.go(f"/webhooks/{hook}", said=refused.code)
    visit.services.post.wake()
    return visit.go(f"/webhooks/{hook}", said="queued")


@router.post("/{hook}/deliveries/{delivery}/again")
async def send_again(visit: Visitor, hook: str, delivery: str) -> Response:
    """The same message once more."""
    await visit.needs("hooks")
    try:
        await visit.services.hooks.send_again(hook, delivery)
    except (UserError, TryLater) as refused:
        return visit.go(f"/webhooks/{hook}", said=refused.code)
    visit.services.post.wake()
    return visit.go(f"/webhooks/{hook}", said="queued")


async def _list(
    visit: Visit, *, said: str = "", fields: dict[str, str] | None = None, refused: str = ""
) -> Response:
    return visit.page(
        "web_hooks.html",
        200 if not refused else 422,
        hooks=await visit.services.hooks.all(),
        events=EVENTS,
        fields=dict.fromkeys(EVENTS, "on") if fields is None else fields,
        said=said,
        refused=refused,
    )


async def _one(
    visit: Visit, hook: str, *, said: str = "", secret: str = "", status: int = 200
) -> Response:
    found, deliveries = await visit.services.hooks.one(hook)
    return visit.page(
        "web_hook.html",
        status,
        hook=found,
        deliveries=deliveries,
        now_ms=visit.services.clock.wall_ms(),
        events=EVENTS,
        said=said,
        secret=secret,
    )
