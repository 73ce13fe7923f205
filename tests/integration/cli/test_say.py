"""`hustings say` against a stage's doors: seat, sound, faults, refusals."""

import asyncio
import json
import sys
import wave
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import hustings
from hustings.base.clock import SystemClock
from hustings.base.errors import Denied, TryLater
from hustings.cli.main import main
from hustings.cli.seat import Seat, Ticket
from hustings.media.opus import OpusDecoder
from tests.fakes.stage import FakeStage


@pytest.fixture
def tone(tmp_path: Path) -> Path:
    """One second of 440 Hz, 16 kHz mono."""
    path = tmp_path / "tone.wav"
    samples = np.sin(2 * np.pi * 440 * np.arange(16_000) / 16_000) * 12_000
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(16_000)
        file.writeframes(samples.astype("<i2").tobytes())
    return path


def say(*words: str) -> int:
    """The command in a thread of its own, as a process would run; returns its exit code."""
    return main(["say", *words])


async def until(done: Callable[[], bool], seconds: float = 15.0) -> None:
    async with asyncio.timeout(seconds):
        while not done():
            await asyncio.sleep(0.01)


async def seated(stage: FakeStage, **more: object) -> tuple[Seat, "asyncio.Task[None]"]:
    seat = Seat(Ticket(stage.url, "demo", "inv", **more), SystemClock())  # type: ignore[arg-type]
    return seat, asyncio.get_running_loop().create_task(seat.hold())


async def test_a_file_is_spoken_in_order_and_in_real_time(
    tone: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    clock = SystemClock()
    async with FakeStage() as stage:
        arguments = [str(tone), "--stage", stage.url, "--data", str(tmp_path), "--json"]
        began_s = clock.monotonic()
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "hustings", "say", "demo", *arguments),
            stdout=asyncio.subprocess.PIPE,
            env={"PYTHONPATH": str(Path(hustings.__file__).parents[1])},
        )
        out, _ = await process.communicate()
        took_s = clock.monotonic() - began_s
    assert process.returncode == 0
    said = json.loads(out)
    assert (said["spoken_s"], said["connections"], said["unsent"]) == (1.0, 1, 0)
    assert took_s >= 1.0
    numbers = [seq for seq, _, _ in stage.heard]
    assert len(numbers) >= 48  # UDP on loopback loses next to nothing
    assert numbers == sorted(numbers)
    decoder = OpusDecoder()
    sound = np.concatenate([decoder.decode(payload) for _, _, payload in stage.heard])
    spectrum = np.abs(np.fft.rfft(sound * np.hanning(len(sound))))
    assert abs(spectrum.argmax() * 48_000 / len(sound) - 440) < 3
    assert stage.commands == ["accept", "leave"]
    assert (tmp_path / "keys" / "participant.key").stat().st_mode & 0o077 == 0


async def test_it_comes_back_by_itself_after_the_stage_was_killed() -> None:
    async with FakeStage() as stage:
        seat, holding = await seated(stage)
        await until(seat.on_air.is_set)
        await stage.stop()
        await until(lambda: not seat.on_air.is_set())
        seat.send(b"\xf8\xff\xfe")
        assert seat.unsent == 1
        await stage.start()
        await until(seat.on_air.is_set)
        assert seat.connections >= 2
        seat.send(b"\xf8\xff\xfe")
        await until(lambda: bool(stage.heard))
        seat.leave()
        await holding


async def test_a_speaker_waits_until_asked(tone: Path) -> None:
    async with FakeStage(role="speaker") as stage:
        seat, holding = await seated(stage)
        await until(lambda: seat.where == "backstage" and seat.connections == 1)
        assert not seat.on_air.is_set()
        await stage.tell({"type": "invited"})
        await until(seat.on_air.is_set)
        assert stage.commands == ["accept"]
        await stage.tell({"type": "roster", "roster": [{"id": "ann", "place": "backstage"}]})
        await until(lambda: not seat.on_air.is_set())
        seat.leave()
        await holding


async def test_a_host_may_open_the_room() -> None:
    async with FakeStage(role="host") as stage:
        seat, holding = await seated(stage, go_live=True)
        await until(lambda: "go_live" in stage.commands)
        seat.leave()
        await holding


async def test_a_token_is_renewed_before_it_ends() -> None:
    async with FakeStage() as stage:
        stage.expires_s = 0.2
        seat, holding = await seated(stage)
        await until(lambda: "token" in stage.commands)
        assert "renew" in stage.calls
        seat.leave()
        await holding


async def test_a_full_stage_is_asked_again_and_a_refusal_ends_it() -> None:
    async with FakeStage() as stage:
        stage.refusal = TryLater("room_full", "Full.")
        _, holding = await seated(stage)
        await until(lambda: stage.calls.count("join") >= 3)
        stage.refusal = Denied("revoked", "This invitation was withdrawn.")
        with pytest.raises(Denied) as refusal:
            await holding
        assert refusal.value.code == "revoked"


async def test_the_seat_that_somebody_else_took_is_left_to_them() -> None:
    async with FakeStage() as stage:
        seat, holding = await seated(stage)
        await until(seat.on_air.is_set)
        await stage.tell({"type": "bye", "code": "elsewhere", "title": "Opened elsewhere."})
        with pytest.raises(Denied) as refusal:
            await holding
        assert refusal.value.code == "elsewhere"
        await until(lambda: len(stage.peers) == 0)


def test_an_unreadable_file_names_the_formats(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = tmp_path / "speech.txt"
    text.write_text("four score and seven years ago")
    assert say("demo", str(text)) == 2
    assert "MP3" in capsys.readouterr().err
    assert say("demo", str(tmp_path / "nothing.wav")) == 2
    assert say("demo") == 2
    assert say("demo", str(text), "--beep") == 2
