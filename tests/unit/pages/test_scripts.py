"""The pages' scripts: their types by tsc, their logic by Node's own test runner, their size."""

import json
import subprocess
from pathlib import Path

from hustings.media import cmaf
from hustings.media.hold import hold_frames
from hustings.pages import assets
from hustings.wire import kinds
from hustings.wire.names import OPUS, PART_SAMPLES
from hustings.wire.places import commitment, place, seed_of
from hustings.wire.tickets import Ticket, keys_of
from tests.fakes.tools import ROOT, need, need_module

FIRST = 337_500
LINES = 250


def stream() -> bytes:
    """What a stream begins with: init, the event `state`, then two parts, one with an event."""
    start = FIRST * PART_SAMPLES
    state = kinds.event_json(seq=1, kind="state", at=start, body={"media_time": start})
    level = kinds.event_json(seq=2, kind="level", at=start, body=kinds.Level(["amina"]))
    return b"".join(
        (
            cmaf.init_segment(OPUS),
            cmaf.emsg(state, media_time=start, seq=1),
            cmaf.media_part(
                OPUS,
                FIRST,
                hold_frames(OPUS, FIRST),
                events=[cmaf.emsg(level, media_time=start, seq=2)],
            ),
            cmaf.media_part(OPUS, FIRST + 1, hold_frames(OPUS, FIRST + 1)),
        )
    )


def waiting_ticket() -> str:
    """A ticket with the place that the server works out for it."""
    keys, seed = keys_of(b"m" * 32, 1_800_000_000), seed_of(b"m" * 32, "square")
    ticket = Ticket("square", 1_800_000_000, 2**63 + 12_345, "wait", 2**31)
    draw = kinds.Draw(commitment(seed), seed.hex(), 1_799_999_000)
    return json.dumps(
        {
            "ticket": keys.sign(ticket),
            "seed": draw.seed,
            "doors_s": draw.doors_s,
            "place": place(ticket, draw),
        }
    )


def test_scripts_keep_their_types() -> None:
    node = need("node", why="it checks the types of the pages' scripts")
    tsc = need_module("typescript", why="it checks the types of the pages' scripts") / "bin" / "tsc"
    run = subprocess.run(
        [node, str(tsc), "--project", "."], check=False, cwd=ROOT, capture_output=True, text=True
    )
    assert run.returncode == 0, run.stdout


def test_scripts_pass_their_own_tests(tmp_path: Path) -> None:
    node = need("node", why="it runs tests/js")
    recorded = tmp_path / "stream.mp4"
    recorded.write_bytes(stream())
    tests = sorted(str(path) for path in (ROOT / "tests" / "js").glob("*.test.mjs"))
    run = subprocess.run(
        [node, "--test", "--test-reporter=spec", *tests],
        check=False,
        cwd=ROOT,
        capture_output=True,
        text=True,
        env={
            "HUSTINGS_STREAM": str(recorded),
            "HUSTINGS_TICKET": waiting_ticket(),
            "PATH": "/usr/bin:/bin",
        },
    )
    assert run.returncode == 0, run.stdout + run.stderr


def test_scripts_are_short() -> None:
    for path in (ROOT / "src/hustings/pages/static").rglob("*.js"):
        assert len(path.read_text().splitlines()) <= LINES, path.name


def test_no_script_writes_markup() -> None:
    for path in (ROOT / "src/hustings/pages/static").rglob("*.js"):
        text = path.read_text()
        for word in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval("):
            assert word not in text, f"{path.name}: {word}"


def test_the_listeners_scripts_fit_their_budget() -> None:
    """20 kB gzip for whoever listens (design); what is loaded when it is needed: 5 kB each, 20 kB more at most."""
    first = {assets.asset(url) for url in assets.modules("listener/page.js")}
    names = [p.name for p in (ROOT / "src/hustings/pages/static/listener").glob("*.js")]
    every = {assets.asset(assets.asset_url(f"listener/{name}")) for name in names} | first
    sizes = [sum(len(each.gzip or each.body) for each in some if each) for some in (first, every)]
    assert sizes[0] <= 20_000, sizes
    assert sizes[1] <= 40_000, sizes
    assert max(len(each.gzip or each.body) for each in every if each) <= 5_000
