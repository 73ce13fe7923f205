"""AMF0, as much of it as an RTMP publisher says and hears; pure.

Source: Action Message Format AMF 0 (Adobe 2007). A reader meets whatever a server likes to say:
what is not known ends the list, nothing nests deeper than `DEPTH`.
"""

import struct
from collections.abc import Mapping
from typing import Any, Final

DEPTH: Final = 8
_ENDS: Final = b"\0\0\x09"


def encode(*values: Any) -> bytes:
    """Numbers, booleans, strings, None, and mappings of these."""
    return b"".join(map(_value, values))


def _value(value: Any) -> bytes:
    match value:
        case None:
            return b"\x05"
        case bool():
            return bytes((1, value))
        case int() | float():
            return b"\0" + struct.pack(">d", value)
        case str():
            return b"\x02" + _name(value)
        case Mapping():
            pairs = (_name(key) + _value(each) for key, each in value.items())
            return b"\x03" + b"".join(pairs) + _ENDS
    raise TypeError(f"AMF0 has no {type(value).__name__} here")


def _name(text: str) -> bytes:
    data = text.encode()[:65_535]
    return struct.pack(">H", len(data)) + data


def decode(data: bytes) -> list[Any]:
    """The values at the beginning of `data` that can be read; never raises."""
    found: list[Any] = []
    at = 0
    try:
        while at < len(data):
            value, at = _read(data, at, DEPTH)
            found.append(value)
    except (struct.error, IndexError, ValueError):
        pass
    return found


def _read(data: bytes, at: int, depth: int) -> tuple[Any, int]:
    kind, at = data[at], at + 1
    if kind == 0:
        return struct.unpack_from(">d", data, at)[0], at + 8
    if kind == 1:
        return bool(data[at]), at + 1
    if kind == 2:
        return _text(data, at)
    if kind in {5, 6}:
        return None, at
    if kind in {3, 8} and depth:
        return _pairs(data, at + (4 if kind == 8 else 0), depth - 1)
    raise ValueError(kind)


def _text(data: bytes, at: int) -> tuple[str, int]:
    (size,) = struct.unpack_from(">H", data, at)
    end = at + 2 + size
    if end > len(data):
        raise ValueError(size)
    return data[at + 2 : end].decode(errors="replace"), end


def _pairs(data: bytes, at: int, depth: int) -> tuple[dict[str, Any], int]:
    found: dict[str, Any] = {}
    while data[at : at + 3] != _ENDS:
        name, at = _text(data, at)
        found[name], at = _read(data, at, depth)
    return found, at + 3
