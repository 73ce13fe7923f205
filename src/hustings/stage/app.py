"""The stage service: the engine behind, HTTP in front, put together from settings.

`run_stage` is what `hustings stage` and the supervisor call.
"""

import asyncio
import logging
import signal
import socket
from pathlib import Path
from typing import Final

import msgspec
from fastapi import FastAPI, Request, Response
from fastapi.responses import RedirectResponse

from hustings import VERSION
from hustings.base import heartbeat
from hustings.base.clock import Clock, SystemClock
from hustings.base.exposition import CONTENT_TYPE
from hustings.base.ids import RoomId
from hustings.base.keyfiles import edges_key, participant_key, service_key, ticket_key
from hustings.base.limits import Limits
from hustings.base.listening import bound_socket, server_tls
from hustings.base.server import GuardedServer
from hustings.base.tasks import Tasks
from hustings.journal.keys import SigningKey, load_or_make
from hustings.pages import problems, serving
from hustings.pages.render import choose_language, page_headers, render
from hustings.settings import Settings
from hustings.stage.engine import Engine
from hustings.stage.http import (
    control,
    feeds,
    lines,
    people,
    pictures,
    push,
    readiness,
    services,
    whip,
)
from hustings.stage.http.door import Door
from hustings.stage.http.metrics import metrics_text
from hustings.stage.radio.port import RadioPort
from hustings.wire.credentials import EdgeSigner
from hustings.wire.tokens import KeyRing

log = logging.getLogger(__name__)

_PARTS: Final = (services, pictures, feeds, people, lines, whip, push, control, readiness)


def create_app(door: Door, key: SigningKey) -> FastAPI:
    """The stage's HTTP; the engine must be running."""
    app = FastAPI(
        title="Hustings stage", version=VERSION, docs_url=None, redoc_url=None, openapi_url=None
    )
    problems.install(app)
    serving.install(app)
    for part in _PARTS:
        app.include_router(part.router(door))
    app.add_middleware(whip.OpenToPages)

    @app.get("/s/{room}")
    async def speakers_page(room: str, request: Request) -> Response:
        language = choose_language(request.headers.get("accept-language"), request.url.query)
        urls = door.links(request)
        known = await door.engine.do(lambda studio: studio.facts(RoomId(room)))
        page = render(
            "stage.html",
            language,
            room_id=room,
            room=known,
            edge_url=urls.edge,
            web_url=urls.web,
        )
        near = [urls.edge] if urls.edge else []
        headers = dict(page_headers(connect=_origins(urls.edge, urls.stage), framed_by=near))
        return Response(page, 200 if known else 404, headers | {"Vary": "Accept-Language"})

    @app.get("/")
    async def wrong_port(request: Request) -> Response:
        """Whoever typed the stage's address looks for the rooms."""
        address = door.links(request).rooms(request.headers.get("host", ""))
        return RedirectResponse(address, 307, {"Cache-Control": "no-store"})

    @app.get("/journal-key")
    async def journal_key() -> Response:
        return Response(key.vkey + "\n", media_type="text/plain")

    @app.get("/healthz")
    async def healthz() -> dict[str, str]:
        return {"status": "ok", "version": VERSION}

    @app.get("/readyz")
    async def readyz() -> Response:
        troubles = await door.engine.do(lambda studio: studio.troubles())
        body = "\n".join(troubles) or "ready"
        return Response(body + "\n", 503 if troubles else 200, media_type="text/plain")

    @app.get("/metrics")
    async def metrics() -> Response:
        text = await door.engine.do(metrics_text)
        return Response(text, media_type=CONTENT_TYPE)

    return app


def _origins(*urls: str) -> list[str]:
    """Origins for the page's policy: each over HTTP and as a WebSocket."""
    sockets = [url.replace("http", "ws", 1) for url in urls if url]
    return [url for url in (*urls, *sockets) if url]


def run_stage(settings: Settings, clock: Clock | None = None) -> int:
    """Run until SIGTERM or SIGINT; returns the exit code."""
    clock = clock or SystemClock()
    data = Path(settings.data)
    key = load_or_make(data / "keys")
    listener = bound_socket(settings.host, settings.stage.port, flag="--stage-port")
    radio = None
    if port := settings.stage.radio.port:
        radio = bound_socket(settings.host, port, flag="stage.radio.port")
    engine = Engine(settings, key, clock)
    engine.start()
    try:
        door = Door(
            settings,
            engine,
            clock,
            people=KeyRing([participant_key(data)]),
            services=KeyRing([service_key(data)]),
            tickets=ticket_key(data),
            edges=EdgeSigner(edges_key(data)),
        )
        asyncio.run(_serve(door, key, listener, radio))
    finally:
        engine.stop()
    return 0


async def _serve(
    door: Door, key: SigningKey, listener: socket.socket, radio: socket.socket | None
) -> None:
    server = GuardedServer(
        create_app(door, key),
        sock=listener,
        limits=Limits(**msgspec.structs.asdict(door.settings.guard)),
        clock=door.clock,
        tls=server_tls(door.settings.tls.cert, door.settings.tls.key),
        on_ready=lambda: heartbeat.ready(door.links().stage),
    )
    loop = asyncio.get_running_loop()

    def stop() -> None:
        door.end_feeds()
        server.stop()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop)
    tasks = Tasks()
    tasks.start(heartbeat.beat("door"), name="heartbeat of the door")
    door.pushes.start()
    studios = RadioPort(door)
    if radio is not None:
        studios.start(radio)
    try:
        await server.serve()
    finally:
        await studios.close()
        await tasks.close()
        await door.close()
