"""Leaving without a silence: all who listen go elsewhere while this edge still sends.

Keeps true: whoever understands the event `drain` has another line before this one ends, and they
do not all go at once (`spread_s`, docs/protocol.md 3.5); players that know nothing of it are let
go one after the other at the end, without a last chunk, so that they come back elsewhere. Called
by `edge.app` when nobody new is accepted any more.
"""

import asyncio
from typing import Final

from hustings.base.clock import Clock
from hustings.edge.http.server import Server
from hustings.edge.rooms import Rooms

LOOK_S: Final = 0.1


async def drain(
    rooms: Rooms, server: Server, clock: Clock, *, spread_s: float, within_s: float
) -> None:
    """Tell all to move within `spread_s` seconds; return when they have, or after `within_s`."""
    server.draining = True
    for live in rooms.live.values():
        live.program.say("drain", {"spread_s": spread_s})
    end_s = clock.monotonic() + within_s
    last_s = min(spread_s, within_s / 2)
    while (rest := server.busy()) and (left_s := end_s - clock.monotonic()) > 0:
        if left_s < last_s:
            for connection in rest[: 1 + int(len(rest) * LOOK_S / left_s)]:
                connection.transport.close()
        await asyncio.sleep(min(LOOK_S, left_s))
