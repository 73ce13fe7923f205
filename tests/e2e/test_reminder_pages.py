"""Asking for a reminder in Chromium: in this browser and by mail, with a real SMTP server and push endpoint.

Chromium without a display has no push service behind it: `PushManager.subscribe` alone is replaced,
by one that answers with an endpoint on loopback and keys whose private half the test holds. What is
pushed is taken there over HTTP, decrypted, and handed to the real service worker.
"""

import json
import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Page, expect

from hustings.base.ids import RoomId
from hustings.settings import OutboundSettings
from tests.e2e.barriers import barriers
from tests.e2e.chromium import phone_page
from tests.fakes.push_service import PushService, push_service
from tests.fakes.smtp import Postman, smtp_server
from tests.fakes.web_house import House, open_house

pytestmark = pytest.mark.slow
HALL = RoomId("hall")
SUBSCRIBE = """
PushManager.prototype.subscribe = async function (options) {
  if (!options.userVisibleOnly || !options.applicationServerKey) throw new TypeError("options");
  const made = { endpoint: %(endpoint)s, toJSON: () => (%(subscription)s) };
  PushManager.prototype.getSubscription = async () => made;
  return made;
};
"""


@pytest.fixture
async def postman() -> AsyncIterator[Postman]:
    async with smtp_server() as server:
        yield server


@pytest.fixture
async def pushes() -> AsyncIterator[PushService]:
    async with push_service() as service:
        yield service


@pytest.fixture
async def house(tmp_path: Path, postman: Postman, pushes: PushService) -> AsyncIterator[House]:
    async with open_house(
        tmp_path, mail=postman.settings, outbound=OutboundSettings(allow=(pushes.url,))
    ) as opened:
        await opened.become_host()
        title = "Is the new bridge worth it?"
        await opened.create(title=title, host="Amina Berg", start="2027-02-01T20:00")
        await opened.turn()
        yield opened


@pytest.fixture
async def page() -> AsyncIterator[Page]:
    async with phone_page() as each:
        yield each


async def send_all(house: House) -> None:
    """Let the window pass; everything that is due is sent."""
    planned = await house.services.rooms.room(HALL)
    house.clock.advance((planned.start_ms - house.clock.wall_ms()) / 1_000 - 9 * 60)
    await house.services.dispatch.turn()
    await carried(house)


async def carried(house: House) -> None:
    await house.services.reminders.turn()
    await house.services.post.turn()
    await house.services.post.settled()


async def test_from_the_button_to_the_notification(
    page: Page, house: House, pushes: PushService
) -> None:
    browser = pushes.browser()
    replaced = {
        "endpoint": json.dumps(browser.endpoint),
        "subscription": json.dumps(browser.subscription),
    }
    await page.add_init_script(SUBSCRIBE % replaced)
    await page.context.grant_permissions(["notifications"])
    base = str(house.browser.base_url).rstrip("/")
    await page.goto(f"{base}/remind/hall")
    await page.get_by_role("button", name="Notify me here").click()
    await expect(page.get_by_text("This browser will remind you.")).to_be_visible()
    await send_all(house)
    [message] = pushes.messages
    said = json.loads(message)["notification"]
    assert (said["title"], said["navigate"]) == (
        "Is the new bridge worth it?",
        house.services.links.listen(HALL),
    )
    assert "21:00" in said["body"] or "9:00" in said["body"]  # Berlin, an hour ahead of UTC
    # as the browser's own push service would, without a network
    session = await page.context.new_cdp_session(page)
    versions: list[dict[str, object]] = []
    session.on(
        "ServiceWorker.workerRegistrationUpdated",
        lambda event: versions.extend(event["registrations"]),
    )
    await session.send("ServiceWorker.enable")
    while not versions:
        await page.wait_for_timeout(20)
    await session.send(
        "ServiceWorker.deliverPushMessage",
        {
            "origin": base,
            "registrationId": versions[0]["registrationId"],
            "data": message.decode(),
        },
    )
    shown = """async () => {
      const worker = await navigator.serviceWorker.getRegistration("/remind/");
      for (let tries = 0; tries < 200; tries += 1) {
        const found = await worker.getNotifications();
        if (found.length) return found.map((each) => [each.title, each.body, each.data]);
        await new Promise((done) => setTimeout(done, 50));
      }
    }"""
    assert await page.evaluate(shown) == [[said["title"], said["body"], said["navigate"]]]
    await page.get_by_role("button", name="Do not notify me").click()
    await expect(page.get_by_role("button", name="Notify me here")).to_be_visible()
    assert await house.services.reminders.counts(HALL) == {}


async def test_by_mail_and_the_page_in_english_and_arabic(
    page: Page, house: House, postman: Postman
) -> None:
    base = str(house.browser.base_url).rstrip("/")
    await page.goto(f"{base}/remind/hall")
    await page.get_by_label("Your e-mail address").fill("ada@example.org")
    await page.get_by_role("button", name="Remind me").click()
    await expect(page.get_by_role("status").first).to_contain_text("a mail with a link")
    await carried(house)
    link = re.search(r"http\S+/yes\?\S+", postman.mails[-1].get_content())
    assert link
    await page.goto(base + link[0][link[0].index("/remind/") :])
    assert await barriers(page) == []
    await page.get_by_role("button", name="Yes, remind me").click()
    await expect(page.get_by_role("status").first).to_contain_text("You will be reminded")
    await send_all(house)
    assert "9:00" in postman.mails[-1].get_content()
    for language in ("en", "ar"):
        await page.goto(f"{base}/remind/hall?lang={language}")
        await expect(page.locator("#sent")).to_be_visible()
        assert await barriers(page) == []
