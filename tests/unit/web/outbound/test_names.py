"""Names to addresses: name servers that are silent or say no, and how often they are asked."""

import asyncio
import threading
from collections.abc import Iterator

import pytest

from hustings.base.clock import ManualClock
from hustings.web.outbound import names
from hustings.web.outbound.names import NAMES, REST_S, THREADS, Resolver


class NameServer:
    """`dead...` is answered when the test says so, `no...` never exists."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.go = threading.Event()

    def __call__(self, host: str, _port: int) -> list[str]:
        self.asked.append(host)
        if host.startswith("dead"):
            self.go.wait(20)
        if host.startswith("no"):
            raise OSError("no such name")
        return ["192.0.2.1"]


@pytest.fixture
def server() -> Iterator[NameServer]:
    made = NameServer()
    yield made
    made.go.set()


async def test_a_name_that_many_ask_for_is_looked_up_once(server: NameServer) -> None:
    resolve = Resolver(ManualClock(), ask=server)
    asks = [asyncio.ensure_future(resolve("dead.example", 443)) for _ in range(3 * THREADS)]
    await asyncio.sleep(0)
    assert await resolve("good.example", 443) == ["192.0.2.1"]
    server.go.set()
    assert await asyncio.gather(*asks) == [["192.0.2.1"]] * len(asks)
    assert server.asked == ["dead.example", "good.example"]
    resolve.close()


async def test_a_name_that_failed_is_asked_for_again_after_a_minute(server: NameServer) -> None:
    clock = ManualClock()
    resolve = Resolver(clock, ask=server)
    for _ in range(3):
        with pytest.raises(OSError, match=r"no\w* "):
            await resolve("no.example", 443)
    assert server.asked == ["no.example"]
    clock.advance(REST_S)
    with pytest.raises(OSError, match="no such name"):
        await resolve("no.example", 443)
    assert len(server.asked) == 2
    resolve.close()


async def test_a_silent_name_server_is_asked_once_and_keeps_its_thread_only_until_it_answers(
    server: NameServer,
) -> None:
    resolve = Resolver(ManualClock(), ask=server, late_s=0.01)
    dead = [f"dead{number}.example" for number in range(THREADS)]
    asks = [asyncio.ensure_future(resolve(host, 443)) for host in dead]
    waits = asyncio.ensure_future(resolve("good.example", 443))
    await asyncio.sleep(0.1)
    for host in dead:
        with pytest.raises(OSError, match="a moment ago"):
            await resolve(host, 443)
    assert (set(server.asked), len(server.asked)) == (set(dead), THREADS)
    assert not waits.done()
    server.go.set()
    assert await waits == ["192.0.2.1"]
    await asyncio.gather(*asks)
    assert await resolve(dead[0], 443) == ["192.0.2.1"]  # it came after all
    resolve.close()


async def test_who_gives_up_waiting_for_a_thread_leaves_nothing_behind(server: NameServer) -> None:
    resolve = Resolver(ManualClock(), ask=server)
    asks = [
        asyncio.ensure_future(resolve(f"dead{number}.example", 443)) for number in range(THREADS)
    ]
    await asyncio.sleep(0)
    gone = [asyncio.ensure_future(resolve(f"good{number}.example", 443)) for number in range(50)]
    await asyncio.sleep(0)
    for each in gone:
        each.cancel()
    server.go.set()
    await asyncio.gather(*asks)
    await asyncio.gather(*gone, return_exceptions=True)
    assert len(server.asked) == THREADS
    resolve.close()


async def test_names_at_rest_are_bounded(
    server: NameServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(names, "NAMES", 3)
    assert NAMES > 3
    resolve = Resolver(ManualClock(), ask=server)
    for number in range(5):
        with pytest.raises(OSError, match="no such name"):
            await resolve(f"no{number}.example", 443)
    for host in ("no4.example", "no0.example"):  # the first was forgotten, the last was not
        with pytest.raises(OSError, match="no"):
            await resolve(host, 443)
    assert server.asked.count("no0.example") == 2
    assert server.asked.count("no4.example") == 1
    resolve.close()
