"""A web service on loopback, with a fake stage and a browser without scripts beside it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from hustings.base.clock import ManualClock
from hustings.base.keyfiles import service_key
from hustings.settings import Settings, WebSettings
from hustings.web.app import create_app
from hustings.web.services import Services, open_services
from hustings.wire.tokens import KeyRing
from tests.fakes.loopback import serving
from tests.fakes.stage_http import FakeStage


@dataclass
class House:
    """What a test holds: the running service, a browser, the stage."""

    services: Services
    stage: FakeStage
    browser: httpx.AsyncClient
    clock: ManualClock

    async def become_host(self) -> None:
        code = await self.services.house.new_code()
        answer = await self.browser.post("/start", data={"code": code})
        assert answer.status_code == 303, answer.text

    async def create(self, **fields: str) -> httpx.Response:
        wanted = {"title": "Town hall", "host": "Ada", "address": "hall", "speakers": "Bo"}
        return await self.browser.post("/rooms", data=wanted | fields)

    async def turn(self) -> None:
        """One round of the outbox, as its loop makes them."""
        self.clock.advance(60)
        await self.services.outbox.turn()


@asynccontextmanager
async def open_house(
    tmp_path: Path, *, port: int = 0, database: str = "", **more: Any
) -> AsyncIterator[House]:
    """port: one that its own links name; database: its URL, "" is SQLite; more: of the settings' top."""
    clock = ManualClock()
    stage = FakeStage(KeyRing([service_key(tmp_path)]), clock)
    async with serving(stage.app) as stage_url:
        web = WebSettings(stage=stage_url, port=port or 8_000, database=database)
        settings = Settings(data=str(tmp_path), web=web, **more)
        async with (
            open_services(settings, clock) as services,
            serving(create_app(services), port) as url,
            httpx.AsyncClient(base_url=url, headers={"Accept": "text/html"}) as browser,
        ):
            yield House(services, stage, browser, clock)
