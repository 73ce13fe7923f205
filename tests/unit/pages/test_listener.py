"""The listener page as the server writes it: every state of a room, for people without scripts too."""

import gzip
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hustings.pages import assets, locales
from hustings.pages.render import render
from hustings.wire.kinds import Draw, Erased, Guest, Participant, Room, RoomState

ROSTER = [
    Participant("amina", "Amina Berg", "host", "stage"),
    Participant("otto", "Otto Lind", "speaker", "stage", muted=True),
    Participant("eva", "Eva Backstage", "speaker", "backstage"),
]


def page(language: str = "en", *, state: RoomState = "live", **facts: object) -> str:
    room = Room(
        **{"room": "square", "title": "The bridge", "host": "Amina Berg", "state": state, **facts}
    )
    context = {"room": room, "room_id": "square", "roster": ROSTER, "speaking": ["amina"]}
    return render("listener.html", language, **context).decode()


def test_the_page_says_the_room_before_any_script_runs() -> None:
    html = page(start_ms=1_800_000_000_000)
    for said in ("The bridge", "Hosted by <bdi>Amina Berg</bdi>", "Live", "Otto Lind", "muted"):
        assert said in html
    assert "Eva Backstage" not in html
    assert re.search(r'data-id="amina"[^>]* data-speaking', html)


@pytest.mark.parametrize("state", ["lobby", "live"])
def test_an_open_room_plays_without_scripts(state: RoomState) -> None:
    noscript = page(state=state, radio=True).split("<noscript>")[1].split("</noscript>")[0]
    sources = re.findall(r'src="([^"]+)"', noscript)
    live = "/live/square"
    assert sources == [f"{live}/aac/index.m3u8", f"{live}/radio.mp3", f"{live}/aac.mp4"]
    assert "<audio controls" in noscript
    assert "radio.mp3" not in page(state=state)


def test_a_scheduled_room_says_when() -> None:
    html = page(state="scheduled", start_ms=1_800_000_000_000)
    assert '<time datetime="2027-01-15T08:00:00Z">' in html
    assert "<audio controls" not in html
    assert "not announced yet" in page(state="scheduled")


def test_a_scheduled_room_says_when_the_doors_open() -> None:
    html = page(state="scheduled", start_ms=1_800_000_000_000, lobby_min=30)
    assert 'The doors open on <time datetime="2027-01-15T07:30:00Z">' in html
    assert 'data-lobby="30"' in html
    shut = '<p id="doors" hidden>'
    for facts in ({"lobby_min": 0}, {}, {"lobby_min": 30, "cancelled_ms": 5}):
        assert shut in page(state="scheduled", **{"start_ms": 1_800_000_000_000, **facts})
    assert shut in page(state="scheduled", lobby_min=30)  # the start is not said
    assert shut in page(state="live", start_ms=1_800_000_000_000, lobby_min=30)


def test_before_it_begins_a_room_says_who_comes_in_first() -> None:
    html = page(state="scheduled", doors="lobby")
    assert "before the doors open comes in in an order that is drawn by lot" in html
    assert "before the conversation begins comes in" in page(state="lobby", doors="live")
    drawn = Draw("ab", "cd", doors_s=5)
    for facts in (
        {"state": "live", "doors": "lobby"},
        {"state": "lobby", "doors": "lobby", "draw": drawn},
        {"state": "scheduled"},
        {"state": "scheduled", "doors": "lobby", "cancelled_ms": 1},
    ):
        assert "drawn by lot" not in page(**facts)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("keep_days", "said"),
    [
        (None, "is recorded, and the recording stays. Afterwards you can hear it on this page."),
        (1, "is deleted 1 day after the end. Afterwards you can hear it on this page."),
        (0, "is deleted as soon as the conversation is over, and nobody can hear it afterwards."),
    ],
)
def test_before_and_while_it_goes_on_a_room_says_whether_it_can_be_heard_later(
    keep_days: int | None, said: str
) -> None:
    for state in ("scheduled", "lobby", "live"):
        assert said in page(state=state, keep_days=keep_days)  # type: ignore[arg-type]
    assert "Afterwards" not in page(state="ended", keep_days=keep_days)


@pytest.mark.parametrize("state", ["live", "ended"])
def test_what_was_taken_back_is_there_for_everybody_to_read(state: RoomState) -> None:
    assert 'id="erased"' not in page(state=state)
    taken = [Erased(625, 655, 1, "An <i>address</i>"), Erased(700, 700, 2)]
    html = page(state=state, epoch_ms=1_800_000_000_000, erased=taken)
    assert re.search(r'08:03:20Z">[^<]*</time>: 10 seconds – <bdi>An &lt;i&gt;address', html)
    assert html.index('id="erased"') > html.index("</section>", html.index('id="more"'))


def test_an_ended_room_says_so() -> None:
    assert "This conversation has ended" in page(state="ended")


@pytest.mark.parametrize("language", locales.LANGUAGES)
def test_an_unknown_room_gets_a_page_that_needs_no_script(language: str) -> None:
    html = render("listener.html", language, room=None, room_id='x"><script>').decode()
    assert "<script" not in html
    assert "noindex" in html


@given(st.text(max_size=80), st.text(max_size=80), st.text(max_size=80))
def test_no_name_or_title_becomes_markup(title: str, host: str, notice: str) -> None:
    evil = "</h1><script>alert(1)</script>\"' onload=x "
    html = page(title=evil + title, host=evil + host, notice=evil + notice)
    assert "<script>alert" not in html
    assert html.count("<script") == 1


def test_a_foreign_title_says_its_language() -> None:
    room = Room("square", "Die Brücke", language="de")
    html = render("listener.html", "ar", room=room, room_id="square").decode()
    assert 'dir="auto" lang="de"' in html


@pytest.mark.parametrize("language", locales.LANGUAGES)
def test_page_and_styles_fit_their_budget(language: str) -> None:
    """12 kB gzip: one round trip's worth."""
    names = ("Otto Lind", "ليلى حداد", "Grace Okafor", "Émile Durand", "Jo Ng", "Inés Vidal")
    guests = [
        Guest(f"g{n}", name, f"Of {name}", picture=name.encode().hex()[:32])
        for n, name in enumerate(names)
    ]
    facts = {"start_ms": 1_800_000_000_000, "lobby_min": 30, "doors": "live", "rules": "0" * 32}
    html = gzip.compress(page(language, state="lobby", guests=guests, **facts).encode(), 9)
    styles = [assets.asset(assets.asset_url(name)) for name in ("base.css", "listener.css")]
    size = len(html) + sum(len(each.gzip or each.body) for each in styles if each)
    assert size <= 12_000, size


def test_modules_that_are_needed_at_once_are_announced_and_few() -> None:
    announced = re.findall(r'rel="modulepreload" href="([^"]+)"', page())
    assert announced == assets.modules("listener/page.js")
    assert len(announced) <= 11
    assert not [url for url in announced if "hand" in url or "fallback" in url or "device" in url]


def test_reactions_are_those_of_the_house() -> None:
    room = Room("square", "The bridge", state="live")
    context = {"room": room, "room_id": "square"}
    some = render("listener.html", "en", **context, reactions=("clap", "doubt")).decode()
    assert re.findall(r'data-kind="(\w+)" title="(\w+)"', some) == [
        ("clap", "Applaud"),
        ("doubt", "Doubt"),
    ]
    assert 'id="reactions"' not in render("listener.html", "en", **context, reactions=()).decode()


def test_a_poll_works_without_scripts_and_shows_its_result() -> None:
    room = Room("square", "The bridge", state="live")
    poll = {"id": "p1", "question": "<b>Pay?", "choices": ["Yes", "<i>No"]}
    html = render("listener.html", "en", room=room, room_id="square", poll=poll).decode()
    form = html.split('<form id="poll-form"')[1].split("</form>")[0]
    assert 'method="post" action="/live/square/poll">' in form
    assert 'name="poll" value="p1"' in form
    assert re.findall(r'name="choice" value="(\d)"', form) == ["0", "1"]
    assert "<b>" not in html
    assert "<i>" not in html
    poll |= {"state": "counted", "counts": [3, 1], "votes": 4}
    html = render("listener.html", "en", room=room, room_id="square", poll=poll).decode()
    assert (
        '<form id="poll-form" class="stack" method="post" action="/live/square/poll" hidden>'
        in html
    )
    assert '<meter max="4" value="3"' in html


def test_a_cancelled_room_says_so_why_and_for_when_it_was_planned() -> None:
    off = {"start_ms": 1_800_000_000_000, "cancelled_ms": 5, "cancelled_why": "The <guest> is ill"}
    for state in ("scheduled", "ended"):
        html = page(state=state, **off)  # type: ignore[arg-type]
        assert 'class="badge off">Cancelled<' in html
        assert "This conversation was cancelled." in html
        assert "The &lt;guest&gt; is ill" in html
        assert 'It was planned for <time datetime="2027-01-15T08:00:00Z">' in html
        for wrong in ("Starts on", "Thank you for listening", "Reload this page"):
            assert wrong not in html
        assert '<p id="kept" class="soft small" hidden>' in html  # there is no recording
    assert '<p id="kept" class="soft small">' in page(state="scheduled")


def test_a_moved_room_says_both_dates_until_it_is_live() -> None:
    moved = {"start_ms": 1_800_000_000_000, "was_ms": 1_799_000_000_000}
    html = page(state="scheduled", **moved)
    assert 'Starts on <time datetime="2027-01-15' in html
    assert 'It was planned for <time datetime="2027-01-03' in html
    assert re.search(r'id="before"[^>]* hidden', page(state="live", **moved))
    assert re.search(r'id="before"[^>]* hidden', page(state="scheduled", start_ms=1))
