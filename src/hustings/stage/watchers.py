"""The pages that people of a room have open, and who has none. Pure.

Keeps true: a person has one page, the newest; `tell` never blocks (a watcher queues, see
`stage.http.control`). `stage.hall` owns one and gives the time.
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any, Final

Watcher = Callable[[dict[str, Any]], None]
WARN_S: Final = 10.0  # so often is one thing warned of


class Absences:
    """Since when people have been away."""

    def __init__(self) -> None:
        self._since_s: dict[str, float] = {}

    def turn(
        self, people: Iterable[str], there: Collection[str], now_s: float
    ) -> Mapping[str, float]:
        """Seconds of absence, for those of `people` who are not `there`."""
        self._since_s = {who: self._since_s.get(who, now_s) for who in people if who not in there}
        return {who: now_s - at_s for who, at_s in self._since_s.items()}

    def forget(self) -> None:
        """Whoever is away is away from now on."""
        self._since_s = {}


class Watchers:
    """Participant -> their page."""

    def __init__(self) -> None:
        self._pages: dict[str, Watcher] = {}
        self._warned_s: dict[str, float] = {}

    def __len__(self) -> int:
        return len(self._pages)

    def __contains__(self, who_id: str) -> bool:
        return who_id in self._pages

    @property
    def people(self) -> set[str]:
        """Who has a page open."""
        return set(self._pages)

    def seat(self, who_id: str, watcher: Watcher) -> None:
        """Tell `watcher` all that changes; their page before this one hears `elsewhere`."""
        if before := self._pages.get(who_id):
            before({"type": "bye", "code": "elsewhere", "title": "You opened this room elsewhere."})
        self._pages[who_id] = watcher

    def leave(self, who_id: str, watcher: Watcher) -> bool:
        """Tell no more; False if a newer page has taken over."""
        if self._pages.get(who_id) != watcher:
            return False
        del self._pages[who_id]
        return True

    def dismiss(self, who_id: str, code: str, title: str) -> None:
        """Say goodbye to a person's page, if there is one."""
        if watcher := self._pages.pop(who_id, None):
            watcher({"type": "bye", "code": code, "title": title})

    def tell(self, message: dict[str, Any]) -> None:
        """Every page."""
        for watcher in tuple(self._pages.values()):
            watcher(message)

    def tell_one(self, who_id: str, message: dict[str, Any]) -> None:
        """One person's page, if they have one."""
        if watcher := self._pages.get(who_id):
            watcher(message)

    def warn(self, who_ids: Iterable[str], key: str, message: dict[str, Any], now_s: float) -> None:
        """Some people's pages, of one thing (`key`) at most each `WARN_S`."""
        if now_s - self._warned_s.get(key, -WARN_S) < WARN_S:
            return
        self._warned_s = {k: at_s for k, at_s in self._warned_s.items() if now_s - at_s < WARN_S}
        self._warned_s[key] = now_s
        for who_id in who_ids:
            self.tell_one(who_id, message)
