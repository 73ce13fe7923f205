"""The ticket keys of an edge: those that the stage handed out last, if they were any good.

Keeps true: a line that is no set of keys changes nothing and is counted, so tickets that are
out stay good however the feed is broken; while the stage is away the last keys go on. Before the
first line there are none: an edge then knows no room either. `edge.feed.upstream` brings the lines;
whoever signs or checks asks `now`. Pure.
"""

import logging

from hustings.base.errors import Denied, PeerError
from hustings.edge.metrics import Counts
from hustings.wire.tickets import TicketKeys, read_line

log = logging.getLogger(__name__)


class HeldKeys:
    """The last good keys."""

    def __init__(self, counts: Counts) -> None:
        self.now: TicketKeys | None = None
        self._counts = counts

    def holder(self, text: str, *, room: str) -> str:
        """Who holds this ticket: its random number, the same over all its renewals; else empty.

        Its time may be over: whom to count does not depend on that.
        """
        if not text or self.now is None:
            return ""
        try:
            return str(self.now.check(text, room=room, now_s=0).id)
        except Denied:
            return ""

    def take(self, line: object) -> None:
        """The stage's index says which keys are alive."""
        try:
            self.now = read_line(line)
        except PeerError as error:
            self._counts.bad_lines += 1
            log.warning("%s The last good ones stay.", error.title)
