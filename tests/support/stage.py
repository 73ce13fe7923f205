"""A real stage in this process: engine on its thread, HTTP on a free loopback port."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Self

import httpx
import websockets

from hustings.base.clock import SystemClock
from hustings.base.ids import new_id
from hustings.base.keyfiles import edges_key, participant_key, service_key, ticket_key
from hustings.base.limits import Limits
from hustings.base.listening import bound_socket
from hustings.base.server import GuardedServer
from hustings.journal.keys import load_or_make
from hustings.journal.records import Record, RecordReader
from hustings.settings import JournalSettings, PublicUrl, Rtc, Settings, StageSettings
from hustings.stage.app import create_app
from hustings.stage.engine import Engine
from hustings.stage.http.door import Door
from hustings.wire.credentials import EdgeSigner
from hustings.wire.tokens import Claims, KeyRing
from tests.fakes.rtc_client import SILENCE, Caller
from tests.fakes.udp_relay import UdpRelay
from tests.support.house import free_ports


class Stage:
    """`async with Stage(tmp_path) as stage:`; stopping and starting again continues the rooms."""

    def __init__(
        self, data: Path, *, rooms: int = 20, seats: int = 13, snapshot_s: float = 60.0
    ) -> None:
        import socket

        first = min(free_ports(1, kind=socket.SOCK_DGRAM)[0], 65_000)
        self.data = data
        self.settings = Settings(
            data=str(data),
            stage=StageSettings(
                port=0, rooms=rooms, seats=seats, rtc=Rtc(first_port=first, last_port=first + 60)
            ),
            journal=JournalSettings(snapshot_s=snapshot_s),
            public_url=PublicUrl(edge="http://edge.test"),
        )
        self.clock = SystemClock()
        self.url = ""
        self.persons: list[Person] = []

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        for person in self.persons:
            await person.http.aclose()
        await self.stop()

    async def start(self) -> None:
        key = load_or_make(self.data / "keys")
        self.services = KeyRing([service_key(self.data)])
        self.people = KeyRing([participant_key(self.data)])
        self.engine = Engine(self.settings, key, self.clock)
        await asyncio.to_thread(self.engine.start)
        listener = bound_socket("127.0.0.1", 0, flag="--stage-port")
        self.url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        self.door = door = Door(
            self.settings,
            self.engine,
            self.clock,
            people=self.people,
            services=self.services,
            tickets=ticket_key(self.data),
            edges=EdgeSigner(edges_key(self.data)),
        )
        ready = asyncio.Event()
        self._server = GuardedServer(
            create_app(door, key), sock=listener, limits=Limits(rate=1e6, burst=1e6),
            clock=self.clock, on_ready=ready.set,
        )  # fmt: skip
        self._serving = asyncio.get_running_loop().create_task(self._server.serve())
        await ready.wait()

    async def stop(self) -> None:
        self._server.stop()
        await self._serving
        await self.door.close()
        await asyncio.to_thread(self.engine.stop)

    # --- credentials -------------------------------------------------------------------------------

    def service_headers(self, kind: str = "service", *, age_s: int = 0) -> dict[str, str]:
        now_s = self.clock.wall_ms() // 1_000 - age_s
        claims = Claims(typ=kind, jti=new_id(), iat=now_s, exp=now_s + 300)  # type: ignore[arg-type]
        return {"Authorization": f"Bearer {self.services.sign(claims)}"}

    def invite(self, room: str, role: str, *, kind: str = "invite", exp: int = 0) -> str:
        seat = new_id()
        claims = Claims(
            typ=kind,
            jti=seat,
            iat=self.clock.wall_ms() // 1_000 - 10,
            exp=exp,
            room=room,
            sub=seat,
            role=role,  # type: ignore[arg-type]
        )
        return self.people.sign(claims)

    # --- calls ---------------------------------------------------------------------------------------

    async def put(self, room: str, **facts: Any) -> dict[str, Any]:
        async with httpx.AsyncClient() as http:
            answer = await http.put(
                f"{self.url}/rooms/{room}", json=facts, headers=self.service_headers()
            )
        answer.raise_for_status()
        body: dict[str, Any] = answer.json()
        return body

    async def records(self, room: str, *, until: Any, query: str = "from=0") -> list[Record]:
        """Follow the feed until `until(records)` is true; the test's timeout bounds it."""
        reader, records = RecordReader(), []
        async with (
            httpx.AsyncClient(timeout=20) as http,
            http.stream(
                "GET", f"{self.url}/feed/{room}?{query}", headers=self.service_headers("edge")
            ) as answer,
        ):
            if answer.status_code != 200:
                await answer.aread()
                raise AssertionError(f"{answer.status_code} {answer.text}")
            async for chunk in answer.aiter_bytes():
                records += reader.feed(chunk)
                if until(records):
                    break
        return records


class Person:
    """Somebody with an invitation: joins, has a control socket, and speaks by WebRTC."""

    def __init__(self, stage: Stage, room: str, role: str, invitation: str = "") -> None:
        self.stage, self.room, self.role = stage, room, role
        self.invitation = invitation or stage.invite(room, role)
        self.http = httpx.AsyncClient(base_url=stage.url)
        self.id = self.token = ""
        self.heard: list[dict[str, Any]] = []
        self._number = 0
        stage.persons.append(self)

    async def join(self, name: str = "") -> Self:
        body = {"invitation": self.invitation, "name": name or self.role}
        answer = await self.http.post(f"/rooms/{self.room}/join", json=body)
        if answer.status_code == 428:  # the room has rules: read, and agreed to
            body["rules"] = answer.json()["rules"]["id"]
            answer = await self.http.post(f"/rooms/{self.room}/join", json=body)
        assert answer.status_code == 200, answer.text
        self.token, self.id = answer.json()["token"], answer.json()["participant"]
        return self

    @contextlib.asynccontextmanager
    async def control(self) -> AsyncIterator[Self]:
        url = f"{self.stage.url.replace('http', 'ws', 1)}/rooms/{self.room}/control"
        cookie = "; ".join(f"{k}={v}" for k, v in self.http.cookies.items())
        async with websockets.connect(
            url,
            additional_headers={"Cookie": cookie},
            close_timeout=0.2,  # messages that nobody reads stand before the goodbye
        ) as self.socket:
            await self.socket.send(json.dumps({"type": "hello", "token": self.token}))
            await self.hear("welcome")
            yield self

    async def hear(self, kind: str, **facts: Any) -> dict[str, Any]:
        """The next message of that kind (and with those facts)."""
        async with asyncio.timeout(60):
            while True:
                message: dict[str, Any] = json.loads(await self.socket.recv())
                self.heard.append(message)
                if message["type"] == kind and facts.items() <= message.items():
                    return message

    async def do(self, command: str, **args: Any) -> dict[str, Any]:
        """Send a command; the `done` or `error` message."""
        self._number += 1
        await self.socket.send(
            json.dumps({"type": "do", "id": self._number, "command": command, **args})
        )
        async with asyncio.timeout(60):
            while True:
                message: dict[str, Any] = json.loads(await self.socket.recv())
                self.heard.append(message)
                if message.get("id") == self._number:
                    return message

    async def speak(
        self, frames: list[bytes] | None = None, *, by: UdpRelay | None = None
    ) -> Caller:
        """Connect WebRTC, directly or through a relay; waits until connected."""
        caller = Caller(frames or [SILENCE], every_s=0.02)
        answer = await self.http.post(
            f"/rooms/{self.room}/rtc",
            content=await caller.offer(),
            headers={"Authorization": f"Bearer {self.token}", "Content-Type": "application/sdp"},
        )
        assert answer.status_code == 201, answer.text
        await caller.answered(by.rewritten(answer.text) if by else answer.text)
        async with asyncio.timeout(10):
            while caller.connection.connectionState != "connected":
                await asyncio.sleep(0.02)
        return caller
