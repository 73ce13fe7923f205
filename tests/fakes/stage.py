"""A stage's doors without a room behind them: join, renew, rtc and the control socket.

Real `Peers` take the sound; who is on stage is as simple as can be. Tests stop and start it on
the same port, and look at `heard`, `calls` and `commands`.
"""

import asyncio
import contextlib
import socket
from typing import Any, Self

import uvicorn
from fastapi import FastAPI, Request, Response, WebSocket, WebSocketDisconnect

from hustings.base.clock import SystemClock
from hustings.base.errors import HustingsError
from hustings.settings import Rtc
from hustings.stage.rtc.peers import Peers


class FakeStage:
    """`async with FakeStage(...) as stage`; `stage.url`."""

    def __init__(self, *, role: str = "cohost", first_port: int = 42_360) -> None:
        self.role = role
        self.first_port = first_port
        self.heard: list[tuple[int, int, bytes]] = []
        self.calls: list[str] = []
        self.commands: list[str] = []
        self.refusal: HustingsError | None = None  # what `join` answers instead
        self.sockets: list[WebSocket] = []
        self.places: dict[str, str] = {}
        self.expires_s = 900.0
        self._port = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def start(self) -> None:
        listener = socket.create_server(("127.0.0.1", self._port), reuse_port=True)
        self._port = listener.getsockname()[1]
        rtc = Rtc(bind="127.0.0.1", first_port=self.first_port, last_port=self.first_port + 9)
        self.peers = Peers(rtc, SystemClock())
        config = uvicorn.Config(
            self._app(), log_level="error", lifespan="off", ws="websockets-sansio"
        )
        self._server = uvicorn.Server(config)
        self._serving = asyncio.gather(self._server.serve([listener]))
        while not self._server.started:
            await asyncio.sleep(0.01)

    async def stop(self) -> None:
        """All at once, as a killed process would."""
        self._server.should_exit = self._server.force_exit = True
        for each in self.sockets:
            with contextlib.suppress(RuntimeError, WebSocketDisconnect):
                await each.close()
        self.sockets.clear()
        await self._serving
        await self.peers.close()

    async def tell(self, message: dict[str, Any]) -> None:
        for each in self.sockets:
            await each.send_json(message)

    def roster(self) -> list[dict[str, Any]]:
        return [
            {"id": who, "name": who, "role": self.role, "place": place}
            for who, place in self.places.items()
        ]

    def _app(self) -> FastAPI:
        app = FastAPI()

        @app.post("/rooms/{room}/join")
        async def join(room: str, request: Request, response: Response) -> dict[str, Any]:
            self.calls.append("join")
            if self.refusal:
                response.status_code = self.refusal.problem()["status"]
                response.headers["Retry-After"] = "0"
                return self.refusal.problem()
            wanted = await request.json()
            response.set_cookie("hustings_device", "device", httponly=True)
            self.places.setdefault("ann", "backstage")
            return {
                "token": f"token {wanted['invitation']}",
                "expires_s": self.expires_s,
                "participant": "ann",
                "name": wanted["name"],
                "role": self.role,
            }

        @app.post("/rooms/{room}/renew")
        async def renew(request: Request) -> dict[str, Any]:
            self.calls.append("renew")
            assert request.headers["authorization"].startswith("Bearer token ")
            return {"token": "token again", "expires_s": 900}

        @app.post("/rooms/{room}/rtc")
        async def rtc(request: Request) -> Response:
            self.calls.append("rtc")
            assert request.headers["authorization"].startswith("Bearer token ")
            assert request.cookies["hustings_device"] == "device"
            peer = await self.peers.accept(
                await request.body(),
                returns=True,
                on_packet=lambda seq, time, payload, _: self.heard.append((seq, time, payload)),
                on_state=lambda _: None,
            )
            return Response(peer.answer_sdp, 201, media_type="application/sdp")

        @app.websocket("/rooms/{room}/control")
        async def control(socket: WebSocket) -> None:
            await socket.accept()
            assert socket.cookies["hustings_device"] == "device"
            hello = await socket.receive_json()
            assert hello["type"] == "hello"
            self.sockets.append(socket)
            welcome = {"type": "welcome", "you": "ann", "room": {"state": "lobby"}}
            await socket.send_json(welcome | {"roster": self.roster()})
            with contextlib.suppress(WebSocketDisconnect, RuntimeError):
                while True:
                    await self._command(socket, await socket.receive_json())

        return app

    async def _command(self, socket: WebSocket, message: dict[str, Any]) -> None:
        self.commands.append(message.get("command", message["type"]))
        if message.get("command") == "accept":
            self.places["ann"] = "stage"
            await socket.send_json({"type": "done", "id": message["id"], "result": {}})
            await self.tell({"type": "roster", "roster": self.roster()})
