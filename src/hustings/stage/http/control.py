"""The control socket: what named participants see and ask for (docs/protocol.md 4.1).

Each socket has one bounded queue towards its page; a page that does not read is cut off (`slow`)
and comes back by itself. Messages are limited to 20 a second; what is more is refused, slowly. A second socket of one seat closes
the first (`elsewhere`): the newest tab or device is the one that counts.
"""

import asyncio
import contextlib
import logging
from typing import Any, Final

import msgspec
from fastapi import APIRouter, WebSocket, WebSocketDisconnect

from hustings.base.errors import Denied, HustingsError, PeerError, TryLater
from hustings.base.ids import RoomId, new_id
from hustings.stage.hall.hall import Hall
from hustings.stage.http.door import Door
from hustings.stage.room import HOSTS, other_seat
from hustings.stage.rtc.relays import told_to_pages
from hustings.stage.studio import Studio

log = logging.getLogger(__name__)

QUEUE: Final = 256  # messages; at 5 levels a second about 50 s of a page that does not read
MESSAGE_BYTES: Final = 16 * 1024
COMMANDS_A_SECOND: Final = 20
HELLO_S: Final = 5.0
SILENT_S: Final = 4.0  # a page says `here` each second, also from a tab in the background
BYE: Final = {"type": "bye"}
_LINE_ENDS: Final = (WebSocketDisconnect, RuntimeError)  # starlette's words for a closed socket
CLOSE_CODE: Final = 4_000


class Socket:
    """One page's socket; created and used on the door's loop."""

    def __init__(self, door: Door, room: str, socket: WebSocket) -> None:
        self._door = door
        self._room = room
        self._socket = socket
        self._loop = asyncio.get_running_loop()
        self._out: asyncio.Queue[dict[str, Any]] = asyncio.Queue(QUEUE)
        self._hall: Hall | None = None
        self._who = self._device = ""
        self._is_host = False  # when they came in
        self._beats = False  # the page says that it is there, each second
        self._tokens = float(COMMANDS_A_SECOND)
        self._refilled_s = door.clock.monotonic()

    async def serve(self) -> None:
        """Hello, then both directions until one ends."""
        await self._socket.accept()
        try:
            await self._hello()
            await self._talk()
        except HustingsError as error:
            await self._say_bye(error.code, error.title)
        except (WebSocketDisconnect, TimeoutError):
            await self._say_bye("hello_late", "The first message has to carry the token.")
        finally:
            if self._who:  # also if the page was gone before it was welcomed
                await self._door.engine.do(self._leave)

    async def _talk(self) -> None:
        reading = asyncio.get_running_loop().create_task(self._read(), name="control reads")
        writing = asyncio.get_running_loop().create_task(self._write(), name="control writes")
        try:
            await asyncio.wait({reading, writing}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (reading, writing):
                task.cancel()
            ends = await asyncio.gather(reading, writing, return_exceptions=True)
            for error in ends:
                if isinstance(error, Exception) and not isinstance(error, _LINE_ENDS):
                    log.error("a bug at the control socket of %s", self._room, exc_info=error)
            with contextlib.suppress(RuntimeError, WebSocketDisconnect):
                await self._socket.close(CLOSE_CODE)

    async def _hello(self) -> None:
        async with asyncio.timeout(HELLO_S):
            first = await self._receive()
        if first.get("type") != "hello":
            raise PeerError("hello_missing", "The first message has to be `hello` with the token.")
        seated = self._door.seated(str(first.get("token", "")), self._room, self._socket)
        self._who, self._device = seated.participant, seated.device
        view = await self._door.engine.do(self._enter)
        urls = self._door.links(self._socket)
        await self._socket.send_json(
            {"type": "welcome", "you": self._who, **view, "edge": urls.edge}
            | {"listen": urls.listen(self._where.room)}
            | {
                "ice": told_to_pages(
                    self._door.settings.stage.rtc, self._door.clock.wall_ms() // 1_000
                )
            }
        )
        if self._is_host:
            self._queue(self._door.pushes.view(RoomId(self._room)))

    @property
    def _where(self) -> Hall:
        """The room, or its rehearsal; where this page came in it stays."""
        assert self._hall is not None  # nobody talks before they were welcomed
        return self._hall

    # On the studio's thread:

    def _enter(self, studio: Studio) -> dict[str, Any]:
        self._hall = hall = studio.meeting(self._room)
        self._is_host = hall.seats.known(self._who).role in HOSTS
        hall.seats.at_device(self._who, self._device)
        hall.seats.open_page(self._who, self._hear)
        return hall.telling.view()

    def _leave(self, studio: Studio) -> None:
        del studio  # we are on its thread
        if self._hall is not None:
            self._hall.seats.close_page(self._who, self._hear)

    def _hear(self, message: dict[str, Any]) -> None:
        with contextlib.suppress(RuntimeError):  # the door's loop is closing
            self._loop.call_soon_threadsafe(self._queue, message)

    # On the door's loop:

    def _queue(self, message: dict[str, Any]) -> None:
        if self._out.full():
            while not self._out.empty():
                self._out.get_nowait()
            message = BYE | {"code": "slow", "title": "This page stopped reading; it reconnects."}
        self._out.put_nowait(message)

    async def _write(self) -> None:
        while True:
            message = await self._out.get()
            await self._socket.send_text(msgspec.json.encode(message).decode())
            if message["type"] == "bye":
                return

    async def _read(self) -> None:
        with contextlib.suppress(WebSocketDisconnect):
            while True:
                try:
                    async with asyncio.timeout(SILENT_S if self._beats else None):
                        message = await self._receive()
                except TimeoutError:  # its machine or its network is gone; else it comes back
                    return
                except PeerError as error:
                    self._queue(BYE | {"code": error.code, "title": error.title})
                    continue
                if not self._pay():
                    await self._throttle(message)
                    continue
                match message.get("type"):
                    case "do":
                        await self._do(message)
                    case "token":
                        self._renewed(message)
                    case "here":
                        self._beats = True
                    case _:
                        pass  # newer pages may say more

    def _renewed(self, message: dict[str, Any]) -> None:
        try:
            seated = self._door.seated(str(message.get("token", "")), self._room, self._socket)
            if seated.participant != self._who:
                raise Denied("token_bad", "This token is for another seat.")
        except Denied as error:
            self._queue(BYE | {"code": error.code, "title": error.title})

    async def _do(self, message: dict[str, Any]) -> None:
        number, command = message.get("id"), str(message.get("command", ""))
        try:
            await self._door.engine.wait(
                lambda studio: studio.command(self._where, self._who, command, message)
            )
            result = await self._beyond(command, message)
        except HustingsError as error:
            self._queue({"type": "error", "id": number, "code": error.code, "title": error.title})
        else:
            self._queue({"type": "done", "id": number, "result": result})

    async def _beyond(self, command: str, message: dict[str, Any]) -> dict[str, str]:
        """What a command that the room allowed does outside it, and what it gives back."""
        room, pushes = RoomId(self._room), self._door.pushes
        match command:
            case "link":
                return self._link(message)
            case "role":  # perhaps somebody became a host
                await pushes.tell(room)
            case "push_add":
                url, key = str(message.get("url", "")), str(message.get("key", ""))
                return {"id": pushes.add(room, url, key, hold=message.get("hold") is True)}
            case "push_drop":
                await pushes.drop(room, str(message.get("target", "")))
        return {}

    def _link(self, message: dict[str, Any]) -> dict[str, str]:
        role, name = str(message.get("role", "speaker")), str(message.get("name", ""))[:80]
        seat = new_id()
        invitation = self._door.new_invitation(self._room, role=role, name=name, seat=seat)
        urls = self._door.links(self._socket)
        whip = self._door.new_invitation(
            self._room, role=role, name=name, kind="whip", seat=other_seat(seat)
        )
        return {
            "invitation": invitation,
            "url": urls.seat(RoomId(self._room), invitation),
            "whip_url": urls.whip(RoomId(self._room)),
            "whip_token": whip,
        }

    def _pay(self) -> bool:
        """A token bucket: 20 messages a second, bursts of 20."""
        now_s = self._door.clock.monotonic()
        refill = (now_s - self._refilled_s) * COMMANDS_A_SECOND
        self._tokens = min(float(COMMANDS_A_SECOND), self._tokens + refill)
        self._refilled_s = now_s
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True

    async def _throttle(self, message: dict[str, Any]) -> None:
        """Refuse one message, and read the next a little later: what floods us waits at its sender."""
        error = TryLater("too_many_commands", f"At most {COMMANDS_A_SECOND} commands a second.")
        if message.get("type") == "do":
            said = {"type": "error", "id": message.get("id")}
            self._queue(said | {"code": error.code, "title": error.title})
        await asyncio.sleep(1 / COMMANDS_A_SECOND)

    async def _receive(self) -> dict[str, Any]:
        received = await self._socket.receive()
        if received["type"] == "websocket.disconnect":
            raise WebSocketDisconnect(received.get("code", 1_006))
        text = received.get("text") or ""  # empty: a binary message, and no JSON
        if len(text) > MESSAGE_BYTES:
            raise PeerError("message_size", f"A message is at most {MESSAGE_BYTES} bytes.")
        try:
            message = msgspec.json.decode(text, type=dict[str, Any])
        except msgspec.MsgspecError:
            raise PeerError("message_bad", "A message is one JSON object.") from None
        return message

    async def _say_bye(self, code: str, title: str) -> None:
        with contextlib.suppress(RuntimeError, WebSocketDisconnect):
            await self._socket.send_json(BYE | {"code": code, "title": title})
            await self._socket.close(CLOSE_CODE)


def router(door: Door) -> APIRouter:
    """`/rooms/{room}/control`."""
    routes = APIRouter()

    @routes.websocket("/rooms/{room}/control")
    async def control(socket: WebSocket, room: str) -> None:
        await Socket(door, room, socket).serve()

    return routes
