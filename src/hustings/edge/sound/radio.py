"""Titles inside the MP3 stream (ICY metadata), shared by all who asked for them. Pure.

ICY counts bytes from the start of each answer: after every 16,000 of sound comes one block of
metadata. So that all share the same bytes, the blocks lie at fixed places of one endless stream,
and a listener begins right behind a block. Source: the SHOUTcast protocol as Icecast speaks it.
"""

from typing import Final, NamedTuple

METAINT: Final = 16_000  # bytes of sound between blocks: 2 s at 64 kbit/s
_LONGEST: Final = 255 * 16


class Piece(NamedTuple):
    """A part's sound with the blocks in it; `begin` is just behind the first block, or -1.

    until: bytes of sound from its start to the next block.
    """

    data: bytes
    begin: int
    until: int


class TitledStream:
    """Puts blocks into MP3 sound that comes part by part."""

    def __init__(self, until: int = METAINT) -> None:
        self._until = until  # bytes of sound until the next block

    def piece(self, sound: bytes, title: str) -> Piece:
        """The next part's sound; `title` is what its blocks say."""
        until = self._until
        if len(sound) < until:
            self._until -= len(sound)
            return Piece(sound, -1, until)
        block, pieces, at, begin = title_block(title), [], 0, -1
        while len(sound) - at >= self._until:
            pieces += [sound[at : at + self._until], block]
            at += self._until
            if begin < 0:
                begin = at + len(block)
            self._until = METAINT
        self._until -= len(sound) - at
        return Piece(b"".join((*pieces, sound[at:])), begin, until)


def title_block(title: str) -> bytes:
    """One metadata block: its length in 16-byte units, then text padded with zeros."""
    clean = " ".join(title.split()).replace("'", "’").replace(";", ",")
    text = f"StreamTitle='{clean}';".encode()
    if len(text) > _LONGEST:
        text = text[: _LONGEST - 2].decode(errors="ignore").encode() + b"';"
    units = -(-len(text) // 16)
    return bytes([units]) + text.ljust(units * 16, b"\0")
