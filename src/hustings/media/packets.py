"""What an Opus packet says about itself, without decoding it; pure.

The jitter buffer must know how long a packet is and whether it carries its predecessor (FEC)
before libopus sees it. Source: RFC 6716 sections 3.1, 3.2 and 4.2.3.
"""

from typing import Final

_MAX_SAMPLES: Final = 5_760  # 120 ms, RFC 6716 section 3.2.5
# Samples of one frame at 48 kHz for each of the 32 configurations (RFC 6716 table 2).
_FRAME_SAMPLES: Final = (
    *(480, 960, 1920, 2880) * 3,  # SILK
    *(480, 960) * 2,  # hybrid
    *(120, 240, 480, 960) * 4,  # CELT
)
_FIRST_CELT: Final = 16


def packet_samples(packet: bytes) -> int:
    """Length of the sound in samples at 48 kHz; 0 if this is no valid Opus packet."""
    if not packet:
        return 0
    frames = (1, 2, 2, 0)[packet[0] & 3]
    if packet[0] & 3 == 3:
        frames = packet[1] & 0x3F if len(packet) > 1 else 0
    samples = frames * _FRAME_SAMPLES[packet[0] >> 3]
    return samples if samples <= _MAX_SAMPLES else 0


def has_fec(packet: bytes) -> bool:
    """Whether the packet also holds the frame before it (LBRR), so that a loss can be undone.

    CELT packets never do. In a SILK frame the LBRR flag follows one voice flag for each 20 ms;
    the second channel has the same pair after it.
    """
    if packet_samples(packet) == 0 or packet[0] >> 3 >= _FIRST_CELT:
        return False
    start = _first_frame(packet)
    if start >= len(packet):
        return False
    head = packet[start]
    voiced = max(1, _FRAME_SAMPLES[packet[0] >> 3] // 960)
    stereo = bool(packet[0] & 4)
    return bool(head >> (7 - voiced) & 1) or (stereo and bool(head >> max(0, 6 - 2 * voiced) & 1))


def _first_frame(packet: bytes) -> int:
    """Index of the first byte of the first frame."""
    code = packet[0] & 3
    if code < 2:
        return 1
    if code == 2:
        return 1 + _length_size(packet, 1)
    at, padded, variable = 2, packet[1] & 0x40, packet[1] & 0x80
    while padded and at < len(packet):  # 255 means: 254 bytes of padding, and another count
        at += 1
        if packet[at - 1] != 255:
            break
    if variable:
        for _ in range((packet[1] & 0x3F) - 1):
            at += _length_size(packet, at)
    return at


def _length_size(packet: bytes, at: int) -> int:
    return 2 if at < len(packet) and packet[at] >= 252 else 1
