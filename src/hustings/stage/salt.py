"""The salt that listeners are counted with: one for a day, the same for all edges, then gone.

Keeps true: what sketches hold cannot be traced to an address once the day is over, as the key of
its hashes is overwritten; a stage that restarts within the day goes on with the same one, so
nobody is counted twice. It changes while no room is open if it can, else on the second day.
`stage.studio` owns it; edges get it on the index feed. The file is `keys/salt`, mode 0600.
"""

import contextlib
import logging
import os
from pathlib import Path
from typing import Any, Final

import msgspec

from hustings.base.ids import new_id

log = logging.getLogger(__name__)

FILE: Final = Path("keys") / "salt"
DAY_MS: Final = 86_400_000
_KEY_BYTES: Final = 32


class Salt(msgspec.Struct, frozen=True):
    """A key for hashes; the id tells two of them apart and is no secret."""

    id: str
    key: bytes
    made_ms: int

    def due(self, now_ms: int, *, busy: bool) -> bool:
        """Whether the next one should take over. A clock that was set back counts as a day."""
        age_ms = now_ms - self.made_ms
        return not 0 <= age_ms < DAY_MS * (2 if busy else 1)

    def line(self) -> dict[str, Any]:
        """What the index feed says. Secret."""
        return {"salt": msgspec.to_builtins({"id": self.id, "key": self.key})}


class SaltFile:
    """The salt of today."""

    def __init__(self, data: Path, now_ms: int) -> None:
        self._path = data / FILE
        try:
            self.now = msgspec.json.decode(self._path.read_bytes(), type=Salt)
        except (OSError, msgspec.MsgspecError):
            self.now = self._make(now_ms)

    def turn(self, now_ms: int, *, busy: bool) -> bool:
        """Look whether the day is over; True if there is a new salt. busy: a room is open."""
        if not self.now.due(now_ms, busy=busy):
            return False
        self.now = self._make(now_ms)
        return True

    def _make(self, now_ms: int) -> Salt:
        salt = Salt(new_id(), os.urandom(_KEY_BYTES), now_ms)
        beside = self._path.with_suffix(".new")
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            with contextlib.suppress(FileNotFoundError):
                beside.unlink()
            descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                file.write(msgspec.json.encode(salt))
            beside.replace(self._path)
        except OSError as error:  # a full disk: a restart would count listeners anew
            log.warning("%s cannot be written: %s", self._path, error.strerror)
        return salt
