"""`/api/v1/rooms/{room}/crew` and `/reminders`, on loopback."""

import msgspec
import pytest
from sqlalchemy import insert

from hustings.base.ids import RoomId
from hustings.store.schema import promotions, subscriptions
from hustings.web.rooms.model import Person
from hustings.wire.kinds import Promotion
from tests.fakes.api_client import Program, person, program
from tests.fakes.web_house import House

HALL = {"title": "Town hall", "address": "hall", "host": "Ada"}
MAIL = "somebody@example.org"


@pytest.fixture
async def ada(house: House) -> Program:
    found = await program(house, await person(house))
    assert (await found.call("POST", "/rooms", json=HALL)).status_code == 201
    return found


async def test_a_role_is_given_changed_and_taken(house: House, ada: Program) -> None:
    await person(house, "bo", "member")
    given = await ada.call("PUT", "/rooms/hall/crew/bo", json={"role": "moderator"})
    bo = {"person": "bo", "name": "Bo", "role": "moderator"}
    assert (given.status_code, given.json()) == (200, bo)
    await ada.call("PUT", "/rooms/hall/crew/bo", json={"role": "checker"})
    listed = (await ada.call("GET", "/rooms/hall/crew")).json()
    assert listed == {"crew": [bo | {"role": "checker"}]}
    made = await house.services.rooms.invite(RoomId("hall"), Person("Eve", "speaker"), by="bo")
    for query in ("?links=true", ""):  # twice is once
        gone = await ada.call("DELETE", f"/rooms/hall/crew/bo{query}")
        assert gone.status_code == 204
    assert (await ada.call("GET", "/rooms/hall/crew")).json() == {"crew": []}
    passes = {e.jti: e.revoked_ms for e in await house.services.rooms.invitations(RoomId("hall"))}
    assert passes[made.jti] > 0


async def test_what_is_refused(house: House, ada: Program) -> None:
    await person(house, "bo", "member")
    role = {"role": "host"}
    cases = [
        ("PUT", "/rooms/hall/crew/nobody", role, 404, "account_unknown"),
        ("PUT", "/rooms/nowhere/crew/bo", role, 404, "room_unknown"),
        ("DELETE", "/rooms/nowhere/crew/bo", None, 404, "room_unknown"),
        ("PUT", "/rooms/hall/crew/bo", {"role": "owner"}, 422, "request_bad"),
        ("PUT", "/rooms/hall/crew/bo", {"role": "speaker"}, 422, "request_bad"),
        ("GET", "/rooms/nowhere/crew", None, 404, "room_unknown"),
        ("GET", "/rooms/nowhere/reminders", None, 404, "room_unknown"),
    ]
    for method, path, body, status, code in cases:
        answer = await ada.call(method, path, json=body) if body else await ada.call(method, path)
        assert (answer.status_code, answer.json()["code"]) == (status, code), path
    reads = await program(house, await person(house, "cy", "host"), "rooms:read", "rooms:write")
    assert (await reads.call("GET", "/rooms/hall/crew")).status_code == 200
    refused = await reads.call("PUT", "/rooms/hall/crew/bo", json=role)
    assert refused.json()["code"] == "key_scope"
    modest = await program(house, await person(house, "mo", "moderator"))
    refused = await modest.call("PUT", "/rooms/hall/crew/mo", json=role)
    assert (refused.status_code, refused.json()["code"]) == (403, "permission")
    assert (await Program(house, "").call("GET", "/rooms/hall/crew")).status_code == 401
    assert (await Program(house, "").call("GET", "/rooms/hall/reminders")).status_code == 401


async def test_how_many_are_told_and_never_who(house: House, ada: Program) -> None:
    empty = await ada.call("GET", "/rooms/hall/reminders")
    assert empty.json() == {"mail": 0, "push": 0, "promotions": []}
    told = Promotion("1", "reminder", "mail", 5, 2, 4, planned=3, sent=1, failed=1, late=1)
    blank = {"language": "en", "zone": "", "place": 0, "made_ms": 1, "told_ms": 0, "reminded_ms": 0}
    row = {"revision": 0, "opens_ms": 2, "closes_ms": 4, "ends_ms": 5, "state": "done", "queued": 2}
    row |= {"missed": 1, "dropped": 0, "told": 1, "told_ms": 5}
    async with house.services.database.write() as connection:
        for name, channel, confirmed_ms in (("a", "mail", 1), ("b", "mail", 0), ("c", "push", 1)):
            await connection.execute(
                insert(subscriptions).values(
                    subscription=name,
                    room="hall",
                    channel=channel,
                    address=MAIL,
                    address_hash=name,
                    keys=b"",
                    confirmed_ms=confirmed_ms,
                    **blank,
                )
            )
        await connection.execute(
            insert(promotions).values(
                room="hall",
                occasion="reminder",
                channel="mail",
                start_ms=5,
                body=msgspec.json.encode(told),
                **row,
            )
        )
    answer = await ada.call("GET", "/rooms/hall/reminders")
    said = answer.json()
    assert (said["mail"], said["push"]) == (1, 1)  # who has not confirmed is not told
    (sent,) = said["promotions"]
    assert [sent[each] for each in ("planned", "sent", "failed", "late")] == [3, 1, 1, 1]
    assert (sent["from_ms"], sent["to_ms"], sent["final"]) == (2, 4, False)
    assert MAIL not in answer.text
