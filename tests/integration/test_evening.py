"""A real stage and a real edge: what hosts plan, what listeners learn of it, what a restart keeps."""

import asyncio
import json
from collections import Counter
from pathlib import Path
from typing import Any

import httpx

from tests.integration.test_hands import edge_of
from tests.support.stage import Person, Stage


async def state(http: httpx.AsyncClient, **wanted: Any) -> dict[str, Any]:
    """`state.json`, as soon as it says so (None: as soon as it does not say it)."""
    async with asyncio.timeout(20):
        while True:
            told: dict[str, Any] = (await http.get("/live/r/state.json")).json()
            if all((told.get(key) or {}).get("title") == title for key, title in wanted.items()):
                return told
            await asyncio.sleep(0.1)


async def test_a_running_order_from_the_hosts_to_the_listeners_and_over_a_restart(
    tmp_path: Path,
) -> None:
    stage = Stage(tmp_path, snapshot_s=1)
    await stage.start()
    try:
        await stage.put("r", title="R", state="lobby")
        host = await Person(stage, "r", "host").join("Ada")
        async with host.control():
            for title in ("Opening", "Questions"):
                await host.do("agenda_put", title=title, who="Otto", planned_s=300)
            await host.do("agenda_next", after="")
            told = [m["agenda"] for m in host.heard if m["type"] == "agenda"][-1]
            assert told["now"] == "i1"
            async with edge_of(stage) as edge:
                shown = (await state(edge, agenda="Opening"))["agenda"]
                assert shown == {
                    "id": "i1", "title": "Opening", "who": "Otto", "planned_s": 300, "at": shown["at"]
                }  # fmt: skip
                page = (await edge.get("/r/r", headers={"Accept-Encoding": "identity"})).text
                assert '<bdi id="point-title">Opening</bdi>' in page
                await host.do("agenda_next", after="i1")
                await state(edge, agenda="Questions")
    finally:
        await stage.stop()
    await stage.start()  # on another port, so the edge is another too
    try:
        again = Person(stage, "r", "host", host.invitation)
        await again.join("Ada")
        async with again.control():
            agenda = again.heard[0]["agenda"]
            assert [item["title"] for item in agenda["items"]] == ["Opening", "Questions"]
            assert agenda["now"] == "i2"
            async with edge_of(stage) as edge:  # learns of it from the snapshot
                await state(edge, agenda="Questions")
                await again.do("agenda_end")
                await state(edge, agenda=None)
    finally:
        for person in stage.persons:
            await person.http.aclose()
        await stage.stop()


async def test_reactions_of_all_edges_come_to_hosts_and_listeners_as_one_sum(
    tmp_path: Path,
) -> None:
    async with Stage(tmp_path) as stage, edge_of(stage) as one, edge_of(stage) as other:
        await stage.put("r", title="R", state="lobby")
        host = await Person(stage, "r", "host").join("Ada")
        async with host.control():
            for edge in (one, other):
                for kind in ("clap", "clap", "doubt"):
                    answer = await edge.post("/live/r/react", json={"kind": kind})
                    assert answer.status_code == 204
            told = Counter[str]()
            while told != {"clap": 4, "doubt": 2}:
                told.update((await host.hear("reactions"))["reactions"])
            heard = Counter[str]()
            async with asyncio.timeout(20), one.stream("GET", "/live/r/events") as events:
                await other.post("/live/r/react", json={"kind": "wow"})
                async for line in events.aiter_lines():
                    if line.startswith("data:") and '"reactions"' in line:
                        heard.update(json.loads(line[5:])["body"]["counts"])
                    if heard["wow"]:
                        break


async def test_questions_are_asked_and_voted_on_at_any_edge_and_answered_by_the_hosts(
    tmp_path: Path,
) -> None:
    async with Stage(tmp_path) as stage, edge_of(stage) as one, edge_of(stage) as other:
        await stage.put("r", title="R", state="lobby")
        host = await Person(stage, "r", "host").join("Ada")
        async with host.control():
            refused = await one.post("/live/r/question", json={"text": "Too soon?"})
            assert (refused.status_code, refused.json()["code"]) == (409, "question_closed")
            await host.do("questions", mode="open")
            assert (await state(one))["room"]["room"] == "r"
            async with asyncio.timeout(20):
                while (await one.post("/live/r/question", json={"text": "Who pays?"})).is_error:
                    await asyncio.sleep(0.1)
                shown: list[dict[str, Any]] = []
                while not shown:
                    await asyncio.sleep(0.2)
                    shown = (await other.get("/live/r/questions.json")).json().get("top", [])
            question = shown[0]["id"]
            for edge in (one, other):
                ticket = (await edge.get("/live/r/ticket")).json()["ticket"]
                for _ in range(2):  # pressed twice: one vote
                    vote = {"question": question, "ticket": ticket}
                    async with asyncio.timeout(20):  # the list may reach one edge a little later
                        while (await edge.post("/live/r/vote", json=vote)).status_code != 204:
                            await asyncio.sleep(0.1)
            told: list[dict[str, Any]] = []
            while not told or told[0]["votes"] < 2:
                told = (await host.hear("questions"))["questions"]["questions"]
            assert (told[0]["text"], told[0]["votes"]) == ("Who pays?", 2)
            await host.do("question", question=question, state="answered")
            async with asyncio.timeout(20):
                while not shown[0].get("answered"):
                    await asyncio.sleep(0.2)
                    shown = (await one.get("/live/r/questions.json")).json()["top"]
            assert shown[0]["votes"] == 2


async def test_a_poll_by_script_and_by_form_at_two_edges_is_counted_for_all(tmp_path: Path) -> None:
    async with Stage(tmp_path) as stage, edge_of(stage) as one, edge_of(stage) as other:
        await stage.put("r", title="R", state="lobby")
        host = await Person(stage, "r", "host").join("Ada")
        async with host.control():
            opened = await host.do("poll_open", question="The bridge?", choices=["Yes", "No"])
            assert opened["type"] == "done", opened
            for edge in (one, other):
                async with asyncio.timeout(20):
                    while "poll" not in (await edge.get("/live/r/state.json")).json():
                        await asyncio.sleep(0.1)
            for edge, choice in ((one, 0), (one, 0), (other, 1)):
                ticket = (await edge.get("/live/r/ticket")).json()["ticket"]
                ballot = {"poll": "p1", "choice": choice, "ticket": ticket}
                assert (await edge.post("/live/r/poll", json=ballot)).status_code == 204
                assert (await edge.post("/live/r/poll", json=ballot)).status_code == 204
            form = {"poll": "p1", "choice": "1"}
            back = await other.post("/live/r/poll", data=form)  # a browser without scripts
            assert (back.status_code, back.headers["Location"]) == (303, "/r/r#poll")
            strange = {"Sec-Fetch-Site": "cross-site"}
            for body in ({"data": form}, {"json": {"poll": "p1", "choice": 1}}):
                refused = await other.post("/live/r/poll", headers=strange, **body)
                assert (refused.status_code, refused.json()["code"]) == (403, "origin")
            while (told := (await host.hear("poll"))["poll"])["votes"] < 4:
                pass
            assert (told["counts"], told["state"]) == ([2, 2], "open")
            await host.do("poll_close", poll="p1")
            for edge in (one, other):
                async with asyncio.timeout(30):
                    while (poll := (await edge.get("/live/r/state.json")).json()["poll"]).get(
                        "state"
                    ) != "counted":
                        await asyncio.sleep(0.2)
                assert (poll["counts"], poll["votes"]) == ([2, 2], 4)
            late = await one.post("/live/r/poll", json={"poll": "p1", "choice": 0})
            assert late.json()["code"] == "poll_closed"
