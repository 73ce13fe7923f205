"""What a listener's ticket makes of a request: its class at the door. Pure.

Keeps true: only a ticket that was signed here, for this room and until now, raises a request;
whatever else is shown counts as none, and is counted. Somebody who waits is a newcomer until
their turn has come. `edge.door.entry` asks.
"""

from collections.abc import Callable

from hustings.base.clock import Clock
from hustings.base.errors import Denied
from hustings.edge.door.admission import Priority
from hustings.edge.http.protocol import Request
from hustings.edge.metrics import Counts
from hustings.edge.waiting.keys import HeldKeys
from hustings.wire.tickets import Ticket


class Standing:
    """Reads `?ticket=` of a request below `/live/{room}/`."""

    def __init__(
        self,
        keys: HeldKeys,
        clock: Clock,
        counts: Counts,
        *,
        called: Callable[[Ticket], bool] = lambda _: False,
    ) -> None:
        """called: whether the turn of a ticket that waits has come."""
        self._keys = keys
        self._clock = clock
        self._counts = counts
        self._called = called

    def __call__(self, request: Request) -> Priority | None:
        """The class of a request with a valid ticket, or None."""
        text = request.query.get("ticket")
        if text is None or self._keys.now is None:
            return None
        room = request.path.removeprefix("/live/").partition("/")[0]
        try:
            ticket = self._keys.now.check(text, room=room, now_s=self._clock.wall_ms() / 1_000)
        except Denied as error:
            self._counts.tickets[error.code] += 1
            return None
        self._counts.tickets[ticket.kind] += 1
        if ticket.kind == "seat":
            return Priority.BACK
        return Priority.CALLED if self._called(ticket) else None
