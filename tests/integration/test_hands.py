"""A real stage and two real edges of one house: hands, counts and reports, from the audience to the hosts."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from hustings.base.clock import SystemClock
from hustings.base.ids import RoomId
from hustings.edge.app import Edge, listen
from hustings.edge.audience.hands import Hand
from hustings.settings import EdgeSettings, Settings
from hustings.stage import audience
from hustings.stage.room import AUDIENCE_HANDS
from hustings.stage.studio import Studio
from hustings.wire import kinds
from tests.integration.stage.test_app import entries
from tests.support.stage import Person, Stage


@contextlib.asynccontextmanager
async def edge_of(stage: Stage) -> AsyncIterator[httpx.AsyncClient]:
    token = stage.service_headers("edge")["Authorization"].removeprefix("Bearer ")
    edge = Edge(
        Settings(edge=EdgeSettings(origin=stage.url, token=token, lane_port=0)), SystemClock()
    )
    sock = listen("127.0.0.1", 0)
    await edge.start(sock)
    try:
        url = f"http://127.0.0.1:{sock.getsockname()[1]}"
        async with httpx.AsyncClient(base_url=url, timeout=20) as http:
            async with asyncio.timeout(10):
                while (await http.get("/readyz")).status_code != 200:
                    await asyncio.sleep(0.05)
            yield http
    finally:
        await edge.close()


async def say(http: httpx.AsyncClient, **body: Any) -> dict[str, Any]:
    await asyncio.sleep(0.3)  # ages of two edges are compared: batches take some milliseconds
    answer = await http.post("/live/r/hand", json=body)
    assert answer.status_code == 202, answer.text
    said: dict[str, Any] = answer.json()
    return said


async def at_edge(http: httpx.AsyncClient, **facts: Any) -> None:
    """Wait until an edge knows these facts of the room."""
    async with asyncio.timeout(10):
        while not facts.items() <= (await http.get("/live/r/state.json")).json()["room"].items():
            await asyncio.sleep(0.05)


async def names(host: Person, *wanted: str) -> None:
    """Wait until these are in the hosts' list, in this order, and so many hands are up in all."""
    while True:
        levels = await host.hear("levels")
        told = [each["name"] for each in hosts_list(host)]
        if levels["hands_up"] == len(wanted) and told == [*wanted]:
            return


def hosts_list(host: Person) -> list[dict[str, Any]]:
    """The hands as the hosts' page shows them now."""
    found: list[dict[str, Any]]
    found = [m["hands"] for m in host.heard if m["type"] in {"welcome", "hands"}][-1]
    return found


async def test_hands_of_all_edges_are_one_queue(tmp_path: Path) -> None:
    async with Stage(tmp_path) as stage, edge_of(stage) as one, edge_of(stage) as other:
        await stage.put("r", title="R", state="lobby")
        host = await Person(stage, "r", "host").join("Ada")
        async with host.control():
            first = await say(one, name="First")
            second = await say(other, name="Second", question="Why?")
            third = await say(one, name="Third")
            await names(host, "First", "Second", "Third")
            # lowered where it was never raised: another process of the port took the request
            await say(other, ticket=third["ticket"], raised=False)
            await names(host, "First", "Second")
            # raised again elsewhere after a broken line: still one hand
            await say(one, name="Second", question="Why?", ticket=second["ticket"])
            await host.do("call", hand=first["hand"])
            await names(host, "Second")
        seen = await stage.records("r", until=lambda got: entries(got, kinds.CALL))
        assert entries(seen, kinds.CALL)[0].decode(kinds.Call).hand == first["hand"]


async def test_topics_of_all_edges_have_their_own_oldest_and_their_own_numbers(
    tmp_path: Path,
) -> None:
    async with Stage(tmp_path) as stage, edge_of(stage) as one, edge_of(stage) as other:
        await stage.put("r", title="R", state="lobby")
        host = await Person(stage, "r", "host").join("Ada")
        async with host.control():
            await host.do("topics", topics=["Rent", "Trams"])
            for edge in (one, other):
                await at_edge(edge, topics=["Rent", "Trams"])
            await say(one, name="First", topic="Rent")
            await say(other, name="Second", topic="Trams")
            await say(one, name="Third", topic="no topic of this room")
            await names(host, "First", "Second", "Third")
            assert [each.get("topic", "") for each in hosts_list(host)] == ["Rent", "Trams", ""]
            await host.hear("levels", topics={"Rent": 1, "Trams": 1, "": 1})
            await host.do("close_hands")
            await at_edge(one, hands_closed=True)
            late = await one.post("/live/r/hand", json={"name": "Late"})
            assert (late.status_code, late.json()["code"]) == (409, "hands_closed")


async def test_a_hundred_thousand_hands_are_a_number_and_the_oldest_to_the_hosts(
    tmp_path: Path,
) -> None:
    async with Stage(tmp_path) as stage:
        await stage.put("r", title="R", state="lobby")
        host = await Person(stage, "r", "host").join("Ada")
        token = stage.service_headers("edge")["Authorization"].removeprefix("Bearer ")
        settings = EdgeSettings(origin=stage.url, token=token, lane_port=0)
        clock = SystemClock()
        edge = Edge(Settings(edge=settings), clock)
        await edge.start(listen("127.0.0.1", 0))
        try:
            async with asyncio.timeout(10):
                while not edge.rooms.indexed:
                    await asyncio.sleep(0.05)
            queue = edge.rooms.find(RoomId("r")).audience.hands
            now_s = clock.monotonic()
            for n in range(100_000):
                queue.put(Hand(f"{n:020x}", f"n{n}", "Why?", now_s - n / 100))  # the last is oldest
            async with host.control():
                while (await host.hear("levels"))["hands_up"] != 100_000:
                    pass
                oldest = [f"n{n}" for n in range(99_999, 99_949, -1)]
                while [each["name"] for each in hosts_list(host)] != oldest:
                    await host.hear("levels")
                await host.do("call", hand=f"{99_999:020x}")
                while [each["name"] for each in hosts_list(host)] != [*oldest[1:], "n99949"]:
                    await host.hear("levels")
                while (await host.hear("levels"))["hands_up"] != 99_999:
                    pass
            async with asyncio.timeout(20):  # 50 a second, until the list is full

                def shown(studio: Studio) -> int:
                    return len(studio.hall("r").model.hands)

                while await stage.engine.do(shown) < AUDIENCE_HANDS:
                    await asyncio.sleep(0.1)
            await asyncio.sleep(2.2)
            assert await stage.engine.do(shown) == AUDIENCE_HANDS
            late = await stage.engine.do(lambda studio: studio.skipped_ticks)
            assert late == 0
        finally:
            await edge.close()


async def test_listeners_of_all_edges_are_one_number_everywhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audience, "HELD", 1)
    async with Stage(tmp_path) as stage, edge_of(stage) as one, edge_of(stage) as other:
        await stage.put("r", title="R", state="lobby")
        host = await Person(stage, "r", "host").join("Ada")
        async with contextlib.AsyncExitStack() as stack, host.control():
            for http in (one, one, other):
                answer = await stack.enter_async_context(http.stream("GET", "/live/r/opus.mp4"))
                assert answer.status_code == 200
            while (await host.hear("levels"))["listeners"] != 3:
                pass
            async with asyncio.timeout(20):
                while (await other.get("/status/r.json")).json()["listeners"] != 3:
                    await asyncio.sleep(0.2)
                while (await other.get("/live/r/state.json")).json()["listeners"] != 3:
                    await asyncio.sleep(0.2)
                board = await _board(stage)
            assert {each["listeners"] for each in board["edges"]} <= {1, 2}
            assert board["rooms"][0]["now"] == 3
            assert board["stage"]["troubles"] == []
            await stage.engine.do(lambda studio: studio.hall("r").minute())
        seen = await stage.records("r", until=lambda got: entries(got, kinds.REACH))
        reach = entries(seen, kinds.REACH)[-1].decode(kinds.Reach)
        assert (reach.now, reach.live, reach.peak, reach.joins, reach.edges) == (3, 3, 3, 3, 2)
        assert reach.listened_s > 0


async def _board(stage: Stage) -> dict[str, Any]:
    """What operators are told, once both edges have reported."""
    async with httpx.AsyncClient(base_url=stage.url) as http:
        while True:
            answer = await http.get("/board", headers=stage.service_headers())
            board: dict[str, Any] = answer.raise_for_status().json()
            if sum(each.get("listeners", 0) for each in board["edges"]) == 3:
                return board
            await asyncio.sleep(0.2)


async def test_sums_go_on_after_a_restart_of_the_stage(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audience, "HELD", 1)
    async with Stage(tmp_path) as stage:
        await stage.put("r", title="R", state="lobby")
        batch = {"now": {"live": 40}, "joins": 50, "listened_s": 7_200.0}
        async with httpx.AsyncClient(base_url=stage.url) as http:
            for _ in range(2):
                answer = await http.post(
                    "/rooms/r/batch", json=batch, headers=stage.service_headers("edge")
                )
                assert answer.status_code == 200
            await asyncio.sleep(1.2)  # the peak is looked at each second
        await stage.stop()
        await stage.start()
        reach = await stage.engine.do(lambda studio: studio.hall("r").gallery.audience.reach(0.0))
        assert (reach.joins, reach.listened_s) == (100, 14_400)
        assert reach.peak in {40, 80}  # two edges by their credentials, one after the other


async def test_an_edges_steps_on_the_ladder_stand_in_the_record(tmp_path: Path) -> None:
    def report(rung: str, reason: str = "") -> dict[str, Any]:
        return {"edge": "run-1", "rung": {"name": rung, "joined": 2, "reason": reason}}

    async with Stage(tmp_path) as stage, httpx.AsyncClient(base_url=stage.url) as http:
        await stage.put("r", title="R", state="lobby")
        await stage.put("elsewhere", title="E", state="lobby")
        headers = stage.service_headers("edge")
        batch = {"edge": "run-1", "now": {"live": 4}}
        assert (await http.post("/rooms/r/batch", json=batch, headers=headers)).status_code == 200
        for said in (report("parts"), report("joined_2", "cpu"), report("joined_2", "cpu")):
            assert (await http.post("/report", json=said, headers=headers)).status_code == 204
        assert (await http.post("/report", json=report("parts"), headers=headers)).is_success
        await stage.engine.do(lambda studio: [h.journal.flush() for h in studio.halls.values()])
        told = await stage.engine.do(
            lambda studio: {
                room: [
                    entry.plain()
                    for entry in hall.journal.reader().entries()
                    if entry.kind == kinds.LADDER
                ]
                for room, hall in studio.halls.items()
            }
        )
    assert told["elsewhere"] == []
    first, second = told["r"]
    assert first == {"edge": "run-1", "rung": "joined_2", "joined": 2, "reason": "cpu"}
    assert (second["edge"], second["rung"]) == ("run-1", "parts")


@pytest.mark.parametrize("path", ["/board", "/report"])
async def test_the_board_is_for_services_only(tmp_path: Path, path: str) -> None:
    async with Stage(tmp_path) as stage, httpx.AsyncClient(base_url=stage.url) as http:
        method = "GET" if path == "/board" else "POST"
        assert (await http.request(method, path)).status_code == 401
        wrong = stage.service_headers("edge" if path == "/board" else "service")
        assert (await http.request(method, path, headers=wrong)).status_code == 403


async def test_a_hand_goes_up_with_the_rules_that_hold_and_no_others(tmp_path: Path) -> None:
    """Asked for by the edge, shown by the refusal, and once more when they have changed."""
    first = {"house": {"en": "Be kind."}, "own": ""}
    async with Stage(tmp_path) as stage, edge_of(stage) as http:
        await stage.put("r", title="R", state="lobby")
        assert (await http.get("/live/r/rules.json")).json() == {}
        await say(http, name="Before")
        made = await stage.put("r", rules=first)
        await at_edge(http, rules=made["rules"])
        assert (await http.get("/live/r/rules.json")).json()["house"] == {"en": "Be kind."}
        for unread in ({}, {"rules": "0" * 32}):
            refused = await http.post("/live/r/hand", json={"name": "Eve", **unread})
            assert (refused.status_code, refused.json()["code"]) == (428, "rules_unread")
            assert refused.json()["rules"]["id"] == made["rules"]
            assert refused.json()["rules"]["house"] == {"en": "Be kind."}
        hand = await say(http, name="Eve", rules=made["rules"])
        changed = await stage.put("r", rules=first | {"own": "One each."})
        await at_edge(http, rules=changed["rules"])
        late = {"name": "Late", "rules": made["rules"]}
        assert (await http.post("/live/r/hand", json=late)).json()["rules"]["own"] == "One each."
        lowered = await http.post("/live/r/hand", json={"ticket": hand["ticket"], "raised": False})
        assert lowered.status_code == 202  # down it goes whatever holds
