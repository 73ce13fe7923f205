"""From the one-time link to the room on the stage, over real HTTP."""

import re

from hustings.web.rooms.model import Invitation
from tests.fakes.web_house import House


async def invitations(house: House) -> list[Invitation]:
    from hustings.base.ids import RoomId

    return await house.services.rooms.invitations(RoomId("hall"))


async def test_a_code_makes_a_host_by_post_only_and_once(house: House) -> None:
    code = await house.services.house.new_code()
    for _ in range(3):  # link previewers
        assert (await house.browser.get("/start", params={"code": code})).status_code == 200
    assert (await house.create()).status_code == 401
    answer = await house.browser.post("/start", data={"code": f" http://x/start#{code}\n"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/rooms/new")
    cookie = answer.headers["set-cookie"]
    assert cookie.startswith("hustings_session=")
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    house.browser.cookies.clear()
    again = await house.browser.post("/start", data={"code": code})
    assert again.status_code == 403
    assert "set-cookie" not in again.headers


async def test_a_room_reaches_the_stage_and_its_links_are_shown(house: House) -> None:
    await house.become_host()
    answer = await house.create(cohosts="Cy", radio="on", language="de")
    assert answer.headers["location"] == "/rooms/hall?said=created"
    await house.turn()
    assert house.stage.rooms["hall"]["title"] == "Town hall"
    assert house.stage.rooms["hall"]["radio"] is True
    page = (await house.browser.get("/rooms/hall")).text
    links = re.findall(r'value="(http://[^"]+/s/hall#i=[^"]+)"', page)
    assert len(set(links)) == 3
    assert 'value="http://127.0.0.1:8002/r/hall"' in page
    assert (await house.browser.get("/rooms/hall")).text.count(links[0]) == page.count(links[0])


async def test_the_public_sees_no_invitation(house: House) -> None:
    await house.become_host()
    await house.create()
    house.browser.cookies.clear()
    answer = await house.browser.get("/rooms/hall")
    assert (answer.status_code, answer.headers["location"]) == (303, "http://127.0.0.1:8002/r/hall")
    assert "#i=" not in (await house.browser.get("/")).text
    for path in ("/rooms/hall", "/rooms/hall/lobby", "/rooms/hall/invitations"):
        assert (await house.browser.post(path, data={"title": "x"})).status_code == 401
    await house.turn()
    assert house.stage.rooms["hall"]["title"] == "Town hall"


async def test_editing_and_the_lobby(house: House) -> None:
    await house.become_host()
    await house.create()
    await house.turn()
    edit = {"title": "New title", "language": "en", "start": "2027-11-20T18:00", "zone": "UTC"}
    answer = await house.browser.post("/rooms/hall?lang=de", data=edit)
    assert answer.headers["location"] == "/rooms/hall?lang=de&said=changed"
    assert (await house.browser.post("/rooms/hall/lobby")).status_code == 303
    await house.turn()
    assert house.stage.rooms["hall"]["state"] == "lobby"
    assert house.stage.rooms["hall"]["title"] == "New title"
    assert 'class="badge lobby"' in (await house.browser.get("/")).text
    again = await house.browser.post("/rooms/hall/lobby")
    assert again.status_code == 400
    assert "room_state" in again.text


async def test_a_mistake_shows_the_form_again_with_what_was_typed(house: House) -> None:
    await house.become_host()
    await house.create()
    answer = await house.create(title="Another <b>", description="kept", speakers="Kim")
    assert answer.status_code == 422
    assert "already" in answer.text
    assert 'value="Another &lt;b&gt;"' in answer.text
    assert ">kept</textarea>" in answer.text
    assert ">Kim</textarea>" in answer.text
    assert re.search(r'id="address"[^>]*aria-invalid="true"', answer.text)
    edit = await house.browser.post("/rooms/hall", data={"title": ""})
    assert edit.status_code == 422
    assert re.search(r'id="title"[^>]*aria-invalid="true"', edit.text)


async def test_inviting_encoders_and_withdrawing(house: House) -> None:
    await house.become_host()
    await house.create()
    await house.turn()
    data = {"name": "Kim", "role": "moderator"}
    assert (await house.browser.post("/rooms/hall/invitations", data=data)).status_code == 303
    data = {"name": "Mixer", "role": "speaker", "kind": "whip"}
    assert (await house.browser.post("/rooms/hall/invitations", data=data)).status_code == 303
    made = {each.name: each for each in await invitations(house)}
    assert (made["Kim"].role, made["Mixer"].kind) == ("moderator", "whip")
    token = house.services.rooms.sign(made["Mixer"])
    assert f'value="{token}"' in (await house.browser.get("/rooms/hall")).text
    path = f"/rooms/hall/invitations/{made['Kim'].jti}/revoke"
    asked = await house.browser.post(path)  # without a script the server asks
    assert asked.status_code == 200
    assert "Withdraw this link?" in asked.text
    assert "<bdi>Kim</bdi>" in asked.text
    await house.turn()
    assert house.stage.revoked == []
    done = await house.browser.post(path, data={"sure": "yes"})
    assert done.headers["location"] == "/rooms/hall?said=revoked"
    await house.turn()
    assert house.stage.revoked == [("hall", made["Kim"].seat)]
    page = (await house.browser.get("/rooms/hall")).text
    assert house.services.rooms.sign(made["Kim"]) not in page
    assert "data-withdrawn" in page


async def test_leaving(house: House) -> None:
    await house.become_host()
    answer = await house.browser.post("/leave")
    assert answer.status_code == 303
    assert (await house.create()).status_code == 401


async def test_what_hosts_reckon_with_and_the_delay_reach_the_stage(house: House) -> None:
    await house.become_host()
    await house.create(expected="12,000", delay_s="5")
    await house.turn()
    assert (house.stage.rooms["hall"]["expected"], house.stage.rooms["hall"]["delay_s"]) == (
        12_000,
        5,
    )
    wrong = await house.browser.post("/rooms/hall", data={"title": "x", "expected": "many"})
    assert wrong.status_code == 422
    assert re.search(r'id="expected"[^>]*aria-invalid="true"', wrong.text)
    house.stage.rooms["hall"] |= {"expected": 900, "delay_s": 7}  # as a host said on the stage
    await house.turn()
    page = (await house.browser.get("/rooms/hall")).text
    assert re.search(r'id="expected"[^>]*value="900"', page)
    assert '<option value="7" selected>' in page


async def test_while_live_the_form_says_whose_the_delay_is(house: House) -> None:
    await house.become_host()
    await house.create(delay_s="5")
    await house.turn()
    house.stage.rooms["hall"] |= {"state": "live", "delay_s": 7}
    await house.turn()
    page = (await house.browser.get("/rooms/hall")).text
    assert 'name="delay_s"' not in page
    assert "only its hosts change the delay" in page
    await house.browser.post("/rooms/hall", data={"title": "New", "delay_s": "0"})
    await house.turn()
    assert house.stage.rooms["hall"]["title"] == "New"
    assert house.stage.rooms["hall"]["delay_s"] == 7


async def test_a_room_says_when_its_lobby_opens_and_the_form_offers_what_is_usual(
    house: House,
) -> None:
    await house.become_host()
    form = (await house.browser.get("/rooms/new")).text
    assert re.search(r'id="lobby_min"[^>]* value="30"', form)
    start = {"start": "2040-01-02T20:00", "zone": "UTC"}
    await house.create(lobby_min="45", **start)
    await house.turn()
    assert house.stage.rooms["hall"]["lobby_min"] == 45
    page = (await house.browser.get("/rooms/hall")).text
    assert re.search(r'id="lobby_min"[^>]* value="45"', page)
    assert 'It opens by itself on <time datetime="2040-01-02T19:15:00Z">' in page
    asking = (await house.browser.get("/remind/hall")).text
    assert 'The doors open on <time datetime="2040-01-02T19:15:00Z">' in asking
    edit = {"title": "Town hall", **start}
    wrong = await house.browser.post("/rooms/hall", data=edit | {"lobby_min": "half an hour"})
    assert wrong.status_code == 422
    assert "at most 720, or 0" in wrong.text
    await house.browser.post("/rooms/hall", data=edit | {"lobby_min": "0"})
    await house.turn()
    assert house.stage.rooms["hall"]["lobby_min"] == 0
    assert "It opens by hand only." in (await house.browser.get("/rooms/hall")).text
    await house.browser.post("/rooms/hall", data=edit | {"lobby_min": ""})
    await house.turn()
    assert house.stage.rooms["hall"]["lobby_min"] == 30  # as usual


async def test_a_room_says_when_its_line_begins_to_move(house: House) -> None:
    await house.become_host()
    form = (await house.browser.get("/rooms/new")).text
    assert '<option value="lobby" selected>' in form  # as the house does it
    await house.create(doors="live")
    await house.turn()
    assert house.stage.rooms["hall"]["doors"] == "live"
    assert '<option value="live" selected>' in (await house.browser.get("/rooms/hall")).text
    wrong = await house.browser.post("/rooms/hall", data={"title": "x", "doors": "never"})
    assert wrong.status_code == 422


async def test_a_recording_is_deleted_in_two_steps(house: House) -> None:
    await house.become_host()
    await house.create(description="About Ada", keep="days", keep_days="30")
    await house.turn()
    assert house.stage.rooms["hall"]["keep_days"] == 30
    path, why = "/rooms/hall/delete", {"reason": "A <b>guest</b> asked"}
    assert 'id="delete"' not in (await house.browser.get("/rooms/hall")).text
    early = await house.browser.post(path, data=why | {"sure": "yes"})
    assert early.headers["location"] == "/rooms/hall?said=delete_early"
    house.stage.rooms["hall"]["state"] = "ended"
    await house.turn()
    assert 'id="delete"' in (await house.browser.get("/rooms/hall")).text
    bare = await house.browser.post(path, data={"reason": " "})
    assert bare.headers["location"] == "/rooms/hall?said=delete_bad"
    asks = await house.browser.post(path, data=why)
    assert asks.status_code == 200
    assert "A &lt;b&gt;guest&lt;/b&gt; asked" in asks.text
    assert "deleted" not in house.stage.rooms["hall"]
    house.stage.refusal = "No."
    for code, said in (("room_unknown", "delete_unknown"), ("something_new", "delete_refused")):
        house.stage.refusal_code = code
        refused = await house.browser.post(path, data=why | {"sure": "yes"})
        assert refused.headers["location"] == f"/rooms/hall?said={said}"
        assert 'role="alert"' in (await house.browser.get(refused.headers["location"])).text
    house.stage.refusal = ""
    house.stage.away = True
    away = await house.browser.post(path, data=why | {"sure": "yes"})
    assert away.headers["location"] == "/rooms/hall?said=delete_away"
    house.stage.away = False
    done = await house.browser.post(path, data=why | {"sure": "yes"})
    assert done.headers["location"] == "/rooms/hall?said=deleted"
    page = (await house.browser.get("/rooms/hall?said=deleted")).text
    assert "The recording was deleted" in page
    assert "A &lt;b&gt;guest&lt;/b&gt; asked" in page
    assert "#i=" not in page
    assert "About Ada" not in page
    assert await invitations(house) == []


async def test_no_save_after_the_end_takes_a_recording(house: House) -> None:
    await house.become_host()
    await house.create()
    await house.turn()
    room = house.stage.rooms["hall"]
    room |= {"state": "ended", "keep_days": 90}
    await house.turn()
    page = (await house.browser.get("/rooms/hall")).text
    assert 'id="keep-none"' not in page
    assert 'href="#delete"' in page
    for keep in ({"keep": "none"}, {"keep": "days", "keep_days": "30"}):
        answer = await house.browser.post("/rooms/hall", data={"title": "New"} | keep)
        assert answer.status_code == 422
        assert "can only be kept for longer. To be rid of it" in answer.text
        await house.turn()
        assert (room["title"], room["keep_days"]) == ("Town hall", 90)
    longer = {"title": "New", "keep": "days", "keep_days": "365"}
    assert (await house.browser.post("/rooms/hall", data=longer)).status_code == 303
    await house.turn()
    assert (room["title"], room["keep_days"]) == ("New", 365)


async def test_web_hears_of_deletions_after_one_with_a_clock_that_stood_ahead(
    house: House,
) -> None:
    year_ms, day_ms = 365 * 86_400_000, 86_400_000
    ahead = {"at_ms": house.clock.wall_ms() + year_ms, "by": "host", "reason": "x"}
    house.stage.rooms["a"] = {"room": "a", "title": "A", "state": "ended", "deleted": ahead}
    await house.turn()
    await house.turn()
    asked = house.stage.queries[-1].partition("deleted_since=")[2]
    assert house.clock.wall_ms() - day_ms == int(asked)
    house.stage.away = True
    await house.turn()
    house.clock.advance(5 * 86_400)
    house.stage.away = False
    await house.turn()  # what was deleted meanwhile: with all that is past
    assert house.stage.queries[-1].endswith("deleted_since=0&past")


async def test_web_hears_of_what_its_policy_deleted(house: House) -> None:
    await house.become_host()
    await house.create()
    await house.turn()
    deleted = {"at_ms": 1_790_000_000_000, "by": "policy"}
    house.stage.rooms["hall"] = {
        "room": "hall", "title": "Town hall", "state": "ended", "deleted": deleted,
    }  # fmt: skip
    await house.turn()
    assert "The recording was deleted" in (await house.browser.get("/rooms/hall")).text
    await house.turn()
    assert "GET /rooms?deleted_since=1789913600000" in house.stage.queries


async def test_only_a_host_deletes(house: House) -> None:
    await house.become_host()
    await house.create()
    house.browser.cookies.clear()
    answer = await house.browser.post("/rooms/hall/delete", data={"reason": "x", "sure": "yes"})
    assert answer.status_code == 401


async def test_a_new_rooms_form_offers_what_the_house_is_used_to(house: House) -> None:
    await house.become_host()
    page = (await house.browser.get("/rooms/new")).text
    assert re.search(r'id="keep-ever"[^>]*checked', page)
    wrong = await house.create(keep="days", keep_days="many")
    assert re.search(r'id="keep_days"[^>]*value="many"[^>]*aria-invalid="true"', wrong.text)
    assert re.search(r'id="keep-for"[^>]*checked', wrong.text)


async def test_a_room_is_cancelled_with_a_reason_and_takes_place_after_all(house: House) -> None:
    await house.become_host()
    await house.create(start="2030-11-20T19:30", zone="Europe/Berlin")
    await house.turn()
    page = (await house.browser.get("/rooms/hall")).text
    assert 'action="/rooms/hall/cancel"' in page
    answer = await house.browser.post("/rooms/hall/cancel", data={"why": "  The guest is <ill>"})
    assert answer.headers["location"] == "/rooms/hall?said=cancelled"
    page = (await house.browser.get("/rooms/hall")).text  # the stage has not heard of it yet
    assert "This room is cancelled" in page
    assert "The guest is &lt;ill&gt;" in page
    assert 'action="/rooms/hall/lobby"' not in page
    await house.turn()
    assert house.stage.rooms["hall"]["cancelled"] is True
    assert house.stage.rooms["hall"]["cancelled_why"] == "The guest is <ill>"
    house.stage.rooms["hall"] |= {"cancelled_ms": 5}
    await house.turn()
    assert (await house.browser.post("/rooms/hall/lobby")).status_code == 400
    home = (await house.browser.get("/")).text
    assert 'class="badge off"' in home
    (told,) = (await house.browser.get("/api/v1/rooms")).json()["rooms"]
    assert (told["cancelled_ms"], told["cancelled_why"]) == (5, "The guest is <ill>")
    again = {"start": "2030-12-01T19:30", "zone": "Europe/Berlin"}
    assert (await house.browser.post("/rooms/hall/revive", data=again)).status_code == 303
    await house.turn()
    assert house.stage.rooms["hall"]["cancelled"] is False
    assert house.stage.rooms["hall"]["start_ms"] == 1_922_380_200_000
    for path in ("cancel", "revive"):
        house.browser.cookies.clear()
        assert (await house.browser.post(f"/rooms/hall/{path}")).status_code == 401


async def test_a_cancelled_room_leaves_the_list_a_day_after_it_was_to_begin(house: House) -> None:
    await house.become_host()
    soon_ms = house.clock.wall_ms() + 3_600_000
    house.stage.rooms["gone"] = {"room": "gone", "title": "Off", "start_ms": soon_ms}
    house.stage.rooms["gone"] |= {"state": "scheduled", "cancelled_ms": 5}
    await house.turn()
    assert "Off" in (await house.browser.get("/")).text
    house.clock.advance(26 * 3_600)
    assert "Off" not in (await house.browser.get("/")).text


async def test_the_night_of_the_clocks_is_asked_about(house: House) -> None:
    await house.become_host()
    twice = {"start": "2027-10-31T02:30", "zone": "Europe/Berlin"}
    asked = await house.create(**twice)
    assert asked.status_code == 422
    assert re.findall(
        r'name="which" value="(\d)" required><label[^>]*>[^<]*<bdi>([^<]+)', asked.text
    )
    assert asked.text.count('name="which"') == 2
    assert '<option value="Europe/Berlin" selected>' in asked.text
    assert (await house.create(**twice, which="1")).status_code == 303
    await house.turn()
    assert house.stage.rooms["hall"]["start_ms"] == 1_824_946_200_000
    same = {"title": "New", **twice}  # the form as it was shown: no question
    assert (await house.browser.post("/rooms/hall", data=same)).status_code == 303
    await house.turn()
    assert house.stage.rooms["hall"]["start_ms"] == 1_824_946_200_000
    skipped = await house.browser.post("/rooms/hall", data=same | {"start": "2027-03-28T02:30"})
    assert skipped.status_code == 422
    assert "no clock shows it" in skipped.text


async def test_a_room_to_come_is_not_planned_or_moved_into_the_past(house: House) -> None:
    await house.become_host()
    long_past = {"start": "2026-01-10T20:00", "zone": "UTC"}
    asked = await house.create(**long_past)
    assert asked.status_code == 422
    assert "This start is long past" in asked.text
    assert re.search(r'id="start"[^>]*aria-invalid="true"', asked.text)
    just_begun = {"start": "2027-01-14T20:00", "zone": "UTC"}  # the clock shows 15 January, 8:00
    assert (await house.create(**just_begun)).status_code == 303
    house.clock.advance(10 * 86_400)
    moved = await house.browser.post("/rooms/hall", data={"title": "New", **long_past})
    assert (moved.status_code, "This start is long past" in moved.text) == (422, True)
    stays = await house.browser.post("/rooms/hall", data={"title": "New", **just_begun})
    assert stays.status_code == 303
    await house.browser.post("/rooms/hall/cancel")
    again = await house.browser.post("/rooms/hall/revive", data=long_past)
    assert (again.status_code, "This start is long past" in again.text) == (422, True)


async def test_what_never_began_leaves_the_list_and_what_was_held_says_when(house: House) -> None:
    await house.become_host()
    now_ms, day_ms = house.clock.wall_ms(), 86_400_000
    told = {"title": "Forgotten", "state": "scheduled", "start_ms": now_ms - 2 * day_ms}
    house.stage.rooms["forgotten"] = {"room": "forgotten", **told}
    held = {"room": "held", "title": "Held", "state": "ended", "start_ms": now_ms + 30 * day_ms}
    house.stage.rooms["held"] = {**held, "live_ms": now_ms - day_ms, "ended_ms": now_ms - 5}
    await house.turn()
    home = (await house.browser.get("/")).text
    assert "Forgotten" not in home
    assert "Forgotten" in (await house.browser.get("/all")).text
    for page in (home, (await house.browser.get("/rooms/held")).text):
        assert 'datetime="2027-01-14T08:00:00Z"' in page
        assert 'datetime="2027-02-14T' not in page


async def test_after_the_end_the_recording_comes_first_and_invitations_are_gone(
    house: House,
) -> None:
    await house.become_host()
    await house.create()
    await house.turn()
    before = (await house.browser.get("/rooms/hall")).text
    assert "Invitations to the stage" in before
    assert "Listen to the recording" not in before
    over = {"state": "ended", "live_ms": 5, "ended_ms": 6}
    house.stage.rooms["hall"] |= over
    await house.turn()
    after = (await house.browser.get("/rooms/hall")).text
    assert after.index("Listen to the recording") < after.index("For the listeners")
    for gone in ("Invitations to the stage", "WHIP", "Go to the stage"):
        assert gone in before
        assert gone not in after
    house.stage.rooms["hall"] |= {"keep_days": 0}
    await house.turn()
    assert "Listen to the recording" not in (await house.browser.get("/rooms/hall")).text


async def test_a_cancelled_room_does_not_lead_to_the_stage(house: House) -> None:
    await house.become_host()
    await house.create()
    assert "Go to the stage" in (await house.browser.get("/rooms/hall")).text
    await house.browser.post("/rooms/hall/cancel")
    assert "Go to the stage" not in (await house.browser.get("/rooms/hall")).text
