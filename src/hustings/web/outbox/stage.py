"""The calls that web makes to the stage (docs/protocol.md 4), each a few seconds at most."""

import base64
import ssl
from typing import Any, Final

import httpx
import msgspec

from hustings.base.clock import Clock
from hustings.base.errors import HustingsError, TryLater
from hustings.base.ids import RoomId, new_id
from hustings.web.outbox.model import Message
from hustings.web.rooms.erasing import Stretch
from hustings.wire.kinds import Room
from hustings.wire.tokens import Claims, KeyRing

_TIMEOUT_S: Final = 4.0
_TOKEN_S: Final = 300
_AGAIN: Final = frozenset({401, 403, 408, 425, 429})  # clocks, keys and load may come right


class StageRefused(HustingsError):
    """The stage said no for good; code and title are its own, `stage_refused` where it gave no code."""


class StageClient:
    """HTTP to one stage."""

    def __init__(
        self, url: str, keys: KeyRing, clock: Clock, *, tls: ssl.SSLContext | bool = True
    ) -> None:
        self._keys = keys
        self._clock = clock
        self._http = httpx.AsyncClient(
            base_url=url, timeout=_TIMEOUT_S, verify=tls, trust_env=False
        )

    async def rooms(self, *, deleted_since_ms: int, past: bool = False) -> list[Room]:
        """The rooms that the stage has in memory, and those that were deleted since a wall time.

        past: also all that it does not have in memory.
        """
        query = f"deleted_since={deleted_since_ms}{'&past' if past else ''}"
        response = await self._call("GET", f"/rooms?{query}", None)
        return msgspec.json.decode(response.content, type=list[Room])

    async def board(self) -> bytes:
        """How stage, edges and rooms are doing, as JSON. Raises TryLater `stage_away`."""
        try:
            response = await self._call("GET", "/board", None)
        except (httpx.HTTPError, StageRefused) as error:
            raise TryLater("stage_away", "The stage does not answer just now.") from error
        return response.content

    async def erase(self, room: RoomId, stretch: Stretch) -> None:
        """Have a stretch of the past taken back. Raises StageRefused, TryLater `stage_away`."""
        try:
            await self._call("POST", f"/rooms/{room}/erase", msgspec.structs.asdict(stretch))
        except httpx.HTTPError as error:
            raise TryLater("stage_away", "The stage does not answer just now.") from error

    async def delete(self, room: RoomId, reason: str) -> Room:
        """Have a whole recording deleted; what stays. Raises StageRefused, TryLater `stage_away`."""
        try:
            response = await self._call("POST", f"/rooms/{room}/delete", {"reason": reason})
        except httpx.HTTPError as error:
            raise TryLater("stage_away", "The stage does not answer just now.") from error
        return msgspec.json.decode(response.content, type=Room)

    async def send(self, message: Message) -> Room | None:
        """Deliver one message; returns the room as it now is, where the stage tells it.

        Raises StageRefused, TryLater, or httpx.HTTPError if the stage is away.
        """
        room = message.room
        match message.call:
            case "room":
                response = await self._call("PUT", f"/rooms/{room}", message.body)
                return msgspec.json.decode(response.content, type=Room)
            case "picture":
                path = f"/rooms/{room}/pictures/{message.body['hash']}"
                await self._call("PUT", path, base64.b64decode(message.body["jpeg"]))
            case "revoke":
                await self._call("POST", f"/rooms/{room}/revoke", message.body)
            case "entry":
                await self._call("POST", f"/rooms/{room}/entries", message.body)
        return None

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    def _token(self) -> str:
        now_s = self._clock.wall_ms() // 1_000
        return self._keys.sign(Claims(typ="service", jti=new_id(), iat=now_s, exp=now_s + _TOKEN_S))

    async def _call(
        self, method: str, path: str, body: dict[str, Any] | bytes | None
    ) -> httpx.Response:
        """body: JSON to be, or a picture."""
        headers = {"Authorization": f"Bearer {self._token()}"}
        if isinstance(body, bytes):
            headers["Content-Type"] = "image/jpeg"
            response = await self._http.request(method, path, content=body, headers=headers)
        else:
            response = await self._http.request(method, path, json=body, headers=headers)
        if response.is_success:
            return response
        title = _said(response, "title") or f"HTTP {response.status_code}"
        if response.status_code in _AGAIN or response.status_code >= 500:
            raise TryLater("stage_away", title)
        raise StageRefused(_said(response, "code") or "stage_refused", title)


def _said(response: httpx.Response, field: str) -> str:
    """A field of the problem document, or ""."""
    try:
        return str(response.json()[field])[:200]
    except (ValueError, KeyError, TypeError):
        return ""
