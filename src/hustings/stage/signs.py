"""What is wrong with whose microphone: what each page says of its own, and echo that the stage hears. Pure.

Owned by `stage.hall`; its `telling` tells the control sockets `view` whenever it changes. Nothing of it is
written down: it is of the moment. Bounded by the people of the room (`keep`).
"""

from collections.abc import Iterable, Mapping
from typing import Final

NO_SOUND: Final = frozenset(
    {"insecure", "unsupported", "refused", "none", "busy", "unplugged", "paused", "failed"}
)
BAD_SOUND: Final = frozenset({"silent", "clipping", "quiet"})
TROUBLES: Final = NO_SOUND | BAD_SOUND
"""What a page may say; as in `pages/static/stage/microphone.js`."""

ECHO: Final = "echo"


class Signs:
    """One word for each microphone that is in trouble."""

    def __init__(self) -> None:
        self._said: dict[str, str] = {}
        self._echo: dict[str, str] = {}  # who -> whose voice their microphone carries

    def say(self, who_id: str, trouble: str) -> None:
        """A page's word about its own microphone; "" takes it back."""
        self._said.pop(who_id, None)
        if trouble in TROUBLES:
            self._said[who_id] = trouble

    def echoes(self, found: Mapping[str, str]) -> None:
        """Who sends whose voice as well, as the stage hears it now."""
        self._echo = dict(found)

    def keep(self, present: Iterable[str]) -> None:
        """Forget whoever is not in the room any more."""
        here = set(present)
        self._said = {who: word for who, word in self._said.items() if who in here}

    def view(self) -> dict[str, dict[str, str]]:
        """As in `welcome` and `microphones`: docs/protocol.md 4.1."""
        return {
            "microphones": dict.fromkeys(self._echo, ECHO) | self._said,
            "echoes": dict(self._echo),
        }
