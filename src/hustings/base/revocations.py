"""Credentials of edges that count no longer: one id on each line of `keys/revoked`.

`hustings edge-token --revoke` adds to the file; the stage asks `Revocations` at each use and so
notices at once. The file only grows, by some ten bytes for each machine ever dismissed.
"""

from pathlib import Path
from typing import Final

from hustings.base.errors import OperatorError

FILE: Final = Path("keys") / "revoked"


class Revocations:
    """What the file says now; read again only when it has changed."""

    def __init__(self, data: Path) -> None:
        self._path = data / FILE
        self._seen: tuple[int, int] | None = None
        self._ids: frozenset[str] = frozenset()

    def __contains__(self, credential_id: str) -> bool:
        return credential_id in self.ids

    @property
    def ids(self) -> frozenset[str]:
        """All of them."""
        try:
            now = self._path.stat()
        except FileNotFoundError:
            return frozenset()
        if (seen := (now.st_mtime_ns, now.st_size)) != self._seen:
            self._ids = frozenset(self._path.read_text(encoding="ascii", errors="replace").split())
            self._seen = seen
        return self._ids


def revoke(data: Path, credential_id: str) -> None:
    """Add one id. Raises OperatorError("key_file")."""
    path = data / FILE
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with path.open("a", encoding="ascii") as file:
            file.write(f"{credential_id}\n")
    except OSError as error:
        raise OperatorError("key_file", f"{path} cannot be written: {error.strerror}.") from error
