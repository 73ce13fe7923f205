"""Forms with a file in them (RFC 7578), read out of their bytes; pure.

Keeps true: whatever the bytes are, the answer is fields and files, or `form_bad`; nothing is
decoded, nothing is written to a disk. How many bytes there may be is decided before.
"""

import re
from email.message import Message
from typing import Final

import msgspec

from hustings.base.errors import PeerError

PARTS: Final = 60
HEAD_BYTES: Final = 2_048  # of one part


class Form(msgspec.Struct, frozen=True):
    """What was sent; a file that was not chosen is not there."""

    fields: dict[str, str]
    files: dict[str, bytes]


def is_upload(content_type: str) -> bool:
    """Whether a body of this type is such a form."""
    return content_type.lower().startswith("multipart/form-data")


def read_upload(body: bytes, content_type: str) -> Form:
    """The form. Raises PeerError `form_bad`."""
    boundary = _parameter(content_type, "boundary", header="content-type")
    if not boundary or len(boundary) > 70:
        raise _bad()
    parts = (b"\r\n" + body).split(b"\r\n--" + boundary.encode("latin-1"), PARTS + 1)
    if len(parts) > PARTS + 1 or not parts[-1].startswith(b"--"):
        raise _bad()
    fields: dict[str, str] = {}
    files: dict[str, bytes] = {}
    for part in parts[1:-1]:
        head, found, data = part.removeprefix(b"\r\n").partition(b"\r\n\r\n")
        if not found or len(head) > HEAD_BYTES:
            raise _bad()
        name, is_file = _named(head)
        if not is_file:
            try:
                fields[name] = data.decode()
            except UnicodeDecodeError:
                raise _bad() from None
        elif data:
            files[name] = data
    return Form(fields, files)


def _named(head: bytes) -> tuple[str, bool]:
    """A part's name, and whether it is a file."""
    found = re.search(rb"(?im)^content-disposition:[ \t]*(form-data[^\r\n]*)", head)
    words = found[1].decode("utf-8", "replace") if found else ""
    name = _parameter(words, "name", header="content-disposition")
    if not name:
        raise _bad()
    return name, re.search(r";\s*filename\*?=", words) is not None


def _parameter(words: str, name: str, *, header: str) -> str:
    message = Message()
    message[header] = "".join(c if c.isprintable() else " " for c in words)
    found = message.get_param(name, header=header)
    return found if isinstance(found, str) else ""


def _bad() -> PeerError:
    return PeerError("form_bad", "This is not a form.")
