"""What deploy/ ships, in real servers on loopback: ports, paths and machines are put in, the rest is as shipped."""

import asyncio
import contextlib
import os
import re
import ssl
import subprocess
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from hustings.edge.http.protocol import Request
from hustings.edge.http.server import Connection
from hustings.edge.pressure.ladder import rung
from tests.fakes.certificates import certificate
from tests.fakes.edges import RunningEdge, running_edge
from tests.fakes.stage_feed import StageFeed
from tests.fakes.tools import ROOT, need
from tests.support.house import free_ports

DEPLOY = ROOT / "deploy"
START_S = 60.0  # Varnish compiles its configuration; a busy machine
WHY = "the configurations in deploy/ are tried for real"


@dataclass
class Site:
    """A proxy in front of the three services. `folder` holds all that it wrote."""

    url: str
    port: int
    trust: ssl.SSLContext
    folder: Path
    log: Path
    pid: int


def shipped(name: str, changes: Mapping[str, str]) -> str:
    """A file of deploy/ with something else in some places; each must be there."""
    text = (DEPLOY / name).read_text()
    for old, new in changes.items():
        assert old in text, f"{name} has no {old!r}"
        text = text.replace(old, new)
    return text


def checked(*words: str, **environment: str) -> str:
    """Run a server's own check of its configuration; its words."""
    own = {**os.environ, **environment}
    done = subprocess.run(words, env=own, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


@contextlib.asynccontextmanager
async def running(
    words: Sequence[str], *, port: int, log: Path, **environment: str
) -> AsyncIterator[subprocess.Popen[bytes]]:
    """A server, from when it answers at `port`; ended with SIGTERM."""
    with log.open("ab") as file:
        process = subprocess.Popen(
            words, env={**os.environ, **environment}, stdout=file, stderr=file
        )
    try:
        async with asyncio.timeout(START_S):
            while True:
                with contextlib.suppress(OSError):
                    _, writer = await asyncio.open_connection("127.0.0.1", port)
                    writer.close()
                    break
                assert process.poll() is None, log.read_text()
                await asyncio.sleep(0.05)
        yield process
    finally:
        process.terminate()
        try:
            await asyncio.to_thread(process.wait, 10)
        except subprocess.TimeoutExpired:
            process.kill()
            await asyncio.to_thread(process.wait, 10)


# ---------------------------------------------------------------- fronts


@contextlib.asynccontextmanager
async def caddy(
    folder: Path, *, stage: int, edges: Sequence[int], web: int, port: int = 0
) -> AsyncIterator[Site]:
    program = need("caddy", why=WHY)
    cert, key = certificate(folder, "site")
    port = port or free_ports(1)[0]
    config, log = folder / "Caddyfile", folder / "caddy.log"
    config.write_text(shipped("Caddyfile", {}))
    environment = {
        "HOME": str(folder),
        "XDG_DATA_HOME": str(folder),
        "XDG_CONFIG_HOME": str(folder),
        "HUSTINGS_CADDY": "admin off\ngrace_period 1s\nauto_https disable_redirects\ndefault_bind 127.0.0.1",
        "HUSTINGS_SITE": f"https://localhost:{port}",
        "HUSTINGS_TLS": f"tls {cert} {key}",
        "HUSTINGS_STAGE": f"127.0.0.1:{stage}",
        "HUSTINGS_EDGES": " ".join(f"127.0.0.1:{edge}" for edge in edges),
        "HUSTINGS_WEB": f"127.0.0.1:{web}",
    }
    form = ("--adapter", "caddyfile", "--config", str(config))
    said = checked(program, "validate", *form, **environment)
    assert "Valid configuration" in said
    assert checked(program, "fmt", str(DEPLOY / "Caddyfile")) == (DEPLOY / "Caddyfile").read_text()
    words = (program, "run", *form)
    async with running(words, port=port, log=log, **environment) as process:
        yield Site(f"https://localhost:{port}", port, _trust(cert), folder, log, process.pid)


@contextlib.asynccontextmanager
async def haproxy(
    folder: Path, *, stage: int, edges: Sequence[int], web: int, port: int = 0
) -> AsyncIterator[Site]:
    servers = [f"server edge{n} 127.0.0.1:{p}" for n, p in enumerate(edges)]
    changes = {
        "bind :80": f"bind 127.0.0.1:{free_ports(1)[0]}",
        "server stage 127.0.0.1:8001": f"server stage 127.0.0.1:{stage}",
        "server edge1 127.0.0.1:8002": "\n    ".join(servers),
        "server web 127.0.0.1:8000": f"server web 127.0.0.1:{web}",
    }
    async with _haproxy(folder, "haproxy.cfg", changes, port) as site:
        yield site


@contextlib.asynccontextmanager
async def haproxy_with_cache(folder: Path, *, edge: int, cache: int) -> AsyncIterator[Site]:
    """The same with the places for a cache no longer commented out."""
    away = free_ports(2)
    changes = {
        "bind :80": f"bind 127.0.0.1:{away[0]}",
        "server edge1 127.0.0.1:8002": f"server edge1 127.0.0.1:{edge}",
        "server web 127.0.0.1:8000": f"server web 127.0.0.1:{away[1]}",
        "#server cache 127.0.0.1:8080": f"server cache 127.0.0.1:{cache}",
    }
    for line in ("use_backend cache", "backend cache", "option httpchk GET /live/", "http-check"):
        changes[f"#{line}"] = line
    async with _haproxy(folder, "haproxy.cfg", changes, 0) as site:
        yield site


@contextlib.asynccontextmanager
async def haproxy_edges(
    folder: Path, *, edges: Sequence[int], port: int = 0, **_others: int
) -> AsyncIterator[Site]:
    (edge,) = edges
    changes = {"server edge1 127.0.0.1:8002": f"server edge1 127.0.0.1:{edge}"}
    async with _haproxy(folder, "haproxy-edges.cfg", changes, port) as site:
        yield site


@contextlib.asynccontextmanager
async def nginx(
    folder: Path, *, stage: int, edges: Sequence[int], web: int, port: int = 0
) -> AsyncIterator[Site]:
    cert, key = certificate(folder, "site")
    plain, secure = free_ports(2)
    secure = port or secure
    servers = "\n        ".join(f"server 127.0.0.1:{p} max_fails=2 fail_timeout=2s;" for p in edges)
    changes = {
        "listen 80;": f"listen 127.0.0.1:{plain};",
        "listen 443 ssl": f"listen 127.0.0.1:{secure} ssl",
        "/etc/nginx/site.crt": str(cert),
        "/etc/nginx/site.key": str(key),
        "/var/log/nginx/access.log": str(folder / "access.log"),
        "server 127.0.0.1:8001;": f"server 127.0.0.1:{stage};",
        "server 127.0.0.1:8002 max_fails=2 fail_timeout=2s;": servers,
        "server 127.0.0.1:8000;": f"server 127.0.0.1:{web};",
    }
    async with _nginx(folder, "nginx.conf", changes, port=secure) as process:
        url, log = f"https://localhost:{secure}", folder / "access.log"
        yield Site(url, secure, _trust(cert), folder, log, process.pid)


FRONTS = {"caddy": caddy, "haproxy": haproxy, "nginx": nginx}


# ---------------------------------------------------------------- caches


@dataclass
class Cache:
    """An HLS cache in front of edges. `folder` holds all that it wrote."""

    port: int
    folder: Path
    pid: int


@contextlib.asynccontextmanager
async def varnish(folder: Path, edge: int) -> AsyncIterator[Cache]:
    program = need("varnishd", why=WHY)
    port = free_ports(1)[0]
    config = folder / "cache.vcl"
    changes = {'.port = "8002";': f'.port = "{edge}";', "10.0.0.12": "127.0.0.1"}
    second = ("backend edge2 {", ".", "}\n\nsub vcl_init", "edges.add_backend(edge2)")
    changes |= {f"#{words}": words for words in second}  # as an operator adds an edge
    config.write_text(shipped("hls-cache.vcl", changes))
    checked(program, "-j", "none", "-C", "-f", str(config), "-n", str(folder / "check"))
    head = (DEPLOY / "hls-cache.vcl").read_text().partition("vcl 4.1")[0]
    parameters = [word for found in re.findall(r"-p (\S+)", head) for word in ("-p", found)]
    assert len(parameters) == 6
    words = (program, "-j", "none", "-F", "-n", str(folder / "work"), "-s", "malloc,64m")
    words = (*words, "-a", f"127.0.0.1:{port}", "-f", str(config), *parameters)
    async with running(words, port=port, log=folder / "varnish.log") as process:
        yield Cache(port, folder, process.pid)


@contextlib.asynccontextmanager
async def nginx_cache(folder: Path, edge: int) -> AsyncIterator[Cache]:
    port = free_ports(1)[0]
    (folder / "cached").mkdir()
    changes = {
        "listen 8080;": f"listen 127.0.0.1:{port};",
        "/var/log/nginx/cache.log": str(folder / "access.log"),
        "/var/cache/nginx/hustings": str(folder / "cached"),
        "server 127.0.0.1:8002": f"server 127.0.0.1:{edge}",
    }
    async with _nginx(folder, "nginx-cache.conf", changes, port=port) as process:
        yield Cache(port, folder, process.pid)


CACHES = {"varnish": varnish, "nginx": nginx_cache}


# ---------------------------------------------------------------- both


@contextlib.asynccontextmanager
async def _haproxy(
    folder: Path, name: str, changes: Mapping[str, str], port: int
) -> AsyncIterator[Site]:
    program = need("haproxy", why=WHY)
    cert, key = certificate(folder, "site")
    pair, log, config = folder / "site.pem", folder / "haproxy.log", folder / name
    pair.write_bytes(cert.read_bytes() + key.read_bytes())
    port = port or free_ports(1)[0]
    place = {"bind :443": f"bind 127.0.0.1:{port}", "/etc/haproxy/site.pem": str(pair)}
    if os.geteuid():  # nobody to step down from
        place |= {f"    {line}\n": "" for line in ("user haproxy", "group haproxy")}
        place["    chroot /var/lib/haproxy\n"] = ""
    config.write_text(shipped(name, {**changes, **place}))
    said = checked(program, "-c", "-f", str(config))
    assert "WARNING" not in said, said
    async with running((program, "-W", "-f", str(config)), port=port, log=log) as process:
        url = f"https://localhost:{port}"
        yield Site(url, port, _trust(cert), folder, log, process.pid)


@contextlib.asynccontextmanager
async def _nginx(
    folder: Path, name: str, changes: Mapping[str, str], *, port: int
) -> AsyncIterator[subprocess.Popen[bytes]]:
    program = need("nginx", why=WHY)
    temporary = "".join(
        f"\n    {kind}_temp_path {folder / kind};"
        for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    config = folder / name
    place = {
        "user www-data;": "user root;",
        "worker_rlimit_nofile 100000;": "",
        "worker_connections 50000;": "worker_connections 4000;",
        "pid /run/nginx": f"pid {folder}/nginx",
        "\nhttp {": f"\nhttp {{{temporary}",
    }
    config.write_text(shipped(name, {**changes, **place}))
    words = (program, "-e", "stderr", "-c", str(config))
    said = checked(*words, "-t")
    assert os.geteuid() or "[warn]" not in said, said
    words = (*words, "-g", "daemon off;")
    async with running(words, port=port, log=folder / "error.log") as process:
        yield process


def _trust(cert: Path) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(cert))


@contextlib.asynccontextmanager
async def live_edge(**settings: object) -> AsyncIterator[RunningEdge]:
    """An edge whose room `demo` is on air, and which stays calm however busy the machine is."""
    feed = StageFeed()
    feed.room()
    feed.live()
    await feed.start()
    try:
        async with running_edge(feed.url, **settings) as edge:
            edge.edge.watch.ladder.step = lambda _load, _now_s: rung(0)
            await edge.until("rooms.indexed")
            yield edge
    finally:
        await feed.stop()


def askers(edge: RunningEdge) -> list[tuple[str, str]]:
    """(path, address as the edge takes it) of each request from now on."""
    asked: list[tuple[str, str]] = []
    handle = edge.edge.server.handler

    def noting(connection: Connection, request: Request) -> None:
        handle(connection, request)
        asked.append((request.path, connection.who.address))

    edge.edge.server.handler = noting
    return asked


def written(folder: Path) -> Iterator[tuple[Path, bytes]]:
    """All that a server wrote below its folder."""
    for path in folder.rglob("*"):
        if path.is_file():
            yield path, path.read_bytes()
