"""What becomes of a letter after an attempt; pure.

A letter's own trouble (a mailbox that is full) counts as an attempt: 12, over about four hours,
then it is given up. Before its end (`until_ms`) it is tried more often, and not given up while there
is time for one more try. A host's or the transport's trouble costs no attempt and gives nothing up:
the letter waits until that is over, or until `until_ms`.
"""

from dataclasses import dataclass
from typing import Final

from hustings.base.errors import TryLater
from hustings.web.post.message import one_line
from hustings.web.post.model import (
    REASON_CHARS,
    Letter,
    Outcome,
    Refused,
    Sent,
    State,
    TryAgain,
    Unsure,
)

ATTEMPTS: Final = 12
FIRST_RETRY_S: Final = 15.0
LAST_RETRY_S: Final = 3_600.0
NEAR_S: Final = (
    3_600.0  # so long before its end no letter is given up for its attempts: some ten more
)


@dataclass(frozen=True)
class Verdict:
    """The letter's row from now on."""

    id: int
    state: State
    next_ms: int
    attempts: int
    error: str  # at most 300 characters; "" once sent


def judge(
    letter: Letter,
    outcome: Outcome,
    now_ms: int,
    *,
    rest_s: float,
    spread: float,
    again_if_unsure: bool = False,
) -> Verdict:
    """rest_s: for how long its host or transport rests; spread in [0, 1): so that not all come back at once."""
    match outcome:
        case Sent():
            return Verdict(letter.id, "sent", now_ms, letter.attempts, "")
        case Refused(reason):
            return Verdict(letter.id, "given_up", now_ms, letter.attempts + 1, plain(reason))
        case Unsure(reason):
            state: State = "waiting" if again_if_unsure else "unsure"
            next_ms = now_ms + int((rest_s + spread) * 1_000) if again_if_unsure else now_ms
            return Verdict(letter.id, state, next_ms, letter.attempts + 1, plain(reason))
        case TryAgain():
            return _later(letter, outcome, now_ms, rest_s=rest_s, spread=spread)


def not_carried(error: TryLater) -> TryAgain | Unsure:
    """What the guarded way out (`web.outbound`) could not do: its host rests, whatever happened."""
    if error.code == "outbound_unsure":
        return Unsure(error.title)
    return TryAgain(error.title, error.delay_s, "host")


def _later(
    letter: Letter, outcome: TryAgain, now_ms: int, *, rest_s: float, spread: float
) -> Verdict:
    reason = plain(outcome.reason)
    if outcome.scope != "letter":
        next_ms = now_ms + int((rest_s + spread) * 1_000)
        return Verdict(letter.id, "waiting", next_ms, letter.attempts, reason)
    attempts, left_s = letter.attempts + 1, (letter.until_ms - now_ms) / 1_000
    wait_s = max(min(retry_in_s(attempts, spread), left_s / 2), FIRST_RETRY_S / 2, outcome.delay_s)
    next_ms = now_ms + int(wait_s * 1_000)
    over = next_ms > letter.until_ms or (attempts >= ATTEMPTS and left_s > NEAR_S)
    return Verdict(letter.id, "given_up" if over else "waiting", next_ms, attempts, reason)


def retry_in_s(attempts: int, spread: float) -> float:
    """Seconds until the next try after `attempts` >= 1 failures: 15 s, doubling, an hour at most."""
    return min(LAST_RETRY_S, FIRST_RETRY_S * 2.0 ** min(attempts - 1, 16)) * (0.5 + spread / 2)


def plain(reason: str) -> str:
    """What the other side said, as tables of either database take it: one printable line, 300 characters at most."""
    return one_line(reason)[:REASON_CHARS]
