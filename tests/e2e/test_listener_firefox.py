"""The same listener page in Firefox: Opus, and AAC where Opus is refused, out of the loudspeaker."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.e2e.firefox import Firefox, Sink
from tests.fakes.edge_pages import FakeEdge, power_at

pytestmark = pytest.mark.slow
HERTZ = 440.0
PLAYED = "document.getElementById('audio').currentTime"


@pytest.fixture
async def sink(tmp_path: Path) -> AsyncIterator[Sink]:
    async with Sink.open(tmp_path) as each:
        yield each


async def sounds(firefox: Firefox, sink: Sink) -> None:
    await firefox.wait_for(
        "document.getElementById('line').textContent === 'You are listening live.'"
    )
    start = await firefox.evaluate(PLAYED)
    await firefox.wait_for(f"{PLAYED} > {start + 1}")
    assert power_at(await sink.heard(1.0), HERTZ) > 0.9


async def test_opus_and_aac_play_and_a_cut_line_resumes(sink: Sink, tmp_path: Path) -> None:
    profile = tmp_path / "profile"
    profile.mkdir()
    async with (
        FakeEdge(hertz=HERTZ) as edge,
        Firefox.open(profile, sink.environment) as firefox,
    ):
        await firefox.goto(edge.url)
        await sounds(firefox, sink)
        assert edge.streams() == ["/live/square/opus.mp4"]

        edge.drop()
        start = await firefox.evaluate(PLAYED)
        await firefox.wait_for(f"{PLAYED} > {start + 2}")
        assert "?from=" in edge.streams()[1]
        assert await firefox.evaluate("document.getElementById('audio').buffered.length") == 1
        await sounds(firefox, sink)

        edge.requests.clear()
        await firefox.call(
            "script.addPreloadScript",
            {
                "functionDeclaration": "() => { const knows = MediaSource.isTypeSupported;"
                "MediaSource.isTypeSupported = (type) => !/opus/i.test(type) && knows.call(MediaSource, type); }"
            },
        )
        await firefox.goto(edge.url)
        await sounds(firefox, sink)
        assert edge.streams() == ["/live/square/aac.mp4"]
