"""Small line plots as SVG, to stand inside a page: no script, no file, light and dark by CSS. Pure.

Colours are classes (`s0` …) that the page's style sheet fills; each line also has its own dash, so
that it is told without colour, and its name stands in the legend. Called by `load.rehearsal.report` and `load.plan.outlook`.
"""

import math
from collections.abc import Callable, Sequence
from html import escape
from typing import Final, NamedTuple

WIDTH: Final = 400
HEIGHT: Final = 220
_LEFT: Final = 44
_RIGHT: Final = 8
_TOP: Final = 10
_BOTTOM: Final = 38
_STEPS: Final = 4
_POINTS: Final = 400  # more is finer than a screen
LINES: Final = 4


Place = Callable[[float, float], tuple[float, float]]


class Series(NamedTuple):
    """One line: y values at x = first, first + step, …; NaN leaves a hole."""

    name: str
    values: Sequence[float]
    first: float = 0.0
    step: float = 1.0


class Mark(NamedTuple):
    """A moment with a name, as a vertical line."""

    x: float
    name: str


def plot(title: str, series: Sequence[Series], *, x: str, marks: Sequence[Mark] = ()) -> str:
    """An `<svg>` of up to four series. title: for those who cannot see it; x: the axis's unit."""
    series = [thinned(each) for each in series[:LINES]]
    right = max((each.first + each.step * (len(each.values) - 1) for each in series), default=0.0)
    right = max(right, 1e-9)
    top = nice_top(
        max((v for each in series for v in each.values if math.isfinite(v)), default=0.0)
    )

    def at(value_x: float, value_y: float) -> tuple[float, float]:
        across = _LEFT + (WIDTH - _LEFT - _RIGHT) * value_x / right
        down = HEIGHT - _BOTTOM - (HEIGHT - _TOP - _BOTTOM) * value_y / top
        return round(across, 1), round(down, 1)

    parts = [
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(title)}">',
        *_grid(at, right, top),
    ]
    for mark in marks:
        if 0 <= mark.x <= right:
            across, _ = at(mark.x, 0)
            parts.append(
                f'<line class="mark" x1="{across}" x2="{across}" y1="{_TOP}" y2="{HEIGHT - _BOTTOM}"/>'
                f'<text class="small" x="{across + 3}" y="{_TOP + 10}">{escape(mark.name)}</text>'
            )
    for number, each in enumerate(series):
        parts.append(f'<path class="line s{number}" d="{_path(at, each)}"/>')
    parts.append(
        f'<text x="{(WIDTH + _LEFT) / 2}" y="{HEIGHT - 4}" text-anchor="middle">{escape(x)}</text></svg>'
    )
    return "".join(parts) + legend([each.name for each in series])


def legend(names: Sequence[str]) -> str:
    """The lines' names, as a list."""
    items = "".join(
        f'<li><svg viewBox="0 0 24 8" aria-hidden="true"><path class="line s{number}" d="M0 4H24"/></svg>'
        f"{escape(name)}</li>"
        for number, name in enumerate(names)
    )
    return f'<ul class="legend">{items}</ul>'


def nice_top(most: float) -> float:
    """The least of 1, 2, 2.5, 5 × 10^n that is not below `most`; 1 for nothing."""
    if not math.isfinite(most) or most <= 1e-9:
        return 1.0
    size = 10.0 ** math.floor(math.log10(most))
    return next(size * step for step in (1.0, 2.0, 2.5, 5.0, 10.0) if size * step >= most * 0.999)


def thinned(series: Series) -> Series:
    """At most 400 points, each the largest of those it stands for: a peak must not vanish."""
    values = list(series.values)
    every = math.ceil(len(values) / _POINTS)
    if every <= 1:
        return Series(series.name, values, series.first, series.step)
    kept = [
        max((v for v in values[i : i + every] if math.isfinite(v)), default=math.nan)
        for i in range(0, len(values), every)
    ]
    return Series(series.name, kept, series.first, series.step * every)


def short(value: float) -> str:
    """A number for an axis: 1,500 as 1.5k."""
    for limit, unit in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= limit:
            return f"{value / limit:.4g}{unit}"
    return f"{value:.3g}"


def _grid(at: Place, right: float, top: float) -> list[str]:
    parts = []
    for step in range(_STEPS + 1):
        value = top * step / _STEPS
        _, down = at(0, value)
        parts.append(
            f'<line class="grid" x1="{_LEFT}" x2="{WIDTH - _RIGHT}" y1="{down}" y2="{down}"/>'
            f'<text class="small" x="{_LEFT - 4}" y="{down + 4}" text-anchor="end">{short(value)}</text>'
        )
    apart = nice_top(right / (_STEPS + 1))
    for step in range(int(right / apart) + 1):
        across, _ = at(step * apart, 0)
        parts.append(
            f'<text class="small" x="{across}" y="{HEIGHT - _BOTTOM + 14}" '
            f'text-anchor="middle">{short(step * apart)}</text>'
        )
    return parts


def _path(at: Place, series: Series) -> str:
    words: list[str] = []
    pen_down = False
    for number, value in enumerate(series.values):
        if not math.isfinite(value):
            pen_down = False
            continue
        across, down = at(series.first + series.step * number, value)
        words.append(f"{'L' if pen_down else 'M'}{across} {down}")
        pen_down = True
    return "".join(words)
