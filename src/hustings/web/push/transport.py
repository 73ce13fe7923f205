"""Carries pushes to the services of browsers' makers (RFC 8030): encrypted, signed, through the guarded door.

A service's word decides: 404 and 410 mean that the browser is gone, and its subscriptions with it;
413 and other 4xx are for good; 429 and 5xx rest that service, as long as it asks. An answer that
does not come leaves a push that may have arrived; a second one is not sent, since the receiver
would ring twice where the first was shown already.
"""

import contextlib
from collections.abc import Awaitable, Callable
from typing import Final

import msgspec

from hustings.base.clock import Clock
from hustings.base.errors import PeerError, TryLater, UserError
from hustings.web.outbound.door import Answer, Door
from hustings.web.post.lanes import LAST_HOST_REST_S
from hustings.web.post.model import (
    Draft,
    Letter,
    Outcome,
    Refused,
    Sent,
    TransportName,
    TryAgain,
)
from hustings.web.post.verdicts import not_carried
from hustings.web.push.encryption import encrypt
from hustings.web.push.subscription import PushSubscription, with_keys
from hustings.web.push.vapid import Vapid
from hustings.wire.patience import asked_s

REST_S: Final = 30.0  # of a service that is overloaded and does not say for how long
_GONE: Final = frozenset({404, 410})
_BUSY: Final = frozenset({408, 425, 429})

Gone = Callable[[str], Awaitable[None]]


class PushBody(msgspec.Struct, frozen=True):
    """A letter's body, as JSON."""

    keys: bytes
    message: bytes
    topic: str  # a later push of it replaces this one, where it was not shown yet


def draft(
    to: PushSubscription,
    host: str,
    message: bytes,
    *,
    topic: str,
    key: str,
    batch: str,
    until_ms: int,
    not_before_ms: int = 0,
) -> Draft:
    """A push to be queued by `post.queries.add`. host: of the endpoint; topic: at most 32 base64url letters."""
    return Draft(
        transport="push",
        key=key,
        batch=batch,
        host=host,
        recipient=to.endpoint,
        body=msgspec.json.encode(PushBody(to.keys, message, topic)),
        until_ms=until_ms,
        not_before_ms=not_before_ms,
    )


class Push:
    """Keeps `ports.Transport`."""

    name: TransportName = "push"
    most = 32
    most_of_host = 24  # the world has about five push services: most subscribers share one
    host_rest_s = 60.0  # it is one of five, and many are to be told before an evening starts
    again_if_unsure = False

    def __init__(self, door: Door, vapid: Vapid, clock: Clock, gone: Gone) -> None:
        """gone: told the endpoint of a browser that is no more."""
        self._door = door
        self._vapid = vapid
        self._clock = clock
        self._gone = gone

    async def send(self, letter: Letter) -> Outcome:
        """One push."""
        try:
            said = msgspec.json.decode(letter.body, type=PushBody)
            to = with_keys(letter.recipient, said.keys)
            body = encrypt(said.message, to.point, to.auth)
        except (PeerError, ValueError, msgspec.MsgspecError) as error:
            return Refused(f"This is no push: {error}")
        now_ms = self._clock.wall_ms()
        headers = {
            "Authorization": self._vapid.authorization(to.endpoint, now_ms // 1_000),
            "Content-Encoding": "aes128gcm",
            "Content-Type": "application/octet-stream",
            "TTL": str(max(0, (letter.until_ms - now_ms) // 1_000)),
            "Urgency": "high",  # it is about a moment
            "Topic": said.topic,
        }
        try:
            answer = await self._door.post(to.endpoint, body, headers)
        except UserError as error:
            return Refused(error.title)
        except TryLater as error:
            return not_carried(error)
        return await self._judged(letter, answer)

    async def close(self) -> None:
        """The door is not ours."""

    async def _judged(self, letter: Letter, answer: Answer) -> Outcome:
        status = answer.status
        if 200 <= status < 300:
            return Sent()
        if status in _GONE:
            with contextlib.suppress(TryLater):  # else its next push will say so again
                await self._gone(letter.recipient)
            return Refused(f"HTTP {status}: this browser is not there any more.")
        if status in _BUSY or status >= 500:
            return TryAgain(f"HTTP {status}", delay_s=_rest_s(answer), scope="host")
        return Refused(f"HTTP {status}")


def _rest_s(answer: Answer) -> float:
    """As the service asks, in seconds."""
    said = answer.headers.get("retry-after", ""), answer.headers.get("date", "")
    return asked_s(*said, most_s=LAST_HOST_REST_S) or REST_S
