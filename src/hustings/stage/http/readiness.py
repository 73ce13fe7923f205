"""`GET /rooms/{room}/readiness`: whether a room can go live, and what to mend (docs/protocol.md 4.5).

Looked at anew each `FRESH_S` at most, however many hosts' pages ask.
"""

import asyncio
import html
from typing import Any, Final

import msgspec
from fastapi import APIRouter, Request

from hustings.base.errors import Denied
from hustings.pages.render import choose_language, render
from hustings.stage import checks
from hustings.stage.http.door import Door, bearer
from hustings.stage.readiness import Finding, judge, worst
from hustings.stage.room import HOSTS

FRESH_S: Final = 1.0
ROOMS: Final = 100  # whose findings are kept


class Kept:
    """The last findings of each room that was asked about; the longest ago make room."""

    def __init__(self, door: Door) -> None:
        self._door = door
        self._found: dict[str, tuple[float, list[Finding]]] = {}
        self._looking = asyncio.Lock()  # one look at a time: a slow disk is not asked twice

    async def findings(self, room: str) -> list[Finding]:
        """At most `FRESH_S` old. Raises NotFound `room_unknown`."""
        async with self._looking:
            at_s, found = self._found.get(room, (float("-inf"), []))
            if self._door.clock.monotonic() - at_s < FRESH_S:
                return found
            seen = await self._door.engine.do(lambda studio: checks.look(studio, room))
            probes = self._door.probes
            if seen.sound_check:
                probes.listen(seen.sound_check)
            problem = probes.problem(seen.sound_check)
            seen = checks.probed(seen, edge=probes.edge, problem=problem)
            facts = await asyncio.to_thread(
                checks.facts, seen, self._door.settings, self._door.clock
            )
            self._found.pop(room, None)
            if len(self._found) >= ROOMS:
                del self._found[next(iter(self._found))]
            self._found[room] = (self._door.clock.monotonic(), judge(facts))
            return self._found[room][1]


def router(door: Door) -> APIRouter:
    """The one route; for hosts of the room, and for our own services."""
    routes = APIRouter()
    kept = Kept(door)

    @routes.get("/rooms/{room}/readiness")
    async def readiness(room: str, request: Request) -> dict[str, Any]:
        await _allowed(door, room, request)
        found = await kept.findings(room)
        language = choose_language(request.headers.get("accept-language"), request.url.query)
        return {
            "ready": worst(found),
            "findings": [
                msgspec.to_builtins(finding) | {"said": said, "mend": mend}
                for finding, (said, mend) in zip(found, sentences(found, language), strict=True)
            ],
        }

    return routes


async def _allowed(door: Door, room: str, request: Request) -> None:
    """Hosts and co-hosts of the room, and our own services; else Denied."""
    try:
        door.service(request)
    except Denied:
        seated = door.seated(bearer(request), room, request)
        who = await door.engine.do(
            lambda studio: studio.meeting(room).seats.known(seated.participant)
        )
        if who.role not in HOSTS:
            raise Denied("role_denied", "Only hosts see whether a room is ready.") from None


def sentences(findings: list[Finding], language: str) -> list[tuple[str, str]]:
    """For each finding what is, and what to do about it (empty: nothing)."""
    page = render("_readiness.html", language, findings=findings).decode()
    lines = [html.unescape(line) for line in page.split("\n")]
    return list(zip(lines[::2], lines[1::2], strict=False))
