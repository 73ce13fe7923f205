"""Several edges on one port: one freezes, dies, or is renewed, and nobody loses a part."""

import asyncio
import contextlib
import os
import signal
import subprocess
from pathlib import Path

import httpx
import pytest

from tests.e2e.chromium import chromium, plays_on, stretches
from tests.support.crowd import Crowd
from tests.support.house import PROGRAM, ROOT, House, free_ports
from tests.support.speakers import Place, leave, speech, take_the_stage

pytestmark = pytest.mark.slow
FRAMES = speech(6)


@contextlib.asynccontextmanager
async def on_air(house: House):
    house.put("r", title="Through it all", host="Ada", state="lobby")
    speakers = await take_the_stage(Place(house), "r", 1, frames=FRAMES)
    try:
        yield
    finally:
        await leave(speakers)


def listeners(house: House, number: int) -> int:
    """As the lane of one edge says."""
    status = httpx.get(f"{house.lane(number)}/status.json", timeout=10).json()
    return int(status["listeners"])


async def test_F5_a_frozen_one_of_two_edges_and_every_newcomer_sounds(
    tmp_path: Path, figures: dict[str, object]
) -> None:
    """SIGSTOP. Within 5 s: 2 s of silence, then it is killed and those who waited there try again."""
    with House(tmp_path, "--edges", "2") as house:
        async with on_air(house), Crowd(f"{house.edge}/r/r", 10) as crowd:
            edges = [each.pid for each in house.children("edge")]
            assert len(edges) == 2
            os.kill(edges[0], signal.SIGSTOP)
            began_s = crowd.clock.monotonic()
            newcomers = crowd.grow(40)
            async with asyncio.timeout(50):  # ten times the promise
                while not all(each.parts for each in newcomers):
                    await asyncio.sleep(0.05)
            waits = sorted(each.times[0] - began_s for each in newcomers)
            figures |= {"first_sound_s": round(waits[20], 2), "last_s": round(waits[-1], 2)}
            await crowd.heard(6)
            assert crowd.whole
            assert "its loop stood still" in house.log.read_text()
            now = [each.pid for each in house.children("edge")]
            assert edges[0] not in now
            assert edges[1] in now


async def test_F5_kill_9_of_one_of_two_edges(tmp_path: Path, figures: dict[str, object]) -> None:
    """Its listeners go on at the other one, at the part they need; one feed carries all."""
    with House(tmp_path, "--edges", "2") as house:
        async with on_air(house), Crowd(f"{house.edge}/r/r", 60) as crowd:
            doomed, *_ = [each.pid for each in house.children("edge")]
            began_s = crowd.clock.monotonic()
            os.kill(doomed, signal.SIGKILL)
            await crowd.heard(12)
            assert crowd.broken
            assert len(crowd.broken) < 60
            assert crowd.whole
            pauses = sorted(each.pause_s(began_s) for each in crowd.broken)
            figures |= {"came_back": len(pauses), "longest_pause_s": round(pauses[-1], 2)}
            async with asyncio.timeout(30):
                while sum(1 for _ in house.children("edge")) < 2:
                    await asyncio.sleep(0.1)
            feeds = [
                float(line.split()[-1])
                for number in (0, 1)
                for line in httpx.get(f"{house.lane(number)}/metrics", timeout=10).text.splitlines()
                if line.startswith("hustings_edge_upstream_starts_total")
            ]
            assert max(feeds) == 1  # one line to the stage for the room, however many came


async def test_F30_every_process_is_renewed_in_a_live_room(
    tmp_path: Path, figures: dict[str, object]
) -> None:
    """SIGHUP: edges hand their listeners on without a break; the stage's restart is hold audio."""
    with House(tmp_path, "--edges", "2") as house:
        async with on_air(house), Crowd(f"{house.edge}/r/r", 40) as crowd, chromium() as browser:
            page = await browser.new_page()
            await page.goto(f"{house.edge}/r/r")
            await plays_on(page)
            stalls = await page.evaluate_handle(
                """() => { const seen = [];
                document.getElementById("audio").addEventListener("waiting", () => seen.push(1));
                return seen }"""
            )
            before = {
                each.pid for name in ("stage", "edge", "web") for each in house.children(name)
            }
            began_s = crowd.clock.monotonic()
            house.process.send_signal(signal.SIGHUP)
            async with asyncio.timeout(120):
                while "web is new" not in house.log.read_text():
                    await asyncio.sleep(0.1)
            assert crowd.broken == []  # every listener moved before the old edge ended
            pauses = sorted(each.pause_s(began_s) for each in crowd.listeners)
            figures["longest_pause_at_edges_s"] = round(pauses[-1], 2)
            figures["stalls_of_the_page"] = await stalls.evaluate(
                "seen => seen.length"
            )  # 0 if quiet
            assert len(await stretches(page)) == 1
            async with asyncio.timeout(120):
                while "stage is new" not in house.log.read_text():
                    await asyncio.sleep(0.1)
            after = {each.pid for name in ("stage", "edge", "web") for each in house.children(name)}
            assert len(after) == 4
            assert not before & after
            await crowd.heard(9)
            assert crowd.whole
            assert crowd.broken == []
            await plays_on(page, 2)
            assert len(await stretches(page)) == 1
            assert sum(listeners(house, number) for number in (0, 1)) == 41


async def test_F5_a_page_comes_back_without_a_click_and_catches_up_gently(
    tmp_path: Path, figures: dict[str, object]
) -> None:
    """The only edge dies and is started anew: nothing is lost, and what is behind is caught up at 1.04."""
    with House(tmp_path) as house:
        async with on_air(house), chromium() as browser:
            page = await browser.new_page()
            await page.goto(f"{house.edge}/r/r")
            await plays_on(page, 2)
            rates = await page.evaluate_handle(
                """() => { const audio = document.getElementById("audio"), seen = { most: 1, dry: 0 };
                audio.addEventListener("ratechange", () => { seen.most = Math.max(seen.most, audio.playbackRate) });
                let at = 0;
                audio.addEventListener("waiting", () => { at = performance.now() });
                audio.addEventListener("playing", () => {
                  if (at) seen.dry += (performance.now() - at) / 1000; at = 0 });
                return seen }"""
            )
            before = house.child("edge").pid
            os.kill(before, signal.SIGKILL)
            await plays_on(page, 6)
            assert house.child("edge").pid != before
            seen = await rates.json_value()
            figures |= {"silence_s": round(seen["dry"], 2), "fastest": seen["most"]}
            assert len(await stretches(page)) == 1  # no part is missing
            assert 1 < seen["most"] <= 1.04


async def test_edges_elsewhere_as_the_manual_says(tmp_path: Path) -> None:
    """A credential, an edge of the stage, an edge of that edge; then both are drained."""
    with House(tmp_path) as house, contextlib.ExitStack() as running:
        token = tmp_path / "paris.token"
        words = [*PROGRAM, "edge-token", "--name", "paris", "--days", "90"]
        with token.open("wb") as out:
            subprocess.run(words, env=house.environment, stdout=out, check=True)
        environment = {
            name: value for name, value in os.environ.items() if not name.startswith("HUSTINGS_")
        } | {"PYTHONPATH": str(ROOT / "src")}

        def edge(origin: str) -> tuple[subprocess.Popen[bytes], str, str]:
            port, lane = free_ports(2)
            flags = ("--origin", origin, "--token-file", str(token), "--edge-port", str(port))
            more = ("--data", str(tmp_path / "elsewhere"), "--set", f"edge.lane_port={lane}")
            process = subprocess.Popen([*PROGRAM, "edge", *flags, *more], env=environment)
            running.callback(lambda: process.poll() is None and process.kill())
            return process, f"http://127.0.0.1:{port}", f"http://127.0.0.1:{lane}"

        async with on_air(house):
            paris, paris_url, paris_lane = edge(house.stage)
            lyon, lyon_url, lyon_lane = edge(paris_url)
            async with asyncio.timeout(60):
                while not (house.ready(paris_lane) and house.ready(lyon_lane)):
                    await asyncio.sleep(0.1)
            async with Crowd(f"{lyon_url}/r/r", 3) as crowd:
                await crowd.heard(6)
                assert crowd.whole
            for process, lane in ((lyon, lyon_lane), (paris, paris_lane)):
                assert httpx.post(f"{lane}/drain", timeout=10).status_code == 202
                assert process.wait(30) == 0
