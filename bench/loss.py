"""How much of a speaker's sound survives a bad line between a real Chromium and the stage.

Chromium's microphone says the demo's two voices; a seeded relay between it and `stage.rtc.peers`
loses and delays its packets; `stage.mix.voice` plays them. Kept = heard as sent or rebuilt by FEC,
in speech; what is only guessed (PLC) is not kept. The first seconds do not count: the browser
sends FEC only after it was told of losses.
"""

import asyncio
import tempfile
import wave
from pathlib import Path
from typing import Any

import numpy as np

from bench.report import Row
from hustings.base.clock import SystemClock
from hustings.media.files import read_audio
from hustings.media.pcm import dbfs
from hustings.settings import Rtc
from hustings.stage.mix.voice import Voice, VoiceStatistics
from hustings.stage.rtc.peers import Peers
from tests.e2e.chromium import chromium, microphone
from tests.fakes.udp_relay import Network, UdpRelay
from tests.support.house import ROOT

WARM_UP_S = 10.0
SECONDS = 40.0
LINES = (
    ("good line", Network(), 0.999),
    ("5 % loss", Network(loss=0.05), 0.98),
    ("6 % loss, 0-50 ms jitter", Network(loss=0.06, jitter_ms=25), 0.95),
    ("6 % loss, 0-50 ms jitter, reordered", Network(loss=0.06, jitter_ms=25, reorder=True), None),
    ("4 % loss in runs of 3", Network(loss=0.04, burst=3), None),
)

_CALL = """async () => {
  const stream = await navigator.mediaDevices.getUserMedia({ audio: {
    echoCancellation: false, noiseSuppression: false, autoGainControl: false } });
  window.line = new RTCPeerConnection();
  line.addTrack(stream.getTracks()[0], stream);
  await line.setLocalDescription();
  return line.localDescription.sdp;
}"""


def measure() -> list[Row]:
    """One Chromium and one run for each line."""
    with tempfile.TemporaryDirectory() as folder:
        speech = Path(folder) / "speech.wav"
        _write(speech)
        return [asyncio.run(_row(speech, *line)) for line in LINES]


async def _row(speech: Path, name: str, network: Network, budget: float | None) -> Row:
    before, after = await _run(speech, network)
    counts: Any = {
        key: after[key] - before[key] for key in ("played", "fec", "plc", "quiet", "late")
    }  # type: ignore[literal-required]
    heard = counts["played"] + counts["fec"] + counts["plc"] - counts["quiet"]
    kept = 1 - (counts["plc"] - counts["quiet"]) / heard
    note = (
        f"{counts['fec']} by FEC, {counts['plc']} guessed ({counts['quiet']} in silence), "
        f"{counts['late']} late, delay {after['delay_ms']:.0f} ms"
    )
    wanted = "" if budget is None else f"≥ {budget:.1%}"
    return Row(
        f"kept, {name}", wanted, f"{kept:.2%}", None if budget is None else kept >= budget, note
    )


async def _run(speech: Path, network: Network) -> tuple[VoiceStatistics, VoiceStatistics]:
    clock, voice = SystemClock(), Voice()
    peers = Peers(Rtc(bind="127.0.0.1", first_port=42_700, last_port=42_709), clock)
    async with chromium(microphone(speech)) as browser, UdpRelay(network, seed=5) as relay:
        page = await browser.new_page()
        await page.route("**/*", _blank)
        await page.goto("https://mouth.test/")
        offer = await page.evaluate(_CALL)
        connected = asyncio.Event()
        peer = await peers.accept(
            offer,
            returns=True,
            on_packet=voice.put,
            on_state=lambda state: connected.set() if state == "connected" else None,
        )
        await page.evaluate(
            "sdp => line.setRemoteDescription({ type: 'answer', sdp })",
            relay.rewritten(peer.answer_sdp),
        )
        async with asyncio.timeout(10):
            await connected.wait()
        await _listen(voice, clock, WARM_UP_S)
        before = voice.statistics()
        await _listen(voice, clock, SECONDS)
        after = voice.statistics()
        await peers.close()
    return before, after


async def _listen(voice: Voice, clock: SystemClock, seconds: float) -> None:
    began_s = clock.monotonic()
    for tick in range(round(seconds * 50)):
        await asyncio.sleep(max(0.0, began_s + tick * 0.02 - clock.monotonic()))
        voice.tick(clock.monotonic())


async def _blank(route: Any) -> None:
    await route.fulfill(
        status=200, content_type="text/html", body="<!doctype html><title>mouth</title>"
    )


def _write(path: Path) -> None:
    """Both voices without their pauses: a hole in silence says nothing."""
    data = ROOT / "src/hustings/media/data"
    blocks = [block for name in "ab" for block in read_audio(data / f"voice_{name}.opus")]
    loud = np.convolve([dbfs(block) > -45 for block in blocks], np.ones(9), "same") > 0
    samples = np.concatenate([block for block, kept in zip(blocks, loud, strict=True) if kept])
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(48_000)
        file.writeframes((samples * 32_000).astype("<i2").tobytes())
