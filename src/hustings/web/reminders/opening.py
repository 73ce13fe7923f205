"""Opens what reminders need, from the settings; called by `web.services`."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from hustings.base.clock import Clock
from hustings.base.keyfiles import reminders_key
from hustings.settings import Settings
from hustings.store import Database
from hustings.web.outbound.budget import Budget
from hustings.web.outbound.door import Door, Resolve
from hustings.web.post.ports import Transport
from hustings.web.post.service import Post
from hustings.web.push.transport import Push
from hustings.web.push.vapid import Vapid
from hustings.web.reminders.dispatch import Dispatch
from hustings.web.reminders.letters import Letters
from hustings.web.reminders.links import ReminderLinks
from hustings.web.reminders.model import CHANNELS
from hustings.web.reminders.occasions import rules_from_settings
from hustings.web.reminders.service import Reminders
from hustings.wire.links import Links, links_for

PUSH_S: Final = 30.0  # for one push: a slow service costs time, what is cut off may have arrived


@dataclass(frozen=True)
class Notices:
    """The parts that are there before the post, which carries what they make."""

    vapid: Vapid
    reminders: Reminders
    pushes: list[Transport]  # none where the house pushes nothing
    _door: Door
    _links: ReminderLinks
    _house: Links
    _settings: Settings

    async def close(self) -> None:
        """After the post, which uses it."""
        await self._door.close()

    def dispatch(
        self, database: Database, clock: Clock, post: Post, wake: Callable[[], None]
    ) -> Dispatch:
        """wake: called when there are letters or entries."""
        return Dispatch(
            database,
            clock,
            rules_from_settings(self._settings.reminders),
            Letters(self._links, [each for each in CHANNELS if post.carries(each)]),
            self._house,
            wake,
        )


def open_notices(settings: Settings, database: Database, clock: Clock, resolve: Resolve) -> Notices:
    """Raises OperatorError."""
    wanted, house = settings.reminders, links_for(settings)
    seed = reminders_key(Path(settings.data))
    links = ReminderLinks(seed, house.web)
    rate = 2 * wanted.per_s  # a door of its own: what the dispatch spreads needs no other brake
    budget = Budget(rate=rate, burst=rate, of_host=Push.most_of_host, at_once=Push.most)
    door = Door(
        clock,
        resolve=resolve,
        allow=settings.outbound.allow,
        budget=budget,
        seconds=PUSH_S,
        keep=True,  # many go to the same five services
    )
    vapid = Vapid(seed, wanted.contact or (house.web if house.secure else ""))
    reminders = Reminders(database, clock, wanted, links, door)
    pushes: list[Transport] = []
    if wanted.push:
        pushes.append(Push(door, vapid, clock, reminders.forget_browser))
    return Notices(vapid, reminders, pushes, door, links, house, settings)
