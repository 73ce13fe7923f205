"""A participant's seat in a room, held by a program: joins, asks for the stage, sends sound.

Keeps true: the same seat is taken again after every fault (a killed stage, a lost network), by
the same invitation; only a refusal that time does not mend ends it. Speaks docs/protocol.md 4
and 4.1. Called by `cli.say`; the sound itself comes from there, by `send`.
"""

import asyncio
import contextlib
import json
import logging
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

import httpx
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake

from hustings.base.clock import Clock
from hustings.base.errors import Denied, HustingsError, NotFound, PeerError, TryLater
from hustings.base.tasks import Tasks
from hustings.cli.client import http_client, is_loopback, problem_of, trust
from hustings.stage.rtc.caller import call
from hustings.stage.rtc.peers import Peer, PeerStatistics

log = logging.getLogger(__name__)

PATIENCE_S: Final = 30.0  # for the first time; then for ever
SLOWEST_S: Final = 3.0  # between two attempts: a killed stage is back within 3 s
_FINAL_BYE: Final = frozenset({"elsewhere", "removed", "revoked", "room_ended", "ended"})
_FAULTS: Final = (OSError, TimeoutError, httpx.TransportError, ConnectionClosed, InvalidHandshake)

Where = Literal["away", "backstage", "stage"]


@dataclass(frozen=True)
class Ticket:
    """Which seat, and how it is asked for."""

    stage: str  # base URL
    room: str
    invitation: str
    name: str = ""
    go_live: bool = False  # a host also opens the room
    agree: bool = False  # to the room's rules, whatever they are
    ca: str = ""


class Seat:
    """One seat; `hold()` keeps it until `leave()`."""

    def __init__(self, ticket: Ticket, clock: Clock) -> None:
        self.where: Where = "away"
        self.on_air = asyncio.Event()  # on stage, with sound: set and cleared as it comes and goes
        self.left = asyncio.Event()
        self.connections = 0
        self.heard = 0  # packets of the others' sound
        self.unsent = 0  # frames without a connection
        self.peer: Peer | None = None
        self.line: PeerStatistics | None = None  # of the present connection, or the last one
        self._ticket = ticket
        self._clock = clock
        self._client = http_client(ticket.stage, base=ticket.stage, ca=ticket.ca)
        self._me = ""
        self._role = ""
        self._token = ""
        self._renew_s = 600.0
        self._commands = 0
        self._rules = ""  # id of those that were agreed to
        self._hung_up = asyncio.Event()

    def send(self, frame: bytes) -> None:
        """One Opus frame of 20 ms; lost while there is no connection."""
        if self.on_air.is_set() and self.peer is not None:
            self.peer.send(frame)
        else:
            self.unsent += 1

    def look(self) -> PeerStatistics | None:
        """The line's numbers as they stand; of the last connection while there is none."""
        if self.peer is not None:
            self.line = self.peer.statistics()
        return self.line

    def leave(self) -> None:
        """`hold` returns soon."""
        self.left.set()

    async def hold(self) -> None:
        """Join, and join again after faults. Raises what time does not mend."""
        began_s, failures = self._clock.monotonic(), 0
        async with self._client:
            while not self.left.is_set():
                asked_s = 0.0
                before = self.connections
                try:
                    await self._sit()
                except TryLater as error:
                    asked_s = error.delay_s
                    log.info("%s", error.title)
                except NotFound:
                    if self.connections == 0:
                        raise
                except _FAULTS as error:
                    why = str(error) or type(error).__name__
                    level = logging.WARNING if failures == 0 else logging.INFO
                    log.log(level, "no answer from %s (%s); trying again", self._ticket.stage, why)
                failures = 0 if self.connections > before else failures + 1
                patient = self._clock.monotonic() - began_s < PATIENCE_S
                if self.connections == 0 and not patient:
                    raise NotFound("stage_unreachable", f"No answer from {self._ticket.stage}.")
                await self._pause(asked_s, failures)

    async def _pause(self, asked_s: float, failures: int) -> None:
        chance = secrets.randbelow(1_000) / 1_000
        wait_s = asked_s + (0.1 + chance) * min(SLOWEST_S, 0.2 * 2.0 ** min(failures, 5))
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(wait_s):
                await self.left.wait()

    async def _sit(self) -> None:
        """One time from joining to the end of either connection."""
        ticket = self._ticket
        joined = await self._join()
        self._token, self._role = str(joined["token"]), str(joined["role"])
        self._me = str(joined["participant"])
        self._renew_s = float(joined.get("expires_s", 900)) * 0.6
        self._hung_up.clear()
        tasks = Tasks()
        try:
            async with connect(
                f"{ticket.stage.replace('http', 'ws', 1)}/rooms/{ticket.room}/control",
                additional_headers={"Cookie": self._cookies()},
                proxy=None if is_loopback(ticket.stage) else True,
                ssl=trust(ticket.ca, ticket.stage) if ticket.stage.startswith("https") else None,
                max_size=1 << 20,
            ) as control:
                await control.send(json.dumps({"type": "hello", "token": self._token}))
                tasks.start(self._renew(control), name="token")
                ends = [tasks.start(e.wait(), name="end") for e in (self.left, self._hung_up)]
                reading = asyncio.get_running_loop().create_task(self._follow(control))
                try:
                    self.peer = await self._call()
                    self.connections += 1
                    self._settle()
                    await asyncio.wait([reading, *ends], return_when=asyncio.FIRST_COMPLETED)
                    if self.left.is_set():
                        await self._do(control, "leave")
                finally:
                    reading.cancel()
                    await asyncio.wait([reading])
                if not reading.cancelled():
                    reading.result()  # raises what the stage said
        finally:
            self.where = "away"
            self.on_air.clear()
            await tasks.close()
            self.look()
            peer, self.peer = self.peer, None
            if peer is not None:
                await peer.close()

    async def _join(self) -> dict[str, Any]:
        """Take the seat; whoever agreed beforehand agrees to the rules that hold."""
        wanted = {"invitation": self._ticket.invitation, "name": self._ticket.name}
        try:
            return await self._post("join", json=wanted | {"rules": self._rules})
        except PeerError as error:
            if error.code != "rules_unread":
                raise
            rules = error.facts.get("rules", {})
            if not self._ticket.agree:
                raise Denied(error.code, _unread(rules)) from None
            self._rules = str(rules.get("id", ""))
        return await self._post("join", json=wanted | {"rules": self._rules})

    async def _call(self) -> Peer:
        async def exchange(offer: str) -> str:
            response = await self._client.post(
                f"/rooms/{self._ticket.room}/rtc",
                content=offer,
                headers={
                    "Content-Type": "application/sdp",
                    "Authorization": f"Bearer {self._token}",
                },
            )
            if response.status_code != 201:
                raise problem_of(response)
            return response.text

        def heard(_seq: int, _time: int, _payload: bytes, _arrival_s: float) -> None:
            self.heard += 1

        return await call(exchange, on_packet=heard, on_state=self._line, clock=self._clock)

    def _line(self, state: str) -> None:
        if state == "closed":
            self._hung_up.set()
        self._settle()

    def _settle(self) -> None:
        connected = self.peer is not None and self.peer.state == "connected"
        if connected and self.where == "stage":
            self.on_air.set()
        else:
            self.on_air.clear()

    async def _follow(self, control: ClientConnection) -> None:
        """Read the control socket; its end is the end of the seat's connection."""
        async for text in control:
            message = json.loads(text)
            match message.get("type"):
                case "welcome":
                    await self._placed(control, message["roster"])
                    if self._ticket.go_live and message["room"]["state"] != "live":
                        await self._do(control, "go_live")
                case "roster":
                    await self._placed(control, message["roster"])
                case "invited":
                    await self._do(control, "accept")
                case "error":
                    log.warning("the stage refused: %s", message.get("title"))
                case "bye":
                    self._bye(message)

    async def _placed(self, control: ClientConnection, roster: list[dict[str, Any]]) -> None:
        me = next((each for each in roster if each["id"] == self._me), {})
        asked = self.where != "away"
        self.where = "stage" if me.get("place") == "stage" else "backstage"
        if self.where == "backstage" and self._role in {"host", "cohost"} and not asked:
            await self._do(control, "accept")
        self._settle()

    async def _do(self, control: ClientConnection, command: str) -> None:
        self._commands += 1
        await control.send(json.dumps({"type": "do", "id": self._commands, "command": command}))

    def _bye(self, message: dict[str, Any]) -> None:
        code, title = str(message.get("code", "")), str(message.get("title", "The stage hung up."))
        if code in _FINAL_BYE:
            raise Denied(code, title)
        raise TryLater(code, title, delay_s=0.0)

    async def _renew(self, control: ClientConnection) -> None:
        while True:
            await asyncio.sleep(self._renew_s)
            bearer = {"Authorization": f"Bearer {self._token}"}
            try:
                renewed = await self._post("renew", headers=bearer)
            except (HustingsError, *_FAULTS) as error:
                log.info("the token could not be renewed: %s", error)
                self._renew_s = 10.0
                continue
            self._token = str(renewed["token"])
            self._renew_s = float(renewed.get("expires_s", 900)) * 0.6
            await control.send(json.dumps({"type": "token", "token": self._token}))

    async def _post(self, what: str, **request: Any) -> dict[str, Any]:
        response = await self._client.post(f"/rooms/{self._ticket.room}/{what}", **request)
        if not response.is_success:
            raise problem_of(response)
        try:
            document = response.json()
        except ValueError:
            document = None
        if not isinstance(document, dict):
            raise PeerError(
                "stage_answer", f"{self._ticket.stage} does not answer as a stage does."
            )
        return document

    def _cookies(self) -> str:
        return "; ".join(f"{each.name}={each.value}" for each in self._client.cookies.jar)


def _unread(rules: Mapping[str, Any]) -> str:
    house = rules.get("house", {})
    texts = [house.get("en") or next(iter(house.values()), ""), rules.get("own", "")]
    said = "\n\n".join(text for text in texts if text)
    return f"This room has rules; with --agree you say that you will keep them:\n\n{said}"
