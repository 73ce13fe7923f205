"""A program at the door of a test's house: an account made without a browser, and its key."""

from dataclasses import dataclass
from typing import Any

import httpx

from hustings.web.accounts import queries
from hustings.web.accounts.model import Account, Who
from hustings.web.accounts.rules import Role
from hustings.web.keys.model import SCOPES, KeyWish, Scope
from tests.fakes.web_house import House


async def person(house: House, account: str = "ada", role: Role = "owner") -> Who:
    """Somebody with an account of this house."""
    now_ms = house.clock.wall_ms()
    async with house.services.database.write() as connection:
        await queries.add_account(connection, Account(account, account.title(), role, now_ms))
    return Who("", account, account.title(), role)


@dataclass
class Program:
    """Calls `/api/v1` with a key."""

    house: House
    key: str

    async def call(self, method: str, path: str, **more: Any) -> httpx.Response:
        headers = {"Authorization": f"Bearer {self.key}"} if self.key else {}
        headers |= more.pop("headers", {})
        browser = self.house.browser
        return await browser.request(method, f"/api/v1{path}", headers=headers, **more)


async def program(house: House, who: Who, *scopes: Scope, days: int = 30) -> Program:
    """A new key of this person; without scopes: with all."""
    wish = KeyWish("season", scopes or SCOPES, days)
    return Program(house, await house.services.keys.make(who, wish))
