"""Past sound of a room, read from its journal file while the stage may be writing it.

Keeps true: a segment has all its parts, whatever the record has: what was never made, was erased
or lost is hold audio. Nothing is kept open or in memory between two calls, so an erasure counts at
once. A segment anywhere in four hours: 0.45 ms (median, journal in memory; the longest 24). Blocks on the disk:
called from a thread by `edge.past`, and by the replay's job.
"""

from collections.abc import Container
from pathlib import Path

from hustings.base.errors import PeerError
from hustings.journal.entry import Entry
from hustings.journal.reader import JournalReader
from hustings.media import cmaf
from hustings.media.parts import part_frames
from hustings.wire import kinds
from hustings.wire.names import PART_SAMPLES


def read_parts(folder: Path, rendition: str, first: int, end: int) -> bytes:
    """CMAF of the parts first … end - 1, one fragment each, as HLS serves them live.

    folder: the room's. Raises NotFound `journal_missing`, OperatorError `journal_damaged`.
    """
    with JournalReader(folder) as reader:
        made = {part.n: part for part in map(part_of, reader.parts(first, end - 1)) if part}
    return b"".join(
        cmaf.media_part(rendition, n, part_frames(made.get(n), n, rendition))
        for n in range(first, end)
    )


def without(data: bytes, rendition: str, gone: Container[int]) -> bytes:
    """The same parts, with hold audio for those in `gone`: taken back, perhaps not erased yet."""
    found = cmaf.fragments(list(cmaf.boxes(data)))
    numbers = [each.media_time // PART_SAMPLES for each in found]
    return b"".join(
        cmaf.media_part(
            rendition, n, part_frames(None, n, rendition) if n in gone else fragment.frames
        )
        for n, fragment in zip(numbers, found, strict=True)
    )


def part_of(entry: Entry) -> kinds.Part | None:
    """The part that an entry carries; None if its body is erased or cannot be read."""
    try:
        return entry.decode(kinds.Part)
    except PeerError:
        return None
