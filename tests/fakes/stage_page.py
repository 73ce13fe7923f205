"""A small real stage for the speakers' page: HTTP, control socket and sound on loopback.

It follows docs/protocol.md 4 and 4.1 with rules reduced to what a page can see; every command is
kept in `commands`. Tests play the bad night: `refuse` answers the next calls with a problem,
`drop()` cuts all control sockets, `tell` says anything to everybody.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import msgspec
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from hustings.base.clock import SystemClock
from hustings.base.tasks import Tasks
from hustings.pages.assets import asset
from hustings.pages.render import choose_language, page_headers, render
from hustings.settings import Rtc
from hustings.stage.rtc.peers import Peers
from hustings.wire.kinds import Room, Rules
from tests.fakes.loopback import serving

INVITES = {"host-link": ("amina", "host"), "speaker-link": ("kim", "speaker")}
OTTO = {"id": "otto", "name": "Otto Lind", "role": "cohost", "place": "stage", "connected": True}
LENA = {"id": "lena", "name": "Lena Roth", "role": "speaker", "connected": True}


def problem(status: int, code: str, title: str = "No.", **more: Any) -> JSONResponse:
    return JSONResponse({"code": code, "title": title, "status": status, **more}, status)


class FakeStage:
    """One room, `square`; the invitations are `host-link` and `speaker-link`."""

    def __init__(self, *, edge: str = "http://127.0.0.1:1", rtc: Rtc | None = None) -> None:
        self.edge = edge
        self.facts: dict[str, Any] = {"room": "square", "title": "Is the new bridge worth it?"}
        self.people: dict[str, dict[str, Any]] = {p["id"]: dict(p) for p in (OTTO, LENA)}
        self.seats: dict[str, Any] = {}  # more of the roster message: asked, charge, panic, removed
        self.hands_up = 1  # at all edges
        self.hands = [{"id": "h1", "name": "Jo", "question": "Who pays?", "at_ms": 1}]
        self.speaking: list[str] = []
        self.frozen = False  # says no levels any more
        self.asked: list[str] = []
        self.refuse: JSONResponse | None = None
        self.calls: list[str] = []
        self.rules = Rules()  # that are to be agreed to
        self.commands: list[dict[str, Any]] = []
        self.packets = 0
        self._tasks = Tasks()
        self._tokens = 0
        self._sockets: dict[str, WebSocket] = {}
        self._peers = Peers(
            rtc or Rtc(first_port=42_000, last_port=42_049, bind="127.0.0.1"), SystemClock()
        )
        self._lines: dict[str, Any] = {}
        self.cards: list[bytes] = []  # pictures for other platforms
        self.tries: list[dict[str, Any]] = []
        self.tried = {"step": "address", "code": ""}
        room = "/rooms/{room}"
        self.app = Starlette(
            routes=[
                Route("/s/{room}", self._page),
                Route("/static/{name:path}", self._static),
                Route(f"{room}/join", self._join, methods=["POST"]),
                Route(f"{room}/renew", self._renew, methods=["POST"]),
                Route(f"{room}/rtc", self._rtc, methods=["POST"]),
                Route(f"{room}/rtc/{{peer}}", self._hang_up, methods=["DELETE"]),
                Route(f"{room}/push/card", self._card, methods=["PUT"]),
                Route(f"{room}/push/try", self._try, methods=["POST"]),
                WebSocketRoute(f"{room}/control", self._control),
            ]
        )

    @asynccontextmanager
    async def running(self) -> AsyncIterator[str]:
        """Serve on loopback; yields the base URL."""
        self._tasks.start(self._tell_levels(), name="levels")
        try:
            async with serving(self.app) as url:
                yield url
                await self.drop()
        finally:
            await self._peers.close()
            await self._tasks.close()

    # ------------------------------------------------------------ what tests do

    def names(self) -> list[str]:
        """The commands so far."""
        return [command["command"] for command in self.commands]

    async def drop(self) -> None:
        """Cut all control sockets, as a stage that is killed."""
        for socket in list(self._sockets.values()):
            with contextlib.suppress(RuntimeError):
                await socket.close(1011)

    async def tell(self, message: dict[str, Any]) -> None:
        """To everybody."""
        for socket in list(self._sockets.values()):
            with contextlib.suppress(RuntimeError, WebSocketDisconnect):
                await socket.send_json(message)

    async def set_state(self, state: str) -> None:
        """The room moves on."""
        self.facts["state"] = state
        await self.tell({"type": "room", "room": self.facts})

    async def change(self, person: str, **facts: Any) -> None:
        """Somebody becomes another."""
        self.people[person] |= facts
        await self._tell_roster()

    # ------------------------------------------------------------ HTTP

    async def _page(self, request: Request) -> Response:
        language = choose_language(request.headers.get("accept-language"), request.url.query)
        known = request.path_params["room"] == "square"
        page = render(
            "stage.html",
            language,
            room_id=request.path_params["room"],
            room=Room(**self.facts) if known else None,
            edge_url=self.edge,
            web_url="http://web/",
        )
        headers = dict(
            page_headers(connect=(self.edge, str(request.base_url).replace("http", "ws")))
        )
        return Response(page, 200 if known else 404, headers)

    async def _static(self, request: Request) -> Response:
        found = asset(request.url.path)
        if found is None:
            return Response(status_code=404)
        return Response(found.body, media_type=found.content_type)

    def _stopped(self, request: Request) -> Response | None:
        self.calls.append(request.url.path.rsplit("/", 1)[1])
        return self.refuse

    async def _join(self, request: Request) -> Response:
        if stopped := self._stopped(request):
            return stopped
        wanted = await request.json()
        if wanted["invitation"] not in INVITES:
            return problem(401, "token_bad")
        if self.rules.id and wanted.get("rules") != self.rules.id:
            return problem(428, "rules_unread", rules=msgspec.to_builtins(self.rules))
        who, role = INVITES[wanted["invitation"]]
        name = wanted["name"] or "Invited"
        seat = {"id": who, "name": name, "role": role}
        self.people[who] = self.people.get(who, {}) | seat
        await self._tell_roster()
        return JSONResponse({**self._pass(who), "participant": who, "name": name, "role": role})

    async def _renew(self, request: Request) -> Response:
        return self._stopped(request) or JSONResponse(self._pass(self._who(request)))

    def _pass(self, who: str) -> dict[str, Any]:
        self._tokens += 1
        return {"token": f"{who}.{self._tokens}", "expires_s": 900}

    def _who(self, request: Request) -> str:
        return request.headers["authorization"].removeprefix("Bearer ").partition(".")[0]

    async def _rtc(self, request: Request) -> Response:
        if stopped := self._stopped(request):
            return stopped
        who = self._who(request)

        def packet(*_: Any) -> None:
            self.packets += 1

        def moved(state: str) -> None:
            if state in {"connected", "closed", "lost"} and who in self.people:
                connected = state == "connected"
                self._tasks.start(self.change(who, connected=connected), name="sound moved")

        offer = (await request.body()).decode()
        peer = await self._peers.accept(offer, returns=True, on_packet=packet, on_state=moved)
        self._lines[who] = peer
        headers = {"Location": f"/rooms/square/rtc/{peer.id}"}
        return Response(peer.answer_sdp, 201, headers, media_type="application/sdp")

    async def _card(self, request: Request) -> Response:
        self._who(request)
        self.cards.append(await request.body())
        return Response(status_code=204)

    async def _try(self, request: Request) -> Response:
        self._who(request)
        self.tries.append(await request.json())
        return JSONResponse(self.tried)

    async def _hang_up(self, request: Request) -> Response:
        self.calls.append("hang_up")
        return Response()

    # ------------------------------------------------------------ control socket

    async def _control(self, socket: WebSocket) -> None:
        await socket.accept()
        hello = await socket.receive_json()
        who = hello["token"].partition(".")[0]
        if before := self._sockets.pop(who, None):
            await before.send_json({"type": "bye", "code": "elsewhere", "title": "Elsewhere."})
            await before.close(4000)
        self._sockets[who] = socket
        roster = list(self.people.values())
        await socket.send_json(
            {"type": "welcome", "you": who, "room": self.facts, "roster": roster}
            | {
                "hands": self.hands,
                "hands_up": self.hands_up,
                "asked": self.asked,
                "speaking": self.speaking,
            }
            | {"media_time": 0, "edge": self.edge, "listen": f"{self.edge}/r/square"}
        )
        try:
            while True:
                message = await socket.receive_json()
                if message["type"] == "do":
                    await self._do(socket, who, message)
        except (WebSocketDisconnect, RuntimeError):
            if self._sockets.get(who) is socket:
                del self._sockets[who]

    async def _do(self, socket: WebSocket, who: str, message: dict[str, Any]) -> None:
        self.commands.append(message)
        result: dict[str, str] = {}
        match message["command"]:
            case "accept":
                self.people[who]["place"] = "stage"
            case "backstage":
                self.people[message.get("participant", who)]["place"] = "backstage"
            case "mute" | "unmute":
                self.people[who]["muted"] = message["command"] == "mute"
            case "mute_other":
                self.people[message["participant"]]["muted"] = True
            case "remove":
                self.people.pop(message["participant"])
            case "lobby" | "go_live" | "end":
                state = {"lobby": "lobby", "go_live": "live", "end": "ended"}[message["command"]]
                await self.set_state(state)
            case "lock" | "unlock":
                self.facts["locked"] = message["command"] == "lock"
                await self.tell({"type": "room", "room": self.facts})
            case "delay":
                self.facts["delay_s"] = message["seconds"]
                await self.tell({"type": "room", "room": self.facts})
            case "notice":
                self.facts["notice"] = message["text"]
                await self.tell({"type": "room", "room": self.facts})
            case "link":
                result = {"url": "http://stage/s/square#i=new", "invitation": "new"}
            case "hand":
                error = {"code": "hands_full", "title": "Too many hands."}
                await socket.send_json({"type": "error", "id": message["id"], **error})
                return
        await self._tell_roster()
        await socket.send_json({"type": "done", "id": message["id"], "result": result})
        if message["command"] == "end":
            await self.tell({"type": "bye", "code": "room_ended", "title": "Ended."})

    async def _tell_roster(self) -> None:
        roster = list(self.people.values())
        await self.tell({"type": "roster", "roster": roster, **self.seats})

    async def _tell_levels(self) -> None:
        while True:
            await asyncio.sleep(0.2)
            if self.frozen:
                continue
            levels = {who: -20.0 if who in self.speaking else -60.0 for who in self.people}
            counts = {"listeners": 12_431, "waiting": 7, "hands_up": self.hands_up}
            if delay_s := self.facts.get("delay_s", 0):
                counts |= {"delay_s": delay_s, "held_s": delay_s}
            await self.tell(
                {"type": "levels", "levels": levels, "speaking": self.speaking, **counts}
            )
