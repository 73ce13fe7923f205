"""What of a room can be heard again, and the playlists over it. Pure.

Keeps true: the same evening gives the same bytes at every edge; numbers, addresses and contents of
segments are those of the live playlist (`edge.sound.playlists`), so caches hold each once. The
evening begins with the segment in which the room went live: what hosts said in the lobby was never
recorded. Called by `edge.past` and `archive.replay`. Source: RFC 8216, EVENT and VOD playlists.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

import msgspec

from hustings.wire.names import (
    AAC,
    OPUS,
    OPUS_LOW,
    PART_SAMPLES,
    PART_SECONDS,
    SAMPLE_RATE,
    SEGMENT_PARTS,
)

SEGMENT_SECONDS: Final = PART_SECONDS * SEGMENT_PARTS  # 3.84
TARGET_S: Final = 4  # EXTINF rounded
# Peak bit/s with boxes, measured peaks of speech rounded up; codecs as in RFC 6381.
VARIANTS: Final = (
    (AAC, 96_000, 70_000, "mp4a.40.2"),
    (OPUS, 64_000, 38_000, "opus"),
    (OPUS_LOW, 32_000, 17_000, "opus"),
)
_PART_MS: Final = PART_SAMPLES * 1_000 // SAMPLE_RATE


class Evening(msgspec.Struct, frozen=True):
    """The parts `first` … `end` - 1 of a room; `over`: there will be no more."""

    first: int  # live: the first of a segment
    end: int
    epoch_ms: int
    over: bool = False

    @property
    def segments(self) -> range:
        """Its segments; the last of an evening that is over may be short."""
        last = -(-self.end // SEGMENT_PARTS) if self.over else self.end // SEGMENT_PARTS
        return range(self.first // SEGMENT_PARTS, last)

    def parts(self, segment: int) -> range:
        """The parts of a segment; the first and the last one of a replay may be short."""
        start = segment * SEGMENT_PARTS
        return range(max(self.first, start), min(self.end, start + SEGMENT_PARTS))


def evening(facts: Mapping[str, Any], next_part: int) -> Evening | None:
    """What can be heard again of a room; None if it has never been live.

    facts: its `room` body. next_part: the next that will be sent, for a room that has not ended.
    """
    epoch_ms, live_ms = int(facts.get("epoch_ms", 0)), int(facts.get("live_ms", 0))
    if not epoch_ms or not live_ms:
        return None
    over = facts.get("state") == "ended"
    end = _part(int(facts.get("ended_ms", 0)) - epoch_ms) + 1 if over else next_part
    first = _part(live_ms - epoch_ms) // SEGMENT_PARTS * SEGMENT_PARTS
    return Evening(first, end, epoch_ms, over) if end > first else None


def media(past: Evening, *, tagged: bool = True) -> bytes:
    """The media playlist of a rendition from the evening's beginning.

    tagged: addresses carry the room's epoch, as live; static files do not need it.
    """
    segments = past.segments
    tag = f"?e={past.epoch_ms:x}" if tagged else ""
    lines = [
        "#EXTM3U",
        "#EXT-X-VERSION:7",
        f"#EXT-X-TARGETDURATION:{TARGET_S}",
        f"#EXT-X-MEDIA-SEQUENCE:{segments.start}",
        f"#EXT-X-PLAYLIST-TYPE:{'VOD' if past.over else 'EVENT'}",
        "#EXT-X-INDEPENDENT-SEGMENTS",
        "#EXT-X-START:TIME-OFFSET=0",
        '#EXT-X-MAP:URI="init.mp4"',
        date_line(past.epoch_ms, past.first),
    ]
    for segment in segments:
        parts = len(past.parts(segment))
        length = SEGMENT_SECONDS if parts == SEGMENT_PARTS else parts * PART_SECONDS
        lines += (f"#EXTINF:{length:.2f},", f"{segment}.m4s{tag}")
    if past.over:
        lines.append("#EXT-X-ENDLIST")
    return ("\n".join(lines) + "\n").encode()


def multivariant(renditions: Sequence[str], name: str) -> bytes:
    """The playlist of renditions, AAC first, as everybody plays it.

    name: of the media playlists, each in the folder of its rendition.
    """
    lines = ["#EXTM3U", "#EXT-X-VERSION:7", "#EXT-X-INDEPENDENT-SEGMENTS"]
    for rendition, peak, average, codec in VARIANTS:
        if rendition in renditions:
            lines += (variant(peak, average, codec), f"{rendition}/{name}")
    return ("\n".join(lines) + "\n").encode()


def variant(peak: int, average: int, codec: str) -> str:
    """The line above a rendition's playlist."""
    return f'#EXT-X-STREAM-INF:BANDWIDTH={peak},AVERAGE-BANDWIDTH={average},CODECS="{codec}"'


def date_line(epoch_ms: int, first: int) -> str:
    """The wall time at which part `first` begins, by the room's epoch: the same at every edge."""
    at_ms = epoch_ms + round(first * PART_SECONDS * 1_000)
    at = datetime.fromtimestamp(at_ms / 1_000, UTC).isoformat(timespec="milliseconds")
    return f"#EXT-X-PROGRAM-DATE-TIME:{at.replace('+00:00', 'Z')}"


def _part(ms: int) -> int:
    return max(0, ms) // _PART_MS
