"""The guard in front of uvicorn: slow, huge, many and broken requests, over real sockets."""

import asyncio
import contextlib
import json
import os
import random
import socket
import ssl
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest
import websockets

from tests.fakes.certificates import certificate

ROOT = Path(__file__).parents[2]


@contextlib.contextmanager
def service(*tls, **limits):
    env = {**os.environ, "PYTHONPATH": f"{ROOT / 'src'}:{ROOT}"}
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.fakes.guarded_app", json.dumps(limits), *map(str, tls)],
        cwd=ROOT,
        env=env,
        stdout=subprocess.PIPE,
    )
    try:
        assert process.stdout is not None
        yield int(process.stdout.readline())
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def late_beats(port, idle_port):
    """Beats that came late here and not in an idle twin: those that this machine did not cause."""
    ours, idle = (len(get(p, "/late").json()["late"]) for p in (port, idle_port))
    return max(0, ours - idle)


def get(port, path):
    return httpx.get(f"http://127.0.0.1:{port}{path}", timeout=20, trust_env=False)


async def ask(port, data, *, source="127.0.0.1", wait_s=20.0):
    """Send bytes, return all that comes until the end of the connection, and after how long."""
    began = time.monotonic()
    reader, writer = await asyncio.open_connection("127.0.0.1", port, local_addr=(source, 0))
    answer = b""
    with contextlib.suppress(ConnectionError):
        writer.write(data)
        while chunk := await asyncio.wait_for(reader.read(65_536), wait_s):
            answer += chunk
    writer.close()
    with contextlib.suppress(ConnectionError):
        await writer.wait_closed()
    return answer, time.monotonic() - began


HEAD = b"GET /hello HTTP/1.1\r\nHost: x\r\n"


@pytest.mark.slow
async def test_slow_connections_are_closed_and_others_served():
    """500 that are silent, partial or dripping: all gone in 10 s; a person gets an answer."""
    with service() as port, service() as twin:

        async def slow(n):
            if n % 3 == 0:
                return await ask(port, b"")
            if n % 3 == 1:
                return await ask(port, HEAD + b"X-Partial: ")
            return await ask(
                port, b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nabc"
            )

        async def dripping():
            began = time.monotonic()
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            with contextlib.suppress(ConnectionError, TimeoutError):
                for byte in HEAD * 100:
                    writer.write(bytes([byte]))
                    await writer.drain()
                    await asyncio.sleep(0.5)
                    if reader.at_eof():
                        break
            writer.close()
            return b"", time.monotonic() - began

        crowd = [asyncio.create_task(slow(n)) for n in range(450)]
        crowd += [asyncio.create_task(dripping()) for _ in range(50)]
        await asyncio.sleep(0.5)
        answer = await asyncio.to_thread(get, port, "/hello")
        assert answer.status_code == 200
        ends = await asyncio.gather(*crowd)
        assert max(seconds for _, seconds in ends) < 15  # 10 s, and this test's own queue
        assert all(b"200 OK" not in text for text, _ in ends)
        told = get(port, "/late").json()
        assert sum(n for code, n in told["refused"].items() if code.startswith("slow_")) == 500
        assert late_beats(port, twin) <= 3


def garbage(seed):
    """Random requests: noise, half-true HTTP, huge headers, broken bodies."""
    chance = random.Random(seed)
    noise = chance.randbytes(chance.randrange(1, 400))
    return chance.choice(
        [
            noise,
            b"GET /" + noise.hex().encode() + b" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
            b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 9_000 + b"\r\n\r\n",
            b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999\r\n\r\n",
            b"POST /echo HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\n" + noise,
            b"GET /hello HTTP/1.1\r\nHost: x\r\nUpgrade: h2c\r\nConnection: upgrade, close\r\n\r\n",
            b"\x16\x03\x01\x02\x00\x01\x00" + noise,
            b"OPTIONS * HTTP/1.1\r\nConnection: close\r\n" + noise + b"\r\n\r\n",
        ]
    )


@pytest.mark.slow
async def test_ten_thousand_garbage_requests():
    """The loop keeps turning, no answer is a 500, and a person is answered in the midst."""
    with service(first_byte_s=2.0, head_s=2.0, body_s=2.0) as port, service() as twin:
        seeds = iter(range(10_000))
        statuses: set[bytes] = set()

        async def one_by_one():
            for seed in seeds:
                answer, _ = await ask(port, garbage(seed))
                statuses.add(answer[9:12])

        crowd = [asyncio.create_task(one_by_one()) for _ in range(100)]
        served = 0
        while not all(task.done() for task in crowd):
            served += (await asyncio.to_thread(get, port, "/hello")).status_code == 200
            await asyncio.sleep(0.5)
        await asyncio.gather(*crowd)
        assert statuses <= {b"", b"200", b"400", b"404", b"405", b"413", b"431", b"503"}
        assert {b"400", b"404", b"413", b"431"} <= statuses
        assert served >= 3
        assert late_beats(port, twin) <= 10


async def test_a_flood_of_costly_requests_leaves_the_loop_most_of_its_time():
    """Work of 5 ms each, 60 at once: a fifth of the core, so at most one in a hundred beats late."""
    with service() as port, service() as twin:
        request = b"GET /work?ms=5 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
        began = time.monotonic()
        answers = await asyncio.gather(*(ask(port, request) for _ in range(60)))
        took = time.monotonic() - began
        assert all(text.startswith(b"HTTP/1.1 200") for text, _ in answers)
        assert took > 60 * 0.005 / 0.2 * 0.8  # the budget was what made them wait
        assert late_beats(port, twin) <= 2


async def test_addresses_are_limited_and_proxies_believed():
    with service(rate=1.0, burst=3.0) as port:
        request = HEAD + b"Connection: close\r\n\r\n"
        answers = [await ask(port, request, source="127.0.0.2") for _ in range(4)]
        assert [text[9:12] for text, _ in answers] == [b"200"] * 3 + [b"429"]
        assert b"retry-after:" in answers[3][0]
        assert b'"code":"request_rate"' in answers[3][0]
        own = [await ask(port, request) for _ in range(6)]
        assert all(text[9:12] == b"200" for text, _ in own)  # this machine and its proxy
        told = HEAD + b"X-Forwarded-For: 192.0.2.9\r\nX-Forwarded-Proto: https\r\n"
        proxied = [await ask(port, told + b"Connection: close\r\n\r\n") for _ in range(4)]
        assert [text[9:12] for text, _ in proxied] == [b"200"] * 3 + [b"429"]
        assert b'{"client":"192.0.2.9","scheme":"https"}' in proxied[0][0]


async def test_a_full_port_says_so_and_recovers():
    with service(connections=10) as port:
        idle = [await asyncio.open_connection("127.0.0.1", port) for _ in range(10)]
        text, _ = await ask(port, HEAD + b"\r\n")
        assert text.startswith(b"HTTP/1.1 503")
        assert b"retry-after: 5" in text
        for _, writer in idle:
            writer.close()
            await writer.wait_closed()
        await asyncio.sleep(0.2)
        assert (await asyncio.to_thread(get, port, "/hello")).status_code == 200


async def test_sizes():
    with service() as port:
        body = b"x" * 65_536
        head = b"POST /echo HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
        text, _ = await ask(port, head + b"Content-Length: 65536\r\n\r\n" + body)
        assert text.endswith(b'{"size":65536}')
        text, _ = await ask(port, head + b"Content-Length: 65537\r\n\r\n")
        assert text.startswith(b"HTTP/1.1 413")
        chunk = b"8000\r\n" + b"y" * 0x8000 + b"\r\n"
        text, _ = await ask(port, head + b"Transfer-Encoding: chunked\r\n\r\n" + chunk * 3)
        assert text.startswith(b"HTTP/1.1 413")
        text, _ = await ask(port, HEAD + b"A: " + b"b" * 8_300)
        assert text.startswith(b"HTTP/1.1 431")


async def test_long_answers_and_sockets_live_on():
    """Deadlines of a tenth of a second end no feed and no WebSocket that has begun."""
    with service(first_byte_s=0.2, head_s=0.2, body_s=0.2, idle_s=0.4) as port:
        async with websockets.connect(f"ws://127.0.0.1:{port}/socket", proxy=None) as ws:
            answer = await asyncio.to_thread(get, port, "/feed")
            assert answer.text.split() == [str(n) for n in range(40)]
            await ws.send("still here")
            assert await ws.recv() == "still here"
        text, seconds = await ask(port, HEAD + b"\r\n")
        assert text.startswith(b"HTTP/1.1 200")
        assert seconds < 2  # idle_s closes a kept-alive connection


async def test_tls_and_a_handshake_that_never_ends(tmp_path):
    cert, key = certificate(tmp_path, "c")
    trust = ssl.create_default_context(cafile=str(cert))
    with service(cert, key, handshake_s=0.5) as port:
        silent = asyncio.create_task(ask(port, b""))
        async with httpx.AsyncClient(verify=trust, trust_env=False) as client:
            answer = await client.get(f"https://localhost:{port}/hello")
            assert answer.json()["scheme"] == "https"
        text, seconds = await silent
        assert text == b""
        assert seconds < 3  # first_byte_s would be 3 more


async def test_silent_handshakes_take_no_more_than_their_address_may_have(tmp_path):
    """Beyond its connections an address is reset at once; another one comes in meanwhile."""
    cert, key = certificate(tmp_path, "c")
    trust = ssl.create_default_context(cafile=str(cert))
    trust.check_hostname = False
    with (
        service(cert, key, per_address=8, handshake_s=10.0) as port,
        contextlib.ExitStack() as all_,
    ):
        silent = [all_.enter_context(socket.socket()) for _ in range(20)]
        for each in silent:
            each.bind(("127.0.0.2", 0))
            with contextlib.suppress(ConnectionResetError):
                each.connect(("127.0.0.1", port))
            each.setblocking(False)
        await asyncio.sleep(0.5)

        def waits(each):
            try:
                return each.recv(1) != b""
            except BlockingIOError:
                return True
            except OSError:
                return False

        assert sum(map(waits, silent)) == 11  # a quarter to spare, and one
        reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=trust)
        writer.write(HEAD + b"Connection: close\r\n\r\n")
        assert (await reader.read()).startswith(b"HTTP/1.1 200")
        writer.close()
        with contextlib.suppress(ConnectionError, ssl.SSLError):
            await writer.wait_closed()


async def test_a_form_with_a_file_may_be_larger_and_no_other_body():
    """Where one is awaited; what is announced as too large is refused before it comes."""
    form = b"POST %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n"
    upload = b"multipart/form-data; boundary=b"
    with service(upload_bytes=1_000_000) as port:
        answer, _ = await ask(port, form % (b"/echo?lang=de", upload, 900_000) + bytes(900_000))
        assert b'{"size":900000}' in answer
        too_much = ((b"/echo", upload, 2 << 30), (b"/echo", b"text/plain", 900_000))
        for each in (*too_much, (b"/hello", upload, 900_000), (b"/echo/a", upload, 900_000)):
            answer, _ = await ask(port, form % each)
            assert answer.startswith(b"HTTP/1.1 413 ")
            assert b'"code":"request_body"' in answer
        assert b"200 OK" in (await ask(port, HEAD + b"Connection: close\r\n\r\n"))[0]
    with service() as port:
        assert (await ask(port, form % (b"/echo", upload, 900_000)))[0].startswith(b"HTTP/1.1 413 ")
