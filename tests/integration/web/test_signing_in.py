"""Signing in over HTTP, behind TLS: cookies, roles, limits, and what each refusal is called."""

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from hustings.base.clock import ManualClock
from hustings.settings import PublicUrl, Settings
from hustings.web.app import create_app
from hustings.web.services import Services, open_services
from tests.fakes.authenticator import Authenticator
from tests.fakes.web_house import House
from tests.support.counting import counted

WEB = "https://debate.example"
COOKIE = "__Host-hustings_session"


@dataclass
class Secure:
    """A house behind TLS, one browser, one authenticator."""

    services: Services
    browser: httpx.AsyncClient
    device: Authenticator

    async def options(self, **fields: str) -> httpx.Response:
        return await self.browser.post("/passkeys/options", data=fields)

    async def make(self, name: str = "Ada") -> httpx.Response:
        code = await self.services.house.new_code()
        asked = await self.options(ask="account", code=code, name=name)
        said = {"code": code, "name": name, "credential": self.device.create(asked.text)}
        return await self.browser.post("/start", data=said)

    async def sign_in(self, **more: str) -> httpx.Response:
        asked = await self.options(ask="sign_in")
        said = {"credential": self.device.get(asked.text)} | more
        return await self.browser.post("/sign-in", data=said)


@pytest.fixture
async def secure(tmp_path: Path) -> AsyncIterator[Secure]:
    settings = Settings(data=str(tmp_path), public_url=PublicUrl(web=WEB))
    async with open_services(settings, ManualClock()) as services:
        transport = httpx.ASGITransport(create_app(services), client=("192.0.2.9", 1))
        async with httpx.AsyncClient(
            transport=transport, base_url=WEB, headers={"Accept": "text/html"}
        ) as browser:
            yield Secure(services, browser, Authenticator(WEB))


async def test_a_new_account_sees_its_codes_once_and_gets_a_cookie_bound_to_the_host(
    secure: Secure,
) -> None:
    answer = await secure.make()
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    cookie = answer.headers["set-cookie"]
    assert cookie.startswith(f"{COOKIE}=")
    assert {"HttpOnly", "Secure", "Path=/", "SameSite=lax"} <= set(cookie.split("; "))
    assert "Domain" not in cookie
    page = (await secure.browser.get("/account")).text
    assert "10 codes are left" in page
    assert "192.0.2.9" not in page


async def test_each_sign_in_is_a_new_session_and_a_planted_one_is_worth_nothing(
    secure: Secure,
) -> None:
    await secure.make()
    before = secure.browser.cookies[COOKIE]
    answer = await secure.sign_in()
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    after = secure.browser.cookies[COOKIE]
    assert after != before
    assert await secure.services.house.who(before) is None
    secure.browser.cookies.clear()
    secure.browser.cookies.set(COOKIE, "planted", domain="debate.example")
    await secure.sign_in()
    assert await secure.services.house.who("planted") is None
    assert (await secure.browser.get("/account")).status_code == 200


async def test_signing_in_takes_two_requests_and_two_transactions(secure: Secure) -> None:
    await secure.make()
    before = secure.services.counts.total()
    with counted(secure.services.database) as asked:
        assert (await secure.sign_in()).status_code == 303
    assert secure.services.counts.total() - before == 2  # the challenge, the answer
    assert len(asked) == 7, asked  # the key, its use; of sessions the old, the new, those too many


async def test_an_unknown_passkey_and_a_late_answer_show_the_page_again(secure: Secure) -> None:
    await secure.make()
    secure.browser.cookies.clear()
    stranger = Authenticator(WEB)
    code = await secure.services.house.new_code()
    stranger.create((await secure.options(ask="account", code=code, name="Eve")).text)
    asked = (await secure.options(ask="sign_in")).text
    for credential in (stranger.get(asked), stranger.get(asked), "", "{}"):
        answer = await secure.browser.post("/sign-in", data={"credential": credential})
        assert answer.status_code == 403
        assert "set-cookie" not in answer.headers
        assert 'role="alert"' in answer.text


async def test_somebody_takes_their_data_along_and_goes(secure: Secure) -> None:
    await secure.make()
    owner = secure.browser.cookies[COOKIE]
    refused = await secure.browser.post("/account/delete", data={"sure": "yes"})
    assert refused.headers["location"] == "/account?said=owner_last"
    secure.browser.cookies.clear()
    await secure.make("Bo")
    invited = await secure.browser.post("/people/invitations", data={"name": "Kim", "role": "host"})
    assert invited.status_code == 200
    answer = await secure.browser.get("/account/data.json")
    assert answer.headers["content-disposition"].startswith("attachment")
    said = answer.json()
    assert (said["account"]["name"], said["recovery_codes_left"]) == ("Bo", 10)
    assert len(said["passkeys"]) == len(said["devices"]) == 1
    assert [each["name"] for each in said["invitations"]] == ["Kim"]
    assert "Ada" not in answer.text
    await secure.browser.post("/account/delete")  # not ticked
    assert (await secure.browser.get("/account/data.json")).status_code == 200
    gone = await secure.browser.post("/account/delete", data={"sure": "yes"})
    assert gone.headers["location"] == "/"
    assert (await secure.browser.get("/account/data.json")).status_code == 401
    assert [each.name for each in await secure.services.people.everybody()] == ["Ada"]
    assert await secure.services.people.invitations() == []
    assert await secure.services.house.who(owner)


async def test_another_site_cannot_sign_anybody_in(secure: Secure) -> None:
    for path in ("/sign-in", "/sign-in/code", "/passkeys/options", "/account/devices/end"):
        answer = await secure.browser.post(path, headers={"Sec-Fetch-Site": "cross-site"})
        assert answer.status_code == 403, path


async def test_guessing_meets_a_limit_and_is_told_how_long(secure: Secure) -> None:
    answers = [
        await secure.browser.post("/sign-in/code", data={"recovery": f"guess-{n}"})
        for n in range(31)
    ]
    assert {each.status_code for each in answers[:30]} == {403}
    assert answers[30].status_code == 429
    assert int(answers[30].headers["retry-after"]) >= 1


@pytest.mark.parametrize(
    ("role", "allowed"),
    [
        ("owner", {"/rooms/new", "/board", "/people"}),
        ("staff", {"/rooms/new", "/board"}),
        ("host", {"/rooms/new"}),
        ("checker", set()),
        ("member", set()),
    ],
)
async def test_a_role_opens_its_pages_and_no_others(
    house: House, role: str, allowed: set[str]
) -> None:
    code = await house.services.house.new_code(role)
    await house.browser.post("/start", data={"code": code})
    for path in ("/rooms/new", "/board", "/people"):
        answer = await house.browser.get(path, headers={"Accept": "application/json"})
        assert answer.status_code == (200 if path in allowed else 403), path
        if path not in allowed:
            assert answer.json()["code"] == "permission"
    made = await house.create()
    assert made.status_code == (303 if "/rooms/new" in allowed else 403)
    answer = await house.browser.post("/people/invitations", data={"name": "x", "role": "owner"})
    assert answer.status_code == (200 if role == "owner" else 403)
    erased = await house.browser.post("/rooms/hall/erase", data={})
    assert (erased.status_code == 403) == (role not in {"owner", "staff"})


async def test_without_a_name_or_tls_there_are_no_passkeys_and_the_link_works_as_ever(
    house: House,
) -> None:
    answer = await house.browser.post(
        "/passkeys/options", data={"ask": "sign_in"}, headers={"Accept": "application/json"}
    )
    assert (answer.status_code, answer.json()["code"]) == (400, "passkey_origin")
    await house.become_host()
    page = (await house.browser.get("/account")).text
    assert "without an account" in page
    answer = await house.browser.post("/account/codes", headers={"Accept": "application/json"})
    assert (answer.status_code, answer.json()["code"]) == (403, "account_needed")


async def test_what_cannot_be_taken_back_is_asked_about_first_also_without_a_script(
    secure: Secure,
) -> None:
    await secure.make()
    await secure.services.house.redeem(await secure.services.house.new_code("host"))
    made = await secure.browser.post(
        "/account/keys", data={"name": "Bot", "days": "30", "rooms:read": "on"}
    )
    assert made.status_code == 200
    (key,) = re.findall(r"/account/keys/(\w+)/revoke", (await secure.browser.get("/account")).text)
    (account,) = re.findall(r"/people/(\w+)/remove", (await secure.browser.get("/people")).text)
    for path, about, gone in (
        (f"/account/keys/{key}/revoke", "<bdi>Bot</bdi>", "/account?said=key_revoked"),
        ("/people/browsers/end", "one-time link", "/people?said=browsers_out"),
        (f"/people/{account}/remove", "<bdi>Ada</bdi>", "/people?said=owner_last"),
    ):
        question = await secure.browser.post(f"{path}?lang=en")
        assert question.status_code == 200, path
        assert about in question.text
        assert f'action="{path}?lang=en"' in question.text
        assert 'name="sure"' in question.text
        done = await secure.browser.post(path, data={"sure": "yes"})
        assert done.headers["location"] == gone
    assert key not in (await secure.browser.get("/account")).text
    assert await secure.services.people.plain_sessions() == 0


async def test_who_came_by_the_number_is_shown_the_name_under_which_passkeys_are(
    house: House,
) -> None:
    port = house.browser.base_url.port
    words, right = "This house has another address", f'href="http://localhost:{port}/start?lang=en"'
    page = (await house.browser.get("/start?lang=en")).text
    assert words in page
    assert right in page
    assert "data-passkey" not in page
    mailed = (await house.browser.get("/start?by=mail&lang=en")).text
    assert f'href="http://localhost:{port}/start?by=mail&amp;lang=en"' in mailed
    assert "keep_address" not in mailed  # without a passkey there is no account to keep it
    for headers in ({"Host": f"localhost:{port}"}, {"X-Forwarded-For": "192.0.2.1"}):
        there = (await house.browser.get("/start?lang=en", headers=headers)).text
        assert words not in there
    by_name = await house.browser.get("/start", headers={"Host": f"localhost:{port}"})
    assert "data-passkey" in by_name.text
    refused = await house.browser.post("/start", data={"code": "x"})  # the page for a form's answer
    assert f'href="http://localhost:{port}/"' in refused.text


async def test_nobody_is_sent_to_the_way_in(house: House) -> None:
    for path in ("/account", "/people", "/rooms/new", "/board"):
        assert (await house.browser.get(path)).headers["location"] == "/sign-in"
    answer = await house.browser.post(
        "/people/browsers/end", headers={"Accept": "application/json"}
    )
    assert (answer.status_code, answer.json()["code"]) == (401, "host_only")


@pytest.mark.parametrize(
    "path",
    [
        "/account/passkeys",
        "/account/passkeys/x/remove",
        "/account/codes",
        "/account/keys",
        "/account/emails",
        "/account/emails/remove",
        "/account/delete",
    ],
)
async def test_a_screen_left_open_gives_nobody_a_way_in(secure: Secure, path: str) -> None:
    await secure.make()
    clock = secure.services.clock
    assert isinstance(clock, ManualClock)
    clock.advance(15 * 60 + 1)
    asked = await secure.browser.post(
        "/passkeys/options", data={"ask": "passkey"}, headers={"Accept": "*/*"}
    )
    assert (asked.status_code, asked.json()["code"]) == (401, "sign_in_again")
    refused = await secure.browser.post(f"{path}?lang=ar", data={"sure": "yes"})
    assert refused.headers["location"] == "/sign-in?lang=ar&said=sign_in_again"
    page = await secure.browser.get("/sign-in?lang=en&said=sign_in_again")
    assert 'name="again"' in page.text
    assert "Sign in again to add one" in (await secure.browser.get("/account")).text
    assert (await secure.sign_in(again="yes")).headers["location"] == "/account"
    assert "Sign in again to add one" not in (await secure.browser.get("/account")).text
    assert (await secure.options(ask="passkey")).status_code == 200
    done = await secure.browser.post(path, data={"sure": "yes"})
    assert "/sign-in" not in done.headers.get("location", "")
