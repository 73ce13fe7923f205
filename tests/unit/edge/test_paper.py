"""Pages as ready answers: what is kept, and what made-up names cannot push out."""

import msgspec
import pytest

from hustings.base.errors import TryLater
from hustings.base.ids import RoomId
from hustings.edge import paper as paper_module
from hustings.edge.http.protocol import Request
from hustings.edge.paper import Paper
from hustings.edge.status import Stage, Status, status
from hustings.settings import Settings
from hustings.wire import kinds
from hustings.wire.batch import Rung
from hustings.wire.links import links_for

ROOM = RoomId("demo")
FACTS = msgspec.to_builtins(kinds.Room("demo", "Town hall", epoch_ms=1, start_ms=1))


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The templates that were rendered, one for each time."""
    seen: list[str] = []
    render = paper_module.render

    def counted(template: str, *args: object, **context: object) -> bytes:
        seen.append(template)
        return render(template, *args, **context)  # type: ignore[arg-type]

    monkeypatch.setattr(paper_module, "render", counted)
    return seen


def ask(host: str = "house.example", room: str = "demo") -> Request:
    return Request("GET", f"/r/{room}", {}, {"host": host})


@pytest.fixture
def paper() -> Paper:
    settings = Settings(host="0.0.0.0")
    return Paper(lambda host: links_for(settings, asked_host=host))


def test_F11_made_up_names_push_no_page_out(paper: Paper, made: list[str]) -> None:
    """Neither rooms that are none, nor hosts that are not ours."""
    first = paper.listener(ask(), ROOM, FACTS, {})
    for n in range(600):
        assert paper.listener(ask(room=f"r{n}"), RoomId(f"r{n}"), None, {}).status == 404
        paper.listener(ask(host=f"h{n}.example"), ROOM, FACTS, {})
    made.clear()
    assert paper.listener(ask(), ROOM, FACTS, {}) == first
    assert made == []


def test_F11_made_up_hosts_cost_no_page_each(paper: Paper, made: list[str]) -> None:
    for n in range(600):
        paper.listener(ask(host=f"h{n}.example"), ROOM, FACTS, {})
        paper.problem(ask(host=f"h{n}.example"), "busy", retry_s=2)
    assert len(made) <= 2 * 64


def test_a_refusal_in_words_is_made_once(paper: Paper, made: list[str]) -> None:
    answers = [paper.problem(ask(), "busy", retry_s=7) for _ in range(10)]
    assert {answer.body for answer in answers} == {answers[0].body}
    assert (answers[0].status, answers[0].headers["Retry-After"]) == (503, "7")
    assert made == ["problem.html"]


def test_status_pages_cost_so_much_a_second_and_no_more(paper: Paper, made: list[str]) -> None:
    def whole(listeners: int) -> Status:
        return status([], stage=Stage(near=True), rung=Rung(), listeners=listeners, now_ms=0)

    first = paper.status(ask(), whole(1), None, "")
    made.clear()
    now = whole(2)
    asked = [ask(host=f"h{n}.example") for n in range(60)]
    refused = 0
    for request in asked * 3:
        try:
            paper.status(request, now, None, "")
        except TryLater:
            refused += 1
    assert len(made) == 40
    assert refused == 3 * 20
    assert paper.status(ask(), now, None, "") == first  # a little old
    assert paper.status(ask(), whole(3), None, "") != first  # the next second


def test_each_reader_gets_the_words_of_their_language(paper: Paper) -> None:
    texts = {"de": kinds.Words("Die Brücke", "Worum es geht"), "ar": kinds.Words("الجسر")}
    room = kinds.Room("demo", "The bridge", description="All of it", texts=texts)

    def page(language: str, **known: object) -> str:
        request = Request("GET", "/r/demo", {"lang": language}, {"host": "house.example"})
        return paper.listener(request, ROOM, msgspec.to_builtins(room), known).body.decode()

    german, english, arabic = page("de"), page("en"), page("ar")
    assert '<h1 id="title" dir="auto">Die Brücke</h1>' in german
    assert '<meta property="og:title" content="Die Brücke">' in german
    assert "Worum es geht" in german
    assert "data-worded" in german
    assert '<h1 id="title" dir="auto">The bridge</h1>' in english
    assert "data-worded" not in english
    assert ">الجسر</h1>" in arabic
    assert "All of it" not in arabic  # title and description are of one language
    assert english.count('rel="alternate" hreflang="') == 3
    room = msgspec.structs.replace(room, texts={})
    assert '<h1 id="title" dir="auto" lang="en">The bridge</h1>' in page("de")
    assert 'hreflang="de" href="http' not in page("de")
