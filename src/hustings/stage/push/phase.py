"""Whether a room is sent on just now, and when its keys are forgotten; pure.

Keeps true: a stream key outlives its use by no more than a day (a month, where no start is planned). It goes
- when the room has ended, is deleted or is unknown to this stage;
- when the room is cancelled, before it began too: if that is taken back, hosts name the platform again;
- when nobody went live: `BEGINS_MS` after the planned start, or after the key was given if that is later;
  without a planned start `UNPLANNED_MS` after it was given. What is sent from an open lobby goes on.
The wall clock may be wrong: lateness counts only if every look for an hour said so (`Late`).
"""

from typing import Final, Literal

from hustings.stage.push.store import Target
from hustings.wire.kinds import Room

Phase = Literal["on", "wait", "late", "over"]

_HOUR_MS: Final = 3_600_000
BEGINS_MS: Final = 24 * _HOUR_MS
UNPLANNED_MS: Final = 30 * 24 * _HOUR_MS
HOLD_S: Final = 3_600.0


def phase_of(facts: Room | None, target: Target, now_ms: int) -> Phase:
    """How it stands at this wall time. facts: of the target's room; None: there is no such room."""
    if facts is None or facts.state == "ended" or facts.cancelled_ms:
        return "over"
    if facts.state == "live" or (target.hold and facts.state == "lobby"):
        return "on"
    patience_ms = BEGINS_MS if facts.start_ms else UNPLANNED_MS
    return "late" if now_ms - max(facts.start_ms, target.given_ms) > patience_ms else "wait"


class Late:
    """Believes that a room is late after it was so at every look for `HOLD_S`."""

    def __init__(self) -> None:
        self._since_s: float | None = None

    def judged(self, phase: Phase, now_s: float) -> Phase:
        """Never `late`: still to be waited for, or over. now_s: monotonic."""
        if phase != "late":
            self._since_s = None
            return phase
        if self._since_s is None:
            self._since_s = now_s
        return "over" if now_s - self._since_s >= HOLD_S else "wait"
