"""`hustings loadtest` as a command, against a real edge on loopback that a fake stage feeds."""

import asyncio
import contextlib
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

import hustings
from hustings.base.clock import SystemClock
from hustings.load.rehearsal import flooding
from hustings.load.rehearsal.flooding import refusal_rate
from hustings.load.rehearsal.target import read_target, resolved
from hustings.settings import Tls
from tests.fakes.certificates import certificate
from tests.fakes.edges import RunningEdge, running_edge
from tests.fakes.stage_feed import StageFeed

ENVIRONMENT = {**os.environ, "PYTHONPATH": str(Path(hustings.__file__).parents[1])}


@contextlib.asynccontextmanager
async def rehearsing(**settings: object) -> AsyncIterator[RunningEdge]:
    """A live room on an edge."""
    feed = StageFeed()
    feed.room("demo")
    feed.live("demo")
    await feed.start()
    try:
        async with running_edge(feed.url, **settings) as edge:
            await edge.until("rooms.indexed")
            yield edge
    finally:  # a server that is left open would hold up the end of the loop
        await feed.stop()


async def begun(*words: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "hustings", "loadtest", *words,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE, env=ENVIRONMENT,
    )  # fmt: skip


async def ended(process: asyncio.subprocess.Process) -> tuple[int, str, str]:
    try:
        async with asyncio.timeout(90):
            out, err = await process.communicate()
    except TimeoutError:  # left running it would hold up this process at the end of its loop
        process.kill()
        out, err = await process.communicate()
        raise AssertionError(f"it did not end:\n{out.decode()}\n{err.decode()}") from None
    assert process.returncode is not None
    return process.returncode, out.decode(), err.decode()


async def loadtest(*words: str) -> tuple[int, str, str]:
    return await ended(await begun(*words))


def report(out: str) -> Any:
    return json.loads(out)


async def test_a_crowd_is_served_and_the_report_says_so(tmp_path):
    async with rehearsing() as edge:
        page = tmp_path / "crowd.html"
        code, out, err = await loadtest(
            f"{edge.url}/r/demo", "--listeners", "60", "--over", "1", "--seconds", "3",
            "--processes", "2", "--decode", "0.05", "--json", "--report", str(page),
        )  # fmt: skip
        assert (code, err) == (0, "")
        summary = report(out)["summary"]
        assert (summary["listeners"], summary["heard"], summary["lost_s"]) == (60, 60, 0)
        assert (summary["refusals"], summary["faults"]) == (0, {})
        assert summary["decoders"] == 3
        assert (summary["out_of_order"], summary["damaged"]) == (0, 0)
        assert edge.edge.counts.joins == 60
        assert report(out)["verdict"]["headline"] in page.read_text()
        await edge.until("not rooms.listeners")  # nobody stays behind


async def test_after_a_cut_everyone_comes_back_by_part_number():
    async with rehearsing() as edge:
        code, out, _ = await loadtest(
            f"{edge.url}/r/demo", "--shape", "reconnect", "--listeners", "30", "--over", "0.5",
            "--seconds", "4", "--processes", "1", "--json",
        )  # fmt: skip
        summary = report(out)["summary"]
        assert code == 0
        assert (summary["cut"], summary["not_back"], summary["lost_s"]) == (30, 0, 0)
        assert edge.edge.counts.joins == 60


async def test_beyond_the_limit_people_are_refused_properly_and_the_rude_ask_more_often():
    async with rehearsing(listeners=20) as edge:
        code, out, _ = await loadtest(
            f"{edge.url}/r/demo", "--listeners", "60", "--over", "0.5", "--seconds", "3",
            "--rude", "0.5", "--processes", "1", "--json",
        )  # fmt: skip
        done = report(out)
        summary = done["summary"]
        assert code == 1
        assert done["verdict"]["outcome"] == "failed"
        assert summary["heard"] + summary["rude_heard"] <= 20
        assert summary["refusals"] > 100
        assert summary["improper"] == 0
        assert set(summary["by_code"]) <= set(edge.edge.counts.refusals)


async def test_under_tls_with_a_certificate_of_ones_own(tmp_path):
    cert, key = certificate(tmp_path, "edge")
    async with rehearsing(tls=Tls(cert=str(cert), key=str(key))) as edge:
        url = edge.url.replace("http://", "https://")
        code, out, _ = await loadtest(
            f"{url}/r/demo", "--listeners", "20", "--over", "0.5", "--seconds", "2",
            "--processes", "1", "--ca", str(cert), "--json",
        )  # fmt: skip
        assert (code, report(out)["summary"]["heard"]) == (0, 20)
        assert await refused(f"{url}/r/demo") == "load_unreachable"  # nobody vouches for it


async def test_people_behind_one_address_are_served_while_there_is_room():
    async with rehearsing() as edge:
        _, out, _ = await loadtest(
            f"{edge.url}/r/demo", "--listeners", "60", "--over", "0.5", "--seconds", "2",
            "--processes", "1", "--addresses", "1", "--json",
        )  # fmt: skip
        summary = report(out)["summary"]
        assert (summary["heard"], summary["refusals"]) == (60, 0)


async def test_slow_readers_are_told_apart():
    async with rehearsing() as edge:
        _, out, _ = await loadtest(
            f"{edge.url}/r/demo", "--listeners", "20", "--over", "0.5", "--seconds", "3",
            "--slow", "0.5", "--processes", "1", "--json",
        )  # fmt: skip
        summary = report(out)["summary"]
        assert summary["listeners"] + summary["slow"] == 20
        assert 0 < summary["slow"] < 20
        assert (summary["heard"], summary["lost_s"]) == (summary["listeners"], 0)


async def test_who_is_queued_hears_at_once_and_comes_in_when_seats_are_free():
    async with rehearsing(listeners=50) as edge:  # 40 seats, 10 places to wait in
        first = await begun(
            f"{edge.url}/r/demo", "--listeners", "40", "--over", "0.2", "--seconds", "8",
            "--processes", "1", "--json",
        )  # fmt: skip
        await edge.until("rooms.listeners >= 40", seconds=60)
        code, out, _ = await loadtest(
            f"{edge.url}/r/demo", "--listeners", "3", "--over", "0.2", "--seconds", "20",
            "--processes", "1", "--json",
        )  # fmt: skip
        await ended(first)
        summary = report(out)["summary"]
        assert (summary["heard"], summary["queued"], summary["lost_s"]) == (3, 3, 0)
        assert summary["peak_hearing"] == 3  # all came in
        assert set(summary["by_code"]) == {"queue"}
        assert summary["improper"] == 0
        assert summary["first_sound_s"]["most"] < summary["queue_wait_s"]["p50"]
        assert code == 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_it_can_be_ended_early_and_tells_what_was_seen(number):
    async with rehearsing() as edge:
        process = await begun(
            f"{edge.url}/r/demo", "--listeners", "10", "--over", "0.5", "--seconds", "600",
            "--processes", "2", "--json",
        )  # fmt: skip
        await edge.until("rooms.listeners == 10", seconds=60)
        process.send_signal(number)
        code, out, _ = await ended(process)
        done = report(out)
        assert (code, done["verdict"]["outcome"]) == (0, "passed")
        assert done["summary"]["ended_early"] is True
        assert done["summary"]["heard"] == 10
        await edge.until("not rooms.listeners")


async def test_a_flood_is_bounded_by_what_was_calibrated_before_it():
    async with rehearsing() as edge:
        code, out, _ = await loadtest(
            f"{edge.url}/r/demo", "--shape", "flood", "--listeners", "5", "--over", "0.5",
            "--seconds", "2", "--processes", "1", "--json", "--calibration-steps", "1",
        )  # fmt: skip
        done = report(out)
        flood = done["flood"]
        assert code in {0, 1}  # a busy machine may not keep up; the bounds hold all the same
        assert flood["rate"] <= 10 * flood["capacity"] + 0.1
        assert flood["rate"] <= 0.8 * flood["refusals"] + 0.1
        assert flood["bound"] in {"10 × C", "0.8 × R"}
        assert done["summary"]["visits"] == pytest.approx(2 * flood["rate"], abs=2)


async def test_refusals_are_counted_where_the_edge_speaks_tls_too(tmp_path, monkeypatch):
    """What a TLS server says to who does not speak it is no refusal of ours."""
    monkeypatch.setattr(flooding, "_REFUSALS_S", 0.3)
    cert, key = certificate(tmp_path, "edge")
    async with rehearsing(tls=Tls(str(cert), str(key))) as edge:
        url = f"https://localhost:{edge.port}/r/demo"
        target = read_target(url, rendition="opus", ca=str(cert))
        rate = await refusal_rate(resolved(target, ""), SystemClock())
        refused = edge.edge.counts.answers
        assert rate > 0
        assert refused.total() >= rate * 0.3
        assert set(refused) <= {400, 404, 429, 503}


# ------------------------------------------------------------ used wrongly


async def refused(*words: str) -> str:
    code, out, err = await loadtest(*words, "--json")
    assert code == 2
    assert err.startswith("hustings: ")
    found: str = report(out)["code"]
    return found


async def test_nobody_answers():
    server = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    server.close()
    await server.wait_closed()
    assert await refused(f"http://127.0.0.1:{port}/r/demo") == "load_unreachable"


async def test_something_else_answers():
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello")
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        assert await refused(f"http://127.0.0.1:{port}/r/demo") == "load_foreign"


async def test_there_is_no_such_room():
    async with rehearsing() as edge:
        assert await refused(f"{edge.url}/r/nowhere") == "load_room"


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("http://192.0.2.1/r/demo",), "load_host"),
        (("http://192.0.2.1/r/demo", "--i-may-load", "192.0.2.2"), "load_host"),
        (("demo",), "load_url"),
        (("http://127.0.0.1/r/demo", "--listeners", "0"), "load_bounds"),
        (("http://127.0.0.1/r/demo", "--limit", "nonsense=1"), "load_limit"),
        (("http://127.0.0.1/r/demo", "--limit", "heard"), "load_limit"),
        (("http://127.0.0.1/r/demo", "--report", "/no/such/folder/x.html"), "load_report"),
    ],
)
async def test_wrong_words(words, code):
    assert await refused(*words) == code
