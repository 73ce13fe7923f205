"""House rules on the stage: who has not read them does not come in, machines are not asked."""

import json
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from hustings.base.clock import ManualClock
from hustings.wire import kinds
from hustings.wire.tokens import PASS_SECONDS
from tests.support.stage import Person, Stage

RULES = {"house": {"en": "Be kind.", "de": "Seid nett."}, "own": "One question each."}


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    async with Stage(tmp_path) as running:
        yield running


async def test_nobody_sits_down_without_the_rules_that_hold(stage: Stage) -> None:
    made = await stage.put("r", title="R", rules=RULES)
    ada = Person(stage, "r", "host")
    wanted = {"invitation": ada.invitation, "name": "Ada"}
    for read in ({}, {"rules": "0" * 32}):
        refused = await ada.http.post("/rooms/r/join", json=wanted | read)
        problem = refused.json()
        assert (refused.status_code, problem["code"]) == (428, "rules_unread")
        assert problem["rules"] == {"id": made["rules"], **RULES}
    answer = await ada.http.post("/rooms/r/join", json=wanted | {"rules": made["rules"]})
    assert answer.status_code == 200
    ada.token, ada.id = answer.json()["token"], answer.json()["participant"]
    async with ada.control():
        changed = await stage.put("r", rules=RULES | {"own": ""})
        told = await ada.hear("rules")
        assert told["rules"] == {"id": changed["rules"], "house": RULES["house"]}
        headers = {"Authorization": f"Bearer {ada.token}"}
        renewed = await ada.http.post("/rooms/r/renew", headers=headers)
        assert renewed.status_code == 200  # who is in stays in
    again = await ada.http.post("/rooms/r/join", json=wanted | {"rules": made["rules"]})
    assert again.json()["rules"]["id"] == changed["rules"]


async def test_who_came_with_a_pass_reads_for_as_long_as_they_like(stage: Stage) -> None:
    made = await stage.put("r", title="R", rules=RULES)
    door, clock = stage.door, ManualClock(wall_ms=stage.clock.wall_ms())
    door.clock = clock
    a_pass = stage.invite("r", "cohost", exp=clock.wall_ms() // 1_000 + PASS_SECONDS)
    ada, thief = Person(stage, "r", "cohost", a_pass), Person(stage, "r", "cohost", a_pass)
    wanted = {"invitation": a_pass, "name": "Ada"}
    refused = (await ada.http.post("/rooms/r/join", json=wanted)).json()
    assert refused["code"] == "rules_unread"
    other = await thief.http.post("/rooms/r/join", json=wanted)
    assert (other.status_code, other.json()["code"]) == (409, "pass_used")
    clock.advance(600)
    late = await ada.http.post("/rooms/r/join", json=wanted | {"rules": made["rules"]})
    assert late.json()["code"] == "token_expired"
    wanted = {"invitation": refused["invitation"], "name": "Ada"}
    again = (await ada.http.post("/rooms/r/join", json=wanted)).json()
    assert (again["code"], "invitation" in again) == ("rules_unread", False)  # it has no end
    wanted |= {"rules": made["rules"]}
    foreign = await thief.http.post("/rooms/r/join", json=wanted)
    assert foreign.json()["code"] == "token_device"
    come = await ada.http.post("/rooms/r/join", json=wanted)
    assert (come.status_code, come.json()["role"]) == (200, "cohost")


async def test_a_rehearsal_asks_for_the_rooms_rules(stage: Stage) -> None:
    await stage.put("r", title="R")
    ada = await Person(stage, "r", "host").join("Ada")
    async with ada.control():
        made = await stage.put("r", rules=RULES)
        await ada.socket.send('{"type": "do", "id": 99, "command": "rehearse"}')
        await ada.hear("bye")
    wanted = {"invitation": ada.invitation, "name": "Ada"}
    refused = await ada.http.post("/rooms/r/join", json=wanted)
    assert refused.json()["rules"] == {"id": made["rules"], **RULES}
    come = await ada.http.post("/rooms/r/join", json=wanted | {"rules": made["rules"]})
    assert come.status_code == 200


async def test_an_encoder_is_not_asked(stage: Stage) -> None:
    await stage.put("r", title="R", state="lobby", rules=RULES)
    async with httpx.AsyncClient(base_url=stage.url) as http:
        answer = await http.post(
            "/rooms/r/whip",
            content=b"v=0",
            headers={
                "Authorization": f"Bearer {stage.invite('r', 'speaker', kind='whip')}",
                "Content-Type": "application/sdp",
            },
        )
    assert answer.json().get("code") not in {None, "rules_unread"}  # it is the offer that is bad


async def test_the_record_says_which_rules_held_when_and_a_restart_knows_them(
    tmp_path: Path,
) -> None:
    async with Stage(tmp_path) as stage:
        first = await stage.put("r", title="R", rules=RULES)
        second = await stage.put("r", rules={"house": {"en": "Be brief."}, "own": ""})
        records = await stage.records(
            "r", until=lambda rs: sum(r.kind == kinds.RULES for r in rs) == 2
        )
        texts = [r.plain() for r in records if r.kind == kinds.RULES]
        assert [each["id"] for each in texts] == [first["rules"], second["rules"]]
        assert texts[0]["own"] == "One question each."
    async with Stage(tmp_path) as stage:
        ada = Person(stage, "r", "host")
        refused = await ada.http.post("/rooms/r/join", json={"invitation": ada.invitation})
        assert refused.json()["rules"]["house"] == {"en": "Be brief."}


@pytest.mark.parametrize(
    "bad", [{"house": {"en": "x" * 1_501}}, {"house": {"e n": "x"}}, {"own": "x" * 1_501}, "x"]
)
async def test_rules_have_bounds(stage: Stage, bad: object) -> None:
    async with httpx.AsyncClient() as http:
        answer = await http.put(
            f"{stage.url}/rooms/r",
            content=json.dumps({"title": "R", "rules": bad}),
            headers={**stage.service_headers(), "Content-Type": "application/json"},
        )
    assert answer.status_code == 422
