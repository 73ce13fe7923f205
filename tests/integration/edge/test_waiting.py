"""The waiting room of a real edge: full, moving up, reconnecting, cut off, poisoned."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest

from hustings.edge.pressure.ladder import rung
from hustings.wire import kinds
from hustings.wire.places import place
from hustings.wire.tickets import Ticket
from tests.fakes.edges import Client, Reply, RunningEdge, running_edge
from tests.fakes.stage_feed import EPOCH_MS, KEYS, StageFeed

SMALL = {"listeners": 10, "waiting_share": 0.8}  # two seats


@pytest.fixture
async def edge(stage: StageFeed) -> AsyncIterator[RunningEdge]:
    async with running_edge(stage.url, **SMALL) as running:
        await running.until("rooms.indexed")
        yield running


@contextlib.asynccontextmanager
async def listening(edge: RunningEdge, count: int) -> AsyncIterator[list[Client]]:
    async with contextlib.AsyncExitStack() as stack:
        clients = [
            await stack.enter_async_context(edge.stream("/live/demo/opus.mp4"))
            for _ in range(count)
        ]
        assert [client.status for client in clients] == [200] * count
        yield clients


async def queued(edge: RunningEdge, ticket: str = "") -> dict[str, Any]:
    answer = await edge.get(f"/live/demo/opus.mp4?ticket={ticket}")
    assert answer.status == 503, answer.status
    body = answer.json
    assert isinstance(body, dict)
    assert body["code"] == "queue"
    assert 2 <= int(answer.headers["retry-after"]) <= 120
    return body


async def view(edge: RunningEdge) -> dict[str, Any]:
    answer = await edge.get("/live/demo/queue.json")
    assert (answer.status, answer.headers["cache-control"]) == (200, "public, max-age=2")
    body = answer.json
    assert isinstance(body, dict)
    return body


def read(ticket: str) -> Ticket:
    return KEYS.check(ticket, room="demo", now_s=0)


async def test_a_full_edge_gives_a_place_and_the_sound_that_any_cache_may_serve(
    stage: StageFeed, edge: RunningEdge
) -> None:
    async with listening(edge, 2):
        told = await queued(edge)
        ticket = read(told["ticket"])
        assert ticket.kind == "wait"
        assert abs(ticket.at_s - stage.room_second) < 2
        assert set(told) >= {"place", "ahead", "wait_s", "part"}
        segment = told["part"] // 12 - 1
        low = await edge.get(f"/live/demo/opus-low/{segment}.m4s")
        assert (low.status, low.headers["cache-control"]) == (200, "public, max-age=60")
        assert (await view(edge))["waiting"] == 1


async def test_a_seat_that_falls_free_goes_to_whoever_waits_and_not_to_whoever_asks(
    stage: StageFeed, edge: RunningEdge
) -> None:
    async with listening(edge, 1), contextlib.AsyncExitStack() as other:
        leaver = await other.enter_async_context(edge.stream("/live/demo/opus.mp4"))
        assert leaver.status == 200
        told = await queued(edge)
        await asyncio.sleep(2.5)  # the second is whole
        later = await queued(edge)
        await other.aclose()
        await edge.until("edge.seats.free == 1")
        newcomer = await queued(edge)
        assert read(newcomer["ticket"]).kind == "wait"
        at = place(read(told["ticket"]), edge_draw(edge))
        async with asyncio.timeout(20):
            while (await view(edge))["serving"] < at:
                await asyncio.sleep(0.1)
        assert (await queued(edge, later["ticket"]))["code"] == "queue"
        async with edge.stream(f"/live/demo/opus.mp4?ticket={told['ticket']}") as client:
            assert client.status == 200
            seat = read(client.headers["hustings-ticket"])
            assert (seat.kind, seat.id) == ("seat", read(told["ticket"]).id)
            assert await client.parts(3)
    said = [batch.get("queues", {}).get("", {}) for batch in stage.batches]
    came = sum(each.get("came", 0) for each in said)
    assert came <= 1


def edge_draw(edge: RunningEdge) -> kinds.Draw:
    facts = edge.edge.rooms.live["demo"].program.facts.room  # type: ignore[index]
    return msgspec.convert(facts["draw"], kinds.Draw)


async def test_who_was_in_comes_back_past_the_queue(edge: RunningEdge) -> None:
    async with listening(edge, 2) as clients:
        seat = clients[0].headers["hustings-ticket"]
        assert clients[0].headers["access-control-expose-headers"] == "Hustings-Ticket"
        await queued(edge)
        async with edge.stream(f"/live/demo/opus.mp4?from=300&ticket={seat}") as again:
            assert again.status == 200
            assert read(again.headers["hustings-ticket"]).id == read(seat).id


async def test_a_ticket_is_renewed_and_keeps_its_place(edge: RunningEdge) -> None:
    async with listening(edge, 2) as clients:
        told = await queued(edge)
        renewed = (await edge.get(f"/live/demo/ticket?ticket={told['ticket']}")).json
        assert isinstance(renewed, dict)
        assert read(renewed["ticket"]).at_s == read(told["ticket"]).at_s
        assert renewed["kind"] == "wait"
        seat = clients[0].headers["hustings-ticket"]
        again = (await edge.get(f"/live/demo/ticket?ticket={seat}")).json
        assert isinstance(again, dict)
        assert (again["kind"], again["lasts_s"]) == ("seat", 600) or again["lasts_s"] == 599
        for forged in ("", "x", KEYS.sign(Ticket("other", 1, 1, "seat", 2**31))):
            place = (await edge.get(f"/live/demo/ticket?ticket={forged}")).json
            assert isinstance(place, dict)
            assert place["kind"] == "wait"  # behind all others
            assert read(place["ticket"]).at_s >= read(told["ticket"]).at_s


async def test_forged_and_foreign_tickets_are_newcomers(edge: RunningEdge) -> None:
    async with listening(edge, 2) as clients:
        seat = clients[0].headers["hustings-ticket"]
        expired = KEYS.sign(msgspec.structs.replace(read(seat), exp_s=1))
        foreign = KEYS.sign(msgspec.structs.replace(read(seat), room="other"))
        for bad in (seat[:-2] + "AA", expired, foreign, "%00", "x" * 500):
            told = await queued(edge, bad)
            assert read(told["ticket"]).id != read(seat).id


async def test_radios_and_native_players_are_told_to_come_later_too(edge: RunningEdge) -> None:
    async with listening(edge, 2):
        for path in ("radio.mp3", "aac.mp4", "opus-low.mp4"):
            answer = await edge.get(f"/live/demo/{path}")
            assert (answer.status, answer.json["code"]) == (503, "queue")  # type: ignore[index]
        head = await edge.get("/live/demo/opus.mp4", method="HEAD")
        assert head.status == 200
        playlist = await edge.get("/live/demo/aac/index.m3u8")
        assert playlist.status == 200


async def test_before_the_lobby_the_page_takes_a_lot(stage: StageFeed) -> None:
    stage.room("later", state="scheduled", epoch_ms=0, backlog=0)
    async with running_edge(stage.url, **SMALL) as edge:
        await edge.until("rooms.indexed")
        answer = (await edge.get("/live/later/ticket")).json
        assert isinstance(answer, dict)
        ticket = KEYS.check(answer["ticket"], room="later", now_s=0)
        assert (ticket.kind, ticket.at_s) == ("wait", 0)
        seen = (await edge.get("/live/later/queue.json")).json
        assert isinstance(seen, dict)
        assert (seen["waiting"], seen["serving"]) == (1, 0)
        assert set(seen["draw"]) == {"commit"}  # the seed is a secret still
        assert "seed" not in str((await edge.get("/live/later/state.json")).body)


async def test_F31_poisoned_lines_of_the_index_change_nothing(
    stage: StageFeed, edge: RunningEdge
) -> None:
    async with listening(edge, 2) as clients:
        await queued(edge)
        seat = clients[0].headers["hustings-ticket"]
        before = (await view(edge))["serving"]
        for poison in (
            {"queue": {"room": "demo", "serving": 2.0**60}},
            {"queue": None},
            {"tickets": {"current": 1, "keys": {}}},
            {"tickets": "0.0.0.0/0"},
        ):
            stage.poison.append(poison)
        await edge.until("edge.counts.bad_lines == 4")
        assert (await view(edge))["serving"] < before + 60
        async with edge.stream(f"/live/demo/opus.mp4?ticket={seat}") as again:
            assert again.status == 200
        metrics = (await edge.get("/metrics")).body
        assert b"hustings_edge_bad_lines_total 4" in metrics


async def test_F3_at_go_live_early_listeners_do_nothing_at_all(stage: StageFeed) -> None:
    room = kinds.Room("demo", "Town hall", state="lobby", epoch_ms=EPOCH_MS, radio=True)
    stage.rooms["demo"].add(kinds.ROOM, stage.drawn(room))
    async with running_edge(stage.url) as edge:
        await edge.until("rooms.indexed")
        async with listening(edge, 20) as clients:
            await asyncio.gather(*(client.parts(2) for client in clients))
            before = (edge.edge.counts.joins, len(edge.edge.server.connections))
            live = msgspec.structs.replace(room, state="live")
            stage.rooms["demo"].add(kinds.ROOM, stage.drawn(live), at=stage.media_time)
            await stage.changed()
            await edge.until("rooms.live['demo'].program.facts.state == 'live'")
            numbers = await asyncio.gather(*(client.parts(6) for client in clients))
            after = (edge.edge.counts.joins, len(edge.edge.server.connections))
        assert after == before  # 0 new joins, 0 new connections
        for heard in numbers:
            assert heard == list(range(heard[0], heard[0] + len(heard)))  # and no part lost


async def test_without_the_stage_the_queue_moves_on(stage: StageFeed, edge: RunningEdge) -> None:
    async with listening(edge, 1), contextlib.AsyncExitStack() as other:
        await other.enter_async_context(edge.stream("/live/demo/opus.mp4"))
        told = await queued(edge)
        stage.frozen.clear()
        await edge.until("not edge.upstream.near", seconds=20)
        await other.aclose()
        async with asyncio.timeout(20):
            while True:
                answer = await _try(edge, told["ticket"])
                if answer == 200:
                    break
                await asyncio.sleep(0.3)


async def _try(edge: RunningEdge, ticket: str) -> int:
    async with edge.stream(f"/live/demo/opus.mp4?ticket={ticket}") as client:
        return client.status


async def test_answers_of_the_waiting_room_are_open_to_other_sites(edge: RunningEdge) -> None:
    replies: list[Reply] = []
    async with listening(edge, 2):
        replies += [await edge.get("/live/demo/queue.json"), await edge.get("/live/demo/opus.mp4")]
    assert all(reply.headers["access-control-allow-origin"] == "*" for reply in replies)


async def test_one_machine_can_neither_buy_the_draw_nor_fill_the_queue_with_nobody(
    edge: RunningEdge,
) -> None:
    """Places that are taken anew are limited by address; who has one is not asked."""
    one, other = {"X_Forwarded_For": "198.51.100.7"}, {"X_Forwarded_For": "198.51.100.8"}
    answers = [await edge.get("/live/demo/ticket", **one) for _ in range(220)]
    given = [answer for answer in answers if answer.status == 200]
    refused = [answer for answer in answers if answer.status == 429]
    assert len(given) < 210
    assert len(given) + len(refused) == 220
    assert all(int(answer.headers["retry-after"]) >= 1 for answer in refused)
    ticket = given[0].json["ticket"]  # type: ignore[index]
    assert (await edge.get(f"/live/demo/ticket?ticket={ticket}", **one)).status == 200
    assert (await edge.get("/live/demo/ticket", **other)).status == 200
    newcomer = await edge.get("/live/demo/opus.mp4", **one)
    assert (newcomer.status, newcomer.json["code"]) == (429, "request_rate")  # type: ignore[index]
    assert (await edge.get("/live/demo/opus.mp4", **other)).json["code"] == "queue"  # type: ignore[index]
    assert (await view(edge))["waiting"] < 215


async def test_on_the_ladders_last_rungs_newcomers_wait_and_later_all_come_in(
    stage: StageFeed,
) -> None:
    async with running_edge(stage.url) as edge:
        await edge.until("rooms.indexed")
        async with edge.stream("/live/demo/opus.mp4") as present:
            edge.edge.rooms.climb(rung(5))
            told = await queued(edge)
            variants = (await edge.get("/live/demo/index.m3u8")).body.decode()
            assert variants.index("opus-low/") < variants.index("aac/")
            assert (await view(edge))["open"] is False
            assert await present.parts(2)  # who listens notices a longer send at most
            edge.edge.rooms.climb(rung(0))
            assert await _try(edge, told["ticket"]) == 200  # seats for all: in whatever order
            await asyncio.sleep(1.1)  # `queue.json` is made anew each second
            assert (await view(edge))["open"] is True
