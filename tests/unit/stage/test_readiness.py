"""What a host is told before going live, from facts alone."""

import re
from pathlib import Path
from typing import Any

import msgspec
import pytest

from hustings.pages import locales
from hustings.stage.http.readiness import sentences
from hustings.stage.readiness import (
    Certificate,
    Edge,
    Facts,
    Finding,
    Mic,
    Probe,
    Recording,
    judge,
    worst,
)

GREEN = Facts(
    state="lobby",
    mics=[Mic("Ada", heard=True)],
    probe=Probe("heard", edge="https://ear.example", behind_s=0.6),
    recording=Recording(parts=True, took_s=0.01),
    edges=[Edge("paris", silent_s=1.0, seats=20_000)],
    clock_error_s=0.01,
    free_bytes=10**12,
    open_rooms=1,
    certificate=Certificate("own", days=60.0),
    expected=10_000,
)


def found(**changed: Any) -> dict[str, str]:
    """Code -> state of the findings, with some facts other than green."""
    findings = judge(msgspec.structs.replace(GREEN, **changed))
    assert all(said for said, _ in sentences(findings, "en"))
    return {finding.code: finding.state for finding in findings}


def test_a_room_in_order_is_green_and_each_thing_is_named():
    findings = judge(GREEN)
    assert worst(findings) == "ok"
    assert [finding.check for finding in findings] == [
        "mics", "probe", "recording", "edges", "clock", "disk", "certificate", "capacity"
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("mic", "room", "code", "state"),
    [
        (Mic("Ada", connected=False, heard=True), "lobby", "mic_line", "bad"),
        (Mic("Ada", muted=True), "lobby", "mic_muted", "warn"),
        (Mic("Ada", heard=True, muted=True), "lobby", "mic_heard", "ok"),
        (Mic("Ada", heard=False, spoken_s=9.0), "lobby", "mic_lost", "bad"),
        (Mic("Ada"), "scheduled", "mic_early", "warn"),
        (Mic("Ada", spoken_s=0.4), "lobby", "mic_silent", "warn"),
        (Mic("Ada", spoken_s=9.0), "lobby", "mic_waits", "warn"),
    ],
)
def test_a_microphone(mic: Mic, room: str, code: str, state: str):
    assert found(mics=[mic], state=room)[code] == state


def test_on_air_nobody_is_asked_to_try_their_microphone():
    codes = found(mics=[Mic("Ada"), Mic("Ben", muted=True)], state="live")
    assert [code for code in codes if code.startswith("mic")] == []


def test_an_empty_stage_is_red():
    assert found(mics=[])["mics_none"] == "bad"


@pytest.mark.parametrize(
    ("changed", "code", "state"),
    [
        ({"probe": Probe("away", problem="room_unknown")}, "probe_away", "bad"),
        ({"probe": Probe("waiting")}, "probe_waits", "warn"),
        ({"recording": Recording(problem="journal_disk")}, "recording_bad", "bad"),
        ({"recording": Recording(took_s=1.5)}, "recording_slow", "warn"),
        ({"edges": []}, "edges_none", "bad"),
        ({"edges": [Edge("a", silent_s=40, seats=9)]}, "edges_none", "bad"),
        ({"edges": [*GREEN.edges, Edge("b", silent_s=40, seats=9)]}, "edge_silent", "warn"),
        ({"edges": [Edge("a", 1, 99_999, skew_s=-4.0)]}, "clock_edge", "warn"),
        ({"edges": [Edge("a", 1, 99_999, skew_s=45.0)]}, "clock_edge", "bad"),
        ({"clock_error_s": float("inf")}, "clock_free", "warn"),
        ({"clock_error_s": None}, "clock_ok", "ok"),
        ({"free_bytes": 100_000_000}, "disk_low", "bad"),
        ({"free_bytes": 5 * 50_000_000}, "disk_ok", "warn"),
        ({"free_bytes": 5 * 50_000_000, "open_rooms": 2}, "disk_low", "bad"),
        ({"certificate": Certificate("none")}, "certificate_none", "bad"),
        ({"certificate": Certificate("broken")}, "certificate_broken", "bad"),
        ({"certificate": Certificate("proxy")}, "certificate_proxy", "ok"),
        ({"certificate": Certificate("local")}, "certificate_local", "ok"),
        ({"certificate": Certificate("own", 90, ["b.example"])}, "certificate_name", "bad"),
        ({"certificate": Certificate("own", -1)}, "certificate_ended", "bad"),
        ({"certificate": Certificate("own", 0.5)}, "certificate_soon", "bad"),
        ({"certificate": Certificate("own", 10)}, "certificate_soon", "warn"),
        ({"expected": 0}, "capacity_unknown", "warn"),
        ({"expected": 20_001}, "capacity_short", "bad"),
        ({"edges": [*GREEN.edges, Edge("b", 1, 1)], "expected": 20_001}, "capacity_ok", "ok"),
    ],
)
def test_what_is_not_as_it_should_be(changed: dict[str, Any], code: str, state: str):
    assert found(**changed)[code] == state


SENTENCES = Path(locales.__file__).parent / "templates" / "_readiness.html"
CODES = sorted(set(re.findall(r'if code == "(\w+)"', SENTENCES.read_text())))
VALUES = {"name": "Ada", "behind_s": 0.6, "edge": "e", "problem": "p", "ms": 3, "count": 2}
VALUES |= {"seats": 20_000, "s": 20, "hours": 4, "days": 3, "names": "x", "expected": 100}


@pytest.mark.parametrize("language", locales.LANGUAGES)
def test_each_finding_has_its_sentence_and_whatever_is_not_green_says_what_to_do(language: str):
    findings = [Finding("check", "bad", code, VALUES) for code in CODES]
    told = sentences(findings, language)
    assert len(told) == len(CODES)
    assert [code for code, (said, _) in zip(CODES, told, strict=True) if not said] == []
    green = {"mic_heard", "probe_heard", "recording_ok", "edges_warm", "clock_ok", "capacity_ok"}
    green |= {"certificate_ok", "certificate_proxy", "certificate_local", "guests_agreed"}
    assert {finding.code for finding in judge(GREEN)} <= set(CODES)
    without = {code for code, (_, mend) in zip(CODES, told, strict=True) if not mend}
    assert without == green


def test_a_name_stays_a_name():
    findings = [Finding("mics", "bad", "mic_line", {"name": "<b>&amp; \u202eAda"})]
    [(said, _)] = sentences(findings, "en")
    assert said == "\u2068<b>&amp; \u202eAda\u2069 has no sound connection."


def test_an_arabic_name_in_an_english_sentence_keeps_to_its_own_direction():
    found = [Finding("mics", "ok", "mic_heard", {"name": "ليلى", "behind_s": 0.4})]
    [(said, _)] = sentences(found, "en")
    assert said == "A listener hears \u2068ليلى\u2069, 0.4 s behind."
