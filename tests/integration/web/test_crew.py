"""Somebody of the house edits one room, and no other, and nothing else of the house."""

from hustings.base.ids import RoomId
from hustings.web.accounts.model import Account
from hustings.web.accounts.queries import add_account
from tests.fakes.web_house import House
from tests.support.counting import counted

EDIT = {"title": "A better title", "language": "en"}


async def come(house: House, account: str) -> None:
    """The house's browser is this person's from now on."""
    async with house.services.database.write() as connection:
        session = await house.services.accounts.new_session(connection, account, "", "")
    house.browser.cookies.clear()
    house.browser.cookies.set("hustings_session", session, domain="127.0.0.1", path="/")


async def planned(house: House) -> None:
    async with house.services.database.write() as connection:
        for name, role in (("ada", "host"), ("bo", "member")):
            await add_account(connection, Account(name, name.title(), role, 1))
    await come(house, "ada")
    await house.create()
    await house.create(address="other")


async def test_a_member_is_let_into_one_room_and_out_again(house: House) -> None:
    await planned(house)
    assert "Give the role" in (await house.browser.get("/rooms/hall")).text
    answer = await house.browser.post("/rooms/hall/crew", data={"account": "bo", "role": "cohost"})
    assert answer.headers["location"] == "/rooms/hall?said=crew"
    assert "Remove" in (await house.browser.get("/rooms/hall")).text
    await come(house, "bo")
    mine = (await house.browser.get("/backstage")).text
    assert 'href="/rooms/hall"' in mine
    assert 'action="/rooms/hall/backstage"' in mine
    assert "/rooms/other" not in mine
    page = await house.browser.get("/rooms/hall")
    assert (page.status_code, "Edit the room" in page.text) == (200, True)
    assert "Give the role" not in page.text  # whom else to let in is not theirs to say
    assert 'action="/rooms/hall/delete"' not in page.text
    answer = await house.browser.post("/rooms/hall", data=EDIT)
    assert answer.headers["location"] == "/rooms/hall?said=changed"
    await house.turn()
    assert house.stage.rooms["hall"]["title"] == "A better title"
    assert (await house.browser.get("/rooms/other")).headers["location"].endswith("/r/other")
    for path in ("/rooms/other", "/rooms/other/picture", "/rooms/other/languages", "/rooms"):
        assert (await house.browser.post(path, data=EDIT)).status_code == 403, path
    for path in ("/rooms/hall/crew", "/rooms/hall/erase", "/rooms/hall/delete"):
        answer = await house.browser.post(path, data={"account": "bo", "reason": "x"})
        assert answer.status_code == 403, path
    kept = (await house.browser.get("/account/data.json")).json()["rooms"]
    assert [(each["room"], each["role"]) for each in kept] == [("hall", "cohost")]
    await come(house, "ada")
    answer = await house.browser.post("/rooms/hall/crew/bo/remove")
    assert answer.headers["location"] == "/rooms/hall?said=crew_out"
    await come(house, "bo")
    assert (await house.browser.post("/rooms/hall", data=EDIT)).status_code == 403
    assert "/rooms/hall" not in (await house.browser.get("/backstage")).text


async def test_a_role_in_the_room_costs_one_question_more(house: House) -> None:
    await planned(house)
    await house.browser.post("/rooms/hall/crew", data={"account": "bo", "role": "cohost"})
    with counted(house.services.database) as ada:
        await house.browser.get("/rooms/hall")
    await come(house, "bo")
    await house.browser.get("/account")  # the day's first visit is written down
    with counted(house.services.database) as bo:
        await house.browser.get("/rooms/hall")
    asked = [each for each in bo if "crew" in each]
    assert len(asked) == 1  # their role; ada is asked none, and gets the list of two
    assert len(bo) <= len(ada)


async def test_who_is_not_there_is_not_let_in(house: House) -> None:
    await planned(house)
    answer = await house.browser.post(
        "/rooms/hall/crew", data={"account": "nobody", "role": "cohost"}
    )
    assert answer.headers["location"] == "/rooms/hall?said=account_unknown"
    assert 'role="alert"' in (await house.browser.get(answer.headers["location"])).text
    assert (await house.browser.post("/rooms/nowhere/crew", data={})).status_code == 404
    house.browser.cookies.clear()
    assert (await house.browser.post("/rooms/hall/crew", data={})).status_code == 401


async def test_who_is_let_into_one_room_neither_leads_it_nor_lets_its_recording_go(
    house: House,
) -> None:
    await planned(house)
    await house.browser.post("/rooms/hall", data=EDIT | {"keep": "days", "keep_days": "30"})
    await house.browser.post("/rooms/hall/crew", data={"account": "bo", "role": "cohost"})
    rooms, hall = house.services.rooms, RoomId("hall")
    host, speaker = await rooms.invitations(hall)
    assert (host.role, speaker.role) == ("host", "speaker")
    assert rooms.sign(host) in (await house.browser.get("/rooms/hall")).text
    await come(house, "bo")
    page = (await house.browser.get("/rooms/hall")).text
    assert rooms.sign(speaker) in page
    assert rooms.sign(host) not in page
    assert 'name="keep"' not in page
    assert 'action="/rooms/hall/lobby"' in page
    assert '<option value="host"' not in page
    for keep in ({"keep": "none"}, {"keep": "days", "keep_days": "1"}, {}):
        answer = await house.browser.post("/rooms/hall", data=EDIT | keep)
        assert answer.headers["location"] == "/rooms/hall?said=changed"
        assert (await rooms.plan(hall)).wish.keep_days == 30
    assert 'name="own_rules"' in page
    assert 'name="rules_alone"' not in page
    shout = {"own_rules": "Shout.", "rules_alone": "on"}
    await house.browser.post("/rooms/hall", data=EDIT | shout)
    wish = (await rooms.plan(hall)).wish
    assert (wish.own_rules, wish.rules_alone) == ("Shout.", False)
    for role, kind in (("host", ""), ("cohost", ""), ("host", "whip")):
        asked = {"name": "Bo", "role": role, "kind": kind}
        answer = await house.browser.post("/rooms/hall/invitations", data=asked)
        assert answer.status_code == 403, asked
    answer = await house.browser.post(f"/rooms/hall/invitations/{host.jti}/revoke")
    assert answer.status_code == 403
    assert await rooms.invitations(hall) == [host, speaker]
    await house.browser.post("/rooms/hall/invitations", data={"name": "Cy", "role": "moderator"})
    await house.browser.post(f"/rooms/hall/invitations/{speaker.jti}/revoke", data={"sure": "yes"})
    left = {each.role for each in await rooms.invitations(hall) if not each.revoked_ms}
    assert left == {"host", "moderator"}


async def test_a_host_of_one_room_leads_it_and_no_other(house: House) -> None:
    await planned(house)
    async with house.services.database.write() as connection:
        await add_account(connection, Account("cy", "Cy", "member", 1))
    await house.browser.post("/rooms/hall/crew", data={"account": "bo", "role": "host"})
    await come(house, "bo")
    page = (await house.browser.get("/rooms/hall")).text
    assert "Give the role" in page
    assert 'name="keep"' in page
    assert '<option value="host"' in page
    assert 'action="/rooms/hall/delete"' not in page
    asked = {"account": "cy", "role": "moderator"}
    assert (await house.browser.post("/rooms/hall/crew", data=asked)).status_code == 303
    assert (await house.browser.post("/rooms/other/crew", data=asked)).status_code == 403
    answer = await house.browser.post("/rooms/hall/crew", data=asked | {"role": "owner"})
    assert answer.headers["location"] == "/rooms/hall?said=role_bad"
    await come(house, "cy")
    assert (await house.browser.get("/rooms/hall")).headers["location"].endswith("/r/hall")
    assert 'href="/rooms/hall"' not in (await house.browser.get("/backstage")).text
    await come(house, "bo")  # lets themselves go
    answer = await house.browser.post("/rooms/hall/crew/bo/remove")
    assert answer.headers["location"] == "/backstage"
    assert (await house.browser.post("/rooms/hall/crew", data=asked)).status_code == 403


async def test_the_way_backstage_is_a_button_of_ones_own_account(house: House) -> None:
    await planned(house)
    await house.browser.post("/rooms/hall/crew", data={"account": "bo", "role": "checker"})
    ada = house.browser.cookies["hustings_session"]
    await come(house, "bo")
    path = "/rooms/hall/backstage"
    page = await house.browser.post(path)
    assert "/s/hall#i=" in page.text
    assert "/s/hall?" not in page.text
    assert page.headers["cache-control"] == "no-store"
    assert page.headers["referrer-policy"] == "no-referrer"
    assert "/s/hall#i=" not in (await house.browser.get(path)).text  # nor does a link give one
    for foreign in ({"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://evil.example"}):
        answer = await house.browser.post(path, headers=foreign)
        assert (answer.status_code, "/s/hall#i=" in answer.text) == (403, False)
    assert (await house.browser.post("/rooms/other/backstage")).status_code == 403
    bo = house.browser.cookies["hustings_session"]
    await house.browser.post("/account/devices/end")
    for stale in (bo, ada[:-1] + "x", ""):
        house.browser.cookies.clear()
        house.browser.cookies.set("hustings_session", stale, domain="127.0.0.1", path="/")
        assert (await house.browser.post(path)).status_code == 401
    await house.become_host()  # a browser without an account has no seat of its own
    assert (await house.browser.post(path)).status_code == 403


async def test_a_sign_in_ends_the_session_that_was_planted(house: House) -> None:
    await planned(house)
    await house.browser.post("/rooms/hall/crew", data={"account": "bo", "role": "host"})
    await come(house, "bo")
    planted = house.browser.cookies["hustings_session"]
    async with house.services.database.write() as connection:
        await house.services.accounts.new_session(connection, "ada", "", planted)
    assert (await house.browser.post("/rooms/hall/backstage")).status_code == 401


async def test_links_go_with_the_role_if_whoever_takes_it_says_so(house: House) -> None:
    await planned(house)
    await house.browser.post("/rooms/hall/crew", data={"account": "bo", "role": "cohost"})
    await come(house, "bo")
    for kind in ("invite", "whip"):
        asked = {"name": "Eve", "role": "speaker", "kind": kind}
        await house.browser.post("/rooms/hall/invitations", data=asked)
    await come(house, "ada")
    assert "withdraw the 2 links that they made" in (await house.browser.get("/rooms/hall")).text
    answer = await house.browser.post("/rooms/hall/crew/bo/remove", data={"links": "yes"})
    assert answer.headers["location"] == "/rooms/hall?said=crew_out_links"
    passes = await house.services.rooms.invitations(RoomId("hall"))
    left = [each.name for each in passes if not each.revoked_ms]
    assert left == ["Ada", "Bo"]
    for _ in range(4):  # a message a room and turn: its plan, then these
        await house.turn()
    assert len(house.stage.revoked) == 2
