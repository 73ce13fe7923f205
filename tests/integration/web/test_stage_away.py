"""The stage is away, refuses, or comes back: web goes on and says so."""

from tests.fakes.web_house import House

AWAY = "The stage does not answer right now"


async def test_what_is_planned_while_the_stage_is_away_reaches_it_later(house: House) -> None:
    await house.become_host()
    house.stage.away = True
    await house.turn()
    assert (await house.create()).status_code == 303
    await house.turn()
    assert house.stage.rooms == {}
    for path in ("/", "/rooms/hall"):
        answer = await house.browser.get(path)
        assert answer.status_code == 200
        assert AWAY in answer.text
    assert (await house.browser.get("/readyz")).status_code == 200
    metrics = (await house.browser.get("/metrics")).text
    assert "hustings_web_stage_reachable 0" in metrics
    assert "hustings_web_outbox_pending 1" in metrics
    house.stage.away = False
    await house.turn()
    assert house.stage.rooms["hall"]["title"] == "Town hall"
    assert AWAY not in (await house.browser.get("/rooms/hall")).text
    assert "hustings_web_outbox_pending 0" in (await house.browser.get("/metrics")).text


async def test_what_failed_waits_longer_each_time(house: House) -> None:
    await house.become_host()
    house.stage.away = True
    await house.create()
    await house.services.outbox.turn()
    tried = len(house.stage.calls)
    await house.services.outbox.turn()  # no time has passed
    assert len(house.stage.calls) == tried


async def test_a_refusal_is_shown_in_the_stages_words_and_not_repeated(house: House) -> None:
    await house.become_host()
    await house.create()
    house.stage.refusal = "Rooms are full <here>."
    await house.turn()
    calls = house.stage.calls.count("PUT /rooms/hall")
    await house.turn()
    assert house.stage.calls.count("PUT /rooms/hall") == calls == 1
    assert "Rooms are full &lt;here&gt;." in (await house.browser.get("/rooms/hall")).text
    house.stage.refusal = ""
    await house.browser.post("/rooms/hall", data={"title": "Mended", "language": "en"})
    await house.turn()
    assert house.stage.rooms["hall"]["title"] == "Mended"
    assert "Rooms are full" not in (await house.browser.get("/rooms/hall")).text


async def test_rooms_of_the_stage_stand_on_the_home_page(house: House) -> None:
    house.stage.rooms["demo"] = {"room": "demo", "title": "Demo & more", "state": "live"}
    await house.turn()
    page = (await house.browser.get("/")).text
    assert "Demo &amp; more" in page
    assert 'href="http://127.0.0.1:8002/r/demo"' in page
    house.stage.rooms["demo"]["state"] = "ended"
    await house.turn()
    answer = (await house.browser.get("/api/v1/rooms")).json()
    assert [(room["room"], room["state"]) for room in answer["rooms"]] == [("demo", "ended")]


async def test_past_rooms_that_came_to_be_without_web_are_learnt_when_it_sees_the_stage_again(
    house: House,
) -> None:
    """An import, or what ended while either was away."""
    old = {"room": "spring", "title": "Spring", "state": "ended", "ended_ms": 1_777_000_000_000}
    house.stage.past["spring"] = old
    await house.turn()
    assert "Spring" in (await house.browser.get("/")).text
    house.stage.past["later"] = {"room": "later", "title": "Later", "state": "ended", "ended_ms": 1}
    await house.turn()
    assert "Later" not in (await house.browser.get("/")).text
    for away in (True, False):
        house.stage.away = away
        await house.turn()
    assert "Later" in (await house.browser.get("/")).text
