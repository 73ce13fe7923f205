"""Somebody else's page with hls.js on it, served from an origin of its own."""

import http.server
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from tests.fakes.tools import need_module

PAGE = """<!doctype html><meta charset="utf-8"><audio id="audio" controls></audio>
<script src="/hls.min.js"></script><script src="/page.js"></script>"""
SCRIPT = """
window.said = { errors: [], stalls: 0 };
window.listen = (url, levels) => {
  const audio = document.getElementById("audio");
  audio.addEventListener("waiting", () => { window.said.stalls += 1; });
  // hls.js begins up to a part later than asked and, left alone, stays there.
  window.hls = new Hls({ lowLatencyMode: true, maxLiveSyncPlaybackRate: 1.05 });
  hls.on(Hls.Events.ERROR, (_, data) => {
    window.said.errors.push([data.type, data.details, data.fatal, String(data.error || data.reason || "")]);
  });
  hls.loadSource(url);
  hls.attachMedia(audio);
  audio.play();
};
"""


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Say nothing."""


@contextmanager
def hls_site(folder: Path) -> Iterator[str]:
    """Its URL; the page's `listen(url)` plays a playlist."""
    player = need_module("hls.js", why="it is the player we test HLS against")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "index.html").write_text(PAGE)
    (folder / "page.js").write_text(SCRIPT)
    (folder / "hls.min.js").write_bytes((player / "dist" / "hls.min.js").read_bytes())
    handler = partial(_Quiet, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
