"""Numbers and names that every service and every outside client relies on.

Changing one is a change of protocol: docs/protocol.md lists them.
"""

from typing import Final

WIRE_VERSION: Final = 1

SAMPLE_RATE: Final = 48_000  # Hz, mono everywhere
TICK_SAMPLES: Final = 960  # 20 ms: one Opus frame, one mixer tick
PART_TICKS: Final = 16
PART_SAMPLES: Final = TICK_SAMPLES * PART_TICKS  # 15,360 = 320 ms = 15 AAC frames
PART_SECONDS: Final = PART_SAMPLES / SAMPLE_RATE
SEGMENT_PARTS: Final = 12  # 3.84 s

OPUS: Final = "opus"  # 32 kbit/s
OPUS_LOW: Final = "opus-low"  # 12 kbit/s
AAC: Final = "aac"  # 64 kbit/s AAC-LC
MP3: Final = "mp3"  # 64 kbit/s, only where a room has its radio on
CMAF_RENDITIONS: Final = (OPUS, OPUS_LOW, AAC)

AAC_FRAME: Final = 1_024  # samples; 15 to a part
MP3_FRAME: Final = 1_152  # samples; 13 or 14 to a part, 40 to every 3 parts

EVENT_SCHEME: Final = "urn:hustings:events:1"  # emsg scheme_id_uri
EVENT_BYTES: Final = 2_048  # events a part may carry
STAGE_SEATS: Final = 13
ENCODER_SEAT: Final = "-encoder"  # behind a participant's id: the seat of an encoder of theirs


def mp3_frames_before(part: int) -> int:
    """How many MP3 frames belong to the parts before `part` (part >= 0)."""
    return part * PART_SAMPLES // MP3_FRAME
