"""Checking a whole journal and naming what is wrong: the reasoning behind `hustings verify`.

Keeps true: whatever single thing was changed (a body, a header, an entry taken out, put elsewhere
or in twice, a checkpoint) leads to a finding that names it, and what merely follows from it is not
reported again. Two clues are held back until the next record explains them: an entry that does not
fit the one before it (which of the two was changed?), and a checkpoint of another head or size.
Pure: `journal.auditing` feeds it the records in file order.
"""

import contextlib
from hashlib import sha256
from typing import Final

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from hustings.base.errors import PeerError
from hustings.journal.checkpoint import Checkpoint, key_id, signer_name
from hustings.journal.entry import NO_HASH, Entry
from hustings.journal.extent import Extent
from hustings.journal.merkle import Frontier
from hustings.wire import kinds

_LISTED: Final = 20  # findings of one code that are listed; all are counted
_LISTED_ONCE: Final = frozenset({"rewritten", "foreign_key", "signature"})  # one cause, many signs


class Finding(msgspec.Struct, frozen=True):
    """One thing that is wrong.

    code: edited, removed, reordered, repeated, damaged, torn, rewritten, checkpoint, foreign_key,
    signature, other_room or cut. offset: in the file. seq: of the entry, -1 if it is about none.
    """

    code: str
    offset: int
    seq: int
    said: str


class Audit:
    """Takes a journal's records in order; the attributes and `finish` tell the result."""

    def __init__(self, *, public: Ed25519PublicKey | None = None, head: bytes = b"") -> None:
        """public: whose checkpoints they must be; head: hash of a header that must be there."""
        self.entries = self.bare = self.parts = self.checkpoints = 0
        self.signed_size = 0  # entries that a good checkpoint covers
        self.room = ""
        self.imported: kinds.Imported | None = None  # as the record itself says
        self.first_ms = self.last_ms = 0
        self.tombstone: kinds.Tombstone | None = None  # the recording was deleted
        self.extent = Extent()
        self.head = NO_HASH
        self.head_seen = -1  # sequence of the entry with the hash asked for
        self.counts: dict[str, int] = {}
        self._findings: list[Finding] = []
        self._named: set[int] = set()  # entries that a finding already calls changed
        self._public, self._wanted = public, head
        self._next = 0  # the sequence that must come
        self._missing: list[tuple[int, int, int]] = []  # first, last, offset where they lack
        self._tree: Frontier | None = Frontier()  # None: unknown until the next snapshot
        self._linked = True  # False: the entry before is lost, so `prev` cannot be compared
        self._doubtful = False  # the last entry's header is known to be changed
        self._misfit: tuple[int, int] | None = None  # seq, offset: does not fit the one before
        self._other_head: tuple[int, Checkpoint] | None = None
        self._ahead: tuple[int, Checkpoint] | None = None  # covers entries that did not come yet
        self._unread = -1  # offset of a damaged record of which nothing can be read

    # ------------------------------------------------------------ records in

    def entry(self, offset: int, entry: Entry) -> None:
        """The next entry in the file."""
        header = entry.header
        hash_ = sha256(entry.raw).digest()
        if hash_ == self._wanted:
            self.head_seen = header.seq
        self._count(entry)
        if not entry.body_matches():
            self._changed(offset, header.seq, f"the body of entry {header.seq} was changed")
        follows = self._linked and header.prev == self.head
        if header.seq != self._next and follows:
            said = f"the header of entry {self._next} was changed: it calls itself {header.seq}"
            self._changed(offset, self._next, said)
            self.head, self._next = hash_, self._next + 1
            self._linked, self._doubtful, self._tree = False, True, None
            return
        if header.seq != self._next and not self._jumped(offset, header.seq):
            return
        self._explain(offset, header.seq, fits=follows or not self._linked)
        self.head, self._next = hash_, header.seq + 1
        self._linked, self._doubtful = True, False
        self._grow(offset, entry)

    def checkpoint(self, offset: int, checkpoint: Checkpoint) -> None:
        """The next checkpoint in the file."""
        self.checkpoints += 1
        self._check_signature(offset, checkpoint)
        if self.room and checkpoint.room != self.room:
            said = f"a checkpoint of room {checkpoint.room} in a journal of room {self.room}"
            self._find("other_room", offset, -1, said)
        self.room = self.room or checkpoint.room
        if checkpoint.size > self._next:
            self._ahead = self._ahead or (offset, checkpoint)
            return
        if checkpoint.size < self._next:
            self._misplaced(offset, checkpoint)
            return
        fits = checkpoint.head == self.head
        if self._misfit is not None:
            self._settle(intact=fits)
            self._doubtful = not fits
        if not fits:
            if not self._doubtful and self._linked:
                self._other_head = self._other_head or (offset, checkpoint)
        elif self._tree is not None and checkpoint.root != self._tree.root():
            said = f"the checkpoint of {checkpoint.size} entries has another tree hash than they"
            self._find("checkpoint", offset, checkpoint.size - 1, said)
        else:
            self.signed_size = checkpoint.size

    def damage(self, offset: int, entry: Entry | None) -> None:
        """A record that cannot be read whole, with its entry's header if that can be."""
        if entry is None or entry.header.seq != self._next or entry.header.prev != self.head:
            self._unread = offset
            self._linked, self._tree = False, None
            return
        self._changed(offset, self._next, f"entry {self._next} is damaged", code="damaged")
        self.entry(offset, entry)
        self._doubtful = True

    def torn(self, offset: int, size: int) -> None:
        """The file ends inside a record."""
        said = f"the file ends inside a record, {size} bytes after that record's beginning"
        self._find("torn", offset, -1, said)

    def finish(self, end: int) -> list[Finding]:
        """Everything found, in order of the file; end: its length."""
        if self._misfit is not None:
            self._settle(intact=True)
        self._rewritten()
        if self._unread >= 0:
            self._find("damaged", self._unread, -1, "this record is damaged and cannot be read")
        if self._ahead is not None:
            offset, checkpoint = self._ahead
            self._missing.append((self._next, checkpoint.size - 1, offset))
        for first, last, offset in self._missing:
            which = f"entry {first} is" if first == last else f"entries {first} to {last} are"
            self._find("removed", offset, first, f"{which} missing")
        if self._wanted and self.head_seen < 0:
            said = "the head that was given is not in this journal: it was cut short or rewritten"
            self._find("cut", end, self._next - 1, said)
        return sorted(self._findings, key=lambda finding: finding.offset)

    # ------------------------------------------------------------ order and links

    def _jumped(self, offset: int, seq: int) -> bool:
        """An entry at a wrong place; True if the chain goes on from it."""
        if seq > self._next:
            if self._unread >= 0:
                lost = (
                    f"entry {seq - 1}"
                    if seq - 1 == self._next
                    else f"entries {self._next} to {seq - 1}"
                )
                self._find(
                    "damaged", self._unread, self._next, f"{lost}: damaged, nothing can be read"
                )
                self._unread = -1
            else:
                self._missing.append((self._next, seq - 1, offset))
            self._linked, self._tree, self._ahead = False, None, None
            return True
        for number, (first, last, where) in enumerate(self._missing):
            if first <= seq <= last:
                rest = [(first, seq - 1, where), (seq + 1, last, where)]
                self._missing[number : number + 1] = [gap for gap in rest if gap[0] <= gap[1]]
                said = f"entry {seq} stands behind entry {self._next - 1}"
                self._find("reordered", offset, seq, said)
                return False
        self._find("repeated", offset, seq, f"entry {seq} comes a second time")
        return False

    def _explain(self, offset: int, seq: int, *, fits: bool) -> None:
        """What this entry tells about the clues that were held back."""
        if self._misfit is not None:
            self._settle(intact=fits)
        elif not fits:
            self._misfit = (seq, offset)
            self._other_head = self._tree = None  # the same change explains that
        self._rewritten()
        if self._ahead is not None:
            self._misplaced(*self._ahead)
            self._ahead = None
        if self._unread >= 0:
            self._find("damaged", self._unread, -1, "a checkpoint is damaged and cannot be read")
            self._unread = -1

    def _settle(self, *, intact: bool) -> None:
        """An entry did not fit the one before it: it is the changed one, unless it is `intact`."""
        assert self._misfit is not None
        seq, offset = self._misfit
        self._misfit = None
        changed = max(0, seq - 1) if intact else seq
        self._changed(offset, changed, f"the header of entry {changed} was changed")

    # ------------------------------------------------------------ checkpoints and tree

    def _rewritten(self) -> None:
        """A checkpoint had another head, and yet the entries fit each other: they are new ones."""
        if self._other_head is None:
            return
        offset, checkpoint = self._other_head
        self._other_head = None
        said = (
            f"entries {self.signed_size} to {checkpoint.size - 1} are not those that were signed: "
            "something among them was changed and the chain made anew"
        )
        self._find("rewritten", offset, self.signed_size, said)

    def _misplaced(self, offset: int, checkpoint: Checkpoint) -> None:
        said = f"a checkpoint of {checkpoint.size} entries stands behind {self._next}: moved or changed"
        self._find("checkpoint", offset, -1, said)

    def _grow(self, offset: int, entry: Entry) -> None:
        """Add to the tree; a snapshot repeats its edge: compare that, or begin anew with it."""
        tree = _edge(entry)
        if tree is not None and self._misfit is None:
            if self._tree is not None and tree.hashes != self._tree.hashes:
                said = f"the snapshot in entry {entry.seq} is of another history"
                self._find("rewritten", offset, entry.seq, said)
            self._tree = self._tree or tree
        if self._tree is not None:
            self._tree.append(entry.raw)

    def _check_signature(self, offset: int, checkpoint: Checkpoint) -> None:
        if self._public is None or checkpoint.is_signed_by(self._public):
            return
        ours = key_id(signer_name(checkpoint.room), self._public.public_bytes_raw())
        ids = checkpoint.key_ids()
        size = checkpoint.size
        if ours in ids:
            said = f"the checkpoint of {size} entries was changed: its signature does not hold"
            self._find("signature", offset, size - 1, said)
            return
        names = ", ".join(sorted({i.hex() for i in ids if i})) or "nobody"
        said = f"the checkpoint of {size} entries is signed by {names}, not by the key {ours.hex()}"
        self._find("foreign_key", offset, size - 1, said)

    # ------------------------------------------------------------ results

    def _count(self, entry: Entry) -> None:
        self.entries += 1
        self.bare += entry.body is None
        self.parts += entry.header.kind == kinds.PART
        self.extent.fold(entry)
        if entry.header.kind == kinds.ROOM and self.imported is None:
            self.imported = _imported(entry)
        self.last_ms = entry.header.wall_ms
        if entry.header.kind == kinds.TOMBSTONE and entry.body_matches():
            with contextlib.suppress(PeerError):
                self.tombstone = entry.decode(kinds.Tombstone)
        self.first_ms = self.first_ms or self.last_ms

    def _changed(self, offset: int, seq: int, said: str, *, code: str = "edited") -> None:
        """A finding about one entry; only the first one is told."""
        if seq not in self._named:
            self._named.add(seq)
            self._find(code, offset, seq, said)

    def _find(self, code: str, offset: int, seq: int, said: str) -> None:
        self.counts[code] = self.counts.get(code, 0) + 1
        if self.counts[code] <= (1 if code in _LISTED_ONCE else _LISTED):
            self._findings.append(Finding(code, offset, seq, said))


def _imported(entry: Entry) -> kinds.Imported | None:
    """Where a room's sound comes from, if the entry says so."""
    try:
        return entry.decode(kinds.Room).imported
    except PeerError:
        return None


def _edge(entry: Entry) -> Frontier | None:
    """The tree before a snapshot, as that repeats it."""
    if entry.header.kind != kinds.SNAPSHOT or entry.body is None or not entry.body_matches():
        return None
    try:
        snapshot = entry.decode(kinds.Snapshot)
        tree = Frontier(snapshot.size, snapshot.frontier)
    except (PeerError, ValueError):
        return None
    return tree if tree.size == entry.header.seq else None
