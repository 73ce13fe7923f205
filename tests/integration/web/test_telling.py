"""A newsroom announces a room in three languages; the lists say it to each reader in theirs."""

from tests.fakes.web_house import House

WORDS = {
    "title-de": "Die Brücke",
    "description-de": "Worum es geht",
    "title-ar": "الجسر",
    "description-ar": "",
}
TEXTS = {"de": {"title": "Die Brücke", "description": "Worum es geht"}, "ar": {"title": "الجسر"}}


async def test_each_reader_reads_it_in_their_language(house: House) -> None:
    await house.become_host()
    await house.create()
    await house.turn()
    answer = await house.browser.post("/rooms/hall/languages", data=WORDS)
    assert answer.headers["location"] == "/rooms/hall?said=changed"
    page = (await house.browser.get("/rooms/hall")).text
    assert 'value="الجسر"' in page  # though the stage may not have it yet
    await house.turn()
    assert house.stage.rooms["hall"]["texts"] == TEXTS
    await house.browser.post("/rooms/hall", data={"title": "The bridge", "language": "en"})
    await house.turn()
    assert house.stage.rooms["hall"]["texts"] == TEXTS  # an edit keeps them
    for language, title in (("en", "The bridge"), ("de", "Die Brücke"), ("ar", "الجسر")):
        home = (await house.browser.get(f"/?lang={language}")).text
        assert f'<bdi lang="{language}">{title}</bdi>' in home


async def test_a_description_without_a_title_is_asked_about_and_not_lost(house: House) -> None:
    await house.become_host()
    await house.create()
    answer = await house.browser.post(
        "/rooms/hall/languages", data={"description-de": "Worum es geht"}
    )
    assert answer.status_code == 422
    assert "Worum es geht" in answer.text
    assert 'id="title-de-error"' in answer.text
    assert (await house.browser.get("/rooms/hall/languages")).status_code == 303


async def test_nobody_else_may(house: House) -> None:
    await house.become_host()
    await house.create()
    house.browser.cookies.clear()
    assert (await house.browser.post("/rooms/hall/languages", data=WORDS)).status_code == 401
