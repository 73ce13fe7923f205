"""The client for programs: pages, repetitions, errors; against scripted answers, without a socket."""

import json
from collections.abc import Callable
from datetime import UTC, datetime

import httpx
import pytest

from hustings.client import ApiError, Changed, Denied, House, NotFound, TryLater, Unreachable, Words

ROOM = {"room": "hall", "title": "Hall", "state": "scheduled", "listen": "l", "stream": "s"}
Answer = httpx.Response | Exception


class Script:
    """Answers in order; keeps what was asked and how long the client waited."""

    def __init__(self, *answers: Answer) -> None:
        self.answers = list(answers)
        self.asked: list[httpx.Request] = []
        self.waits: list[float] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def house(self, patience_s: float = 60) -> House:
        http = httpx.Client(transport=httpx.MockTransport(self))
        return House("http://h/", "key", patience_s=patience_s, http=http, sleep=self.waits.append)


def problem(status: int, code: str, **headers: str) -> httpx.Response:
    body = {"code": code, "title": "No.", "status": status, "field": "title", "more": 1}
    return httpx.Response(status, json=body, headers=headers)


def test_all_pages_are_read_one_after_another_as_they_are_used() -> None:
    pages = [
        httpx.Response(200, json={"rooms": [ROOM, ROOM], "next": "abc"}),
        httpx.Response(200, json={"rooms": [ROOM], "next": None}),
    ]
    script = Script(*pages)
    found = script.house().rooms.list("live", "lobby", since=datetime(2027, 1, 1, tzinfo=UTC))
    assert next(found).room == "hall"
    assert len(script.asked) == 1
    assert len(list(found)) == 2
    assert script.asked[0].url.params.get_list("state") == ["live", "lobby"]
    assert script.asked[0].url.params["from_ms"] == "1798761600000"
    assert [asked.url.params["after"] for asked in script.asked] == ["", "abc"]


def test_it_comes_again_when_the_house_says_and_sends_the_same_call() -> None:
    made = httpx.Response(201, json=ROOM | {"invitations": []}, headers={"etag": '"v"'})
    later = problem(503, "database_busy", **{"retry-after": "7"})
    script = Script(later, httpx.ConnectError("gone"), made)
    room = script.house().rooms.create("Hall")
    assert room.etag == '"v"'
    assert script.waits == [7, 1]
    assert len({asked.headers["idempotency-key"] for asked in script.asked}) == 1
    assert {asked.headers["authorization"] for asked in script.asked} == {"Bearer key"}


def test_words_in_further_languages_are_sent_only_where_something_is_said_of_them() -> None:
    german = {"de": {"title": "Saal", "description": ""}}
    room, made = ROOM | {"texts": german}, ROOM | {"texts": german, "invitations": []}
    answers = [httpx.Response(201, json=made)] * 2 + [httpx.Response(200, json=room)] * 3
    script = Script(*answers)
    rooms = script.house().rooms
    assert rooms.create("Hall", texts={"de": Words("Saal")}).texts == {"de": Words("Saal")}
    rooms.create("Hall")
    rooms.change("hall", host="Eve")
    rooms.change("hall", texts={"de": Words("Saal")})
    rooms.change("hall", texts={})
    sent = [json.loads(asked.content).get("texts", "unsaid") for asked in script.asked]
    assert sent == [german, "unsaid", "unsaid", german, {}]


def test_webhooks_are_made_and_messages_sent_again() -> None:
    hook = {"webhook": "w", "url": "https://n.example/", "events": ["room.live"], "state": "on"}
    message = {"message": "msg_1", "event": "ping", "state": "failed"}
    script = Script(
        httpx.Response(201, json=hook | {"secret": "whsec_x"}),
        httpx.Response(200, json=hook | {"messages": [message]}),
        httpx.Response(204),
    )
    webhooks = script.house().webhooks
    made = webhooks.create("https://n.example/", ["room.live"])
    assert made.secret == "whsec_x"
    [failed] = webhooks.get(made).messages
    webhooks.send_again(made, failed.message)
    assert script.asked[2].url.path == "/api/v1/webhooks/w/deliveries/msg_1/again"


def test_a_picture_is_sent_as_a_form_and_sent_again_after_a_broken_line() -> None:
    script = Script(httpx.ReadTimeout("slow"), httpx.Response(200, json=ROOM))
    script.house().rooms.show_picture("hall", "Dusk", b"\xff\xd8")
    for asked in script.asked:
        assert asked.headers["content-type"].startswith("multipart/form-data")
        assert b"Dusk" in asked.read()


def test_patience_ends() -> None:
    script = Script(*(problem(429, "api_rate", **{"retry-after": "4"}) for _ in range(3)))
    with pytest.raises(TryLater) as caught:
        script.house(patience_s=9).me()
    assert (caught.value.code, script.waits) == ("api_rate", [4, 4])


def test_after_a_broken_line_a_change_is_not_sent_twice() -> None:
    script = Script(httpx.ReadTimeout("slow"), httpx.Response(200, json=ROOM))
    with pytest.raises(Unreachable):
        script.house().rooms.cancel("hall")
    assert len(script.asked) == 1
    script = Script(httpx.ReadTimeout("slow"), httpx.Response(200, json=ROOM))
    assert script.house().rooms.get("hall").room == "hall"


@pytest.mark.parametrize(
    ("status", "kind"),
    [(401, Denied), (403, Denied), (404, NotFound), (412, Changed), (422, ApiError)],
)
def test_refusals_are_exceptions_with_the_code(status: int, kind: type[ApiError]) -> None:
    with pytest.raises(kind) as caught:
        Script(problem(status, "some_code")).house().rooms.get("hall")
    error = caught.value
    assert (error.code, error.status, error.field) == ("some_code", status, "title")


def test_a_page_of_some_proxy_is_no_answer() -> None:
    with pytest.raises(ApiError) as caught:
        Script(httpx.Response(502, text="<html>")).house().me()
    assert caught.value.code == "http"
    with pytest.raises(Unreachable) as odd:
        Script(httpx.Response(200, text="<html>")).house().me()
    assert odd.value.code == "answer_bad"


def body_of(do: Callable[[House], object]) -> dict[str, object]:
    script = Script(httpx.Response(200, json=ROOM, headers={"etag": '"w"'}))
    do(script.house())
    said: dict[str, object] = json.loads(script.asked[0].content)
    return said | {"if-match": script.asked[0].headers.get("if-match")}


def test_a_change_sends_what_was_named_and_the_version_it_was_read_in() -> None:
    room = Script(httpx.Response(200, json=ROOM, headers={"etag": '"v"'})).house().rooms.get("hall")
    assert body_of(lambda house: house.rooms.change(room, keep_days=None)) == {
        "keep_days": None,
        "if-match": '"v"',
    }
    assert body_of(lambda house: house.rooms.change("hall", start=None)) == {
        "start_ms": 0,
        "if-match": "*",
    }
    with pytest.raises(ValueError, match="time zone"):
        Script().house().rooms.change("hall", start=datetime(2027, 1, 1))  # noqa: DTZ001


def test_roles_and_reminders_are_read_and_given() -> None:
    bo = {"person": "bo", "name": "Bo", "role": "moderator"}
    told = {
        "mail": 2,
        "push": 0,
        "promotions": [{"id": "1", "occasion": "moved", "channel": "mail"}],
    }
    script = Script(
        httpx.Response(200, json={"crew": [bo]}),
        httpx.Response(200, json=bo | {"role": "host"}),
        httpx.Response(204),
        httpx.Response(204),
        httpx.Response(200, json=told),
    )
    rooms = script.house().rooms
    (helper,) = rooms.crew("hall")
    assert rooms.give_role("hall", helper.person, "host").role == "host"
    rooms.take_role("hall", helper)
    rooms.take_role("hall", helper, links=True)
    reminders = rooms.reminders("hall")
    assert (reminders.mail, reminders.promotions[0].occasion) == (2, "moved")
    asked = [(each.method, str(each.url).removeprefix("http://h/api/v1")) for each in script.asked]
    assert asked == [
        ("GET", "/rooms/hall/crew"),
        ("PUT", "/rooms/hall/crew/bo"),
        ("DELETE", "/rooms/hall/crew/bo"),
        ("DELETE", "/rooms/hall/crew/bo?links=true"),
        ("GET", "/rooms/hall/reminders"),
    ]
    assert json.loads(script.asked[1].content) == {"role": "host"}
