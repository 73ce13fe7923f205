"""Opus packets in Ogg pages, for a peer that streams Ogg. Pure.

Each page holds the packets it is given, so that whoever sends page by page sends at that interval.
Sources: RFC 3533 (pages), RFC 7845 (Opus in Ogg).
"""

from collections.abc import Sequence
from struct import pack

FRAME_SAMPLES = 960  # 20 ms at 48 kHz


def _crc_table() -> list[int]:
    table = []
    for n in range(256):
        crc = n << 24
        for _ in range(8):
            crc = (crc << 1) ^ (0x04C11DB7 if crc & 0x80000000 else 0)
        table.append(crc & 0xFFFFFFFF)
    return table


_TABLE = _crc_table()


def _crc(data: bytes) -> int:
    crc = 0
    for byte in data:
        crc = (crc << 8) & 0xFFFFFFFF ^ _TABLE[(crc >> 24) ^ byte]
    return crc


class OggOpus:
    """One stream, page by page."""

    def __init__(self) -> None:
        self._page = 0
        self._granule = 0

    def head(self) -> bytes:
        """The two header pages, mono."""
        opening = b"OpusHead" + pack("<BBHIHB", 1, 1, 312, 48_000, 0, 0)
        tags = b"OpusTags" + pack("<I", 5) + b"bench" + pack("<I", 0)
        return self._write([opening], first=True) + self._write([tags])

    def page(self, packets: Sequence[bytes]) -> bytes:
        """One page; packets of 20 ms, each under 255 bytes, at most 255 of them."""
        self._granule += FRAME_SAMPLES * len(packets)
        return self._write(packets)

    def _write(self, packets: Sequence[bytes], *, first: bool = False) -> bytes:
        lacing = bytes(map(len, packets))
        fields = (b"OggS", 0, 2 * first, self._granule, 1, self._page)
        head = pack("<4sBBQII", *fields)
        body = bytes([len(lacing)]) + lacing + b"".join(packets)
        self._page += 1
        return head + pack("<I", _crc(head + bytes(4) + body)) + body
