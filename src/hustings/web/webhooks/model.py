"""What hooks and their deliveries are made of, and what an answer means; pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from hustings.base.errors import UserError
from hustings.web.post.lanes import LAST_HOST_REST_S
from hustings.web.post.model import REASON_CHARS, Outcome, Refused, Sent, TryAgain
from hustings.web.post.verdicts import plain
from hustings.web.webhooks.events import EVENTS
from hustings.wire.patience import asked_s

HOOKS: Final = 20  # of one house
KEPT: Final = 50  # deliveries of one hook that are over; then the oldest is forgotten
DAY_MS: Final = 86_400_000
OVERLAP_MS: Final = DAY_MS  # after a change of secrets both sign
USEFUL_MS: Final = 3 * DAY_MS  # a message is tried for so long
PATIENCE_MS: Final = 3 * DAY_MS  # a receiver that fails for so long is not told any more

HookState = Literal["on", "off", "failed"]
DeliveryState = Literal["waiting", "sent", "failed"]


@dataclass(frozen=True)
class Hook:
    """One address that is told."""

    hook: str
    url: str
    events: tuple[str, ...]
    generation: int
    overlap_ms: int
    made_ms: int
    state: HookState
    reason: str
    failing_ms: int

    def generations(self, now_ms: int) -> list[int]:
        """Those whose secrets sign now, the newest first."""
        both = now_ms < self.overlap_ms and self.generation > 1
        return [self.generation, self.generation - 1] if both else [self.generation]


@dataclass(frozen=True)
class Delivery:
    """One message to one hook, and how it went."""

    delivery: str
    hook: str
    event: str
    body: bytes
    made_ms: int
    until_ms: int
    sends: int
    attempts: int
    tried_ms: int
    status: int
    answer: str
    state: DeliveryState

    def outlook(self, now_ms: int) -> DeliveryState:
        """Its state; what could not be sent in time is tried no more."""
        late = self.state == "waiting" and now_ms > self.until_ms
        return "failed" if late else self.state


@dataclass(frozen=True)
class Tried:
    """What an attempt means for letter, delivery and hook."""

    outcome: Outcome
    status: int  # 0: no answer
    answer: str
    gone: bool = False  # the receiver wants no more, ever


def judged(status: int, headers: Mapping[str, str], body: bytes) -> Tried:
    """Read an answer: 2xx is good, 410 for ever; an overloaded host rests; all else is this message's."""
    said = plain(body[: 4 * REASON_CHARS].decode(errors="replace"))
    if 200 <= status < 300:
        return Tried(Sent(), status, said)
    if status == 410:
        return Tried(Refused("The receiver says that it is gone (410)."), status, said, gone=True)
    if status in {408, 425, 429} or status >= 500:
        asked = headers.get("retry-after", ""), headers.get("date", "")
        rest_s = asked_s(*asked, most_s=LAST_HOST_REST_S)
        return Tried(TryAgain(f"It answered {status}.", rest_s, "host"), status, said)
    why = "It redirects, which is not followed" if 300 <= status < 400 else "It answered"
    return Tried(TryAgain(f"{why} ({status})."), status, said)


def events_from_form(fields: Mapping[str, str]) -> tuple[str, ...]:
    """The events that were ticked: a field of each one's name. Raises UserError `hook_events`."""
    chosen = tuple(event for event in EVENTS if event in fields)
    if not chosen:
        raise UserError("hook_events", "Choose at least one event.", field="events")
    return chosen
