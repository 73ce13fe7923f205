"""A role in a room leads to its stage, from one's own account, and away from it again: web and a real stage."""

from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest

from hustings.wire.tokens import PASS_SECONDS
from tests.integration.stage.test_app import entries
from tests.support.stage import Person
from tests.support.web_and_stage import READ, Evening, evening_of


@pytest.fixture
async def evening(tmp_path: Path) -> AsyncIterator[Evening]:
    async with evening_of(tmp_path) as found:
        yield found


async def test_a_moderator_comes_by_their_account_and_is_out_when_the_role_is(
    evening: Evening,
) -> None:
    assert (await evening.post("mo", "/rooms/r/backstage")).status_code == 403
    await evening.post("ada", "/rooms/r/crew", account="mo", role="moderator")
    host = await Person(evening.stage, "r", "host", await evening.ticket("ada")).join("Ada")
    mo = Person(evening.stage, "r", "moderator", await evening.ticket("mo"))
    body = {"invitation": mo.invitation, "name": "Mo", "rules": READ}
    answer = (await mo.http.post("/rooms/r/join", json=body)).json()
    assert (answer["name"], answer["role"]) == ("Mo", "moderator")
    mo.token, mo.id = answer["token"], answer["participant"]
    async with host.control(), mo.control():
        assert (await mo.do("close_hands"))["type"] == "done"
        assert (await mo.do("notice", text="Hi"))["code"] == "role_denied"
        gone = await evening.post("ada", "/rooms/r/crew/mo/remove")
        assert gone.headers["location"] == "/rooms/r?said=crew_out"
        assert (await mo.hear("bye"))["code"] in {"removed", "revoked", "not_in_room"}
        while [each["name"] for each in (await host.hear("roster"))["roster"]] != ["Ada"]:
            pass  # what was told before
    bearer = {"Authorization": f"Bearer {mo.token}"}
    assert (await mo.http.post("/rooms/r/renew", headers=bearer)).status_code == 403
    for invitation in (mo.invitation, answer["invitation"]):
        again = await mo.http.post("/rooms/r/join", json=body | {"invitation": invitation})
        assert (again.status_code, again.json()["code"]) == (403, "revoked")
    assert (await evening.post("mo", "/rooms/r/backstage")).status_code == 403
    await evening.post("ada", "/rooms/r/crew", account="mo", role="host")
    back = await Person(evening.stage, "r", "host", await evening.ticket("mo")).join("Mo")
    assert back.id != mo.id


async def test_a_pass_is_good_once_in_one_browser_for_one_room_and_soon(evening: Evening) -> None:
    await evening.post("ada", "/rooms/r/crew", account="mo", role="cohost")
    ticket = await evening.ticket("mo")
    assert await evening.refusal(ticket, "other") == (403, "token_room")
    mo = Person(evening.stage, "r", "cohost", ticket)
    body = {"invitation": ticket, "name": "Mo", "rules": READ}
    nameless = await mo.http.post("/rooms/r/join", json=body | {"name": "\u200b"})
    assert nameless.status_code == 400  # refused is not used
    await mo.join("Mo")
    assert await evening.refusal(ticket) == (409, "pass_used")
    await mo.join("Mo")  # here its answer may have been lost
    answer = await mo.http.post("/rooms/r/join", json=body)
    lasting = answer.json()["invitation"]
    assert await evening.refusal(lasting) == (403, "token_device")
    mo.invitation = lasting
    await mo.join("Mo")  # a reload, while web may be away
    said = evening.stage.people.check(ticket, kind="invite", now_s=evening.stage.door.now_s)
    late = msgspec.structs.replace(said, iat=said.iat - 600, exp=said.exp - 600)
    assert said.exp - said.iat == PASS_SECONDS
    assert await evening.refusal(evening.stage.people.sign(late)) == (401, "token_expired")


async def test_an_account_that_is_deleted_is_out_of_every_stage(evening: Evening) -> None:
    await evening.post("ada", "/people/mo/role", role="moderator")
    tickets = {room: await evening.ticket("mo", room) for room in ("r", "other")}
    seated = await Person(evening.stage, "r", "moderator", tickets["r"]).join("Mo")
    gone = await evening.post("ada", "/people/mo/remove", sure="yes")
    assert gone.headers["location"] == "/people?said=removed"
    bearer = {"Authorization": f"Bearer {seated.token}"}
    answer = await seated.http.post("/rooms/r/renew", headers=bearer)
    assert answer.json()["code"] == "not_in_room"
    assert await evening.refusal(tickets["other"], "other") == (403, "revoked")


async def test_a_checker_of_the_house_hears_and_no_listener_sees_them(evening: Evening) -> None:
    await evening.stage.put("r", state="lobby")
    host = await Person(evening.stage, "r", "host", await evening.ticket("ada")).join("Ada")
    kay = await Person(evening.stage, "r", "checker", await evening.ticket("kay")).join("Kay")
    async with host.control(), kay.control():
        assert (await host.do("accept"))["type"] == "done"
        assert (await host.do("invite", participant=kay.id))["code"] == "checker_silent"
        for command in ("unmute", "accept", "hand", "dump", "keep_track"):
            assert (await kay.do(command))["code"] == "role_denied", command
        shown = (await kay.do("rename", name="Kay K."))["type"]
        assert shown == "done"
        line = await kay.speak()
        assert (await host.do("go_live"))["type"] == "done"
        records = await evening.stage.records(
            "r", until=lambda found: len(entries(found, "part")) > 3
        )
        await line.close()
    told = [each for each in entries(records) if each.body is not None]
    assert [each.kind for each in told if host.id.encode() in (each.body or b"")]
    assert not [each.kind for each in told if kay.id.encode() in (each.body or b"")]
