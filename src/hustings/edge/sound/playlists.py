"""Low-latency HLS: playlists and caption segments as bytes. Pure.

Keeps true: every edge writes the same bytes for the same last part, so that any cache in front
stays consistent: nothing here depends on the edge, the time of asking or who asks. Segment S is
parts 12 S … 12 S + 11; media sequence numbers are segment numbers, so they never restart. Addresses
carry the room's epoch (`?e=`), which servers ignore and caches do not: media may be kept for ever
even if a room of the same name is made anew.
Called by `edge.hls`. Source: RFC 8216bis (draft-pantos-hls-rfc8216bis-18), Apple's
"Enabling Low-Latency HLS". No delta updates (`_HLS_skip`): a whole playlist is 1.5 kB.
"""

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

import msgspec

from hustings.archive.playlists import SEGMENT_SECONDS, TARGET_S, VARIANTS, date_line, variant
from hustings.base.errors import UserError
from hustings.wire.names import (
    CMAF_RENDITIONS,
    PART_SAMPLES,
    PART_SECONDS,
    SEGMENT_PARTS,
)

HOLD_S: Final = 3 * TARGET_S  # a blocked request never waits longer
WINDOW_SEGMENTS: Final = 6  # complete ones in a playlist: 23 s, within every edge's backlog
_PART_SEGMENTS: Final = 2  # complete ones with their parts listed, beside the current one
_MPEG_TICKS: Final = 90_000 * PART_SAMPLES // 48_000  # of a part in MPEG-2 time stamps


class Window(msgspec.Struct, frozen=True):
    """What an edge can serve of a room: the parts `oldest` … `next` - 1, without a hole."""

    oldest: int
    next: int
    epoch_ms: int  # wall ms of media time 0
    ended: bool = False

    @property
    def tag(self) -> str:
        """What tells this room's media from that of a namesake."""
        return f"?e={self.epoch_ms:x}"

    @property
    def segments(self) -> range:
        """The complete segments of the playlist."""
        last = self.next // SEGMENT_PARTS
        first = -(-self.oldest // SEGMENT_PARTS)
        return range(min(last, max(first, last - WINDOW_SEGMENTS)), last)


class Cue(NamedTuple):
    """A caption: media times in samples, and one paragraph of plain text."""

    start: int
    end: int
    text: str


def multivariant(*, language: str, low: bool = False) -> bytes:
    """The playlist of renditions: AAC first (everybody plays it), Opus, and captions.

    low: for newcomers of an edge under load: the lowest one first, and AAC for those who play
    nothing else.
    """
    lines = ["#EXTM3U", "#EXT-X-VERSION:9", "#EXT-X-INDEPENDENT-SEGMENTS"]
    lines.append(
        '#EXT-X-MEDIA:TYPE=SUBTITLES,GROUP-ID="captions",NAME="Captions",DEFAULT=NO,'
        f'AUTOSELECT=YES,LANGUAGE="{_tag(language)}",URI="captions/index.m3u8"'
    )
    for rendition, peak, average, codec in (VARIANTS[2], VARIANTS[0]) if low else VARIANTS:
        lines.append(f'{variant(peak, average, codec)},SUBTITLES="captions"')
        lines.append(f"{rendition}/index.m3u8")
    return _text(lines)


def media(rendition: str, window: Window, *, parts: bool = True) -> bytes:
    """The media playlist of an audio rendition.

    parts: False under load: only segments, so that players ask a third as often (they go on
    with what their playlist says; a blocked reload by segment stays possible).
    """
    hold = f"PART-HOLD-BACK={3 * PART_SECONDS:.2f}," if parts else ""
    lines = [*_head(window, f"{hold}HOLD-BACK={HOLD_S}")]
    if parts:
        lines.append(f"#EXT-X-PART-INF:PART-TARGET={PART_SECONDS:.2f}")
    lines += ['#EXT-X-MAP:URI="init.mp4"', *_date(window)]
    for segment in window.segments:
        if parts and segment >= window.segments.stop - _PART_SEGMENTS:
            lines += _parts(window, segment * SEGMENT_PARTS, (segment + 1) * SEGMENT_PARTS)
        lines += [f"#EXTINF:{SEGMENT_SECONDS:.2f},", f"{segment}.m4s{window.tag}"]
    if parts:
        lines += _parts(window, window.segments.stop * SEGMENT_PARTS, window.next)
    if window.ended:
        lines += _last_segment(window, ".m4s")
        lines.append("#EXT-X-ENDLIST")
        return _text(lines)
    if not parts:
        return _text(lines)
    lines.append(f'#EXT-X-PRELOAD-HINT:TYPE=PART,URI="part/{window.next}.m4s{window.tag}"')
    msn, part = divmod(window.next - 1, SEGMENT_PARTS)
    for other in CMAF_RENDITIONS:
        if other != rendition:
            lines.append(
                f'#EXT-X-RENDITION-REPORT:URI="../{other}/index.m3u8",'
                f"LAST-MSN={msn},LAST-PART={part}"
            )
    return _text(lines)


def captions(window: Window) -> bytes:
    """The media playlist of the captions: complete segments only."""
    lines = [*_head(window, f"HOLD-BACK={HOLD_S}"), *_date(window)]
    for segment in window.segments:
        lines += [f"#EXTINF:{SEGMENT_SECONDS:.2f},", f"{segment}.vtt{window.tag}"]
    if window.ended:
        lines += [*_last_segment(window, ".vtt"), "#EXT-X-ENDLIST"]
    return _text(lines)


def vtt(segment: int, cues: Sequence[Cue] = ()) -> bytes:
    """A WebVTT segment; its times count from the segment's start (RFC 8216bis 3.1.4)."""
    start = segment * SEGMENT_PARTS
    mpegts = start * _MPEG_TICKS % 2**33
    lines = ["WEBVTT", f"X-TIMESTAMP-MAP=LOCAL:00:00:00.000,MPEGTS:{mpegts}", ""]
    for cue in cues:
        times = (_clock(at - start * PART_SAMPLES) for at in (cue.start, cue.end))
        text = " ".join(cue.text.split()).replace("&", "&amp;").replace("<", "&lt;")
        lines += [" --> ".join(times), text.replace("-->", "--&gt;"), ""]
    return _text(lines)


def awaited(query: Mapping[str, str], window: Window) -> int | None:
    """The part that a playlist must hold before it may be sent; None: at once.

    Raises UserError `hls_query` for what can never be: the answer is 400, briefly cacheable.
    """
    msn, part = _number(query, "_HLS_msn"), _number(query, "_HLS_part")
    if msn is None:
        if part is not None:
            raise UserError("hls_query", "_HLS_part needs _HLS_msn.")
        return None
    if msn > (window.next - 1) // SEGMENT_PARTS + 2:
        raise UserError("hls_query", "This segment is too far in the future to wait for.")
    if part is None:
        return (msn + 1) * SEGMENT_PARTS - 1
    return msn * SEGMENT_PARTS + min(part, SEGMENT_PARTS)


def _number(query: Mapping[str, str], name: str) -> int | None:
    text = query.get(name)
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and len(text) < 16):
        raise UserError("hls_query", f"{name} must be a whole number.")
    return int(text)


def _head(window: Window, control: str) -> list[str]:
    return [
        "#EXTM3U",
        "#EXT-X-VERSION:9",
        f"#EXT-X-TARGETDURATION:{TARGET_S}",
        f"#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,{control}",
        f"#EXT-X-MEDIA-SEQUENCE:{window.segments.start}",
        "#EXT-X-INDEPENDENT-SEGMENTS",
    ]


def _date(window: Window) -> list[str]:
    """The wall time of the first segment, by the room's epoch: the same at every edge."""
    first = window.segments.start * SEGMENT_PARTS
    return [date_line(window.epoch_ms, first)]


def _parts(window: Window, first: int, end: int) -> list[str]:
    return [
        f'#EXT-X-PART:DURATION={PART_SECONDS:.2f},URI="part/{n}.m4s{window.tag}",INDEPENDENT=YES'
        for n in range(first, end)
    ]


def _last_segment(window: Window, suffix: str) -> list[str]:
    """The short segment with which an ended room closes."""
    segment, parts = divmod(window.next, SEGMENT_PARTS)
    return (
        [f"#EXTINF:{parts * PART_SECONDS:.2f},", f"{segment}{suffix}{window.tag}"] if parts else []
    )


def _clock(samples: int) -> str:
    ms = max(0, samples) * 1_000 // 48_000
    hours, minutes, seconds = ms // 3_600_000, ms // 60_000 % 60, ms // 1_000 % 60
    return f"{hours:02}:{minutes:02}:{seconds:02}.{ms % 1_000:03}"


def _tag(language: str) -> str:
    """A BCP 47 tag for a quoted string; whatever is none becomes `und`."""
    plain = language.replace("-", "")
    return language if plain.isascii() and plain.isalnum() and len(language) < 36 else "und"


def _text(lines: Sequence[str]) -> bytes:
    return ("\n".join(lines) + "\n").encode()
