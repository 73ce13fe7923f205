"""Headers, foreign forms, wrong requests, and a database that is locked or gone."""

import socket
import sqlite3
from pathlib import Path

import httpx
import pytest

from hustings.base.clock import SystemClock
from hustings.base.errors import OperatorError
from hustings.settings import PublicUrl, Settings, WebSettings
from hustings.store import database
from hustings.web.app import create_app, run_web
from hustings.web.rooms.views import FORMS
from hustings.web.services import open_services
from tests.fakes.web_house import House

JSON = {"Accept": "application/json"}


async def test_every_page_carries_the_headers(house: House) -> None:
    for path in ("/", "/start", "/nothing", "/api/docs"):
        headers = (await house.browser.get(path)).headers
        policy = headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert headers["x-content-type-options"] == "nosniff"
        assert "strict-transport-security" not in headers


async def test_under_tls_the_cookie_is_bound_to_the_host(tmp_path: Path) -> None:
    public = PublicUrl(web="https://debate.example")
    async with open_services(
        Settings(data=str(tmp_path), public_url=public), SystemClock()
    ) as services:
        code = await services.house.new_code()
        transport = httpx.ASGITransport(create_app(services))
        async with httpx.AsyncClient(
            transport=transport, base_url="https://debate.example"
        ) as browser:
            answer = await browser.post("/start", data={"code": code})
            cookie = answer.headers["set-cookie"]
            assert cookie.startswith("__Host-hustings_session=")
            assert "Secure" in cookie
            assert "Path=/" in cookie
            assert "Domain" not in cookie
            assert answer.headers["strict-transport-security"]
            assert (await browser.get("/rooms/new")).status_code == 200


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Sec-Fetch-Site": "same-origin"}, 303),
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "SELF"}, 303),
        ({}, 303),
    ],
)
async def test_forms_of_other_sites_do_nothing(
    house: House, headers: dict[str, str], status: int
) -> None:
    await house.become_host()
    own = str(house.browser.base_url).rstrip("/")
    sent = {name: value.replace("SELF", own) for name, value in headers.items()}
    data = {"title": "x", "address": "hall"}
    answer = await house.browser.post("/rooms", data=data, headers=sent)
    assert answer.status_code == status
    made = (await house.browser.get("/api/v1/rooms")).json()["rooms"]
    assert len(made) == (status == 303)


async def test_errors_are_problem_documents_or_pages(house: House) -> None:
    answer = await house.browser.get("/nothing", headers=JSON)
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["type"] == "urn:hustings:error:page_unknown"
    page = await house.browser.get("/nothing?lang=ar")
    assert page.status_code == 404
    assert '<html lang="ar" dir="rtl"' in page.text
    assert (await house.browser.get("/rooms/Not%20a%20room", headers=JSON)).json()[
        "code"
    ] == "room_name"
    assert (await house.browser.delete("/", headers=JSON)).status_code == 405
    assert (await house.browser.get("/api/v1/nothing")).json()["code"] == "page_unknown"


async def test_the_address_of_a_form_leads_to_its_page_in_any_language(house: House) -> None:
    """As the language links of a page that came from a form ask for it."""
    await house.become_host()
    await house.create(address="hall")
    forms = {"/rooms": "/rooms/new", "/leave": "/", "/rooms/hall/invitations/x/revoke": ""}
    forms |= {f"/rooms/hall/{each}": "" for each in sorted(FORMS)}
    for path, page in forms.items():
        answer = await house.browser.get(f"{path}?lang=de")
        assert answer.status_code == 303, path
        assert answer.headers["location"] == f"{page or '/rooms/hall'}?lang=de"
    assert (await house.browser.get("/rooms/hall/nothing")).status_code == 404
    refused = await house.browser.delete("/?lang=de")
    assert refused.status_code == 405
    assert "nimmt nur an, was ein Formular sendet" in refused.text
    assert "Not Allowed" not in refused.text


@pytest.mark.parametrize("body", [b"\xff\xfe", b"&".join([b"a=1"] * 99), b"x" * 70_000])
async def test_bodies_that_are_no_forms(house: House, body: bytes) -> None:
    answer = await house.browser.post("/start", content=body, headers=JSON)
    assert answer.json()["code"] in {"form_bad", "body_large"}
    assert answer.status_code in {400, 413}


async def test_a_body_that_hides_its_size_is_cut_off(house: House) -> None:
    async def drip() -> object:
        for _ in range(100):
            yield b"x" * 1_000

    answer = await house.browser.post("/start", content=drip(), headers=JSON)
    assert answer.json()["code"] == "body_large"


async def test_a_locked_database_is_a_clear_message(
    house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = await house.services.house.new_code()
    other = sqlite3.connect(tmp_path / "hustings.sqlite", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    try:
        answer = await house.browser.post("/start", data={"code": code}, headers=JSON, timeout=30)
        assert (answer.status_code, answer.json()["code"]) == (503, "database_busy")
        assert answer.headers["retry-after"]
        assert (await house.browser.get("/")).status_code == 200  # reading goes on
    finally:
        other.execute("ROLLBACK")
        other.close()
    assert (await house.browser.post("/start", data={"code": code})).status_code == 303


async def test_a_database_that_is_gone_is_a_clear_message(house: House, tmp_path: Path) -> None:
    await house.services.database.close()
    for path in tmp_path.glob("hustings.sqlite*"):
        path.unlink()
    (tmp_path / "hustings.sqlite").mkdir()
    answer = await house.browser.get("/")
    assert answer.status_code == 503
    assert "One moment" in answer.text
    assert "sqlite" not in answer.text.lower()
    ready = await house.browser.get("/readyz", headers=JSON)
    assert (ready.status_code, ready.json()["code"]) == (503, "database_gone")
    assert (await house.browser.get("/healthz")).status_code == 200


async def test_a_bad_start_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    cases = {
        "oracle://x": "database_url",
        "nonsense": "database_url",
        f"sqlite:///{tmp_path}/no/such/folder/x": "database_gone",
        "postgresql://nobody@127.0.0.1:1/x": "database_gone",
    }
    for url, code in cases.items():
        with pytest.raises(OperatorError) as caught:
            await database.open_database(url, folder=tmp_path)
        assert caught.value.code == code, url


def test_a_taken_port_is_named_with_the_flag_to_move_it(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(OperatorError, match=rf"{port}.*--web-port"):
            run_web(Settings(data=str(tmp_path), web=WebSettings(port=port)))
