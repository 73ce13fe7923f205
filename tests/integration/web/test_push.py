"""The push transport against a push service that takes, refuses, rests, hangs and lies."""

import os
from collections.abc import AsyncIterator

import pytest

from hustings.base.clock import ManualClock
from hustings.base.errors import TryLater
from hustings.web.outbound.budget import Budget
from hustings.web.outbound.door import Door
from hustings.web.outbound.names import Resolver
from hustings.web.post.model import Letter, Outcome, Refused, Sent, TryAgain, Unsure
from hustings.web.push.subscription import PushSubscription
from hustings.web.push.transport import REST_S, Push, draft
from hustings.web.push.vapid import Vapid
from tests.fakes.push_service import Browser, PushService, push_service, vapid_claims


class Carrier:
    """A transport, and who it said is gone."""

    def __init__(self, service: PushService) -> None:
        self.service = service
        self.gone: list[str] = []
        self.busy = False
        self.clock = ManualClock()
        self.vapid = Vapid(os.urandom(32), "mailto:desk@house.example")
        self.resolver = Resolver(self.clock)
        budget = Budget(rate=1_000, burst=1_000)
        door = Door(
            self.clock, resolve=self.resolver, allow=[service.url], budget=budget, seconds=1.0
        )
        self.push = Push(door, self.vapid, self.clock, self._gone)

    async def _gone(self, endpoint: str) -> None:
        self.gone.append(endpoint)
        if self.busy:
            raise TryLater("database_busy", "The database is busy.")

    def letter(self, browser: Browser, message: bytes = b"{}") -> Letter:
        to = PushSubscription(browser.endpoint, browser.point, browser.auth)
        until_ms = self.clock.wall_ms() + 60_000
        made = draft(to, "h", message, topic="t" * 32, key="k", batch="b", until_ms=until_ms)
        return Letter(1, "k", "h", made.recipient, made.body, 0, made.until_ms, 0)

    async def send(self, message: bytes = b"{}") -> Outcome:
        return await self.push.send(self.letter(self.service.browser(), message))


@pytest.fixture
async def carrier() -> AsyncIterator[Carrier]:
    async with push_service() as service:
        made = Carrier(service)
        yield made
        made.resolver.close()


async def test_a_push_arrives_encrypted_signed_and_with_its_headers(carrier: Carrier) -> None:
    assert await carrier.send("مرحبا".encode()) == Sent()
    service = carrier.service
    assert service.messages == ["مرحبا".encode()]
    claims = vapid_claims(service.headers["authorization"], carrier.vapid.public)
    assert (claims["aud"], claims["sub"]) == (service.url, "mailto:desk@house.example")
    assert [service.headers[name] for name in ("ttl", "urgency", "topic", "content-encoding")] == [
        "60",
        "high",
        "t" * 32,
        "aes128gcm",
    ]


@pytest.mark.parametrize("status", ["404 Not Found", "410 Gone"])
async def test_a_browser_that_is_gone_is_told_of(carrier: Carrier, status: str) -> None:
    carrier.service.answer = status
    assert isinstance(await carrier.send(), Refused)
    assert carrier.gone == [carrier.service.url + "/one"]


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        ("413 Too Large", Refused("HTTP 413")),
        ("400 Bad Request", Refused("HTTP 400")),
        ("301 Moved\r\nLocation: /elsewhere", Refused("HTTP 301")),
        ("500 Oops", TryAgain("HTTP 500", delay_s=REST_S, scope="host")),
        ("429 Slow\r\nRetry-After: 7", TryAgain("HTTP 429", delay_s=7, scope="host")),
        (
            "429 Slow\r\nRetry-After: Fri, 31 Dec",
            TryAgain("HTTP 429", delay_s=REST_S, scope="host"),
        ),
    ],
)
async def test_the_services_word_decides(carrier: Carrier, status: str, outcome: Outcome) -> None:
    carrier.service.answer = status
    assert await carrier.send() == outcome
    assert carrier.gone == []


async def test_a_service_that_took_it_and_is_silent_leaves_it_unsure(carrier: Carrier) -> None:
    carrier.service.hang = True
    assert isinstance(await carrier.send(), Unsure)


async def test_nobody_there_is_no_push(carrier: Carrier) -> None:
    letter = carrier.letter(Browser("http://127.0.0.1:1/x"))
    assert isinstance(await carrier.push.send(letter), Refused)  # not among what we may reach
    async with push_service() as other:
        carrier.service.url = other.url
    down = Carrier(carrier.service)
    assert isinstance(await down.push.send(down.letter(Browser(other.url + "/x"))), TryAgain)
    down.resolver.close()


async def test_a_body_that_is_none_is_given_up(carrier: Carrier) -> None:
    letter = Letter(1, "k", "h", carrier.service.url, b"junk", 0, 0, 0)
    assert isinstance(await carrier.push.send(letter), Refused)


async def test_a_browser_that_is_gone_while_the_database_is_busy_is_refused_too(
    carrier: Carrier,
) -> None:
    carrier.service.answer, carrier.busy = "410 Gone", True
    assert await carrier.send() == Refused("HTTP 410: this browser is not there any more.")
    assert carrier.gone
