"""A platform for tests: Debian's nginx with its RTMP module, which records what it is sent."""

import contextlib
import json
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import numpy as np

from tests.fakes.tools import missing, need
from tests.support.house import free_ports

MODULE = Path("/usr/lib/nginx/modules/ngx_rtmp_module.so")
START_S = 30.0
CONFIG = """
load_module {module};
daemon off; master_process off; worker_processes 1; pid {folder}/pid; error_log {folder}/error.log info;
events {{ }}
rtmp {{ server {{
  listen 127.0.0.1:{port};
  application live {{ live on; record all; record_path {folder}/recorded; record_unique on; }}
  application shut {{ live on; deny publish all; }}
}} }}
"""


class Platform:
    """One server at one port; can be stopped, frozen, and started again."""

    def __init__(self, folder: Path) -> None:
        self._nginx = need("nginx", why="it takes RTMP as a platform does")
        if not MODULE.exists():
            missing("nginx's RTMP module (libnginx-mod-rtmp): it takes RTMP as a platform does")
        self.folder = folder
        (folder / "recorded").mkdir(parents=True)
        folder.chmod(0o777)
        (folder / "recorded").chmod(0o777)
        [self.port] = free_ports(1)
        self.origin = f"rtmp://127.0.0.1:{self.port}"
        config = CONFIG.format(module=MODULE, folder=folder, port=self.port)
        (folder / "nginx.conf").write_text(config)
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        words = [self._nginx, "-p", str(self.folder), "-c", str(self.folder / "nginx.conf")]
        self.process = subprocess.Popen(words, stderr=subprocess.DEVNULL)
        until = time.monotonic() + START_S
        while True:
            with contextlib.suppress(OSError):
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
                return
            assert time.monotonic() < until, (self.folder / "error.log").read_text()
            time.sleep(0.05)

    def stop(self, number: int = signal.SIGTERM) -> None:
        if self.process is not None:
            self.process.send_signal(signal.SIGCONT)
            self.process.send_signal(number)
            self.process.wait()
            self.process = None

    def freeze(self, *, on: bool) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGSTOP if on else signal.SIGCONT)

    @property
    def recordings(self) -> list[Path]:
        """Files, oldest first."""
        return sorted((self.folder / "recorded").iterdir(), key=lambda path: path.stat().st_mtime)

    @property
    def recorded_bytes(self) -> int:
        return sum(path.stat().st_size for path in self.recordings)


@contextlib.contextmanager
def platform(folder: Path) -> Iterator[Platform]:
    found = Platform(folder)
    found.start()
    try:
        yield found
    finally:
        found.stop()


def probed(path: Path) -> dict[str, Any]:
    """What ffprobe says of a recording: its streams, and all packets."""
    ffprobe = need("ffprobe", why="it says what the platform was sent")
    words = [ffprobe, "-v", "error", "-show_streams", "-show_packets", "-of", "json", str(path)]
    told = subprocess.run(words, capture_output=True, check=True, timeout=60).stdout
    return dict(json.loads(told))


def sound_of(path: Path) -> Any:
    """Samples of a recording, mono, 48 kHz."""
    with av.open(str(path)) as file:
        frames = [frame.to_ndarray()[0] for frame in file.decode(audio=0)]
    return np.concatenate(frames)


def picture_of(path: Path) -> Any:
    """The first frame of a recording: rows, columns, RGB."""
    with av.open(str(path)) as file:
        return next(file.decode(video=0)).to_ndarray(format="rgb24")
