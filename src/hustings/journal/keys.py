"""The journal's signing key: made on first start, readable by its owner only, public half beside it.

Keeps true: a private key is never overwritten, and two processes that start at once end up with
one key. Files in the folder: `journal.pem` (PKCS 8, 0600), `journal.pub` (PEM), `journal.vkey`
(C2SP). Called by the stage, which alone holds the private half; `verify` reads the public ones.
"""

import logging
import os
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from hustings.base.errors import OperatorError, PeerError
from hustings.base.ids import new_id
from hustings.journal.checkpoint import read_vkey, vkey

log = logging.getLogger(__name__)

PRIVATE_FILE: Final = "journal.pem"
PUBLIC_FILE: Final = "journal.pub"
VKEY_FILE: Final = "journal.vkey"
_MAX_BYTES: Final = 8_192


class SigningKey:
    """An Ed25519 key pair."""

    def __init__(self, private: Ed25519PrivateKey) -> None:
        self._private = private
        self.public = private.public_key()
        self.public_raw = self.public.public_bytes_raw()

    def sign(self, data: bytes) -> bytes:
        """The 64-byte signature; about 20 µs."""
        return self._private.sign(data)

    @property
    def vkey(self) -> str:
        """The public half as `GET /journal-key` publishes it."""
        return vkey(self.public_raw)


def load_or_make(folder: Path) -> SigningKey:
    """The key in `folder`, made there if there is none.

    Raises OperatorError `journal_key` if the file is no Ed25519 key, `journal_key_write` if none
    can be written.
    """
    path = folder / PRIVATE_FILE
    try:
        if not path.exists():
            _make(path)
        _close_to_others(path)
        data = path.read_bytes()
    except OSError as error:
        raise OperatorError(
            "journal_key_write",
            f"The journal key {path} cannot be made or read ({error.strerror}). "
            "Give this user write access to the folder.",
        ) from error
    key = SigningKey(_read_private(data, path))
    _publish(folder, key)
    return key


def read_public(source: str) -> Ed25519PublicKey:
    """A public key given as a vkey or as a file that holds a vkey or PEM.

    Raises PeerError `vkey_bad`.
    """
    if "+" in source and not Path(source).exists():
        return read_vkey(source)
    try:
        data = Path(source).read_bytes()[:_MAX_BYTES]
    except OSError as error:
        raise PeerError("vkey_bad", f"No public key can be read from {source}.") from error
    if not data.startswith(b"-----BEGIN PUBLIC KEY"):
        return read_vkey(data.decode(errors="replace"))
    try:
        public = serialization.load_pem_public_key(data)
    except ValueError:
        public = None
    if not isinstance(public, Ed25519PublicKey):
        raise PeerError("vkey_bad", f"{source} holds no Ed25519 public key.")
    return public


def _make(path: Path) -> None:
    """Write a new key under a name of its own, then link it into place: the first one wins."""
    path.parent.mkdir(parents=True, exist_ok=True)
    mine = path.with_name(f".{path.name}.{new_id()}")
    pem = Ed25519PrivateKey.generate().private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    descriptor = os.open(mine, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(pem)
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(mine, path)
        except FileExistsError:
            return
        log.info("made the journal key %s; keep a copy in a safe place", path)
    finally:
        mine.unlink(missing_ok=True)


def _close_to_others(path: Path) -> None:
    mode = path.stat().st_mode & 0o777
    if mode & 0o077:
        path.chmod(0o600)
        log.warning(
            "the journal key %s could be read by others (mode %03o); closed it to 600. "
            "If strangers use this machine, make a new key.",
            path,
            mode,
        )


def _read_private(data: bytes, path: Path) -> Ed25519PrivateKey:
    try:
        private = serialization.load_pem_private_key(data, password=None)
    except (ValueError, TypeError):
        private = None
    if not isinstance(private, Ed25519PrivateKey):
        raise OperatorError(
            "journal_key",
            f"{path} is not an Ed25519 key in PEM. Put the right file back, or move this one "
            "away to begin with a new key (old journals then verify with the old public key only).",
        )
    return private


def _publish(folder: Path, key: SigningKey) -> None:
    """Write the public half beside the key wherever it is missing or another's."""
    pem = key.public.public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    for name, data in ((PUBLIC_FILE, pem), (VKEY_FILE, key.vkey.encode() + b"\n")):
        path = folder / name
        try:
            if not path.exists() or path.read_bytes() != data:
                path.write_bytes(data)
        except OSError as error:
            log.warning("the public key could not be written to %s: %s", path, error.strerror)
