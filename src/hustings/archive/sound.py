"""Past sound of a room, read from its journal file while the stage may be writing it.

Keeps true: a segment has all its parts, whatever the record has: what was never made, was erased
or lost is hold audio. Nothing is kept open or in memory between two calls, so an erasure counts at
once. About 2 ms for a segment anywhere in four hours (`python -m bench past`). Blocks on the disk:
called from a thread by `edge.past`, and by the replay's job.
"""

from pathlib import Path

from hustings.base.errors import PeerError
from hustings.journal.entry import Entry
from hustings.journal.reader import JournalReader
from hustings.media.cmaf import media_part
from hustings.media.parts import part_frames
from hustings.wire import kinds


def read_parts(folder: Path, rendition: str, first: int, end: int) -> bytes:
    """CMAF of the parts first … end - 1, one fragment each, as HLS serves them live.

    folder: the room's. Raises NotFound `journal_missing`, OperatorError `journal_damaged`.
    """
    with JournalReader(folder) as reader:
        made = {part.n: part for part in map(part_of, reader.parts(first, end - 1)) if part}
    return b"".join(
        media_part(rendition, n, part_frames(made.get(n), n, rendition)) for n in range(first, end)
    )


def part_of(entry: Entry) -> kinds.Part | None:
    """The part that an entry carries; None if its body is erased or cannot be read."""
    try:
        return entry.decode(kinds.Part)
    except PeerError:
        return None
