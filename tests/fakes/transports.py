"""A transport that does as it is told, and remembers what it was given."""

import asyncio
from collections import Counter
from collections.abc import Callable

from hustings.web.post.model import Letter, Outcome, Sent, TransportName


class FakeTransport:
    """answer: what becomes of each letter. gate: while it is not set, letters hang on their way."""

    def __init__(
        self,
        name: TransportName = "mail",
        *,
        most: int = 4,
        most_of_host: int = 2,
        again_if_unsure: bool = False,
        answer: Callable[[Letter], Outcome] = lambda _: Sent(),
    ) -> None:
        self.name: TransportName = name
        self.most = most
        self.most_of_host = most_of_host
        self.host_rest_s = 900.0
        self.again_if_unsure = again_if_unsure
        self.answer = answer
        self.gate = asyncio.Event()
        self.gate.set()
        self.given: list[Letter] = []
        self.under_way: Counter[str] = Counter()
        self.most_seen = 0
        self.most_of_host_seen = 0
        self.closed = False

    async def send(self, letter: Letter) -> Outcome:
        self.given.append(letter)
        self.under_way[letter.host] += 1
        self.most_seen = max(self.most_seen, self.under_way.total())
        self.most_of_host_seen = max(self.most_of_host_seen, *self.under_way.values())
        try:
            await asyncio.sleep(0)
            await self.gate.wait()
            return self.answer(letter)
        finally:
            self.under_way[letter.host] -= 1

    async def close(self) -> None:
        self.closed = True
