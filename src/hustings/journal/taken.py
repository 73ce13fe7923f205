"""Sound that a `dump` entry takes back, in copies of a journal's records. Pure.

Called by the feed's follower and by edges that pass records on; the file itself is `journal.erasure`.
"""

from collections.abc import Sequence
from typing import Final, TypeVar

from hustings.base.errors import PeerError
from hustings.journal.entry import Entry
from hustings.journal.records import Record
from hustings.wire import kinds
from hustings.wire.names import PART_SAMPLES

R = TypeVar("R")

SOUND: Final = frozenset({kinds.PART, kinds.TRACK})  # what a stretch that is taken back takes


def without_taken(records: Sequence[Record]) -> list[Record]:
    """The same records; parts that a `dump` among them takes back are bare."""
    dumps = [dump for record in records if (dump := dump_of(record)) is not None]
    return [bare_if_taken(record, dumps) for record in records] if dumps else list(records)


def dump_of(record: object) -> kinds.Dump | None:
    """What a record takes back, if it is such an entry and can be read."""
    if not isinstance(record, Entry) or record.kind != kinds.DUMP or record.body is None:
        return None
    try:
        return record.decode(kinds.Dump)
    except PeerError:
        return None


def bare_if_taken(record: R, dumps: Sequence[kinds.Dump]) -> R | Entry:
    """The record, bare if it is sound of a part that one of these takes back."""
    if not isinstance(record, Entry) or record.kind not in SOUND:
        return record
    n = record.media_time // PART_SAMPLES
    return record.bare() if any(dump.first <= n <= dump.last for dump in dumps) else record
