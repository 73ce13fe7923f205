"""Where a room's program is sent, on disk: `push/{room}` of the data folder, readable by the owner only.

Stream keys are secrets of platforms: they are never in a journal, a log, a backup or an answer. A key goes
when its target is taken away or its room's time is over (the policy: `stage.push.phase`), and the file with
the last one. A draft that could not be finished goes at once, or with the next start.
"""

import contextlib
import os
from pathlib import Path
from typing import Final

import msgspec

from hustings.base.errors import TryLater, UserError
from hustings.base.ids import RoomId, room_id

FOLDER: Final = "push"


class Target(msgspec.Struct, frozen=True):
    """One platform."""

    id: str
    url: str
    key: str
    hold: bool = False  # also while the lobby is open
    given_ms: int = 0  # wall ms


class Kept(msgspec.Struct, frozen=True):
    """All of a room's."""

    targets: tuple[Target, ...] = ()
    card: bytes = b""  # JPEG; empty: a plain picture


class PushStore:
    """The files. All calls take a disk's moment; a room has a few hundred bytes and a picture."""

    def __init__(self, data: Path) -> None:
        self._folder = data / FOLDER

    def load(self) -> dict[RoomId, Kept]:
        """All rooms'; what cannot be read is left alone and not pushed."""
        found: dict[RoomId, Kept] = {}
        for draft in self._folder.glob("*.draft"):  # of whoever died while writing
            with contextlib.suppress(OSError):
                draft.unlink()
        for path in sorted(self._folder.glob("*.json")) if self._folder.is_dir() else ():
            try:
                found[room_id(path.stem)] = msgspec.json.decode(path.read_bytes(), type=Kept)
            except (OSError, msgspec.MsgspecError, UserError):
                continue
        return found

    def save(self, room: RoomId, kept: Kept) -> None:
        """Whole or not at all. Raises TryLater `push_disk`."""
        path = self._folder / f"{room}.json"
        draft = path.with_suffix(".draft")
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            file = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(file, "wb") as out:
                out.write(msgspec.json.encode(kept))
                out.flush()
                os.fsync(out.fileno())
            draft.replace(path)
        except OSError as error:
            with contextlib.suppress(OSError):
                draft.unlink(missing_ok=True)  # it may hold a key
            raise _refused() from error

    def forget(self, room: RoomId) -> None:
        """Nothing of it stays. Raises TryLater `push_disk`."""
        try:
            (self._folder / f"{room}.json").unlink(missing_ok=True)
            (self._folder / f"{room}.draft").unlink(missing_ok=True)
        except OSError as error:
            raise _refused() from error


def _refused() -> TryLater:
    return TryLater("push_disk", "The disk does not take this just now.")
