"""The time zones that the room form offers, named in the reader's language; pure."""

from functools import lru_cache

from babel import Locale
from babel.core import get_global
from babel.dates import get_timezone_location

from hustings.web.rooms.local_time import zones


@lru_cache(maxsize=64)  # chosen: whatever a form says
def zone_choices(reader: str, chosen: str = "") -> list[tuple[str, str]]:
    """IANA name, and country and city, of each zone, by country, UTC first.

    chosen: kept though it be an alias.
    """
    lands = get_global("zone_territories")
    territories = Locale.parse(reader).territories
    named = {
        name: _place(territories.get(lands[name], ""), name, reader)
        for name in zones() & set(lands)
        if "/" in name and not name.startswith("Etc/")
    }
    if chosen != "UTC" and chosen in zones():
        named.setdefault(chosen, chosen)
    by_place = sorted(named.items(), key=lambda pair: (pair[1].casefold(), pair[0]))
    return [("UTC", "UTC"), *by_place]


def _place(land: str, name: str, reader: str) -> str:
    city = get_timezone_location(name, locale=reader, return_city=True)
    return city if land in {"", city} else f"{land} – {city}"
