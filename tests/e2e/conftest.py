"""What several browser tests share."""

from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Page

from tests.e2e.chromium import chromium


@pytest.fixture
async def page() -> AsyncIterator[Page]:
    async with chromium() as browser:
        each = await browser.new_page()
        errors: list[str] = []
        each.on("pageerror", lambda error: errors.append(str(error)))
        yield each
        assert errors == []
