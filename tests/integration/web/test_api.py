"""`/api/v1` as programs use it: keys and what they may, rooms, invitations, people; on loopback."""

import re

import pytest

from hustings.web.accounts.model import DAY_MS
from tests.fakes.api_client import Program, person, program
from tests.fakes.photos import photo
from tests.fakes.web_house import House

HALL = {"title": "Town hall", "address": "hall", "host": "Ada", "speakers": ["Bo", "Cy"]}


@pytest.fixture
async def ada(house: House) -> Program:
    return await program(house, await person(house))


async def test_a_room_is_planned_changed_cancelled_and_revived(house: House, ada: Program) -> None:
    made = await ada.call("POST", "/rooms", json=HALL | {"start_ms": 1_900_000_000_000})
    assert made.status_code == 201, made.text
    assert made.headers["location"] == "/api/v1/rooms/hall"
    assert [each["name"] for each in made.json()["invitations"]] == ["Ada", "Bo", "Cy"]
    assert all("/s/hall#i=" in each["link"] for each in made.json()["invitations"])
    await house.turn()
    assert house.stage.rooms["hall"]["start_ms"] == 1_900_000_000_000

    seen = {"If-Match": made.headers["etag"]}
    later = await ada.call(
        "PATCH", "/rooms/hall", json={"start_ms": 1_900_000_060_001}, headers=seen
    )
    assert later.json()["start_ms"] == 1_900_000_060_001
    assert (later.json()["title"], later.json()["waiting"]) == ("Town hall", True)

    off = await ada.call("POST", "/rooms/hall/cancel", json={"why": "Flood."})
    assert (off.json()["cancelled"], off.json()["cancelled_why"]) == (True, "Flood.")
    await house.turn()
    assert house.stage.rooms["hall"]["cancelled"] is True
    on = await ada.call("POST", "/rooms/hall/revive", json={"start_ms": 0})
    assert (on.json()["cancelled"], on.json()["start_ms"]) == (False, 0)


async def test_no_room_to_come_is_planned_in_the_past(house: House, ada: Program) -> None:
    past = {"start_ms": house.clock.wall_ms() - 86_400_001}
    anew = await ada.call("POST", "/rooms", json=HALL | past)
    assert (anew.status_code, anew.json()["code"], anew.json()["field"]) == (
        400,
        "start_past",
        "start",
    )
    tag = (await ada.call("POST", "/rooms", json=HALL)).headers["etag"]
    moved = await ada.call("PATCH", "/rooms/hall", json=past, headers={"If-Match": tag})
    await ada.call("POST", "/rooms/hall/cancel", json={})
    again = await ada.call("POST", "/rooms/hall/revive", json=past)
    assert [each.json()["code"] for each in (moved, again)] == ["start_past", "start_past"]


async def test_nobodys_change_is_lost(house: House, ada: Program) -> None:
    tag = (await ada.call("POST", "/rooms", json=HALL)).headers["etag"]
    blind = await ada.call("PATCH", "/rooms/hall", json={"host": "Eve"})
    assert (blind.status_code, blind.json()["code"]) == (428, "if_match_missing")
    first = await ada.call("PATCH", "/rooms/hall", json={"host": "Eve"}, headers={"If-Match": tag})
    assert first.status_code == 200
    second = await ada.call("PATCH", "/rooms/hall", json={"radio": True}, headers={"If-Match": tag})
    assert (second.status_code, second.json()["code"]) == (412, "room_changed")
    tag = first.headers["etag"]
    third = await ada.call("PATCH", "/rooms/hall", json={"radio": True}, headers={"If-Match": tag})
    assert (third.json()["host"], third.json()["radio"]) == ("Eve", True)
    anyway = await ada.call("PATCH", "/rooms/hall", json={}, headers={"If-Match": "*"})
    assert anyway.headers["etag"] == third.headers["etag"]
    assert (await ada.call("GET", "/rooms/hall")).headers["etag"] == third.headers["etag"]


async def test_reaching_the_stage_does_not_change_a_rooms_version(
    house: House, ada: Program
) -> None:
    made = await ada.call("POST", "/rooms", json=HALL)
    await house.turn()
    there = await ada.call("GET", "/rooms/hall")
    assert not there.json()["waiting"]
    assert there.headers["etag"] == made.headers["etag"]


async def test_a_named_call_is_carried_out_once(house: House, ada: Program) -> None:
    once = {"Idempotency-Key": "opening"}
    asked = {"title": "Opening"}
    made = [await ada.call("POST", "/rooms", json=asked, headers=once) for _ in range(2)]
    assert made[0].json()["room"] == made[1].json()["room"]
    assert len((await ada.call("GET", "/rooms")).json()["rooms"]) == 1
    other = await ada.call("POST", "/rooms", json={"title": "Closing"}, headers=once)
    assert (other.status_code, other.json()["code"]) == (422, "once_differs")

    seat, kim = {"name": "Bo"}, {"name": "Kim", "role": "host"}
    path = f"/rooms/{made[0].json()['room']}/invitations"
    named = {"Idempotency-Key": "bo"}
    seats = [await ada.call("POST", path, json=seat, headers=named) for _ in range(2)]
    assert seats[0].json() == seats[1].json()
    named = {"Idempotency-Key": "kim"}
    house.clock.advance(1)
    first = await ada.call("POST", "/people/invitations", json=kim, headers=named)
    house.clock.advance(1)
    again = await ada.call("POST", "/people/invitations", json=kim, headers=named)
    assert first.json() == again.json()
    code = first.json()["link"].partition("#")[2]
    assert (await house.browser.post("/start", data={"code": code})).status_code == 303

    house.clock.advance(86_401)  # after a day the name is anybody's again
    assert (await ada.call("POST", "/rooms", json={"title": "X"}, headers=once)).status_code == 201


async def test_a_refused_call_keeps_no_name(ada: Program) -> None:
    await ada.call("POST", "/rooms", json=HALL)
    once = {"Idempotency-Key": "a"}
    taken = await ada.call("POST", "/rooms", json=HALL, headers=once)
    assert (taken.status_code, taken.json()["code"]) == (400, "room_taken")
    asked = {"title": "Other", "address": "other"}
    assert (await ada.call("POST", "/rooms", json=asked, headers=once)).status_code == 201


async def test_invitations_are_made_listed_and_withdrawn(house: House, ada: Program) -> None:
    await ada.call("POST", "/rooms", json=HALL)
    house.clock.advance(1)
    asked = {"name": "Studio", "role": "speaker", "kind": "whip"}
    made = await ada.call("POST", "/rooms/hall/invitations", json=asked)
    assert made.json()["token"].count(".") == 1
    assert (len(made.json()["password"]), made.json()["link"]) == (20, None)
    assert made.json()["mount"].count("/") == 2
    seat = f"/rooms/hall/invitations/{made.json()['invitation']}"
    for _ in range(2):
        assert (await ada.call("DELETE", seat)).status_code == 204
    await house.turn()
    await house.turn()
    assert len(house.stage.revoked) == 1
    listed = (await ada.call("GET", "/rooms/hall/invitations")).json()["invitations"]
    assert [bool(each["revoked_ms"]) for each in listed] == [False, False, False, True]
    assert listed[-1]["token"] is None
    gone = await ada.call("DELETE", "/rooms/hall/invitations/nothing")
    assert (gone.status_code, gone.json()["code"]) == (404, "invitation_unknown")


async def test_links_are_for_keys_that_may_invite(house: House, ada: Program) -> None:
    await ada.call("POST", "/rooms", json=HALL)
    writer = await program(house, await person(house, "bo", "host"), "rooms:write", "rooms:read")
    made = await writer.call("POST", "/rooms", json={"title": "Quiet"})
    assert {each["link"] for each in made.json()["invitations"]} == {None}
    listed = (await writer.call("GET", "/rooms/hall/invitations")).json()["invitations"]
    assert {each["link"] for each in listed} == {None}
    refused = await writer.call("POST", "/rooms/hall/invitations", json={})
    assert (refused.status_code, refused.json()["code"]) == (403, "key_scope")


async def test_a_key_may_never_do_more_than_its_person(house: House, ada: Program) -> None:
    kim = await program(house, await person(house, "kim", "owner"))
    assert (await kim.call("GET", "/people")).status_code == 200
    changed = await ada.call("PATCH", "/people/kim", json={"role": "host"})
    assert changed.json()["role"] == "host"
    refused = await kim.call("GET", "/people")
    assert (refused.status_code, refused.json()["code"]) == (403, "permission")
    mine = (await kim.call("GET", "/me")).json()
    assert mine["scopes"] == ["rooms:crew", "rooms:invite", "rooms:read", "rooms:write"]
    assert (await ada.call("DELETE", "/people/kim")).status_code == 204
    gone = await kim.call("GET", "/me")
    assert (gone.status_code, gone.json()["code"]) == (401, "key_bad")
    last = await ada.call("DELETE", "/people/ada")
    assert (last.status_code, last.json()["code"]) == (409, "owner_last")


async def test_keys_run_out_and_bad_ones_are_told_apart_from_none(
    house: House, ada: Program
) -> None:
    none = await Program(house, "").call("GET", "/me")
    assert (none.status_code, none.json()["code"]) == (401, "key_missing")
    assert none.headers["www-authenticate"] == "Bearer"
    nearly = ada.key[:-1] + ("A" if ada.key[-1] != "A" else "B")
    for key in (nearly, "nonsense", "hustings_abcdefghjk_" + "x" * 32):
        bad = await Program(house, key).call("GET", "/me")
        assert (bad.status_code, bad.json()["code"]) == (401, "key_bad")
    house.clock.advance(31 * 86_400)
    late = await ada.call("GET", "/me")
    assert (late.status_code, late.json()["code"]) == (401, "key_expired")


async def test_who_tries_keys_is_slowed_and_told_how_long(house: House) -> None:
    guess = Program(house, "hustings_abcdefghjk_" + "x" * 32)
    codes = [(await guess.call("GET", "/me")).json()["code"] for _ in range(21)]
    assert codes == ["key_bad"] * 20 + ["api_rate"]
    slowed = await guess.call("GET", "/me")
    assert slowed.status_code == 429
    assert 1 <= int(slowed.headers["retry-after"]) <= 5


async def test_a_cookie_opens_nothing_here(house: House) -> None:
    await house.become_host()
    made = await house.browser.post("/api/v1/rooms", json=HALL)
    assert (made.status_code, made.json()["code"]) == (401, "key_missing")


async def test_lists_come_in_pages_without_repetition_or_gap(house: House, ada: Program) -> None:
    for number in range(7):
        start_ms = 1_900_000_000_000 + number // 2 * DAY_MS
        asked = {"title": f"Évening {number}", "address": f"r{number}", "start_ms": start_ms}
        await ada.call("POST", "/rooms", json=asked)
    await ada.call("POST", "/rooms", json={"title": "Some day", "address": "r7"})

    async def pages(**query: str | int) -> list[list[str]]:
        found, after = [], ""
        while after is not None:
            page = (await ada.call("GET", "/rooms", params={**query, "after": after})).json()
            found.append([each["room"] for each in page["rooms"]])
            after = page["next"]
        return found

    found = await pages(limit=3)
    assert [len(page) for page in found] == [3, 3, 2]
    names = [name for page in found for name in page]
    assert names == ["r7", "r6", "r5", "r4", "r3", "r2", "r1", "r0"]
    assert [n for page in await pages(limit=3, order="earliest") for n in page] == names[::-1]
    window = {"from_ms": 1_900_000_000_000 + DAY_MS, "until_ms": 1_900_000_000_000 + 2 * DAY_MS}
    assert await pages(**window) == [["r3", "r2"]]
    assert await pages(words="EVENING 4") == [["r4"]]
    assert await pages(words="%") == [[]]
    await ada.call("POST", "/rooms/r4/cancel", json={})
    await house.turn()
    assert await pages(state="ended") == [[]]
    assert len((await pages(state="scheduled"))[0]) == 8


@pytest.mark.parametrize("cursor", ["x", "WzEsImEiXQ%", "bnVsbA", "WzEsIkEgQiJd", "WzFlMzAsImEiXQ"])
async def test_a_cursor_that_is_none_is_told(house: House, cursor: str) -> None:
    answer = await house.browser.get("/api/v1/rooms", params={"after": cursor})
    assert (answer.status_code, answer.json()["code"]) == (400, "cursor_bad")


async def test_sound_is_erased_and_a_recording_deleted_by_its_title(
    house: House, ada: Program
) -> None:
    await ada.call("POST", "/rooms", json=HALL)
    await house.turn()
    stretch = {"from_s": 3, "to_s": 9, "reason": "A name."}
    assert (await ada.call("POST", "/rooms/hall/erase", json=stretch)).status_code == 204
    assert house.stage.erased == [("hall", stretch)]
    wrong = await ada.call("POST", "/rooms/hall/delete", json={"title": "Hall", "reason": "No."})
    assert (wrong.status_code, wrong.json()["code"]) == (409, "title_differs")
    asked = {"title": "Town hall", "reason": "Asked for."}
    early = await ada.call("POST", "/rooms/hall/delete", json=asked)
    assert (early.status_code, early.json()["code"]) == (400, "room_state")
    house.stage.rooms["hall"]["state"] = "ended"
    gone = await ada.call("POST", "/rooms/hall/delete", json=asked)
    assert gone.json()["deleted"] is True
    house.stage.refusal, house.stage.refusal_code = "Not today.", "strange"
    odd = await ada.call("POST", "/rooms/hall/erase", json=stretch)
    assert (odd.status_code, odd.json()["code"]) == (502, "stage_refused")
    house.stage.refusal, house.stage.away = "", True
    away = await ada.call("POST", "/rooms/hall/erase", json=stretch)
    assert (away.status_code, away.json()["code"]) == (503, "stage_away")
    assert int(away.headers["retry-after"]) >= 1


async def test_bodies_are_held_to_the_schema(ada: Program) -> None:
    for body in (
        {"title": 3},
        {"title": "x" * 201},
        {"title": "x", "unknown": 1},
        {"title": "x", "start_ms": "soon"},
        {"title": "x", "start_ms": -1},
        {"title": "x", "radio": "yes"},
        {"title": "x", "address": "No!"},
        {},
        [],
    ):
        answer = await ada.call("POST", "/rooms", json=body)
        assert (answer.status_code, answer.json()["code"]) == (422, "request_bad"), body
    broken = await ada.call("POST", "/rooms", content=b"{")
    assert (broken.status_code, broken.json()["code"]) == (422, "request_bad")
    large = await ada.call("POST", "/rooms", content=b" " * 70_000)
    assert large.status_code == 413
    blank = await ada.call("POST", "/rooms", json={"title": " \u200f "})
    assert (blank.status_code, blank.json()["code"]) == (400, "title_missing")


async def test_reading_needs_no_key_and_strangers_have_a_pace(house: House, ada: Program) -> None:
    await ada.call("POST", "/rooms", json=HALL)
    anybody = Program(house, "")
    assert (await anybody.call("GET", "/rooms/hall")).json()["refused"] == ""
    codes = [(await anybody.call("GET", "/rooms/hall")).status_code for _ in range(100)]
    assert codes == [200] * 99 + [429]


async def test_a_webhook_is_registered_once_tested_paused_and_forgotten(
    house: House, ada: Program
) -> None:
    asked = {"url": "https://news.example/hook", "events": ["room.ended", "room.live"]}
    once = {"Idempotency-Key": "news"}
    made = [await ada.call("POST", "/webhooks", json=asked, headers=once) for _ in range(2)]
    assert made[0].status_code == 201, made[0].text
    assert made[0].json() == made[1].json()
    assert made[0].json()["secret"].startswith("whsec_")
    assert made[0].json()["events"] == ["room.live", "room.ended"]
    path = f"/webhooks/{made[0].json()['webhook']}"
    assert (await ada.call("POST", f"{path}/test")).status_code == 204
    told = (await ada.call("GET", path)).json()
    assert "secret" not in told
    [message] = told["messages"]
    assert (message["event"], message["state"]) == ("ping", "waiting")
    again = f"{path}/deliveries/{message['message']}/again"
    assert (await ada.call("POST", again)).status_code == 204
    renewed = await ada.call("POST", f"{path}/secret")
    assert renewed.json()["secret"] != made[0].json()["secret"]
    paused = await ada.call("PUT", path, json=asked | {"events": ["room.live"], "state": "off"})
    assert (paused.json()["state"], paused.json()["events"]) == ("off", ["room.live"])
    refused = await ada.call("POST", f"{path}/test")
    assert (refused.status_code, refused.json()["code"]) == (400, "hook_off")
    assert (await ada.call("PUT", path, json=asked)).json()["state"] == "on"
    inside = await ada.call("POST", "/webhooks", json=asked | {"url": "http://127.0.0.1/"})
    assert (inside.status_code, inside.json()["code"]) == (400, "outbound_url")
    assert (await ada.call("DELETE", path)).status_code == 204
    assert (await ada.call("GET", "/webhooks")).json() == {"webhooks": []}
    host = await program(house, await person(house, "bo", "host"))
    assert (await host.call("GET", "/webhooks")).json()["code"] == "permission"


async def test_a_picture_is_shown_described_and_removed(house: House, ada: Program) -> None:
    await ada.call("POST", "/rooms", json=HALL)
    path = "/rooms/hall/picture"
    early = await ada.call("PUT", path, files={"alt": (None, "Dusk.")})
    assert (early.status_code, early.json()["code"]) == (400, "picture_missing")
    form = {"alt": (None, "The harbour."), "photo": ("p.jpg", photo())}
    shown = await ada.call("PUT", path, files=form)
    assert shown.status_code == 200, shown.text
    assert re.search(r"/r/hall/picture\.[0-9a-f]{32}\.jpg$", shown.json()["picture"])
    told = await ada.call("PUT", path, files={"alt": (None, "Dusk.")})
    assert told.json()["picture_alt"] == "Dusk."
    assert told.json()["picture"] == shown.json()["picture"]
    text = {"alt": (None, "No photo."), "photo": ("p.txt", b"text")}
    refused = await ada.call("PUT", path, files=text)
    assert (refused.status_code, refused.json()["code"]) == (400, "picture_format")
    blind = await ada.call("PUT", path, files={"photo": ("p.jpg", photo())})
    assert (blind.status_code, blind.json()["code"]) == (400, "alt_missing")
    assert (await ada.call("PUT", path, json={})).json()["code"] == "form_bad"
    gone = await ada.call("DELETE", path)
    assert (gone.json()["picture"], gone.json()["picture_alt"]) == (None, "")


async def test_a_room_is_told_in_further_languages(house: House, ada: Program) -> None:
    german = {"title": " Rathaus ", "description": "Wer baut?"}
    asked = HALL | {"texts": {"de": german, "ar": {"title": "القاعة"}}}
    made = await ada.call("POST", "/rooms", json=asked)
    assert made.status_code == 201, made.text
    told = {
        "de": {"title": "Rathaus", "description": "Wer baut?"},
        "ar": {"title": "القاعة", "description": ""},
    }
    assert made.json()["texts"] == told  # though the stage has not heard
    await house.turn()
    assert house.stage.rooms["hall"]["texts"]["de"]["title"] == "Rathaus"
    [listed] = (await ada.call("GET", "/rooms")).json()["rooms"]
    assert listed["texts"] == (await ada.call("GET", "/rooms/hall")).json()["texts"] == told

    seen = {"If-Match": made.headers["etag"]}
    other = await ada.call("PATCH", "/rooms/hall", json={"host": "Eve"}, headers=seen)
    assert other.json()["texts"] == told
    seen, arabic = {"If-Match": other.headers["etag"]}, {"texts": {"ar": told["ar"]}}
    fewer = await ada.call("PATCH", "/rooms/hall", json=arabic, headers=seen)
    assert fewer.json()["texts"] == {"ar": told["ar"]}
    late = await ada.call("PATCH", "/rooms/hall", json={"texts": {}}, headers=seen)
    assert (late.status_code, late.json()["code"]) == (412, "room_changed")
    for nothing in ({}, None):
        anyway = {"If-Match": "*"}
        await ada.call("PATCH", "/rooms/hall", json={"texts": told}, headers=anyway)
        gone = await ada.call("PATCH", "/rooms/hall", json={"texts": nothing}, headers=anyway)
        assert gone.json()["texts"] == {}
        await house.turn()
        assert house.stage.rooms["hall"].get("texts", {}) == {}


async def test_words_for_nobody_are_refused_and_change_nothing(house: House, ada: Program) -> None:
    await ada.call("POST", "/rooms", json=HALL)
    title, anyway = {"title": "T"}, {"If-Match": "*"}
    for asked, status, code in (
        ({"texts": {"en": title}}, 400, "language_bad"),  # what is spoken has its words already
        ({"texts": {"fr": title}}, 400, "language_bad"),  # no page speaks it
        ({"texts": {"de": title}, "language": "de"}, 400, "language_bad"),
        ({"texts": {"de": {"title": " \u200f ", "description": "x"}}}, 400, "title_missing"),
        ({"texts": {"de": {"title": " \u200f "}}}, 400, "title_missing"),
        ({"texts": {"de": {"description": "x"}}}, 422, "request_bad"),
        ({"texts": {"de": {"title": "x" * 201}}}, 422, "request_bad"),
        ({"texts": {"de": title | {"description": "x" * 2_001}}}, 422, "request_bad"),
        ({"texts": {"de": title | {"host": "Eve"}}}, 422, "request_bad"),
        ({"texts": {f"x{each}": title for each in range(9)}}, 422, "request_bad"),
        ({"texts": [title]}, 422, "request_bad"),
    ):
        for method, path, more in (
            ("PATCH", "/rooms/hall", {}),
            ("POST", "/rooms", {"title": "Other", "address": "other"}),
        ):
            answer = await ada.call(method, path, json=more | asked, headers=anyway)
            assert (answer.status_code, answer.json()["code"]) == (status, code), (method, asked)
    assert (await ada.call("GET", "/rooms/hall")).json()["texts"] == {}
    assert (await ada.call("GET", "/rooms/other")).status_code == 404


async def test_one_document_describes_every_call(house: House) -> None:
    document = (await house.browser.get("/api/openapi.json")).json()
    calls = [call for path in document["paths"].values() for call in path.values()]
    names = [call["operationId"] for call in calls]
    assert len(set(names)) == len(names) >= 15
    assert "HTTPValidationError" not in document["components"]["schemas"]
    for call in calls:
        assert call["description"]
        for status, answer in call["responses"].items():
            if status >= "400":
                codes = answer["content"]["application/problem+json"]["schema"]["allOf"][1]
                assert codes["properties"]["code"]["enum"], (call["operationId"], status)
            if status in {"429", "503"}:
                assert "Retry-After" in answer["headers"]
    page = (await house.browser.get("/api/docs?lang=de")).text
    assert all(f'id="{name}"' in page for name in names)
    assert "Geht ohne Schlüssel." in page


async def test_a_key_is_made_on_the_account_page_and_shown_once(house: House) -> None:
    await person(house)
    async with house.services.database.write() as connection:
        from hustings.web.house import queries
        from hustings.web.house.service import hashed

        now_ms = house.clock.wall_ms()
        session = hashed("open")
        await queries.add_session(
            connection, session, now_ms=now_ms, expires_ms=now_ms + DAY_MS, account="ada"
        )
    house.browser.cookies.set("hustings_session", "open")
    asked = {"name": "Season", "rooms:write": "on", "days": "90"}
    page = (await house.browser.post("/account/keys", data=asked)).text
    [key] = re.findall(r"hustings_[a-z2-9]{10}_[\w-]{32}", page)
    me = (await Program(house, key).call("GET", "/me")).json()
    assert (me["name"], me["person"], me["scopes"]) == ("Season", "ada", ["rooms:write"])

    account = (await house.browser.get("/account")).text
    assert key not in account
    assert key[:19] in account
    saved = (await house.browser.get("/account/data.json")).json()["api_keys"]
    assert [each["name"] for each in saved] == ["Season"]
    assert key not in str(saved)
    for wrong in ({"name": ""}, {"rooms:write": ""}, {"days": "9999"}):
        answer = await house.browser.post("/account/keys", data=asked | wrong)
        assert answer.status_code == 303
        assert "said=" in answer.headers["location"]
    name = key.split("_")[1]
    await house.browser.post(f"/account/keys/{name}/revoke", data={"sure": "yes"})
    assert (await Program(house, key).call("GET", "/me")).json()["code"] == "key_bad"
