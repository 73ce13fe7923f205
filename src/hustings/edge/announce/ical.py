"""iCalendar as text (RFC 5545): content lines, folded and escaped. Pure.

Keeps true: whatever people wrote into a title, a line is one line, and holds what was written.
Why not a library: what we write is a dozen properties, and a parser that would be half of it reads
nothing here; a library's parser reads it back in the tests.
"""

import re
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Final

_OCTETS: Final = 75  # of a line, without its CRLF (3.1)
_CONTROLS: Final = re.compile("[\x00-\x08\x0b-\x1f\x7f\x85\u2028\u2029]")
_ESCAPED: Final = str.maketrans({"\\": "\\\\", ";": "\\;", ",": "\\,", "\n": "\\n", "\t": " "})


def text(words: str) -> str:
    """A value of type TEXT (3.3.11); line breaks stay, other controls go."""
    lines = words.replace("\r\n", "\n").replace("\r", "\n")
    return _CONTROLS.sub("", lines).translate(_ESCAPED)


def moment(wall_ms: int) -> str:
    """A DATE-TIME in UTC (3.3.5, form 2)."""
    return datetime.fromtimestamp(wall_ms // 1_000, UTC).strftime("%Y%m%dT%H%M%SZ")


def lines(properties: Iterable[tuple[str, str]]) -> bytes:
    """Name (with its parameters) and ready value of each property, as folded lines."""
    return b"".join(fold(f"{name}:{value}") for name, value in properties)


def fold(line: str) -> bytes:
    """One content line with its CRLF; what is too long goes on behind a space, letters stay whole."""
    data, folded, room = line.encode(errors="replace"), [], _OCTETS
    while len(data) > room:
        cut = room
        while data[cut] & 0xC0 == 0x80:  # inside of a letter
            cut -= 1
        folded.append(data[:cut])
        data, room = data[cut:], _OCTETS - 1
    return b"\r\n ".join([*folded, data]) + b"\r\n"
