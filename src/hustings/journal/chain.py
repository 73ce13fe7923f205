"""The state of a journal's chain and tree: what the next entry must fit, what a checkpoint must say.

Keeps true: size, head and tree always cover the same entries. The writer makes entries with it;
recovery and whoever follows a feed check them with it. Pure; not thread-safe: it has one owner.
"""

from collections.abc import Sequence

from hustings.base.errors import PeerError
from hustings.journal.checkpoint import Checkpoint
from hustings.journal.entry import NO_HASH, Entry, make_entry
from hustings.journal.merkle import Frontier


class Chain:
    """The end of a journal; `edge` as in `kinds.Snapshot.frontier`, None if it is not known."""

    def __init__(
        self, size: int = 0, head: bytes = NO_HASH, edge: Sequence[bytes] | None = ()
    ) -> None:
        self.size = size
        self.head = head
        self.tree = None if edge is None else Frontier(size, edge)

    def copy(self) -> "Chain":
        """An independent copy."""
        edge = None if self.tree is None else self.tree.hashes
        return Chain(self.size, self.head, edge)

    def make(
        self,
        kind: str,
        body: bytes,
        *,
        media_time: int,
        wall_ms: int,
        visibility: int,
        nonce: bytes,
    ) -> Entry:
        """Make the next entry and take it."""
        entry = make_entry(
            seq=self.size,
            media_time=media_time,
            wall_ms=wall_ms,
            kind=kind,
            visibility=visibility,
            prev=self.head,
            nonce=nonce,
            body=body,
        )
        self._advance(entry)
        return entry

    def take(self, entry: Entry) -> None:
        """Accept the next entry, or raise PeerError `chain_broken` and stay as it was."""
        if entry.header.seq != self.size:
            raise PeerError(
                "chain_broken", f"Entry {entry.header.seq} came where {self.size} belongs."
            )
        if entry.header.prev != self.head:
            raise PeerError("chain_broken", f"Entry {self.size} does not follow the one before it.")
        if not entry.body_matches():
            raise PeerError("chain_broken", f"Entry {self.size} has a body that is not its own.")
        self._advance(entry)

    def agrees(self, checkpoint: Checkpoint) -> bool:
        """Whether a checkpoint made at this point says what we know; signature apart."""
        return (
            checkpoint.size == self.size
            and checkpoint.head == self.head
            and (self.tree is None or checkpoint.root == self.tree.root())
        )

    def _advance(self, entry: Entry) -> None:
        self.size += 1
        self.head = entry.hash
        if self.tree is not None:
            self.tree.append(entry.raw)
