"""How hard a flood may be: capacity and refusal rate, measured in the same run.

A flood beyond what a machine can even refuse says nothing about admission: the kernel's queue
decides then. So the flood is min(10 × C, 0.8 × R) (overload.md F1): C the most visits a second
that are all served with their first sound within 250 ms, R the refusals a second. Called by the
command for `--shape flood`.
"""

import asyncio
import contextlib
import socket
import ssl
from collections.abc import Callable
from typing import Final

import msgspec

from hustings.base.clock import Clock
from hustings.load.crowd.lines import open_socket, source_address, tls_of
from hustings.load.crowd.tally import percentile
from hustings.load.rehearsal.judging import Flood, limiting
from hustings.load.rehearsal.orders import Findings, News, Target
from hustings.load.rehearsal.wish import Wish
from hustings.load.rehearsal.workers import rehearse

FIRST_RATE: Final = 250.0
STEP: Final = 1.6
STEPS: Final = 10  # up to 17,000 a second
STEP_S: Final = 3.0
PROMPT_S: Final = 0.25
TIMES_C: Final = 10.0
SHARE_R: Final = 0.8
_AT_ONCE: Final = 64
_REFUSALS_S: Final = 3.0

Say = Callable[[str], None]


async def calibrate(
    wish: Wish, clock: Clock, *, steps: int, stop: asyncio.Event, say: Say
) -> Flood:
    """Measure C (in so many steps) and R at this target, and settle the flood's rate."""
    capacity, rate = 0.0, FIRST_RATE
    for _ in range(steps):
        say(f"calibrating: are {rate:.0f} visits a second served?")
        if not await _serves(wish, rate, clock, stop):
            break
        capacity, rate = rate, rate * STEP
    refusals = await refusal_rate(wish.target, clock)
    return flood_of(capacity, refusals)


async def _serves(wish: Wish, rate: float, clock: Clock, stop: asyncio.Event) -> bool:
    """Whether so many visits a second are served; asked twice, since machines are shared."""
    step = msgspec.structs.replace(
        wish, shape="flood", listeners=1, over_s=0.1, seconds=STEP_S, visits_a_second=rate,
        rude=0.0, slow=0.0, decode=0.0,
    )  # fmt: skip
    for _ in range(2):
        if stop.is_set():
            return False
        if served(await rehearse(step, clock, stop=stop, progress=_nothing)):
            return True
    return False


def flood_of(capacity: float, refusals: float) -> Flood:
    """The flood that both bounds allow."""
    many, most = TIMES_C * capacity, SHARE_R * refusals
    bound = f"{TIMES_C:g} × C" if many <= most else f"{SHARE_R:g} × R"
    return Flood(round(capacity, 1), round(refusals, 1), round(min(many, most), 1), bound)


def served(found: Findings) -> bool:
    """Whether all visits of a step were served in time, as far as the generator can tell."""
    visits = [each for each in found.persons if not each.stays]
    waits = [each.first_sound_s - each.due_s for each in visits if each.first_sound_s >= 0]
    whole = len(waits) == len(visits) > 0 and not found.refusals
    return whole and percentile(waits, 0.99) <= PROMPT_S and not limiting(found.own)


async def refusal_rate(target: Target, clock: Clock) -> float:
    """Refusals a second: each on a connection of its own, 64 at once, for three seconds."""
    loop = asyncio.get_running_loop()
    until = clock.monotonic() + _REFUSALS_S
    request = f"GET /live/-/opus.mp4 HTTP/1.1\r\nHost: {target.host}\r\nConnection: close\r\n\r\n"
    tls = tls_of(target)
    done = 0

    async def refused(number: int) -> None:
        nonlocal done
        while clock.monotonic() < until:
            number += _AT_ONCE
            source = source_address(number)[0] if target.addresses[0].startswith("127.") else ""
            with (
                contextlib.suppress(OSError),
                open_socket(target.addresses[0], source, slow=False) as sock,
            ):
                await loop.sock_connect(sock, (target.addresses[0], target.port))
                if tls is None:
                    await loop.sock_sendall(sock, request.encode())
                    answer = await loop.sock_recv(sock, 4_096)
                else:
                    answer = await _asked_by_tls(sock, tls, target.host, request.encode())
                done += answer.startswith(b"HTTP/")  # not in one line: others count meanwhile

    await asyncio.gather(*(refused(number) for number in range(_AT_ONCE)))
    return done / _REFUSALS_S


async def _asked_by_tls(
    sock: socket.socket, tls: ssl.SSLContext, name: str, request: bytes
) -> bytes:
    reader, writer = await asyncio.open_connection(sock=sock, ssl=tls, server_hostname=name)
    try:
        writer.write(request)
        return await reader.read(4_096)
    finally:
        writer.transport.abort()


def _nothing(news: News) -> None:
    del news
