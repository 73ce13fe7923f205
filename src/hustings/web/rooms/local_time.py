"""A date and time as a clock on a wall shows it, in a zone, as the moment it means; pure.

Keeps true: a time that no clock there shows (they are put forward) and one that they show twice
(put back) are never guessed; what a form shows of a start is read as that same start again.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Final
from zoneinfo import ZoneInfo, available_timezones

from hustings.base.errors import UserError

SPELLED: Final = "%Y-%m-%dT%H:%M"  # of `<input type=datetime-local>`
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MINUTE_MS: Final = 60_000
DAY_MS: Final = 86_400_000


@cache
def zones() -> frozenset[str]:
    """The names of all zones that this machine knows (IANA)."""
    return frozenset(available_timezones())


def zone_named(name: str) -> ZoneInfo:
    """A zone by its IANA name; "" is UTC. Raises UserError `zone_unknown`."""
    if name and name not in zones():
        raise UserError("zone_unknown", "There is no time zone of this name.", field="zone")
    return ZoneInfo(name or "UTC")


def moments(local: datetime, zone: ZoneInfo) -> list[int]:
    """The wall ms at which clocks in `zone` show `local` (without a zone): none, one or two."""
    found = set()
    for fold in (0, 1):
        at = local.replace(tzinfo=zone, fold=fold).astimezone(UTC)
        if at.astimezone(zone).replace(tzinfo=None, fold=0) == local.replace(fold=0):
            found.add((at - _EPOCH) // timedelta(milliseconds=1))
    return sorted(found)


def shown(wall_ms: int, zone: ZoneInfo) -> str:
    """What a clock in `zone` shows then, for the form's field."""
    return (_EPOCH + timedelta(milliseconds=wall_ms)).astimezone(zone).strftime(SPELLED)


def offset(wall_ms: int, zone: ZoneInfo) -> str:
    """How far clocks there are from UTC then, like UTC+2 or UTC-3:30."""
    away = (_EPOCH + timedelta(milliseconds=wall_ms)).astimezone(zone).utcoffset() or timedelta()
    hours, minutes = divmod(abs(int(away.total_seconds())) // 60, 60)
    sign = "-" if away < timedelta() else "+"
    return f"UTC{sign}{hours}" + (f":{minutes:02}" if minutes else "")


def expect_ahead(start_ms: int, now_ms: int, *, before_ms: int = 0) -> None:
    """A room to come begins at the earliest a day ago: one that is just late can still be planned.

    before_ms: the start as it is, which may stay. Raises UserError `start_past`.
    """
    if start_ms and start_ms != before_ms and start_ms < now_ms - DAY_MS:
        raise UserError("start_past", "This start is long past.", field="start")


def start_from_form(fields: Mapping[str, str], *, before_ms: int = 0) -> int:
    """The start as wall ms; 0: none. Fields: start, zone, and which ("0" or "1") of two moments.

    before_ms: the start as it is: the form shows it to the minute, and it is kept if it fits.
    Raises UserError `start_bad`, `zone_unknown`, `start_skipped` or `start_twice` (with `choices`,
    a list of an offset for each of the two).
    """
    text = fields.get("start", "").strip()
    if not text:
        return 0
    zone = zone_named(fields.get("zone", ""))
    try:
        local = datetime.fromisoformat(text)
        if local.tzinfo is not None:
            raise ValueError(text)
        meant = moments(local, zone)
        if meant and meant[0] <= 0:
            raise ValueError(text)
        choices = [offset(each, zone) for each in meant]
    except (ValueError, OverflowError):
        raise UserError("start_bad", "Give date and time of the start.", field="start") from None
    if not meant:
        raise UserError("start_skipped", "No clock shows this time on that day.", field="start")
    which = fields.get("which", "")
    if len(meant) > 1 and which in {"0", "1"}:
        return meant[int(which)]
    if before_ms and before_ms // _MINUTE_MS * _MINUTE_MS in meant:
        return before_ms
    if len(meant) > 1:
        raise UserError(
            "start_twice", "Clocks show this time twice.", field="start", choices=choices
        )
    return meant[0]
