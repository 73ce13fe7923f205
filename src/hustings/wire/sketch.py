"""How many different ones there were, in 16 KiB and without knowing whom: HyperLogLog. Pure.

2^14 registers give a relative standard error of 1.04 / sqrt(2^14) = 0.81 %. What is added is
already a keyed hash (`keyed`), so a sketch says nothing to who has not the key; it is nevertheless
handled like the addresses themselves: kept in memory, merged, never published. Sketches with the
same key add up to the sketch of all: edges make them, the stage merges them.

Source: Flajolet et al. 2007; the estimator is Ertl's (2017, "New cardinality estimation
algorithms for HyperLogLog sketches", algorithm 6), which needs no tables for small counts.
"""

import hashlib
import math
import zlib
from typing import Final

from hustings.base.errors import PeerError

BITS: Final = 14
REGISTERS: Final = 1 << BITS
ERROR: Final = 1.04 / math.sqrt(REGISTERS)  # relative standard error: 0.0081
LARGEST: Final = 10**12
_REST: Final = 64 - BITS
_TOPS: Final = int.from_bytes(b"\x80" * REGISTERS)  # the top bit of each register: never in use


def keyed(key: bytes, *texts: str) -> int:
    """64 bits of the texts, which nobody without the key can guess back. key: 16 to 32 bytes."""
    digest = hashlib.blake2s(key=key, digest_size=8)
    for text in texts:
        data = text.encode(errors="replace")
        digest.update(len(data).to_bytes(4, "big") + data)
    return int.from_bytes(digest.digest(), "big")


class Sketch:
    """A set of 64-bit hashes of which only the size can be asked."""

    __slots__ = ("_registers",)

    def __init__(self) -> None:
        self._registers = bytearray(REGISTERS)

    def add(self, value: int) -> None:
        """Put one in; again changes nothing. value: 64 evenly spread bits."""
        register = value >> _REST
        rank = _REST - (value & ((1 << _REST) - 1)).bit_length() + 1
        self._registers[register] = max(self._registers[register], rank)

    def merge(self, other: "Sketch") -> None:
        """Become the sketch of both.

        All registers at once, as one number (35 us; one by one 1.4 ms, which a mixer would hear).
        """
        mine = int.from_bytes(self._registers)
        theirs = int.from_bytes(other._registers)  # noqa: SLF001
        larger = (((mine | _TOPS) - theirs) & _TOPS) >> 7  # 1 where mine is not the smaller one
        mask = (larger << 8) - larger
        self._registers = bytearray((theirs ^ ((mine ^ theirs) & mask)).to_bytes(REGISTERS))

    @property
    def size(self) -> int:
        """How many different ones, about; at most `LARGEST`, however odd the sketch."""
        counts, left = [0] * (_REST + 2), REGISTERS
        for rank in range(_REST + 2):
            if left:  # few ranks occur: 0.1 ms instead of 0.3
                counts[rank] = self._registers.count(rank)
                left -= counts[rank]
        z = REGISTERS * _tau(1 - counts[_REST + 1] / REGISTERS)
        for count in reversed(counts[1 : _REST + 1]):
            z = 0.5 * (z + count)
        z += REGISTERS * _sigma(counts[0] / REGISTERS)
        most = REGISTERS * REGISTERS / (2 * math.log(2))
        return round(most / z) if z * LARGEST > most else LARGEST

    def __bool__(self) -> bool:
        return any(self._registers)

    def encode(self) -> bytes:
        """A few bytes for an empty one, about 11 kB for a full one."""
        return zlib.compress(self._registers, 1)

    @classmethod
    def decode(cls, data: bytes) -> "Sketch":
        """What `encode` made; PeerError `sketch_bad` for anything else."""
        sketch, reader = cls(), zlib.decompressobj()
        try:
            registers = reader.decompress(data, REGISTERS + 1)
        except zlib.error:
            registers = b""
        if len(registers) != REGISTERS or max(registers) > _REST + 1:
            raise PeerError("sketch_bad", "This is not a sketch of ours.")
        sketch._registers = bytearray(registers)
        return sketch


def _sigma(x: float) -> float:
    if x == 1.0:
        return math.inf
    y, z = 1.0, x
    while True:
        x *= x
        before, z = z, z + x * y
        y += y
        if z == before:
            return z


def _tau(x: float) -> float:
    if x in {0.0, 1.0}:
        return 0.0
    y, z = 1.0, 1.0 - x
    while True:
        x = math.sqrt(x)
        y *= 0.5
        before, z = z, z - (1.0 - x) ** 2 * y
        if z == before:
            return z / 3
