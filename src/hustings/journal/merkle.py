"""The Merkle tree of RFC 9162 over entry headers, kept as its right edge only.

Keeps true: a `Frontier` of `size` leaves holds one hash for each bit set in `size`, the roots of
the perfect subtrees from the largest (left) to the smallest, so adding a leaf and computing the
root cost O(log size) and a snapshot can carry the whole state in at most 64 hashes.
Called by the writer, by recovery and by `verify`. Pure. Source: RFC 9162 section 2.1.
"""

from collections.abc import Sequence
from hashlib import sha256
from typing import Final

EMPTY_ROOT: Final = sha256(b"").digest()


def leaf_hash(header: bytes) -> bytes:
    """SHA-256(0x00 ‖ header)."""
    return sha256(b"\x00" + header).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """SHA-256(0x01 ‖ left ‖ right)."""
    return sha256(b"\x01" + left + right).digest()


class Frontier:
    """The right edge of a growing tree."""

    __slots__ = ("_edge", "size")

    def __init__(self, size: int = 0, edge: Sequence[bytes] = ()) -> None:
        """An empty tree, or the one that `edge` (from `hashes`) describes; ValueError if it cannot."""
        if size < 0 or size.bit_count() != len(edge) or any(len(node) != 32 for node in edge):
            raise ValueError(f"{len(edge)} hashes cannot be the edge of a tree of {size} leaves")
        self.size = size
        self._edge = list(edge)

    def append(self, header: bytes) -> None:
        """Add one leaf: the bytes of an entry's header."""
        node = sha256(b"\x00" + header).digest()
        size = self.size
        while size & 1:  # two perfect subtrees of one size become one
            node = sha256(b"\x01" + self._edge.pop() + node).digest()
            size >>= 1
        self._edge.append(node)
        self.size += 1

    def root(self) -> bytes:
        """The tree hash MTH of all leaves so far."""
        if not self._edge:
            return EMPTY_ROOT
        root = self._edge[-1]
        for node in self._edge[-2::-1]:
            root = sha256(b"\x01" + node + root).digest()
        return root

    @property
    def hashes(self) -> list[bytes]:
        """The edge, from the largest subtree to the smallest; `Frontier(size, hashes)` restores it."""
        return list(self._edge)
