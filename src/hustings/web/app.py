"""The web service: home, rooms, invitations. `run_web` is called by `hustings web` and `serve`.

It may be frozen, flooded or stopped: stage and edges go on, and what was planned here reaches
the stage when both are up.
"""

import asyncio
import contextlib
import functools
import logging
import signal
import socket
import sys
from typing import Any, Final
from urllib.parse import urlsplit

import msgspec
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import Response

from hustings import VERSION
from hustings.base import heartbeat
from hustings.base.clock import Clock, SystemClock
from hustings.base.errors import HustingsError, OperatorError, PeerError
from hustings.base.limits import Limits
from hustings.base.listening import bound_socket, server_tls
from hustings.base.server import GuardedServer
from hustings.base.tasks import Tasks
from hustings.pages import assets, problems, serving
from hustings.settings import Settings
from hustings.web import tidy
from hustings.web.accounts import sign_in
from hustings.web.accounts import views as accounts
from hustings.web.api import crew as api_crew
from hustings.web.api import guests as api_guests
from hustings.web.api import invitations as api_invitations
from hustings.web.api import openapi
from hustings.web.api import people as api_people
from hustings.web.api import pictures as api_pictures
from hustings.web.api import rooms as api_rooms
from hustings.web.api import views as api
from hustings.web.api import webhooks as api_webhooks
from hustings.web.board import views as board
from hustings.web.crew import views as crew
from hustings.web.guests import own as guests_own
from hustings.web.guests import views as guests
from hustings.web.health import views as health
from hustings.web.house import views as house
from hustings.web.keys import views as keys
from hustings.web.mailbox import views as mailbox
from hustings.web.oidc import views as oidc
from hustings.web.people import views as people
from hustings.web.post import views as post
from hustings.web.problems import not_found, problem_response
from hustings.web.reminders import views as reminders
from hustings.web.rooms import picturing, telling
from hustings.web.rooms import views as rooms
from hustings.web.rules import views as rules
from hustings.web.services import Services, open_services
from hustings.web.shield import UPLOAD_BYTES, UPLOADS, Shield
from hustings.web.webhooks import views as webhooks

log = logging.getLogger(__name__)

WORK_SHARE: Final = 0.5  # this process has no sound to protect, its host may


def create_app(services: Services) -> FastAPI:
    """The ASGI application around open services."""
    app = FastAPI(
        title="Hustings",
        version=VERSION,
        docs_url=None,  # its pages fetch scripts from a CDN; ours is web_api.html
        redoc_url=None,
        openapi_url=openapi.URL,
    )
    openapi.install(app)
    app.state.services = services
    for router in (
        crew.router,
        guests.router,
        guests_own.router,
        picturing.router,
        telling.router,
        rooms.router,
        house.router,
        accounts.router,
        sign_in.router,
        oidc.router,
        mailbox.router,
        people.router,
        rules.router,
        post.router,
        reminders.router,
        board.router,
        keys.router,
        api_rooms.router,
        api_guests.router,
        api_invitations.router,
        api_crew.router,
        api_pictures.router,
        api_people.router,
        api_webhooks.router,
        webhooks.router,
        api.router,
        health.router,
    ):
        app.include_router(router)
    serving.install(app)
    app.add_exception_handler(HustingsError, _on_error)
    app.add_exception_handler(HTTPException, _on_http_error)
    app.add_exception_handler(RequestValidationError, _on_bad_request)
    app.add_exception_handler(ClientDisconnect, problems.gone)
    app.add_exception_handler(Exception, _on_bug)
    app.add_middleware(
        Shield,
        public_host=urlsplit(services.settings.public_url.web).netloc,
        secure=services.links.secure,
        counts=services.counts,
    )
    return app


def run_web(settings: Settings) -> int:
    """Serve until SIGTERM or SIGINT; 0 after a clean stop. Raises OperatorError at start."""
    return asyncio.run(_run(settings, SystemClock()))


async def _run(settings: Settings, clock: Clock) -> int:
    with bound_socket(settings.host, settings.web.port, flag="--web-port") as listener:
        port = listener.getsockname()[1]  # 0 in the settings means any free one
        web = msgspec.structs.replace(settings.web, port=port)
        settings = msgspec.structs.replace(settings, web=web)
        assets.read_all()
        async with open_services(settings, clock) as services:
            return await _serve(services, listener)


async def _serve(services: Services, listener: socket.socket) -> int:
    """Until a signal, or until a sender fails: then end and be started again."""
    tasks = Tasks()

    def announce() -> None:
        tasks.start(_announce(services), name="announce")

    server = GuardedServer(
        create_app(services),
        sock=listener,
        limits=Limits(
            work_share=WORK_SHARE,
            upload_bytes=UPLOAD_BYTES,
            upload_at=UPLOADS,
            **msgspec.structs.asdict(services.settings.guard),
        ),
        clock=services.clock,
        tls=server_tls(services.settings.tls.cert, services.settings.tls.key),
        on_ready=announce,
    )
    forget = functools.partial(tidy.turn, services.database, services.clock)
    senders = [
        tasks.start(services.outbox.run(), name="outbox"),
        tasks.start(services.post.run(), name="post"),
        tasks.start(services.hooks.run(), name="webhooks"),
        tasks.start(services.dispatch.run(), name="reminders"),
        tasks.start(services.reminders.run(), name="reminders by mail"),
        tasks.start(services.mailbox.run(), name="mailbox"),
        tasks.start(tidy.run(forget, services.guests.tidy), name="tidy"),
    ]
    for sender in senders:
        sender.add_done_callback(lambda _: server.stop())
    tasks.start(heartbeat.beat(), name="heartbeat")
    tasks.start(services.rules.catch_up(), name="house rules")  # once
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, server.stop)
    try:
        await server.serve()
        return 1 if any(sender.done() for sender in senders) else 0
    finally:
        await tasks.close()


async def _announce(services: Services) -> None:
    """Tell the supervisor that requests are answered, and the operator how to become host."""
    heartbeat.ready(services.links.web)
    code = await services.house.first_code()
    if code is not None:
        with contextlib.suppress(OSError):  # a closed terminal
            sys.stdout.write(
                f"house   {services.links.start(code)} (works once: makes you its owner)\n"
            )
            sys.stdout.flush()


async def _on_error(request: Request, error: Any) -> Response:
    return problem_response(request.scope, error)


async def _on_http_error(request: Request, error: Any) -> Response:
    if error.status_code == 404:
        return problem_response(request.scope, not_found())
    if error.status_code == 400:  # FastAPI's word for a body that is no text, else for none
        bad = PeerError("request_bad", "This body cannot be read.", status=422)
        return problem_response(request.scope, bad)
    code = "method_not_allowed" if error.status_code == 405 else "http"
    problem = PeerError(code, str(error.detail), status=error.status_code)
    answer = problem_response(request.scope, problem)
    answer.headers.update(error.headers or {})  # Allow
    return answer


async def _on_bad_request(request: Request, error: Any) -> Response:
    wrong = [(".".join(map(str, each["loc"])), each["msg"]) for each in error.errors()[:1]]
    field, why = wrong[0] if wrong else ("", "")
    title = f"This request cannot be read: {field}: {why}"[:300]
    problem = PeerError("request_bad", title, status=422, field=field)
    return problem_response(request.scope, problem)


async def _on_bug(request: Request, error: Any) -> Response:
    log.error("%s %s failed", request.method, request.url.path, exc_info=error)
    bug = OperatorError("bug", "Something here is broken; it was written down.")
    return problem_response(request.scope, bug)
