"""`/api/v1/webhooks`: which other programs are told what happens here, and how that goes."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path
from pydantic import BaseModel, Field

from hustings.web.api.caller import HooksReader, HooksWriter, OnceName
from hustings.web.api.fields import Asked
from hustings.web.api.told import ONCE, told
from hustings.web.once import Repeated
from hustings.web.webhooks import model
from hustings.web.webhooks.events import EVENTS, Event
from hustings.web.webhooks.model import DeliveryState, HookState

router = APIRouter(prefix="/api/v1/webhooks", tags=["webhooks"])

HookName = Annotated[str, Path(max_length=32, pattern=r"^[a-z0-9]+$", description="`webhook`.")]
MessageName = Annotated[
    str, Path(max_length=40, pattern=r"^msg_[a-z0-9]+$", description="`message`.")
]
Address = Annotated[
    str,
    Field(
        min_length=1,
        max_length=2_000,
        description="https, and not into the operator's network.",
        examples=["https://news.example/hooks/hustings"],
    ),
]
Events = Annotated[list[Event], Field(min_length=1, max_length=len(EVENTS))]


class Webhook(BaseModel):
    """One address that is told."""

    webhook: str
    url: str
    events: list[str]
    made_ms: int
    state: HookState = Field(description="on; off: paused; failed: it failed for three days.")
    reason: str = Field(description="Why it failed; may be empty.")


class WebhookMade(Webhook):
    """A webhook with its secret (Standard Webhooks), which is told in this answer alone."""

    secret: str


class Webhooks(BaseModel):
    """All of the house: at most 20."""

    webhooks: list[Webhook]


class Message(BaseModel):
    """One message and how it went."""

    message: str
    event: str
    made_ms: int
    state: DeliveryState
    attempts: int
    tried_ms: int = Field(description="The last attempt; 0: none yet.")
    status: int = Field(description="What the receiver answered; 0: nothing.")
    answer: str = Field(description="The first words of it.")


class WebhookTold(Webhook):
    """A webhook and its last messages, the newest first."""

    messages: list[Message]


class NewWebhook(Asked):
    """Whom to tell what."""

    url: Address
    events: Events


class WebhookChange(NewWebhook):
    """Address and events from now on, and whether it is told."""

    state: Literal["on", "off"] = "on"


@router.get("", **told("listWebhooks", scope="hooks:read"))
async def list_webhooks(caller: HooksReader) -> Webhooks:
    """Who is told what."""
    return Webhooks(webhooks=[Webhook(**_said(each)) for each in await caller.services.hooks.all()])


@router.post(
    "",
    **told(
        *("createWebhook", "outbound_url", "hooks_many", *ONCE),
        scope="hooks:write",
        writes=True,
        status=201,
    ),
)
async def create_webhook(
    caller: HooksWriter, body: NewWebhook, once: OnceName = None
) -> WebhookMade:
    """One more, told from now on; the secret is in this answer alone."""
    call = caller.once(once, body.model_dump())
    try:
        hook, secret = await caller.services.hooks.register(
            body.url.strip(), _ordered(body.events), once=call
        )
    except Repeated as before:
        hook, secret = await caller.services.hooks.with_secret(before.made)
    return WebhookMade(**_said(hook), secret=secret)


@router.get("/{hook}", **told("getWebhook", "hook_unknown", scope="hooks:read"))
async def get_webhook(caller: HooksReader, hook: HookName) -> WebhookTold:
    """One of them, and how its last messages went."""
    found, deliveries = await caller.services.hooks.one(hook)
    now_ms = caller.services.clock.wall_ms()
    return WebhookTold(**_said(found), messages=[_message(each, now_ms) for each in deliveries])


@router.put(
    "/{hook}",
    **told("changeWebhook", "hook_unknown", "outbound_url", scope="hooks:write", writes=True),
)
async def change_webhook(caller: HooksWriter, hook: HookName, body: WebhookChange) -> Webhook:
    """Another address, other events; paused, or told again."""
    hooks = caller.services.hooks
    await hooks.change(hook, body.url.strip(), _ordered(body.events))
    found, _ = await hooks.one(hook)
    if (found.state == "on") != (body.state == "on"):
        await (hooks.resume(hook) if body.state == "on" else hooks.pause(hook))
    return Webhook(**_said((await hooks.one(hook))[0]))


@router.post(
    "/{hook}/secret",
    **told("renewWebhookSecret", "hook_unknown", scope="hooks:write", writes=True),
)
async def renew_secret(caller: HooksWriter, hook: HookName) -> WebhookMade:
    """A new secret; for a day the one before signs too."""
    found, secret = await caller.services.hooks.renew_secret(hook)
    return WebhookMade(**_said(found), secret=secret)


@router.post(
    "/{hook}/test",
    **told(
        *("testWebhook", "hook_unknown", "hook_off", "post_full"),
        scope="hooks:write",
        writes=True,
        status=204,
    ),
)
async def test_webhook(caller: HooksWriter, hook: HookName) -> None:
    """Send a message that tells of nothing, now."""
    await caller.services.hooks.ping(hook)
    caller.services.post.wake()


@router.post(
    "/{hook}/deliveries/{message}/again",
    **told(
        *("sendMessageAgain", "hook_unknown", "hook_off", "post_full"),
        scope="hooks:write",
        writes=True,
        status=204,
    ),
)
async def send_again(caller: HooksWriter, hook: HookName, message: MessageName) -> None:
    """The same message once more, under the same id."""
    await caller.services.hooks.send_again(hook, message)
    caller.services.post.wake()


@router.delete(
    "/{hook}",
    **told("removeWebhook", "hook_unknown", scope="hooks:write", writes=True, status=204),
)
async def remove_webhook(caller: HooksWriter, hook: HookName) -> None:
    """Forget it, with its messages."""
    await caller.services.hooks.remove(hook)


def _ordered(events: list[Event]) -> tuple[str, ...]:
    return tuple(event for event in EVENTS if event in events)


def _said(hook: model.Hook) -> dict[str, Any]:
    return {
        "webhook": hook.hook,
        "url": hook.url,
        "events": list(hook.events),
        "made_ms": hook.made_ms,
        "state": hook.state,
        "reason": hook.reason,
    }


def _message(each: model.Delivery, now_ms: int) -> Message:
    return Message(
        message=each.delivery,
        event=each.event,
        made_ms=each.made_ms,
        state=each.outlook(now_ms),
        attempts=each.attempts,
        tried_ms=each.tried_ms,
        status=each.status,
        answer=each.answer,
    )
