"""What the stage tells operators, asked at most once a second however many look. No more is kept."""

import asyncio
from typing import Final

from hustings.base.clock import Clock
from hustings.web.outbox.stage import StageClient

KEPT_S: Final = 1.0


class Board:
    """The last word of the stage."""

    def __init__(self, stage: StageClient, clock: Clock) -> None:
        self._stage = stage
        self._clock = clock
        self._asking = asyncio.Lock()
        self._said = b""
        self._said_s = float("-inf")

    async def now(self) -> bytes:
        """JSON (docs/protocol.md 4, `GET /board`). Raises TryLater `stage_away`."""
        async with self._asking:
            if self._clock.monotonic() - self._said_s >= KEPT_S:
                self._said = await self._stage.board()
                self._said_s = self._clock.monotonic()
            return self._said
