"""An edge and the stage that feeds it, as processes of their own, for the measurements beside this file.

    python -m bench.edges stage
    python -m bench.edges edge ORIGIN [--joined 3] [--join-share 0.2] [--cert F --key F] [--proxied]

Each prints one JSON line when it is ready, the edge one more (its counters) for each line on stdin.
The readers come from 127/8, which no edge limits by address.
Ends by itself after five minutes.
"""

import argparse
import asyncio
import json
import os
import resource
import sys
import time
from collections import Counter

import msgspec
import uvloop

from hustings.base.clock import SystemClock
from hustings.edge.app import Edge, listen
from hustings.edge.pressure.ladder import rung
from hustings.settings import EdgeSettings, Settings, Tls
from tests.fakes.stage_feed import StageFeed

ROOM = "demo"
LONGEST_S = 300


async def stage() -> None:
    """A stage with one live room."""
    feed = StageFeed()
    feed.index_s = 1.0
    feed.room(ROOM)
    feed.live(ROOM)
    await feed.start()
    print(json.dumps({"url": feed.url}), flush=True)
    await asyncio.sleep(LONGEST_S)


async def edge(options: argparse.Namespace) -> None:
    """An edge whose pace is held, however busy the machine is."""
    settings = Settings(
        edge=EdgeSettings(
            origin=options.origin,
            token="edge-token",
            lane_port=0,
            join_share=options.join_share,
            proxy_protocol=options.proxied,
        ),
        tls=Tls(cert=options.cert, key=options.key),
    )
    here = Edge(settings, SystemClock())
    pace = msgspec.structs.replace(rung(0), joined=options.joined)
    here.watch.ladder.rung = pace
    here.watch.ladder.step = lambda _sample, _now_s: pace  # type: ignore[method-assign]
    here.rooms.climb(pace)
    objects: Counter[object] = Counter()
    handle = here.server.handler

    def counting(connection, request):  # type: ignore[no-untyped-def]
        objects[request.path, *sorted(request.query.items())] += 1
        handle(connection, request)

    here.server.handler = counting
    sock = listen("127.0.0.1", 0)
    await here.start(sock)
    while not here.rooms.indexed:  # noqa: ASYNC110 - once, at the start
        await asyncio.sleep(0.02)
    print(json.dumps({"port": sock.getsockname()[1]}), flush=True)
    asked = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_reader(0, lambda: asked.set() if os.read(0, 100) else None)
    loop.call_later(LONGEST_S, lambda: os._exit(1))
    while True:
        await asked.wait()
        asked.clear()
        live = here.rooms.live.get(ROOM)  # type: ignore[call-overload]
        media = [times for key, times in objects.items() if key[0] != "/readyz"]  # type: ignore[index]
        told = {name: getattr(here.counts, name) for name in ("sends", "sent_bytes", "jumps")}
        told |= {"listeners": here.rooms.listeners, "cpu_s": time.process_time()}
        told |= {"objects": len(media), "most_an_object": max(media, default=0)}
        told |= {"next": live.program.next if live else 0}
        print(json.dumps(told), flush=True)
        objects.clear()


def main() -> None:
    """One of the two."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=("stage", "edge"))
    parser.add_argument("origin", nargs="?", default="")
    parser.add_argument("--joined", type=int, default=3)
    parser.add_argument("--join-share", type=float, default=0.2)
    parser.add_argument("--cert", default="")
    parser.add_argument("--key", default="")
    parser.add_argument("--proxied", action="store_true")
    options = parser.parse_args()
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    if options.what == "stage":
        asyncio.run(stage())
    else:
        uvloop.run(edge(options))


if __name__ == "__main__":
    sys.exit(main())
