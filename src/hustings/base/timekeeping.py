"""Does somebody keep this machine's clock right? Asked by `hustings doctor` and a room's readiness."""

import ctypes
import sys


def clock_error() -> float | None:
    """The kernel's own estimate in seconds; infinite if unsynchronised, None if unknown.

    Source: adjtimex(2): status bit 0x40 = STA_UNSYNC, maxerror in µs.
    """
    if not sys.platform.startswith("linux"):
        return None
    buffer = ctypes.create_string_buffer(256)  # struct timex is 208 bytes; modes = 0 only reads
    try:
        if ctypes.CDLL(None).adjtimex(buffer) < 0:
            return None
    except (OSError, AttributeError):
        return None
    fields = ctypes.cast(buffer, ctypes.POINTER(ctypes.c_long))
    max_error_us = fields[3]
    status = ctypes.cast(buffer, ctypes.POINTER(ctypes.c_int))[10]
    return float("inf") if status & 0x40 else max_error_us / 1e6
