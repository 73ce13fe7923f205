"""A small FastAPI service behind the guard, as a process of its own; prints its port."""

import asyncio
import contextlib
import json
import re
import socket
import ssl
import sys
import time

from fastapi import FastAPI, Request, WebSocket
from fastapi.responses import StreamingResponse

from hustings.base.clock import SystemClock
from hustings.base.limits import Limits
from hustings.base.server import GuardedServer

app = FastAPI()
late: list[float] = []  # beats of the loop that came more than 100 ms late


@app.get("/hello")
async def hello(request: Request):
    return {"client": request.client.host, "scheme": request.url.scheme}


@app.post("/echo")
async def echo(request: Request):
    return {"size": len(await request.body())}


@app.get("/feed")
async def feed():
    async def lines():
        for n in range(40):
            yield f"{n}\n"
            await asyncio.sleep(0.1)

    return StreamingResponse(lines())


@app.get("/work")
async def work(ms: int):
    end = time.thread_time() + ms / 1000
    while time.thread_time() < end:
        pass
    return {}


@app.get("/late")
async def lateness():
    return {"late": late, "refused": app.state.gate.statistics()}


@app.websocket("/socket")
async def socket_echo(ws: WebSocket):
    await ws.accept()
    with contextlib.suppress(Exception):
        while True:
            await ws.send_text(await ws.receive_text())


async def beat():
    while True:
        began = time.monotonic()
        await asyncio.sleep(0.02)
        if (gap := time.monotonic() - began) > 0.12:
            late.append(round(gap, 3))


async def main():
    sock = socket.create_server(("127.0.0.1", 0))
    tls = None
    if len(sys.argv) > 2:
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(sys.argv[2], sys.argv[3])
    granted = json.loads(sys.argv[1]) if len(sys.argv) > 1 else {}
    limits = Limits(upload_at=re.compile("POST /echo"), **granted)
    server = GuardedServer(
        app,
        sock=sock,
        limits=limits,
        clock=SystemClock(),
        tls=tls,
        on_ready=lambda: print(sock.getsockname()[1], flush=True),
    )
    app.state.gate = server.gate
    task = asyncio.get_running_loop().create_task(beat())
    await server.serve()
    task.cancel()


asyncio.run(main())
