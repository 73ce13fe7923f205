"""Webhooks from the form to a receiver: registered, told, checked by another library, sent again."""

import html
import re
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from hustings.settings import OutboundSettings
from hustings.web.webhooks.events import EVENTS
from tests.fakes.receiver import Receiver, receiver
from tests.fakes.web_house import House, open_house

SURE = {"sure": "yes"}
ALL = dict.fromkeys(EVENTS, "on")


@pytest.fixture
async def taking() -> AsyncIterator[Receiver]:
    async with receiver() as opened:
        yield opened


@pytest.fixture
async def house(tmp_path: Path, taking: Receiver) -> AsyncIterator[House]:
    outbound = OutboundSettings(allow=(taking.origin,))
    async with open_house(tmp_path, outbound=outbound) as opened:
        opened.clock.step_wall(time.time() - opened.clock.wall_ms() / 1_000)
        await opened.become_host()
        yield opened


def secret_on(page: str) -> str:
    return html.unescape(re.findall(r'value="(whsec_[^"]+)"', page)[0])


async def deliver(house: House) -> None:
    for _ in range(2):
        await house.services.post.turn()
        await house.services.post.settled()


async def test_from_the_form_to_a_receiver_that_checks_the_signature(
    house: House, taking: Receiver
) -> None:
    page = await house.browser.post("/webhooks", data={"url": taking.url, **ALL})
    secret = secret_on(page.text)
    (hook,) = await house.services.hooks.all()
    here = f"/webhooks/{hook.hook}"
    assert "whsec_" not in (await house.browser.get(here)).text
    assert taking.url in (await house.browser.get("/webhooks")).text
    await house.create(title="Fog & <b>light</b>")
    await house.services.outbox.turn()
    await deliver(house)
    [(headers, body)] = taking.came
    said = Webhook(secret).verify(body, headers)
    assert said["type"] == "room.planned"
    assert said["data"]["title"] == "Fog & <b>light</b>"
    assert said["data"]["listen"].endswith("/r/hall")
    assert headers["content-type"] == "application/json"
    assert headers["user-agent"].startswith("Hustings/")
    page = await house.browser.get(here)
    assert "200 thanks" in page.text
    assert "<b>light" not in page.text
    # a new secret: for a day both sign
    new = secret_on((await house.browser.post(f"{here}/secret")).text)
    assert new != secret
    assert (await house.browser.post(f"{here}/test")).headers["location"].endswith("said=queued")
    await deliver(house)
    headers, body = taking.came[-1]
    assert Webhook(new).verify(body, headers)["type"] == "ping"
    assert Webhook(secret).verify(body, headers)["type"] == "ping"
    house.clock.advance(86_401)
    await house.browser.post(f"{here}/test")
    await deliver(house)
    headers, body = taking.came[-1]
    with pytest.raises(WebhookVerificationError):
        Webhook(secret).verify(body, headers | {"webhook-timestamp": str(int(time.time()))})
    # the first message once more, under its id
    first = taking.came[0][0]["webhook-id"]
    await house.browser.post(f"{here}/deliveries/{first}/again")
    await deliver(house)
    assert taking.came[-1][0]["webhook-id"] == first


async def test_a_form_with_mistakes_is_shown_again_and_says_them(house: House) -> None:
    for data, words in (
        ({"url": "http://10.0.0.1/", **ALL}, "begins with https://"),
        ({"url": "https://x:y@chat.example/", **ALL}, "begins with https://"),
        ({"url": "https://chat.example/"}, "Choose at least one event."),
    ):
        page = await house.browser.post("/webhooks", data=data)
        assert page.status_code == 422
        assert words in page.text
        assert html.escape(data["url"]) in page.text
    assert await house.services.hooks.all() == []


async def test_pausing_changing_and_removing(house: House, taking: Receiver) -> None:
    await house.browser.post("/webhooks", data={"url": taking.url, **ALL})
    (hook,) = await house.services.hooks.all()
    here = f"/webhooks/{hook.hook}"
    await house.browser.post(f"{here}/pause")
    assert (await house.browser.post(f"{here}/test")).headers["location"].endswith("said=hook_off")
    await house.browser.post(f"{here}/resume")
    await house.browser.post(here, data={"url": taking.url + "?b", "room.live": "on"})
    (hook,) = await house.services.hooks.all()
    assert (hook.url, hook.events, hook.state) == (taking.url + "?b", ("room.live",), "on")
    assert (await house.browser.get(f"{here}/secret")).headers["location"] == here
    bad = await house.browser.post(here, data={"url": "ftp://x", "room.live": "on"})
    assert bad.status_code == 422
    await house.browser.post(f"{here}/remove", data=SURE)
    assert (await house.browser.get(here)).status_code == 404
    assert taking.came == []


async def test_only_owners_and_staff_may(house: House, taking: Receiver) -> None:
    hook, _ = await house.services.hooks.register(taking.url, EVENTS)
    here = f"/webhooks/{hook.hook}"
    await house.browser.post("/leave")
    assert (await house.browser.get("/webhooks")).headers["location"] == "/sign-in"
    for role, status in (("", 401), ("host", 403), ("moderator", 403), ("member", 403)):
        if role:
            await house.browser.post("/start", data={"code": await code_of(house, role)})
        for path in ("", "/secret", "/pause", "/resume", "/remove", "/test", "/deliveries/x/again"):
            assert (await house.browser.post(here + path)).status_code == status, (role, path)
        assert (await house.browser.post("/webhooks", data=ALL)).status_code == status
        assert (await house.browser.get(here)).status_code == status
    await house.browser.post("/start", data={"code": await code_of(house, "staff")})
    assert (await house.browser.get(here)).status_code == 200
    assert [each.state for each in await house.services.hooks.all()] == ["on"]


async def code_of(house: House, role: str) -> str:
    code: str = await house.services.house.new_code(role)  # type: ignore[arg-type]
    return code
