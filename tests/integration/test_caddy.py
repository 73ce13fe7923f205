"""deploy/Caddyfile in a real Caddy on loopback, with a certificate of its own."""

import asyncio
import contextlib
import json
import os
import socket
import ssl
import subprocess
import sys

import httpx
import pytest
import websockets

from tests.fakes.certificates import certificate
from tests.fakes.echo_services import Echo, control_socket
from tests.fakes.tools import ROOT, need
from tests.support.house import House

LOCAL = "{\n\tadmin off\n\tauto_https disable_redirects\n\tdefault_bind 127.0.0.1\n}\n"


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


@contextlib.asynccontextmanager
async def caddy(folder, *, stage, edge, web, port=0):
    """Yields base URL and a client context that trusts the certificate."""
    program = need("caddy", why="the proxy in front of the three services is tried for real")
    cert, key = certificate(folder, "site")
    port = port or free_port()
    config = folder / "Caddyfile"
    config.write_text(LOCAL + (ROOT / "deploy" / "Caddyfile").read_text())
    process = subprocess.Popen(
        [program, "run", "--adapter", "caddyfile", "--config", str(config)],
        env={
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "XDG_DATA_HOME": str(folder),
            "XDG_CONFIG_HOME": str(folder),
            "HUSTINGS_SITE": f"https://localhost:{port}",
            "HUSTINGS_TLS": f"tls {cert} {key}",
            "HUSTINGS_STAGE": f"127.0.0.1:{stage}",
            "HUSTINGS_EDGE": f"127.0.0.1:{edge}",
            "HUSTINGS_WEB": f"127.0.0.1:{web}",
        },
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    trust = ssl.create_default_context(cafile=str(cert))
    try:
        for _ in range(200):
            with contextlib.suppress(OSError):
                _, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.close()
                break
            assert process.poll() is None, process.stderr.read().decode()
            await asyncio.sleep(0.05)
        yield f"https://localhost:{port}", trust
    finally:
        process.terminate()
        await asyncio.to_thread(process.wait, 10)
        process.stderr.close()


@pytest.fixture
async def site(tmp_path):
    async with (
        Echo("stage").running() as stage,
        Echo("edge").running() as edge,
        Echo("web").running() as web,
        caddy(tmp_path, stage=stage.port, edge=edge.port, web=web.port) as (url, trust),
        httpx.AsyncClient(base_url=url, verify=trust, timeout=10) as client,
    ):
        yield client, edge


async def test_each_path_reaches_the_service_its_user_needs(site):
    client, _ = site
    for service, paths in {
        "edge": ("/r/demo", "/live/demo/state.json", "/live/demo/hand", "/static/x.js", "/status"),
        "stage": (
            "/s/demo",
            "/rooms/demo/join",
            "/rooms/demo/rtc",
            "/rooms/demo/rtc/abc",
            "/rooms/demo/whip/abc",
            "/journal-key",
            "/feed",
            "/feed/demo?tail=30s",
        ),
        "web": ("/", "/rooms/new", "/rooms/demo", "/rooms/demo/lobby", "/api/docs", "/start"),
    }.items():
        for path in paths:
            answer = await client.get(path)
            assert answer.text.split()[:2] == [service, path]


async def test_services_learn_who_asked_and_that_it_was_by_tls(site):
    client, _ = site
    answer = await client.get("/s/demo", headers={"X-Forwarded-For": "6.6.6.6"})
    assert answer.text.endswith("('127.0.0.1', 'https')")  # what a stranger claims is dropped


async def test_insides_are_not_public(site):
    client, _ = site
    for path in ("/metrics", "/healthz", "/readyz"):
        assert (await client.get(path)).status_code == 404


async def test_a_stream_is_passed_on_as_it_comes(site):
    """The second chunk is written only after the first was read: no buffering on the way."""
    client, edge = site
    async with client.stream("GET", "/live/demo/opus.mp4") as answer:
        chunks = answer.aiter_raw()
        assert await asyncio.wait_for(anext(chunks), 5) == b"first"
        edge.go_on.set()
        assert await asyncio.wait_for(anext(chunks), 5) == b"second"


async def test_the_control_socket_passes(tmp_path):
    async with (
        control_socket() as port,
        caddy(tmp_path, stage=port, edge=port, web=port) as (url, trust),
        websockets.connect(
            url.replace("https", "wss") + "/rooms/demo/control", ssl=trust, proxy=None
        ) as control,
    ):
        await control.send("hello")
        assert await control.recv() == "hello"


@pytest.mark.slow
async def test_a_real_house_behind_one_domain(tmp_path):
    """Pages link to the domain, sound comes through, and a speaker joins through the proxy."""
    port = free_port()
    url = f"https://localhost:{port}"
    public = {f"HUSTINGS_PUBLIC_URL_{name}": url for name in ("WEB", "STAGE", "EDGE")}
    house = House(tmp_path / "data", "--demo", **public)
    await asyncio.to_thread(house.start)
    try:
        async with (
            caddy(
                tmp_path,
                stage=house.stage_port,
                edge=house.edge_port,
                web=house.web_port,
                port=port,
            ) as (_, trust),
            httpx.AsyncClient(base_url=url, verify=trust, timeout=20) as client,
        ):
            for _ in range(200):  # ready is one thing, the demo's room another
                if "speak" in (log := house.log.read_text()):
                    break
                await asyncio.sleep(0.05)
            assert f"listen  {url}/r/demo\n" in log
            assert f"speak   {url}/s/demo#i=" in log
            for path in ("/", "/r/demo", "/s/demo", "/api/docs"):
                assert (await client.get(path)).status_code == 200, path
            said = await asyncio.to_thread(speak, house, url, tmp_path / "site.crt")
            assert said["connections"] == 1
            assert said["unsent"] == 0
            assert await sound(client) > 20_000
    finally:
        await asyncio.to_thread(house.stop)


def speak(house, url, cert):
    """`hustings say` through the proxy: page, invitation, control socket; the sound is UDP."""
    invite = house.invite("demo", "cohost", "Carla")
    words = ["--stage", url, "--invite", invite, "--ca", str(cert), "--seconds", "2", "--json"]
    done = subprocess.run(
        [sys.executable, "-m", "hustings", "say", "demo", "--beep", *words],
        env={**os.environ, "PYTHONPATH": str(ROOT / "src"), "HUSTINGS_DATA": str(house.data)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr + house.log.read_text()
    return json.loads(done.stdout)


async def sound(client):
    """Bytes of the live stream in its first five seconds."""
    size = 0
    async with client.stream("GET", "/live/demo/opus.mp4") as answer:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(5):
                async for chunk in answer.aiter_raw():
                    size += len(chunk)
    return size
