"""Web and a real stage of one house in this process, and people who come with their accounts."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from hustings.base.clock import SystemClock
from hustings.settings import PublicUrl, Settings, WebSettings
from hustings.web.accounts.model import Account
from hustings.web.accounts.queries import add_account
from hustings.web.app import create_app
from hustings.web.rules.model import built_in
from hustings.web.services import Services, open_services
from hustings.wire.rules import rules_of
from tests.fakes.loopback import serving
from tests.support.stage import Stage

READ = rules_of(built_in(), "").id  # what somebody says who agreed to the house's rules
PEOPLE = (("ada", "owner"), ("mo", "member"), ("kay", "checker"))


@dataclass
class Evening:
    """Web and stage of one house, and how its people come."""

    services: Services
    stage: Stage
    url: str

    async def session(self, account: str) -> str:
        """The cookie of somebody who signs in."""
        async with self.services.database.write() as connection:
            return await self.services.accounts.new_session(connection, account, "", "")

    async def browser(self, account: str) -> httpx.AsyncClient:
        """One in which somebody is signed in."""
        cookie = f"hustings_session={await self.session(account)}"
        headers = {"Accept": "text/html", "Cookie": cookie}
        return httpx.AsyncClient(base_url=self.url, headers=headers)

    async def post(self, who: str, path: str, /, **fields: str) -> httpx.Response:
        """What somebody presses; the stage has heard of it when this is over."""
        async with await self.browser(who) as browser:
            answer = await browser.post(path, data=fields)
        self.services.outbox.pending = 1
        while self.services.outbox.pending:
            await self.services.outbox.turn()
        return answer

    async def ticket(self, account: str, room: str = "r") -> str:
        """The pass that the button gives."""
        page = await self.post(account, f"/rooms/{room}/backstage")
        assert page.status_code == 200, page.text
        found = re.search(r'href="[^"]*/s/\w+#i=([\w.-]+)"', page.text)
        assert found, page.text
        return found[1]

    async def refusal(self, invitation: str, room: str = "r", **more: str) -> tuple[int, str]:
        """How the stage refuses it, in a browser that it does not know."""
        async with httpx.AsyncClient(base_url=self.stage.url) as http:
            body = {"invitation": invitation, "name": "Mallory", "rules": READ}
            answer = await http.post(f"/rooms/{room}/join", json=body, headers=more)
        return answer.status_code, answer.json().get("code", "")


@asynccontextmanager
async def evening_of(folder: Path) -> AsyncIterator[Evening]:
    """Two rooms, `r` and `other`; `ada` owns the house, `mo` is a member, `kay` checks."""
    async with Stage(folder) as stage:
        public = PublicUrl(stage=stage.url)
        settings = Settings(data=str(folder), web=WebSettings(stage=stage.url), public_url=public)
        async with (
            open_services(settings, SystemClock()) as services,
            serving(create_app(services)) as url,
        ):
            async with services.database.write() as connection:
                for name, role in PEOPLE:
                    await add_account(connection, Account(name, name.title(), role, 1))
            found = Evening(services, stage, url)
            for room in ("r", "other"):
                await found.post("ada", "/rooms", title="Hall", address=room, language="en")
            yield found
