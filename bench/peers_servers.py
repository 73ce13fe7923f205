"""The peers, started for the bench: Icecast and nginx of Debian, on loopback, in a folder of their own.

Fair means: the same 32 kbit/s, the same interval, no access log, no limits in the way, and a burst
for newcomers as long as ours. Icecast is asked twice. With Opus it gets one Ogg page for each
interval and passes it on as one send a listener: its best case. With MP3, as most of its listeners
hear it, it gets as many bytes at the same interval, and cuts them into blocks of 1,400: about three
sends a second for each listener. nginx serves files from memory.
"""

import contextlib
import os
import secrets
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from bench.ogg import OggOpus
from hustings.edge.sound import playlists
from hustings.media.cmaf import media_part
from hustings.media.hold import hold_frames
from hustings.wire.names import OPUS, PART_SECONDS
from tests.support.house import free_ports

ICECAST = """<icecast>
<limits><clients>19000</clients><sources>2</sources><queue-size>524288</queue-size>
<client-timeout>30</client-timeout><header-timeout>15</header-timeout><source-timeout>30</source-timeout>
<burst-on-connect>1</burst-on-connect><burst-size>{burst}</burst-size></limits>
<authentication><source-password>{secret}</source-password><relay-password>{secret}</relay-password>
<admin-user>admin</admin-user><admin-password>{secret}</admin-password></authentication>
<hostname>localhost</hostname>
<listen-socket><port>{port}</port><bind-address>127.0.0.1</bind-address></listen-socket>
<fileserve>0</fileserve>
<paths><basedir>{folder}</basedir><logdir>{folder}</logdir><webroot>{folder}</webroot><adminroot>{folder}</adminroot></paths>
<logging><accesslog>none</accesslog><errorlog>error.log</errorlog><loglevel>1</loglevel></logging>
<security><chroot>0</chroot><changeowner><user>nobody</user><group>nogroup</group></changeowner></security>
</icecast>
"""

NGINX = """worker_processes 1;
worker_rlimit_nofile 20000;
pid {folder}/nginx.pid;
error_log stderr crit;
events {{ worker_connections 19000; }}
http {{
    access_log off;
    sendfile on;
    tcp_nodelay on;
    open_file_cache max=100;
    keepalive_timeout 60s;
    keepalive_requests 1000000;
    types {{ application/vnd.apple.mpegurl m3u8; audio/mp4 m4s; }}
    client_body_temp_path {folder}/t1; proxy_temp_path {folder}/t2; fastcgi_temp_path {folder}/t3;
    uwsgi_temp_path {folder}/t4; scgi_temp_path {folder}/t5;
    server {{ listen 127.0.0.1:{port} backlog=4096; root {folder}; }}
}}
"""

HLS_PATHS = ("/index.m3u8", "/part.m4s")


def missing() -> list[str]:
    """Programs that this machine lacks."""
    return [name for name in ("icecast2", "nginx") if shutil.which(name) is None]


@contextlib.contextmanager
def _server(words: list[str], port: int) -> Iterator[int]:
    with subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            until = time.monotonic() + 10
            while True:
                with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)):
                    break
                if process.poll() is not None or time.monotonic() > until:
                    raise SystemExit(f"{words[0]} did not start")
                time.sleep(0.05)
            yield process.pid
        finally:
            process.terminate()


def _speak(port: int, secret: str, joined: int, kind: str, stop: threading.Event) -> None:
    """The source: one page (or as many bytes) of `joined` parts at each interval, until told to stop."""
    ogg = OggOpus()
    with socket.create_connection(("127.0.0.1", port)) as line:
        credentials = _basic("source", secret)
        line.sendall(
            f"PUT /live HTTP/1.1\r\nHost: localhost\r\nAuthorization: Basic {credentials}\r\n"
            f"Content-Type: audio/{kind}\r\n\r\n".encode()
        )
        line.recv(4096)
        if kind == "ogg":
            line.sendall(ogg.head())
        began, n = time.monotonic(), 0
        while True:
            parts = range(n, n + joined)
            # To Icecast MP3 is any bytes: it does not look for frames.
            line.sendall(ogg.page([frame for part in parts for frame in hold_frames(OPUS, part)]))
            n += joined
            if stop.wait(max(0.0, began + n * PART_SECONDS - time.monotonic())):
                return


def _basic(user: str, password: str) -> str:
    import base64

    return base64.b64encode(f"{user}:{password}".encode()).decode()


@contextlib.contextmanager
def icecast(folder: Path, *, joined: int, kind: str = "ogg") -> Iterator[tuple[int, int, str]]:
    """(port, pid, path) of an Icecast with one mount; kind: ogg or mpeg."""
    folder.mkdir()
    os.chmod(folder, 0o777)  # noqa: PTH101 - it changes its user
    secret, port = secrets.token_hex(8), free_ports(1)[0]
    burst = 2 * len(b"".join(hold_frames(OPUS, 0)))
    config = folder / "icecast.xml"
    config.write_text(ICECAST.format(folder=folder, port=port, secret=secret, burst=burst))
    stop = threading.Event()
    with _server(["icecast2", "-c", str(config)], port) as pid:
        source = threading.Thread(target=_speak, args=(port, secret, joined, kind, stop))
        source.start()
        try:
            time.sleep(max(2.0, 2 * joined * PART_SECONDS))  # a burst is there
            yield port, pid, "/live"
        finally:
            stop.set()
            source.join()


@contextlib.contextmanager
def nginx_hls(folder: Path) -> Iterator[tuple[int, int]]:
    """(port, pid) of an nginx with a playlist and a part of 500 ms."""
    folder.mkdir()
    port = free_ports(1)[0]
    frames = [frame for part in range(2) for frame in hold_frames(OPUS, part)][:25]
    (folder / "part.m4s").write_bytes(media_part(OPUS, 0, frames))
    window = playlists.Window(oldest=1_000, next=1_100, epoch_ms=1_800_000_000_000)
    (folder / "index.m3u8").write_bytes(playlists.media(OPUS, window))
    config = folder / "nginx.conf"
    config.write_text(NGINX.format(folder=folder, port=port))
    words = ["nginx", "-e", "stderr", "-c", str(config), "-g", "daemon off;"]
    with _server(words, port) as pid:
        yield port, pid
