"""Signing in through a provider: a real one, and one that lies."""

import base64
import hashlib
import html
import re
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx
import pytest

from hustings.settings import OidcSettings
from hustings.web.accounts.model import Account
from hustings.web.accounts.passkeys import NewKey
from hustings.web.accounts.queries import add_account, add_passkey
from tests.fakes.openid import ScriptedProvider, real_provider, scripted_provider
from tests.fakes.web_house import House, open_house


def settings(issuer: str, **more: str) -> OidcSettings:
    good = {"issuer": issuer, "client_id": "house", "client_secret": "a b&c", "name": "<Campus>"}
    return OidcSettings(**(good | more))


@asynccontextmanager
async def house_with(tmp_path: Path, oidc: OidcSettings) -> AsyncIterator[House]:
    async with open_house(tmp_path, oidc=oidc) as house:
        house.clock.step_wall(time.time() - house.clock.wall_ms() / 1_000)
        yield house


@pytest.fixture
async def provider() -> AsyncIterator[ScriptedProvider]:
    async with scripted_provider() as opened:
        yield opened


@pytest.fixture
async def house(tmp_path: Path, provider: ScriptedProvider) -> AsyncIterator[House]:
    async with house_with(tmp_path, settings(provider.url)) as opened:
        yield opened


async def account(house: House, name: str = "Ada", *, passkey: bool = True) -> str:
    """Somebody who is signed in with the house's browser."""
    async with house.services.database.write() as connection:
        await add_account(connection, Account(name.lower(), name, "staff", 1))
        if passkey:
            key = NewKey(name.encode(), b"key", 0)
            await add_passkey(connection, name.lower(), name.lower(), key, "", 1)
        session = await house.services.accounts.new_session(connection, name.lower(), "", "")
    cookie(house, "hustings_session", session)
    return session


def cookie(house: House, name: str, value: str) -> None:
    house.browser.cookies.set(name, value, domain="127.0.0.1", path="/")


async def set_out(house: House, path: str = "/sign-in/oidc", **fields: str) -> dict[str, str]:
    """What the browser is sent on with."""
    page = await house.browser.post(path, data=fields)
    assert page.status_code == 200, page.headers.get("location")
    url = html.unescape(re.findall(r'content="0;url=([^"]+)"', page.text)[0])
    return {"": url} | dict(parse_qsl(urlsplit(url).query))


async def there_and_back(
    house: House, provider: ScriptedProvider, path: str = "/sign-in/oidc", **fields: str
) -> httpx.Response:
    asked = await set_out(house, path, **fields)
    provider.nonce = asked["nonce"]
    return await back(house, asked)


async def back(house: House, asked: dict[str, str], **more: str) -> httpx.Response:
    params = {"code": "abc", "state": asked["state"]} | more
    return await house.browser.get("/sign-in/oidc/back", params=params)


def said(answer: httpx.Response) -> str:
    return dict(parse_qsl(urlsplit(answer.headers["location"]).query)).get("said", "")


async def linked(house: House, provider: ScriptedProvider) -> None:
    await account(house)
    assert said(await there_and_back(house, provider, "/account/oidc")) == "oidc_linked"
    house.browser.cookies.clear()


# -- a provider that is not ours ------------------------------------------------------------------


async def test_with_a_real_provider_an_account_is_linked_signs_in_and_is_unlinked(
    tmp_path: Path,
) -> None:
    async with (
        real_provider() as issuer,
        house_with(tmp_path, settings(issuer)) as house,
        httpx.AsyncClient(trust_env=False) as elsewhere,
    ):

        async def consent(asked: dict[str, str], who: str) -> str:
            answer = await elsewhere.post(asked[""], data={"sub": who})
            assert answer.status_code == 302, answer.text
            there = urlsplit(answer.headers["location"])
            assert f"{there.scheme}://{there.netloc}" == house.services.links_for("127.0.0.1").web
            return f"{there.path}?{there.query}"

        page = await house.browser.get("/sign-in")
        assert "Sign in with <bdi>&lt;Campus&gt;</bdi>" in page.text
        unknown = await house.browser.get(await consent(await set_out(house), "ada"))
        assert said(unknown) == "oidc_unknown"
        await account(house)
        asked = await set_out(house, "/account/oidc")
        done = await house.browser.get(await consent(asked, "ada"))
        assert (urlsplit(done.headers["location"]).path, said(done)) == ("/account", "oidc_linked")
        house.browser.cookies.clear()
        done = await house.browser.get(await consent(await set_out(house), "ada"))
        assert done.headers["location"] == "/"
        page = await house.browser.get("/account")
        assert "Ada" in page.text
        assert "Unlink it" in page.text
        stranger = await set_out(house)
        assert said(await house.browser.get(await consent(stranger, "eve"))) == "oidc_unknown"
        data = (await house.browser.get("/account/data.json")).json()
        assert [each["issuer"] for each in data["linked"]] == [issuer]
        assert said(await house.browser.post("/account/oidc/remove")) == "oidc_unlinked"
        asked = await set_out(house)
        assert said(await house.browser.get(await consent(asked, "ada"))) == "oidc_unknown"


# -- what is sent, and what is made of the answer -------------------------------------------------


async def test_what_is_asked_holds_pkce_state_and_nonce_and_the_secret_is_sent_as_it_must_be(
    house: House, provider: ScriptedProvider
) -> None:
    await linked(house, provider)
    asked = await set_out(house)
    assert asked[""].startswith(f"{provider.url}/authorize?tenant=1&response_type=code&")
    assert (asked["client_id"], asked["scope"]) == ("house", "openid profile")
    assert asked["redirect_uri"].endswith("/sign-in/oidc/back")
    assert asked["code_challenge_method"] == "S256"
    again = await set_out(house)
    for fresh in ("state", "nonce", "code_challenge"):
        assert len(asked[fresh]) >= 32
        assert asked[fresh] != again[fresh]
    provider.nonce = again["nonce"]
    await back(house, again)
    path, headers, form = provider.asked[-1]
    assert (path, form["code"], form["redirect_uri"]) == ("/token", "abc", asked["redirect_uri"])
    digest = hashlib.sha256(form["code_verifier"].encode()).digest()
    assert base64.urlsafe_b64encode(digest).rstrip(b"=").decode() == again["code_challenge"]
    pair = base64.b64decode(headers["authorization"].removeprefix("Basic ")).decode()
    assert pair == "house:a+b%26c"
    assert "client_secret" not in form


async def test_a_sign_in_is_a_new_session_and_the_one_before_ends(
    house: House, provider: ScriptedProvider
) -> None:
    await linked(house, provider)
    planted = await account(house, "Eve")
    done = await there_and_back(house, provider)
    assert done.headers["location"] == "/account"  # whoever was in already
    new = house.browser.cookies["hustings_session"]
    assert new != planted
    assert await house.services.house.who(planted) is None
    who = await house.services.house.who(new)
    assert who is not None
    assert who.name == "Ada"


@pytest.mark.parametrize(
    "claims",
    [
        {"nonce": "another"},
        {"iss": "https://evil.example"},
        {"aud": "another"},
        {"exp": 1_000},
        {"iat": 1_000},
        {"sub": ""},
    ],
)
async def test_a_token_that_is_not_of_this_sign_in_lets_nobody_in(
    house: House, provider: ScriptedProvider, claims: dict[str, Any]
) -> None:
    await linked(house, provider)
    provider.claims = claims
    answer = await there_and_back(house, provider)
    assert (urlsplit(answer.headers["location"]).path, said(answer)) == ("/sign-in", "oidc_failed")
    assert "hustings_session" not in house.browser.cookies
    page = await house.browser.get(answer.headers["location"])
    assert "did not work" in page.text


async def test_a_state_is_good_once_for_five_minutes_in_the_browser_that_set_out(
    house: House, provider: ScriptedProvider
) -> None:
    await linked(house, provider)
    asked = await set_out(house)
    provider.nonce = asked["nonce"]
    errand = house.browser.cookies["hustings_errand"]
    house.browser.cookies.clear()  # somebody else's browser is given the address: login CSRF
    assert said(await back(house, asked)) == "oidc_failed"
    cookie(house, "hustings_errand", errand)  # and with that the state is used up
    assert said(await back(house, asked)) == "oidc_failed"
    asked = await set_out(house)
    provider.nonce = asked["nonce"]
    assert (await back(house, asked)).headers["location"] == "/"
    assert said(await back(house, asked)) == "oidc_failed"  # replayed
    house.browser.cookies.clear()
    asked = await set_out(house)
    provider.nonce = asked["nonce"]
    house.clock.advance(301)
    assert said(await back(house, asked)) == "oidc_failed"
    for state in ("", "x", "é", "A" * 43, asked["state"] + "A"):
        assert said(await back(house, {"state": state})) == "oidc_failed"


async def test_an_error_or_another_issuers_answer_exchanges_nothing(
    house: House, provider: ScriptedProvider
) -> None:
    await linked(house, provider)
    for more in ({"code": "", "error": "access_denied"}, {"iss": "https://evil.example"}):
        asked, before = await set_out(house), len(provider.asked)
        assert said(await back(house, asked, **more)) == "oidc_failed"
        assert len(provider.asked) == before
    provider.metadata = {"authorization_response_iss_parameter_supported": True}
    house.clock.advance(601)
    house.clock.step_wall(-601)
    asked = await set_out(house)
    provider.nonce = asked["nonce"]
    assert said(await back(house, asked)) == "oidc_failed"  # it said that it would name itself
    asked = await set_out(house)
    provider.nonce = asked["nonce"]
    assert (await back(house, asked, iss=provider.url)).headers["location"] == "/"


@pytest.mark.parametrize(
    "metadata",
    [
        {"issuer": "https://evil.example"},
        {"token_endpoint": "http://evil.example/token"},
        {"jwks_uri": "http://127.0.0.1:1/keys"},
        {"authorization_endpoint": "javascript:alert(1)"},
        {"token_endpoint": None},
    ],
)
async def test_a_description_that_leads_elsewhere_is_not_followed(
    house: House, provider: ScriptedProvider, metadata: dict[str, Any]
) -> None:
    provider.metadata = metadata
    assert said(await house.browser.post("/sign-in/oidc")) == "oidc_failed"


async def test_an_endpoint_in_our_network_is_not_asked(
    house: House, provider: ScriptedProvider
) -> None:
    provider.metadata = {"token_endpoint": "https://127.0.0.1:1/token"}
    assert said(await there_and_back(house, provider)) == "oidc_away"


async def test_a_provider_that_is_away_or_broken_is_said(
    house: House, provider: ScriptedProvider
) -> None:
    provider.status = 500
    assert said(await house.browser.post("/sign-in/oidc")) == "oidc_failed"
    assert (await house.browser.get("/sign-in?said=oidc_failed")).status_code == 200


async def test_a_provider_may_change_its_key(house: House, provider: ScriptedProvider) -> None:
    await linked(house, provider)
    provider.key = type(provider.key).generate_key(2_048, {"kid": "two"})
    assert (await there_and_back(house, provider)).headers["location"] == "/"


# -- who gets in ----------------------------------------------------------------------------------


async def test_nobody_is_known_by_an_e_mail(house: House, provider: ScriptedProvider) -> None:
    await linked(house, provider)
    provider.claims = {"sub": "eve", "email": "ada@example.org", "email_verified": True}
    assert said(await there_and_back(house, provider)) == "oidc_unknown"


async def test_an_invitation_makes_an_account_with_recovery_codes_once(
    house: House, provider: ScriptedProvider
) -> None:
    code = await house.services.house.new_code("host")
    provider.claims = {"name": "Bo\u202e <b>"}
    page = await there_and_back(house, provider, "/start/oidc", code=code)
    assert page.status_code == 200
    assert len(re.findall(r"\b(?:[a-z2-9]{5}-){3}[a-z2-9]{5}\b", page.text)) == 10
    who = await house.services.house.who(house.browser.cookies["hustings_session"])
    assert who is not None
    assert (who.name, who.role) == ("Bo <b>", "host")
    house.browser.cookies.clear()
    assert (await there_and_back(house, provider)).headers["location"] == "/"
    house.browser.cookies.clear()
    again = await house.browser.post("/start/oidc", data={"code": code})
    assert said(again) == "code_bad"
    provider.claims = {"sub": "cy", "name": "Cyrus"}
    code = await house.services.house.new_code("host")
    await there_and_back(house, provider, "/start/oidc", code=code, name="Cy")
    assert "Cy" in [each.name for each in await house.services.people.everybody()]


async def test_an_identity_that_is_somebodys_uses_no_invitation_up(
    house: House, provider: ScriptedProvider
) -> None:
    await linked(house, provider)
    code = await house.services.house.new_code("owner")
    assert said(await there_and_back(house, provider, "/start/oidc", code=code)) == "oidc_taken"
    async with house.services.database.read() as connection:
        from hustings.web.house.queries import find_code
        from hustings.web.house.service import hashed

        assert await find_code(connection, hashed(code), house.clock.wall_ms()) is not None
        assert len(await house.services.people.everybody()) == 1


async def test_newcomers_become_members_only_where_the_settings_say_so(
    tmp_path: Path, provider: ScriptedProvider
) -> None:
    async with house_with(tmp_path, settings(provider.url, newcomers="member")) as house:
        provider.claims = {"preferred_username": "cy"}
        assert (await there_and_back(house, provider)).headers["location"] == "/"
        (person,) = await house.services.people.everybody()
        assert (person.name, person.role) == ("cy", "member")
        assert said(await house.browser.post("/account/oidc/remove")) == "way_last"
        page = await house.browser.get("/account")
        assert "only way in" in page.text
        house.browser.cookies.clear()
        assert (await there_and_back(house, provider)).headers["location"] == "/"
        assert len(await house.services.people.everybody()) == 1


async def test_a_link_is_for_whoever_set_out_and_an_identity_for_one_account(
    house: House, provider: ScriptedProvider
) -> None:
    await linked(house, provider)
    await account(house, "Eve")
    assert said(await there_and_back(house, provider, "/account/oidc")) == "oidc_taken"
    provider.claims = {"sub": "eve"}
    asked = await set_out(house, "/account/oidc")
    provider.nonce = asked["nonce"]
    await account(house, "Bo")  # another one is signed in by now
    assert said(await back(house, asked)) == "oidc_failed"
    house.clock.advance(901)  # whoever holds an old session links nothing, and unlinks nothing
    for path in ("/account/oidc", "/account/oidc/remove"):
        assert said(await house.browser.post(path)) == "sign_in_again"
    house.browser.cookies.delete("hustings_session")
    assert (await house.browser.post("/account/oidc")).status_code == 401


async def test_a_form_of_another_site_sends_nobody_on_an_errand(house: House) -> None:
    await account(house)
    for path in ("/sign-in/oidc", "/account/oidc", "/account/oidc/remove", "/start/oidc"):
        answer = await house.browser.post(path, headers={"Sec-Fetch-Site": "cross-site"})
        assert answer.status_code == 403
        assert "hustings_errand" not in house.browser.cookies


async def test_tries_are_bounded(house: House) -> None:
    answers = [await house.browser.post("/sign-in/oidc") for _ in range(31)]
    assert answers[0].status_code == 200
    assert said(answers[-1]) == "sign_in_rate"


async def test_without_a_provider_there_is_no_way_to_one(tmp_path: Path) -> None:
    async with open_house(tmp_path) as house:
        assert "/sign-in/oidc" not in (await house.browser.get("/sign-in")).text
        assert (await house.browser.post("/sign-in/oidc")).status_code == 404
        assert (await house.browser.get("/sign-in/oidc/back")).status_code == 404
        assert (await house.browser.get("/sign-in/oidc")).headers["location"] == "/sign-in"
