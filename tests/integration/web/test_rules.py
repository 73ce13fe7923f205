"""House rules at web: written by owners, read by everybody, told to the stage for each room."""

from hustings.web.rules.model import built_in
from tests.fakes.api_client import person, program
from tests.fakes.web_house import House


async def test_until_somebody_writes_them_there_are_rules_and_everybody_can_read_them(
    house: House,
) -> None:
    page = await house.browser.get("/rules?lang=de")
    assert "Sprechen Sie mit Respekt" in page.text
    assert "<form" not in page.text.partition("<main")[2]
    refused = await house.browser.post("/rules", data={"rules-en": "Mine."})
    assert refused.status_code == 401


async def test_owners_write_them_and_rooms_are_told(house: House) -> None:
    await house.become_host()
    await house.create()
    await house.turn()
    assert house.stage.rules["hall"] == {"house": built_in(), "own": ""}
    form = (await house.browser.get("/rules")).text
    assert 'name="rules-ar"' in form
    written = {"rules-en": "Be <b>kind</b>.\r\nBe brief.", "rules-de": "", "rules-ar": ""}
    saved = await house.browser.post("/rules", data=written)
    assert saved.headers["location"] == "/rules?said=changed"
    await house.turn()
    assert house.stage.rules["hall"]["house"] == {"en": "Be <b>kind</b>.\nBe brief."}
    shown = (await house.browser.get("/rules?lang=ar")).text
    assert 'lang="en">Be &lt;b&gt;kind&lt;/b&gt;.\nBe brief.</div>' in shown


async def test_rules_that_are_too_long_stay_in_the_form(house: House) -> None:
    await house.become_host()
    wrong = await house.browser.post("/rules", data={"rules-en": "x" * 1_501, "rules-de": "Kurz."})
    assert wrong.status_code == 422
    assert 'aria-invalid="true"' in wrong.text
    assert "Kurz." in wrong.text
    assert await house.services.rules.texts() == built_in()


async def test_a_room_has_further_rules_or_its_own_alone(house: House) -> None:
    await house.become_host()
    await house.create(own_rules="One question each.")
    await house.turn()
    assert house.stage.rules["hall"]["own"] == "One question each."
    page = (await house.browser.get("/rooms/hall")).text
    assert "One question each.</textarea>" in page
    edit = {"title": "Town hall", "rules_alone": "on"}
    missing = await house.browser.post("/rooms/hall", data=edit)
    assert missing.status_code == 422
    assert "Write the rules that hold instead" in missing.text
    edit["own_rules"] = "Sing."
    assert (await house.browser.post("/rooms/hall", data=edit)).status_code == 303
    await house.turn()
    assert house.stage.rules["hall"] == {"house": {}, "own": "Sing."}


async def test_programs_say_them_too(house: House) -> None:
    ada = await program(house, await person(house))
    made = await ada.call(
        "POST", "/rooms", json={"title": "Hall", "own_rules": "Sing.", "doors": "live"}
    )
    assert made.status_code == 201, made.text
    name = made.json()["room"]
    assert (made.json()["own_rules"], made.json()["rules_alone"]) == ("Sing.", False)
    assert made.json()["doors"] == "live"
    change = {"rules_alone": True, "doors": None}
    changed = await ada.call("PATCH", f"/rooms/{name}", json=change, headers={"If-Match": "*"})
    assert (changed.json()["rules_alone"], changed.json()["doors"]) == (True, "lobby")
    wrong = await ada.call(
        "PATCH", f"/rooms/{name}", json={"own_rules": ""}, headers={"If-Match": "*"}
    )
    assert (wrong.status_code, wrong.json()["code"]) == (400, "rules_missing")
