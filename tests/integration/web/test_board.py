"""The operator's board: for hosts only, asked of the stage once a second at most."""

from tests.fakes.web_house import House


async def test_it_is_for_hosts_and_says_what_the_stage_says(house: House) -> None:
    assert (await house.browser.get("/board")).headers["location"] == "/sign-in"
    assert (await house.browser.get("/board.json")).status_code == 401
    await house.become_host()
    page = await house.browser.get("/board")
    assert page.status_code == 200
    assert "web/board." in page.text
    assert 'href="/board"' in (await house.browser.get("/")).text
    house.clock.advance(5)
    for _ in range(5):
        answer = await house.browser.get("/board.json")
        assert answer.json()["edges"][0]["edge"] == "a"
    assert house.stage.calls.count("GET /board") == 1
    house.clock.advance(2)
    house.stage.away = True
    away = await house.browser.get("/board.json", headers={"Accept": "application/json"})
    assert (away.status_code, away.json()["code"]) == (503, "stage_away")
