"""Who runs a room when a host's line is gone. Pure.

Keeps true: whoever is in charge has a page open, or had one until less than `TAKEOVER_S` ago; a
host who is there comes before every co-host, and gets the room back as soon as their page does.
Between people of one role whoever has it keeps it. With nobody there it stays where it was.
`stage.hall.seats` asks once a second and whenever a page opens, so a killed host is replaced within
`TAKEOVER_S` + 1 s.
"""

from collections.abc import Mapping
from typing import Final

from hustings.wire.kinds import Participant

TAKEOVER_S: Final = 1.2  # a page that reloads is back within one second


def in_charge(people: Mapping[str, Participant], away_s: Mapping[str, float], holder: str) -> str:
    """The participant who runs the room now; "" if nobody ever could.

    away_s: participant -> seconds without a page (`watchers.Absences`). holder: who ran it so far.
    """

    def there(who: Participant) -> bool:
        away = away_s.get(who.id)
        return away is None or (who.id == holder and away < TAKEOVER_S)

    for role in ("host", "cohost"):
        able = [who.id for who in people.values() if who.role == role and there(who)]
        if able:
            return holder if holder in able else able[0]
    return holder if holder in people else ""
