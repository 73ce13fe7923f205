"""The edge's door: asks `admission` about each request, lets in, lets wait, or turns away.

Stands between `edge.http.server` and `edge.routes`. A refusal is bytes that were made once for its
reason and delay, so that turning somebody away costs little more than the connection itself;
people who asked for a page get one, with words. What a join costs is measured here and charged
to the work budget.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import Final

from hustings.base.clock import Clock
from hustings.base.errors import TryLater
from hustings.base.limits import client_address, forwarded_hops
from hustings.edge.door.admission import (
    MEMORY_X,
    Admission,
    Answer,
    Asker,
    Place,
    Priority,
    Refusal,
    asker,
    wanted,
)
from hustings.edge.http import protocol
from hustings.edge.http.protocol import Request
from hustings.edge.http.server import Connection, Handler
from hustings.edge.metrics import Counts

ACCEPT_S: Final = 60e-6  # of CPU for a connection, beside what its handler takes
REFUSE_S: Final = 100e-6  # ... for one that is turned away, all in all
IDLE_TIMES: Final = 3.0  # joins may take so many times their share while nothing presses
IDLE_SHARE: Final = 0.8  # ... but no more than this
PRESSED_IDLE_S: Final = 2.0  # between two requests, when places are short
_SHELF: Final = 1_024

Page = Callable[[Request, int], protocol.Answer]


class Door:
    """Decides for one edge."""

    def __init__(
        self,
        handler: Handler,
        *,
        clock: Clock,
        counts: Counts,
        page: Page,
        join_share: float,
        pressure: Callable[[], float] = lambda: 0.0,
        standing: Callable[[Request], Priority | None] = lambda _: None,
        trusted: Sequence[str] = (),
        forwarded: str = "x-forwarded-for",
    ) -> None:
        """handler: what answers those who are let in; page: a refusal for people, in words.

        pressure: x of `edge.pressure.load`; standing: the class that a request's ticket gives, if any;
        trusted: proxies of ours, whose header `forwarded` is believed.
        """
        self.admission: Admission[tuple[Connection, Request]] = Admission(
            join_share=join_share, idle_share=min(IDLE_SHARE, IDLE_TIMES * join_share)
        )
        counts.admissions = self.admission.counts
        self._handler = handler
        self._clock = clock
        self._counts = counts
        self._page = page
        self.pressure = pressure
        self._standing = standing
        self._trusted = frozenset(trusted)
        self._forwarded = forwarded
        self.spent_s = 0.0  # CPU for joins and refusals: work that adds no load if it is refused
        self._shelf: dict[tuple[str, int, int], bytes] = {}
        self._planned = False

    @property
    def idle_s(self) -> float:
        """How long a connection may rest between two requests."""
        return PRESSED_IDLE_S if self.pressure() >= MEMORY_X else protocol.IDLE_S

    def enter(self, connection: Connection, request: Request) -> None:
        """Let the request in now, in its turn, or not. Raises what its handler raises."""
        now_s = self._clock.monotonic()
        want, raised = wanted(request.path), self._standing(request)
        if raised is not None:
            want = want._replace(priority=min(raised, want.priority))
        connection.who = who = self._asker(connection, request)
        place = connection.arrival.place
        over = place is Place.FULL or (place is Place.CROWDED and raised is None)
        asked = want.priority is Priority.SOUND or not want.memory
        if over and asked and raised is not Priority.CHECK:
            refusal = self.admission.away(want.priority, "edge_full", who, now_s)
            self._refuse(connection, request, refusal)
            return
        verdict = self.admission.ask(
            (connection, request),
            want,
            who,
            ticket=raised is not None,
            x=self.pressure(),
            now_s=now_s,
        )
        if isinstance(verdict, Refusal):
            self._refuse(connection, request, verdict)
        elif verdict is Answer.QUEUED:
            self._plan()
        elif want.join:
            self._let_in(connection, request)
        else:
            self._handler(connection, request)

    def _asker(self, connection: Connection, request: Request) -> Asker:
        peer, told = connection.arrival.peer, request.headers.get(self._forwarded)
        if told is None or peer not in self._trusted:
            return connection.arrival.who
        hops = forwarded_hops(told, self._forwarded)
        client = client_address(peer, hops, self._trusted)
        return asker(client, ours=client in self._trusted)

    # ------------------------------------------------------------ joins

    def _let_in(self, connection: Connection, request: Request) -> None:
        began_s = time.thread_time()
        try:
            self._handler(connection, request)
        finally:
            cost_s = time.thread_time() - began_s + ACCEPT_S
            self.spent_s += cost_s
            self.admission.spend(cost_s, self._clock.monotonic())

    def _plan(self) -> None:
        if self._planned or not self.admission.queue:
            return
        self._planned = True
        wait_s = self.admission.wait(self._clock.monotonic())
        asyncio.get_running_loop().call_later(max(wait_s, 0.001), self._turn)

    def _turn(self) -> None:
        self._planned = False
        while True:
            gone, entry = self.admission.turn(self._clock.monotonic())
            for (connection, request), refusal in gone:
                self._refuse(connection, request, refusal)
            if entry is None:
                break
            entry[0].carry_out(self._let_in)
        self._plan()

    # ------------------------------------------------------------ refusals

    def _refuse(self, connection: Connection, request: Request, refusal: Refusal) -> None:
        self.spent_s += REFUSE_S
        code = _CODES[refusal.reason]
        self._counts.refusals[code] += 1
        if request.path.startswith("/r/"):
            connection.answer(self._page(request, refusal.retry_s))
            return
        # Caches keep it for 1 to 5 s, each copy another time, and never longer than its advice.
        spread = self._counts.refusals[code] % min(5, refusal.retry_s)
        age_s = 1 + spread if refusal.status == 503 else 0
        key = (code, refusal.retry_s, age_s)
        if (data := self._shelf.get(key)) is None:
            if len(self._shelf) >= _SHELF:
                self._shelf.clear()
            data = self._shelf[key] = _refusal_bytes(refusal, code, age_s)
        connection.turn_away(refusal.status, data)


_CODES: Final = {
    "rate": "request_rate",
    "shed": "busy",
    "late": "busy",
    "full": "busy",
    "edge_full": "edge_full",
}
_TITLES: Final = {
    "request_rate": "Very many from your network at once; try again soon.",
    "busy": "Very many are here; try again soon.",
    "edge_full": "This edge is full; another may not be.",
}


def _refusal_bytes(refusal: Refusal, code: str, age_s: int) -> bytes:
    error = TryLater(code, _TITLES[code], delay_s=refusal.retry_s, status=refusal.status)
    headers = {
        "Cache-Control": f"public, max-age={age_s}" if age_s else "no-store",
        "Access-Control-Allow-Origin": "*",
        "Access-Control-Expose-Headers": "Retry-After",
    }
    return protocol.problem(error, headers).encode(close=True)
