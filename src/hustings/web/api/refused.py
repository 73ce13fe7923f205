"""What the stage refused, as an answer of this interface."""

from typing import Final

from hustings.base.errors import HustingsError, PeerError, UserError
from hustings.web.api.told import CODES
from hustings.web.outbox.stage import StageRefused

_AS_IT_IS: Final = frozenset({"stretch_bad", "reason_missing", "room_state", "room_unknown"})


def refused(error: StageRefused) -> HustingsError:
    """The stage's own code where the caller can mend it; else `stage_refused` (502)."""
    if error.code in _AS_IT_IS:
        return UserError(error.code, error.title, status=CODES[error.code])
    return PeerError("stage_refused", error.title, status=502)
