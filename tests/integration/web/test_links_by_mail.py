"""Signing in by a link over HTTP and a real mail server: what strangers learn, what other sites can do."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from hustings.base.clock import ManualClock
from hustings.base.tasks import Tasks
from hustings.settings import HouseSettings, MailSettings, PublicUrl, Settings
from hustings.web.app import create_app
from hustings.web.services import Services, open_services
from tests.fakes.authenticator import Authenticator
from tests.fakes.smtp import Postman, smtp_server

WEB = "https://debate.example"
ADA, NOBODY = "ada@x.example", "nobody@x.example"
LINK = re.compile(re.escape(WEB) + r"/(?:sign-in/link|start(?:\?by=mail)?)#(\S{32})")
CHANGES = ("/sign-in/mail", "/sign-in/link", "/account/emails", "/account/emails/remove")


@dataclass
class Place:
    """A house behind TLS, whose senders run, and its mail server."""

    services: Services
    browser: httpx.AsyncClient
    postman: Postman
    clock: ManualClock
    requests: int = 0

    def stranger(self) -> httpx.AsyncClient:
        """Another browser."""
        return _browser(self.services, "198.51.100.7")

    async def code(self) -> str:
        """Of the next link that arrives."""
        known = len(self.postman.mails)
        async with asyncio.timeout(20):
            while len(self.postman.mails) == known:
                await asyncio.sleep(0.01)
        found = LINK.search(self.postman.mails[-1].get_content())
        assert found is not None
        return found[1]

    async def ask(self, address: str, browser: httpx.AsyncClient | None = None) -> httpx.Response:
        self.clock.advance(400)
        return await (browser or self.browser).post("/sign-in/mail", data={"address": address})

    async def make(self, name: str, *addresses: str) -> None:
        """Make an account in this browser, with addresses."""
        device, code = Authenticator(WEB), await self.services.house.new_code()
        said = {"ask": "account", "code": code, "name": name}
        asked = await self.browser.post("/passkeys/options", data=said)
        said = {"code": code, "name": name, "credential": device.create(asked.text)}
        assert (await self.browser.post("/start", data=said)).status_code == 200
        for address in addresses:
            self.clock.advance(400)
            arriving = asyncio.get_running_loop().create_task(self.code())
            await self.browser.post("/account/emails", data={"address": address})
            used = await self.browser.post("/sign-in/link", data={"code": await arriving})
            assert used.headers["location"] == "/account?said=email_added"


def _browser(services: Services, address: str) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(create_app(services), client=(address, 1))
    return httpx.AsyncClient(transport=transport, base_url=WEB, headers={"Accept": "text/html"})


@asynccontextmanager
async def open_place(folder: Path, *, mails: bool = True) -> AsyncIterator[Place]:
    clock, tasks = ManualClock(), Tasks()
    async with smtp_server() as postman:
        mail = MailSettings(
            host="127.0.0.1", port=postman.port, tls="none", sender="Hall <no-reply@debate.example>"
        )
        settings = Settings(
            data=str(folder),
            public_url=PublicUrl(web=WEB),
            house=HouseSettings(title="Town & Hall"),
            mail=mail if mails else MailSettings(),
        )
        async with (
            open_services(settings, clock) as services,
            _browser(services, "192.0.2.9") as browser,
        ):
            tasks.start(services.post.run(), name="post")
            tasks.start(services.mailbox.run(), name="mailbox")
            try:
                yield Place(services, browser, postman, clock)
            finally:
                await tasks.close()


@pytest.fixture
async def place(tmp_path: Path) -> AsyncIterator[Place]:
    async with open_place(tmp_path) as opened:
        yield opened


def shown(answer: httpx.Response) -> tuple[int, str, list[tuple[str, str]]]:
    """All that a stranger sees of an answer, but for the secret that is new each time."""
    headers = [(k, v) for k, v in answer.headers.multi_items() if k != "set-cookie"]
    cookies = re.sub(r"=[\w-]{32};", "=;", answer.headers["set-cookie"])
    return answer.status_code, answer.text, [*headers, ("set-cookie", cookies)]


async def test_signing_in_takes_two_round_trips_and_a_new_session(place: Place) -> None:
    await place.make("Ada", ADA)
    old = place.browser.cookies["__Host-hustings_session"]
    place.browser.cookies.clear()
    place.browser.cookies.set("__Host-hustings_session", "planted", domain="debate.example")
    arriving = asyncio.get_running_loop().create_task(place.code())
    await place.ask(ADA)
    code = await arriving
    trips: list[httpx.Request] = []

    async def count(request: httpx.Request) -> None:
        trips.append(request)

    place.browser.event_hooks["request"].append(count)
    page = await place.browser.get("/sign-in/link")
    assert page.status_code == 200
    answer = await place.browser.post("/sign-in/link", data={"code": code})
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    assert len(trips) == 2
    new = place.browser.cookies["__Host-hustings_session"]
    assert new not in {old, "planted"}
    assert await place.services.house.who("planted") is None
    assert "Ada" in (await place.browser.get("/account")).text
    mail = place.postman.mails[-1]
    assert mail["Subject"] == "Your link to sign in to Town & Hall"
    assert mail["Auto-Submitted"] == "auto-generated"


async def test_the_answer_is_the_same_whether_the_address_is_somebodys_or_not(
    place: Place,
) -> None:
    await place.make("Ada", ADA)
    known = await place.ask(ADA, place.stranger())
    unknown = await place.ask(NOBODY, place.stranger())
    assert shown(known) == shown(unknown)
    place.clock.advance(2_000)
    for address in (ADA, NOBODY):  # and so are the limits
        async with place.stranger() as stranger:
            answers = [
                await stranger.post("/sign-in/mail", data={"address": address}) for _ in range(4)
            ]
            assert [each.status_code for each in answers] == [200, 200, 200, 429], address
            assert answers[-1].headers["retry-after"]


async def test_previewers_use_nothing_up(place: Place) -> None:
    await place.make("Ada", ADA)
    arriving = asyncio.get_running_loop().create_task(place.code())
    await place.ask(ADA)
    code = await arriving
    for method, path in (
        ("GET", "/sign-in/link"),
        ("HEAD", "/sign-in/link"),
        ("GET", f"/sign-in/link?code={code}"),
        ("GET", "/sign-in/mail"),
    ):
        assert (await place.stranger().request(method, path)).status_code in {200, 303, 405}
    answer = await place.browser.post("/sign-in/link", data={"code": code})
    assert answer.headers["location"] == "/"


async def test_another_sites_form_neither_asks_nor_uses(place: Place) -> None:
    await place.make("Ada", ADA)
    arriving = asyncio.get_running_loop().create_task(place.code())
    await place.ask(ADA)
    code = await arriving
    data = {"address": ADA, "code": code, "sure": "yes"}
    for path in CHANGES:
        for headers in (
            {"Sec-Fetch-Site": "cross-site"},
            {"Sec-Fetch-Site": "same-site"},
            {"Origin": "https://evil.example"},
            {"Origin": "null"},
        ):
            answer = await place.browser.post(path, data=data, headers=headers)
            assert answer.status_code == 403, (path, headers)
            assert "set-cookie" not in answer.headers
    assert "ada@x.example" in (await place.browser.get("/account")).text
    used = await place.browser.post("/sign-in/link", data={"code": code})
    assert used.headers["location"] == "/"


async def test_nobody_signs_somebody_else_in_by_sending_them_their_link(place: Place) -> None:
    await place.make("Eve", "eve@x.example")
    arriving = asyncio.get_running_loop().create_task(place.code())
    await place.ask("eve@x.example")
    code = await arriving
    async with place.stranger() as victim:
        answer = await victim.post("/sign-in/link", data={"code": code})
        assert answer.status_code == 200
        assert "session" not in answer.headers.get("set-cookie", "")
        assert "It signs you in as <bdi>Eve</bdi>" in answer.text
        assert answer.headers["cache-control"] == "no-store"
        sure = await victim.post("/sign-in/link", data={"code": code, "sure": "yes"})
        assert sure.headers["location"] == "/"


async def test_no_page_of_these_can_be_framed_by_others(place: Place) -> None:
    await place.make("Ada")
    for path in ("/account", "/sign-in/link", "/start", "/people"):
        policy = (await place.browser.get(path)).headers["content-security-policy"]
        assert "frame-ancestors 'self'" in policy, path
        assert "form-action 'self'" in policy, path
    place.browser.cookies.clear()
    policy = (await place.browser.get("/sign-in")).headers["content-security-policy"]
    assert "frame-ancestors 'self'" in policy


async def test_the_link_leads_to_this_house_whatever_host_a_request_claims(place: Place) -> None:
    await place.make("Ada", ADA)
    arriving = asyncio.get_running_loop().create_task(place.code())
    place.clock.advance(400)
    headers = {"Host": "evil.example", "X-Forwarded-Host": "evil.example"}
    await place.browser.post("/sign-in/mail", data={"address": ADA}, headers=headers)
    await arriving
    assert "evil" not in place.postman.mails[-1].as_string()


async def test_what_is_wrong_is_said_on_the_page(place: Place) -> None:
    wrong = await place.ask("no address\r\nBcc: eve@x.example")
    assert (wrong.status_code, "This is not an e-mail address" in wrong.text) == (400, True)
    for code in ("", "x" * 32, "x" * 10_000):
        answer = await place.browser.post("/sign-in/link", data={"code": code})
        assert (answer.status_code, "has run out" in answer.text) == (403, True)
    assert place.postman.mails == []


async def test_an_owner_sends_an_invitation_that_its_page_never_shows(place: Place) -> None:
    await place.make("Ada")
    arriving = asyncio.get_running_loop().create_task(place.code())
    said = {"name": "Kim", "role": "host", "address": "kim@x.example"}
    answer = await place.browser.post("/people/invitations?lang=ar", data=said)
    assert answer.headers["location"].endswith("said=mailed")
    code = await arriving
    page = (await place.browser.get("/people")).text
    assert "Kim" in page
    assert code not in page
    mail = place.postman.mails[-1]
    assert mail["To"] == "kim@x.example"
    assert mail["Content-Language"] == "ar"
    assert "Ada" in mail.get_content()
    assert "دعو" in mail.get_content()
    async with place.stranger() as kim:
        assert (await kim.post("/start", data={"code": code})).headers["location"] == "/rooms/new"


@pytest.mark.parametrize("ticked", [True, False])
async def test_who_was_invited_by_mail_may_keep_the_address_as_a_way_in(
    place: Place, ticked: bool
) -> None:
    await place.make("Ada")
    arriving = asyncio.get_running_loop().create_task(place.code())
    said = {"name": "Kim", "role": "host", "address": "kim@x.example"}
    await place.browser.post("/people/invitations", data=said)
    code = await arriving
    assert f"{WEB}/start?by=mail#{code}" in place.postman.mails[-1].get_content()
    async with place.stranger() as kim:
        assert "keep_address" not in (await kim.get("/start")).text
        assert "keep_address" in (await kim.get("/start?by=mail")).text
        refused = await kim.post("/start", data={"code": "x", "mailed": "yes"})
        assert "keep_address" in refused.text  # it is asked again
        device = Authenticator(WEB)
        ask = {"ask": "account", "code": code, "name": "Kim"}
        asked = await kim.post("/passkeys/options", data=ask)
        made = {"code": code, "name": "Kim", "credential": device.create(asked.text)}
        made |= {"keep_address": "yes"} if ticked else {}
        page = await kim.post("/start", data=made)
        assert page.status_code == 200
        assert ("kim@x.example" in page.text) is ticked
        assert ("kim@x.example" in (await kim.get("/account")).text) is ticked


async def test_without_mail_owners_see_the_links_and_nobody_else(tmp_path: Path) -> None:
    async with open_place(tmp_path, mails=False) as place:
        await place.make("Ada")
        await place.browser.post("/account/emails", data={"address": ADA})
        async with asyncio.timeout(20):
            while not place.services.mailbox.shown():
                await asyncio.sleep(0.01)
        [link] = place.services.mailbox.shown()
        page = (await place.browser.get("/people")).text
        assert link.link in page
        assert link.link not in (await place.browser.get("/account")).text
        code = link.link.rpartition("#")[2]
        used = await place.browser.post("/sign-in/link", data={"code": code})
        assert used.headers["location"] == "/account?said=email_added"
        asked = await place.ask(ADA, place.stranger())
        assert "This house sends no e-mail" in asked.text
        staff = await place.services.house.new_code("staff")
        async with place.stranger() as other:
            await other.post("/start", data={"code": staff})
            assert (await other.get("/people")).status_code == 403
