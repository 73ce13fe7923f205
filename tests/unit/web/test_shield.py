"""Which bodies the shield lets in."""

from collections import Counter
from typing import Any

import pytest

from hustings.base.limits import Limits
from hustings.web.shield import BODY_BYTES, UPLOAD_BYTES, UPLOADS, Shield

UPLOAD = b"multipart/form-data; boundary=b"
PICTURE = "/rooms/hall/picture"


async def status(method: str, path: str, kind: bytes, size: int) -> int:
    """Of an answer; 200: the application got the request."""
    said: list[int] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})

    async def receive() -> Any:
        pytest.fail("the body was read")

    async def send(message: Any) -> None:
        if message["type"] == "http.response.start":
            said.append(message["status"])

    headers = [(b"content-type", kind), (b"content-length", str(size).encode())]
    scope = {"type": "http", "method": method, "path": path, "headers": headers}
    shield = Shield(app, public_host="", secure=False, counts=Counter())
    await shield(scope, receive, send)
    return said[0]


async def test_a_photo_is_let_in_where_one_is_awaited_and_nowhere_else() -> None:
    for method, path in (("POST", PICTURE), ("PUT", f"/api/v1{PICTURE}")):
        assert await status(method, path, UPLOAD, UPLOAD_BYTES) == 200
        assert await status(method, path, UPLOAD, UPLOAD_BYTES + 1) == 413
        assert await status(method, path, b"application/json", BODY_BYTES + 1) == 413
    for method, path in (
        *(("POST", "/api/v1/rooms"), ("POST", "/rooms"), ("POST", f"/api/v1{PICTURE}")),
        *(("PUT", PICTURE), ("POST", f"{PICTURE}/more"), ("POST", "/rooms/a/b/picture")),
    ):
        assert await status(method, path, UPLOAD, BODY_BYTES) == 200
        assert await status(method, path, UPLOAD, BODY_BYTES + 1) == 413, path


def test_the_guard_before_it_knows_the_same_places() -> None:
    limits = Limits(upload_at=UPLOADS, upload_bytes=UPLOAD_BYTES)
    assert limits.takes_files(b"POST", PICTURE.encode() + b"?lang=de")
    assert limits.takes_files(b"PUT", b"/api/v1" + PICTURE.encode())
    assert not limits.takes_files(b"POST", b"/api/v1/rooms")
    assert not limits.takes_files(b"POST", b"/rooms?" + PICTURE.encode())
    assert not limits.takes_files(b"POST", b"/rooms\xff/picture")
    assert not Limits().takes_files(b"POST", PICTURE.encode())
