"""The speakers' page in Firefox: all works but sound over 127.0.0.1, and the page says so.

Firefox's ICE leaves the loopback interface out, and tests listen on nothing else: its sound over
a network is not tested here.
"""

from pathlib import Path

import pytest

from tests.e2e.firefox import Firefox, Sink
from tests.fakes.edge_pages import FakeEdge
from tests.fakes.stage_page import FakeStage

pytestmark = pytest.mark.slow


def shown(step: str) -> str:
    return f"!document.getElementById('step-{step}').hidden"


def says(element: str, words: str) -> str:
    return f"document.getElementById('{element}').textContent.includes('{words}')"


async def test_firefox_on_the_same_machine_is_told_why_it_is_not_heard(tmp_path: Path) -> None:
    profile = tmp_path / "profile"
    profile.mkdir()
    async with FakeEdge() as edge, Sink.open(tmp_path) as sink:
        edge.speaking = []
        stage = FakeStage(edge=edge.origin)
        stage.facts["state"] = "live"
        async with (
            stage.running() as url,
            Firefox.open(profile, sink.environment, fake_microphone=True) as firefox,
        ):
            await firefox.goto(f"{url}/s/square#i=host-link")
            await firefox.wait_for(shown("join"))
            await firefox.evaluate("document.getElementById('name').value = 'Ada'")
            await firefox.evaluate("document.querySelector('#join-form button').click()")
            await firefox.wait_for(shown("check"))
            level = "Number(document.querySelector('.meter').style.getPropertyValue('--level'))"
            await firefox.wait_for(f"{level} > 0.3")
            await firefox.evaluate("document.getElementById('enter').click()")
            await firefox.wait_for(says("place", "You are on stage"))
            await firefox.wait_for(says("light-words", "there is no connection for sound"))
            await firefox.wait_for(says("connection", "Firefox makes no sound connections"), 60)
            assert stage.calls.count("rtc") >= 2
