"""A host has a stretch erased from the room's page; the stage decides."""

from tests.fakes.web_house import House

STRETCH = {"from": "1:00", "to": "https://x/r/hall?t=90", "reason": "A private address"}


async def test_a_host_erases_and_is_told_how_it_went(house: House) -> None:
    await house.become_host()
    await house.create()
    await house.turn()
    assert 'action="/rooms/hall/erase"' not in (await house.browser.get("/rooms/hall")).text
    house.stage.rooms["hall"]["state"] = "ended"
    await house.turn()
    assert 'action="/rooms/hall/erase"' in (await house.browser.get("/rooms/hall")).text
    answer = await house.browser.post("/rooms/hall/erase", data=STRETCH)
    assert answer.headers["location"] == "/rooms/hall?said=erased"
    assert house.stage.erased == [
        ("hall", {"from_s": 60, "to_s": 90, "reason": "A private address"})
    ]
    house.stage.refusal = "Name a stretch of the room that has been aired."
    for code, said in (
        ("stretch_bad", "erase_bad"),
        ("room_unknown", "erase_unknown"),
        ("journal_new", "erase_refused"),
    ):
        house.stage.refusal_code = code
        answer = await house.browser.post("/rooms/hall/erase", data=STRETCH)
        assert answer.headers["location"] == f"/rooms/hall?said={said}"
        assert 'role="alert"' in (await house.browser.get(answer.headers["location"])).text
    house.stage.away = True
    answer = await house.browser.post("/rooms/hall/erase", data=STRETCH)
    assert answer.headers["location"] == "/rooms/hall?said=erase_away"
    answer = await house.browser.post("/rooms/hall/erase", data=STRETCH | {"reason": " "})
    assert answer.headers["location"] == "/rooms/hall?said=erase_bad"
    assert len(house.stage.erased) == 1


async def test_nobody_else_may(house: House) -> None:
    await house.become_host()
    await house.create()
    house.browser.cookies.clear()
    assert (await house.browser.post("/rooms/hall/erase", data=STRETCH)).status_code == 401
    assert house.stage.erased == []
