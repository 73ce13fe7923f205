"""Secrets on disk: `participant.key`, `service.key`, `ticket.key` and others in `keys/` of the data folder.

Each holds 32 random bytes in hex, readable by the owner only. Whichever service starts first
makes a file; two that start together agree, because a file appears whole and only once (link(2)
refuses an existing name). Web and stage share the participant key (invitations, tokens), all
services on this machine the service key (web -> stage, edges). The ticket key is the stage's:
edges get what is derived from it.
"""

import contextlib
import os
import secrets
from pathlib import Path
from typing import Final

from hustings.base.errors import OperatorError

KEY_BYTES: Final = 32


def participant_key(data: Path) -> bytes:
    """The key that signs invitations, participants' and encoders' tokens."""
    return read_or_make(data / "keys" / "participant.key")


def service_key(data: Path) -> bytes:
    """The key that signs what services show each other."""
    return read_or_make(data / "keys" / "service.key")


def ticket_key(data: Path) -> bytes:
    """The master of the keys that edges sign listeners' tickets with."""
    return read_or_make(data / "keys" / "ticket.key")


def edges_key(data: Path) -> bytes:
    """The seed of the key (Ed25519) that signs edges' credentials."""
    return read_or_make(data / "keys" / "edges.key")


def reminders_key(data: Path) -> bytes:
    """The seed of the key that push services know the house by, and of the links in reminders."""
    return read_or_make(data / "keys" / "reminders.key")


def read_or_make(path: Path) -> bytes:
    """The 32 bytes of a key file, made with mode 0600 if it is not there.

    Raises OperatorError("key_file") if it cannot be read, written, or holds something else.
    """
    try:
        if not path.exists():
            _make(path)
        text = path.read_text(encoding="ascii", errors="replace").strip()
    except OSError as error:
        raise OperatorError(
            "key_file", f"The key file {path} cannot be used: {error.strerror}."
        ) from error
    try:
        key = bytes.fromhex(text)
    except ValueError:
        key = b""
    if len(key) != KEY_BYTES:
        raise OperatorError(
            "key_file",
            f"{path} does not hold {KEY_BYTES} bytes in hex. Restore it from a backup, or move "
            "it away: links and tokens made with the old key then end.",
        )
    return key


def _make(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        file = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(file, "w") as out:
            out.write(secrets.token_hex(KEY_BYTES) + "\n")
            out.flush()
            os.fsync(out.fileno())
        with contextlib.suppress(FileExistsError):  # another service was quicker: its key counts
            os.link(draft, path)
    finally:
        draft.unlink(missing_ok=True)
