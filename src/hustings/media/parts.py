"""The frames of one part as listeners get them: the program, or hold audio where there is none. Pure.

Keeps true: every part of every rendition has exactly the frames that its number asks for, so that
live sound, rewound sound and a replay are on one timeline. Called by `edge.sound.program` and by
`archive`.
"""

from collections.abc import Sequence

from hustings.media.hold import hold_frames
from hustings.wire.kinds import Part
from hustings.wire.names import AAC, MP3, OPUS, OPUS_LOW, mp3_frames_before


def whole_frames(part: Part) -> dict[str, list[bytes]]:
    """The renditions that have as many frames as a part must; others become hold."""
    mp3 = mp3_frames_before(part.n + 1) - mp3_frames_before(part.n)
    count = {OPUS: 16, OPUS_LOW: 16, AAC: 15, MP3: mp3}
    return {
        name: frames for name, frames in part.renditions.items() if len(frames) == count.get(name)
    }


def part_frames(part: Part | None, n: int, rendition: str) -> Sequence[bytes]:
    """The frames of part `n`; None (never made, erased, lost) or a rendition it lacks: hold audio."""
    frames = whole_frames(part).get(rendition) if part is not None else None
    return frames or hold_frames(rendition, n)
