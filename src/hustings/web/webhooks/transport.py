"""Carries letters to hooks: signed, by the guarded way out, and writes down what was answered.

Keeps `web.post.ports.Transport`. A letter names a delivery; address, secret and whether the hook is
still on are looked up when it is sent. Receivers tell a second copy by its id, so what may have
arrived goes again. Who fails for days, or says 410, is told no more.
"""

import logging
from typing import Final

from hustings.base.clock import Clock
from hustings.base.errors import TryLater, UserError
from hustings.store import Database
from hustings.web.outbound.door import Door
from hustings.web.post import queries as post
from hustings.web.post.model import (
    Letter,
    Outcome,
    Refused,
    Sent,
    TransportName,
    TryAgain,
    Unsure,
)
from hustings.web.post.verdicts import ATTEMPTS, not_carried, plain
from hustings.web.webhooks import queries
from hustings.web.webhooks.events import iso
from hustings.web.webhooks.model import PATIENCE_MS, Delivery, Hook, Tried, judged
from hustings.web.webhooks.service import batch
from hustings.web.webhooks.signing import secret_of, signed
from hustings.wire.tokens import KeyRing

log = logging.getLogger(__name__)

_CONTENT: Final = {"Content-Type": "application/json"}


class HookTransport:
    """One way out of the house."""

    name: TransportName = "hook"
    most = 8  # of the door's 16
    most_of_host = 1  # what happened first is told first, as long as nothing fails
    host_rest_s = 900.0  # a dead host costs one attempt each quarter of an hour
    again_if_unsure = True

    def __init__(self, database: Database, keys: KeyRing, door: Door, clock: Clock) -> None:
        self._database = database
        self._keys = keys
        self._door = door
        self._clock = clock

    async def send(self, letter: Letter) -> Outcome:
        """One attempt."""
        try:
            async with self._database.read() as connection:
                delivery = await queries.find_delivery(connection, letter.body.decode())
                hook = await queries.find_hook(connection, letter.recipient)
        except TryLater as away:
            return TryAgain(away.title, scope="transport")
        if hook is None or delivery is None or hook.state != "on":
            return Refused("This webhook is not told any more.")
        tried = await self._try(hook, delivery)
        try:
            await self._write_down(letter, delivery, tried)
        except TryLater as away:
            return Unsure(away.title, scope="letter")
        return tried.outcome

    async def close(self) -> None:
        """Nothing is kept open."""

    async def _try(self, hook: Hook, delivery: Delivery) -> Tried:
        now_ms = self._clock.wall_ms()
        secrets = [secret_of(self._keys, hook.hook, each) for each in hook.generations(now_ms)]
        headers = signed(secrets, delivery.delivery, now_ms // 1_000, delivery.body)
        try:
            answer = await self._door.post(hook.url, delivery.body, {**_CONTENT, **headers})
        except UserError as refused:
            return Tried(TryAgain(refused.title), 0, refused.title)
        except TryLater as away:
            return Tried(not_carried(away), 0, away.title)
        return judged(answer.status, answer.headers, answer.body)

    async def _write_down(self, letter: Letter, delivery: Delivery, tried: Tried) -> None:
        now_ms, good = self._clock.wall_ms(), isinstance(tried.outcome, Sent)
        async with self._database.write() as connection:
            hook = await queries.find_hook(connection, letter.recipient, lock=True)
            if hook is None:
                return
            await queries.change_delivery(
                connection,
                delivery.delivery,
                attempts=delivery.attempts + 1,
                tried_ms=now_ms,
                status=tried.status,
                answer=plain(tried.answer),
                state="sent" if good else "failed" if _last(letter, tried) else "waiting",
            )
            failing_ms = 0 if good else hook.failing_ms or now_ms
            if failing_ms != hook.failing_ms:
                await queries.change_hook(connection, hook.hook, failing_ms=failing_ms)
            if reason := _too_much(tried, failing_ms, now_ms):
                log.warning("webhook %s is not told any more: %s", hook.hook, reason)
                await queries.change_hook(connection, hook.hook, state="failed", reason=reason)
                await post.withdraw(connection, batch(hook.hook))


def _last(letter: Letter, tried: Tried) -> bool:
    """Whether the queue gives the letter up after this attempt (`post.verdicts`)."""
    outcome = tried.outcome
    own = isinstance(outcome, TryAgain) and outcome.scope == "letter"
    return isinstance(outcome, Refused) or (own and letter.attempts + 1 >= ATTEMPTS)


def _too_much(tried: Tried, failing_ms: int, now_ms: int) -> str:
    """Why this receiver is told no more; "" if it is."""
    if tried.gone:
        return "It said that it is gone for good (410)."
    if failing_ms and now_ms - failing_ms >= PATIENCE_MS:
        said = f"{tried.status} {tried.answer}" if tried.status else tried.answer
        return plain(f"No good answer since {iso(failing_ms)}; the last: {said}")
    return ""
