"""Chromium and Firefox play every CMAF rendition: at hour 30, with events, parts joined or not.

The page reports by itself to a small server on loopback, so no driver is needed. Playing is
muted; time moves only if the samples decode.
"""

import base64
import http.server
import json
import queue
import shutil
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hustings.media.cmaf import emsg, init_segment, media_part
from hustings.media.hold import hold_frames
from hustings.wire.names import CMAF_RENDITIONS, PART_SAMPLES

FIRST = 337_500  # 30 h
CODECS = {"opus": "opus", "opus-low": "opus", "aac": "mp4a.40.2"}

PAGE = """<!doctype html><meta charset="utf-8"><script>
const streams = %s;
async function play(stream) {
  const audio = document.createElement("audio");
  audio.muted = true;
  document.body.append(audio);
  const media = new MediaSource();
  audio.src = URL.createObjectURL(media);
  await new Promise(done => media.addEventListener("sourceopen", done, {once: true}));
  const source = media.addSourceBuffer(`audio/mp4; codecs="${stream.codec}"`);
  for (const piece of stream.pieces) {
    source.appendBuffer(Uint8Array.from(atob(piece), letter => letter.charCodeAt(0)));
    await new Promise((done, failed) => {
      source.addEventListener("updateend", done, {once: true});
      source.addEventListener("error", () => failed(new Error("append")), {once: true});
    });
  }
  const ranges = [...Array(source.buffered.length).keys()]
    .map(n => [source.buffered.start(n), source.buffered.end(n)]);
  audio.currentTime = ranges[0][0];
  await audio.play();
  const limit = performance.now() + 20000;
  while (audio.currentTime < ranges[0][0] + 0.7 && !audio.error && performance.now() < limit)
    await new Promise(done => setTimeout(done, 50));
  const played = audio.currentTime - ranges[0][0];
  return {ranges, played, error: audio.error ? audio.error.message : null};
}
addEventListener("load", async () => {
  const report = {};
  for (const stream of streams) {
    try { report[stream.name] = await play(stream); }
    catch (error) { report[stream.name] = {error: String(error)}; }
  }
  await fetch("/report", {method: "POST", body: JSON.stringify(report)});
});
</script><body></body>"""


def stream(rendition: str, joined: int) -> dict[str, Any]:
    pieces = [init_segment(rendition)]
    for n in range(FIRST, FIRST + 12, joined):
        frames = [f for k in range(n, n + joined) for f in hold_frames(rendition, k)]
        event = emsg(b'{"kind":"level","body":{}}', media_time=n * PART_SAMPLES, seq=n)
        pieces.append(media_part(rendition, n, frames, events=[event]))
    return {
        "name": f"{rendition}/{joined}",
        "codec": CODECS[rendition],
        "pieces": [base64.b64encode(piece).decode() for piece in pieces],
    }


class Reports(http.server.ThreadingHTTPServer):
    """Serves the page and takes its report."""

    def __init__(self) -> None:
        self.page = (
            PAGE % json.dumps([stream(r, j) for r in CMAF_RENDITIONS for j in (1, 3)])
        ).encode()
        self.reports: queue.Queue[dict[str, Any]] = queue.Queue()
        super().__init__(("127.0.0.1", 0), Handler)


class Handler(http.server.BaseHTTPRequestHandler):
    server: Reports

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(self.server.page)

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(204)
        self.end_headers()
        self.server.reports.put(json.loads(body))

    def log_message(self, *_: Any) -> None: ...


@pytest.fixture
def server() -> Iterator[Reports]:
    with Reports() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


def command(browser: str, profile: Path, url: str) -> list[str]:
    if browser == "chromium":
        return [
            "chromium", "--headless=new", "--no-sandbox", "--no-first-run",
            "--disable-background-networking", "--autoplay-policy=no-user-gesture-required",
            f"--user-data-dir={profile}", url,
        ]  # fmt: skip
    (profile / "user.js").write_text(
        'user_pref("media.autoplay.default", 0);\nuser_pref("browser.shell.checkDefaultBrowser", false);\n'
        'user_pref("datareporting.policy.dataSubmissionEnabled", false);\n'
    )
    return ["firefox-esr", "--headless", "--no-remote", "--profile", str(profile), url]


@pytest.mark.slow
@pytest.mark.parametrize("browser", ["chromium", "firefox-esr"])
def test_every_rendition_plays(server: Reports, tmp_path: Path, browser: str) -> None:
    if shutil.which(browser) is None:
        pytest.skip(f"needs {browser}")
    url = f"http://127.0.0.1:{server.server_port}/"
    with subprocess.Popen(
        command(browser, tmp_path, url), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        try:
            report = server.reports.get(timeout=100)
        finally:
            process.terminate()
    assert set(report) == {f"{r}/{j}" for r in CMAF_RENDITIONS for j in (1, 3)}
    start = FIRST * PART_SAMPLES / 48_000
    for name, result in report.items():
        assert result["error"] is None, (name, result)
        [(begin, end)] = result["ranges"]
        assert begin == pytest.approx(start, abs=0.03), name
        assert end == pytest.approx(start + 12 * 0.32, abs=0.03), name
        assert result["played"] >= 0.7, name
