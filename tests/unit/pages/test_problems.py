"""What an application answers when something is wrong, and what it writes down."""

import logging
from typing import Any

import pytest
from fastapi import FastAPI, Request

from hustings.pages import problems


@pytest.mark.parametrize(("body", "logged"), [("cut", False), ("whole", True)])
async def test_who_hangs_up_is_no_bug_and_a_bug_is_one(
    body: str, logged: bool, caplog: pytest.LogCaptureFixture
) -> None:
    app = FastAPI()
    problems.install(app)

    @app.post("/")
    async def take(request: Request) -> None:
        await request.body()
        raise LookupError("a mistake")

    async def receive() -> dict[str, Any]:
        return {"type": "http.disconnect" if body == "cut" else "http.request", "body": b""}

    sent: list[dict[str, Any]] = []

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "POST", "path": "/", "headers": [], "query_string": b""}
    with caplog.at_level(logging.ERROR):
        try:
            await app(scope, receive, send)
        except LookupError:
            assert body == "whole"
    assert sent[0]["status"] == (500 if logged else 400)
    assert ("a bug at" in caplog.text) == logged
