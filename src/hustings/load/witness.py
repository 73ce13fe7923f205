"""What the stage itself says of a rehearsal: its counters before and after. Pure but for one GET."""

import httpx

from hustings.load.summary import Stage

_NAMES = {
    "ticks": "hustings_stage_ticks_total",
    "late_ticks": "hustings_stage_late_ticks_total",
    "skipped_ticks": "hustings_stage_skipped_ticks_total",
}
_WAIT_S = 3.0


def read_metrics(text: str) -> dict[str, float]:
    """Name (with labels) -> value, of the Prometheus text format."""
    found: dict[str, float] = {}
    for line in text.splitlines():
        name, _, value = line.rpartition(" ")
        if name and not line.startswith("#"):
            try:
                found[name] = float(value)
            except ValueError:
                continue
    return found


def stage_of(text: str) -> Stage | None:
    """A stage's counters in its metrics; None if they are not there."""
    values = read_metrics(text)
    if not set(_NAMES.values()) <= values.keys():
        return None
    return Stage(**{field: int(values[name]) for field, name in _NAMES.items()})


def look(url: str) -> Stage | None:
    """The counters of the stage at `url` now; None if none answers."""
    try:
        return stage_of(httpx.get(f"{url}/metrics", timeout=_WAIT_S, trust_env=False).text)
    except httpx.HTTPError:
        return None


def between(before: Stage | None, after: Stage | None) -> Stage | None:
    """What was counted in between; None if the stage was not seen both times, or began anew."""
    if before is None or after is None or after.ticks < before.ticks:
        return None
    return Stage(
        after.ticks - before.ticks,
        after.late_ticks - before.late_ticks,
        after.skipped_ticks - before.skipped_ticks,
    )
