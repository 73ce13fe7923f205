"""A stage as web sees it: keeps rooms, checks the service token, can be away or refuse."""

from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from hustings.base.clock import Clock
from hustings.base.errors import HustingsError
from hustings.wire.rules import rules_of
from hustings.wire.tokens import KeyRing


class FakeStage:
    """Answers `GET /rooms`, `GET /board`, `PUT /rooms/{room}`, `/pictures/{name}`, `POST /rooms/{room}/revoke`, `/entries`, `/erase`, `/delete`."""

    def __init__(self, keys: KeyRing, clock: Clock) -> None:
        self._keys = keys
        self._clock = clock
        self.rooms: dict[str, dict[str, Any]] = {}
        self.past: dict[str, dict[str, Any]] = {}  # told only to who asks for them
        self.revoked: list[tuple[str, str]] = []
        self.erased: list[tuple[str, dict[str, Any]]] = []
        self.pictures: dict[str, bytes] = {}
        self.rules: dict[str, dict[str, Any]] = {}  # room -> their texts
        self.entries: list[dict[str, Any]] = []
        self.guests: list[dict[str, Any]] = []  # as they were said last
        self.calls: list[str] = []
        self.queries: list[str] = []  # calls with a query, whole
        self.board: dict[str, Any] = {
            "wall_ms": 1_800_000_000_000,
            "stage": {"ticks": 5_000, "late_ticks": 1, "skipped_ticks": 0, "troubles": []},
            "rooms": [{"room": "hall", "title": "Town hall", "state": "live"}],
            "edges": [{"edge": "a", "credential": "paris", "name": ":8010", "silent_s": 1.0}],
        }
        self.away = False  # answers 503
        self.refusal = ""  # answers 422 with this title
        self.refusal_code = "refused"
        self.app = Starlette(
            routes=[
                Route("/rooms", self._list),
                Route("/board", self._board),
                Route("/rooms/{room}", self._put, methods=["PUT"]),
                Route("/rooms/{room}/pictures/{name}", self._picture, methods=["PUT"]),
                Route("/rooms/{room}/revoke", self._revoke, methods=["POST"]),
                Route("/rooms/{room}/entries", self._append, methods=["POST"]),
                Route("/rooms/{room}/erase", self._erase, methods=["POST"]),
                Route("/rooms/{room}/delete", self._delete, methods=["POST"]),
            ]
        )

    def _stopped(self, request: Request) -> Response | None:
        self.calls.append(f"{request.method} {request.url.path}")
        if query := request.url.query:
            self.queries.append(f"{request.method} {request.url.path}?{query}")
        token = request.headers.get("authorization", "").removeprefix("Bearer ")
        try:
            self._keys.check(token, kind="service", now_s=self._clock.wall_ms() / 1_000)
        except HustingsError as error:
            return JSONResponse(error.problem(), 401)
        if self.away:
            return JSONResponse({"title": "Starting.", "code": "starting"}, 503)
        if self.refusal and request.method != "GET":
            return JSONResponse({"title": self.refusal, "code": self.refusal_code}, 422)
        return None

    async def _append(self, request: Request) -> Response:
        if stopped := self._stopped(request):
            return stopped
        self.entries.append(await request.json())
        return JSONResponse({"seq": len(self.entries)})

    async def _board(self, request: Request) -> Response:
        return self._stopped(request) or JSONResponse(self.board)

    async def _list(self, request: Request) -> Response:
        known = self.rooms | (self.past if "past" in request.query_params else {})
        return self._stopped(request) or JSONResponse(list(known.values()))

    async def _put(self, request: Request) -> Response:
        if stopped := self._stopped(request):
            return stopped
        name = request.path_params["room"]
        room = self.rooms.setdefault(name, {"room": name, "title": "", "state": "scheduled"})
        wanted = await request.json()
        if "guests" in wanted:
            self.guests = wanted["guests"]
            wanted["guests"] = [_seen(each) for each in self.guests if each["announced"]]
        room.update(wanted)
        if isinstance(said := room.get("rules"), dict):
            self.rules[name] = said
            room["rules"] = rules_of(**said).id
        if picture := room.get("picture"):  # it must have come before
            if picture["hash"] not in self.pictures:
                return JSONResponse({"title": "No such picture.", "code": "picture_unknown"}, 404)
            picture |= {"width": 640, "height": 480}
        return JSONResponse(room)

    async def _picture(self, request: Request) -> Response:
        if stopped := self._stopped(request):
            return stopped
        self.pictures[request.path_params["name"]] = await request.body()
        return Response(status_code=204)

    async def _erase(self, request: Request) -> Response:
        if stopped := self._stopped(request):
            return stopped
        self.erased.append((request.path_params["room"], await request.json()))
        return JSONResponse({"first": 1, "last": 2})

    async def _delete(self, request: Request) -> Response:
        if stopped := self._stopped(request):
            return stopped
        room = self.rooms.get(request.path_params["room"])
        if room is None:
            return JSONResponse({"title": "No such room.", "code": "room_unknown"}, 404)
        if room["state"] != "ended":
            return JSONResponse({"title": "After the end.", "code": "room_state"}, 400)
        said = {"at_ms": self._clock.wall_ms(), "by": "host", **await request.json()}
        for name in set(room) - {"room", "title", "state"}:
            del room[name]
        room["deleted"] = said
        return JSONResponse(room)

    async def _revoke(self, request: Request) -> Response:
        if stopped := self._stopped(request):
            return stopped
        self.revoked.append((request.path_params["room"], (await request.json())["participant"]))
        return JSONResponse({})


def _seen(guest: dict[str, Any]) -> dict[str, Any]:
    """What everybody sees of one who is announced."""
    return {name: said for name, said in guest.items() if name not in {"announced", "recorded"}}
