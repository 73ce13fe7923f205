"""The meter around an app: it charges, and is otherwise not there."""

import asyncio

import pytest

from hustings.base.clock import ManualClock
from hustings.base.guard import Gate
from hustings.base.limits import Limits
from hustings.base.server import metered


class Call:
    """An app that awaits, then answers or does what it is told."""

    def __init__(self, end=None):
        self.end = end
        self.seen = []
        self.sent = []

    async def __call__(self, scope, receive, send):
        try:
            self.seen.append(await receive())
            if self.end is not None:
                raise self.end
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await asyncio.sleep(0)
            await send({"type": "http.response.body", "body": b"x"})
        except asyncio.CancelledError:
            self.seen.append("cancelled")
            raise

    async def receive(self):
        await asyncio.sleep(0)
        return "asked"

    async def send(self, message):
        self.sent.append(message["type"])

    def run(self, gate, kind="http"):
        return metered(self, gate)({"type": kind}, self.receive, self.send)


def gate():
    return Gate(Limits(work_slice_s=0.001), ManualClock())


async def test_it_hands_through_what_the_app_awaits_and_sends():
    call = Call()
    await call.run(gate())
    assert call.seen == ["asked"]
    assert call.sent == ["http.response.start", "http.response.body"]


async def test_a_failure_comes_out_as_it_went_in():
    with pytest.raises(ZeroDivisionError):
        await Call(ZeroDivisionError()).run(gate())


async def test_cancelling_reaches_the_app():
    call = Call()
    call.receive = asyncio.Event().wait
    task = asyncio.create_task(call.run(gate()))
    await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert call.seen == ["cancelled"]


async def test_who_waits_too_long_for_the_budget_hears_503():
    shared = gate()
    shared.budget.spend(1.0, shared.clock.monotonic())
    call = Call()
    task = asyncio.create_task(call.run(shared))
    await asyncio.sleep(0)
    shared.clock.advance(60)
    await task
    assert (call.seen, call.sent) == ([], ["http.response.start", "http.response.body"])


async def test_those_who_wait_come_in_order_and_before_newcomers():
    shared, order = gate(), []
    shared.budget.spend(1.0, shared.clock.monotonic())

    async def ask(name):
        assert await shared.turn()
        order.append(name)

    waiting = [asyncio.create_task(ask(n)) for n in range(5)]
    await asyncio.sleep(0)
    shared.clock.advance(1)
    waiting.append(asyncio.create_task(ask("newcomer")))
    await asyncio.gather(*waiting)
    assert order == [0, 1, 2, 3, 4, "newcomer"]
