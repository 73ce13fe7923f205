"""Two plain pictures as SVG text: grouped bars and lines. Pure.

Readable on light and dark pages, by colour and by label; each value is written beside its mark.
"""

from collections.abc import Mapping, Sequence
from html import escape

WIDTH, HEIGHT, LEFT, TOP, BOTTOM = 720, 320, 48, 56, 40
COLOURS = {
    "edge": "#0b7285",
    "C loop": "#868e96",
    "Icecast": "#d9480f",
    "Icecast, MP3": "#f08c00",
    "nginx": "#5c940d",
}
STYLE = """<style>
text { font: 13px system-ui, sans-serif; fill: #212529 } .grid { stroke: #adb5bd; stroke-width: .5 }
.title { font-weight: 600 } .value { font-size: 11px }
@media (prefers-color-scheme: dark) { text { fill: #f1f3f5 } }
</style>"""


def bars(title: str, groups: Mapping[str, Mapping[str, float]]) -> str:
    """One group of bars for each key; bars of one name have one colour."""
    step, most = _scale([value for group in groups.values() for value in group.values()])
    marks = _grid(step, most)
    wide = (WIDTH - LEFT) / len(groups)
    for i, (label, group) in enumerate(groups.items()):
        bar = wide * 0.8 / max(3, len(group))
        middle = LEFT + wide * (i + 0.5)
        for j, (name, value) in enumerate(group.items()):
            x = middle + (j - len(group) / 2) * bar
            y = _y(value, most)
            marks.append(
                f'<rect x="{x:.1f}" y="{y:.1f}" width="{bar - 4:.1f}" '
                f'height="{HEIGHT - BOTTOM - y:.1f}" fill="{COLOURS[name]}"/>'
            )
            marks.append(_text(x + bar / 2 - 2, y - 5, f"{value:g}", "value"))
        marks.append(_text(middle, HEIGHT - BOTTOM + 20, label))
    names = dict.fromkeys(name for group in groups.values() for name in group)
    return _picture(title, names, marks)


def lines(title: str, series: Mapping[str, Sequence[tuple[float, float]]]) -> str:
    """One line for each name, over x from 0 to its largest."""
    points = [point for line in series.values() for point in line]
    step, most = _scale([y for _, y in points])
    far = max(x for x, _ in points)
    marks = _grid(step, most)

    def across(x: float) -> float:
        return LEFT + x / far * (WIDTH - LEFT - 30)

    lowest = {x: min(y for at, y in points if at == x) for x, _ in points}
    for name, line in series.items():
        path = " ".join(f"{across(x):.1f},{_y(y, most):.1f}" for x, y in line)
        marks.append(
            f'<polyline points="{path}" fill="none" stroke="{COLOURS[name]}" stroke-width="2"/>'
        )
        for x, y in line:
            marks.append(
                f'<circle cx="{across(x):.1f}" cy="{_y(y, most):.1f}" r="4" fill="{COLOURS[name]}"/>'
            )
            beside = 19 if y == lowest[x] else -9  # the lowest line's values are written below it
            marks.append(_text(across(x), _y(y, most) + beside, f"{y:g}", "value"))
    for x in dict.fromkeys(x for x, _ in points):
        marks.append(_text(across(x), HEIGHT - BOTTOM + 20, f"{x:,g}"))
    return _picture(title, dict.fromkeys(series), marks)


def _scale(values: Sequence[float]) -> tuple[float, float]:
    """The step of the grid, and its multiple that no value exceeds; at most five steps."""
    most = max(values)
    step = next(step for step in (1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000) if most <= 5 * step)
    return step, -(-most // step) * step


def _y(value: float, most: float) -> float:
    return HEIGHT - BOTTOM - value / most * (HEIGHT - BOTTOM - TOP)


def _grid(step: float, most: float) -> list[str]:
    marks = []
    for i in range(round(most / step) + 1):
        y = _y(i * step, most)
        marks.append(f'<line class="grid" x1="{LEFT}" y1="{y:.1f}" x2="{WIDTH}" y2="{y:.1f}"/>')
        marks.append(f'<text x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{i * step:g}</text>')
    return marks


def _text(x: float, y: float, text: str, kind: str = "") -> str:
    named = f' class="{kind}"' if kind else ""
    return f'<text{named} x="{x:.1f}" y="{y:.1f}" text-anchor="middle">{escape(text)}</text>'


def _picture(title: str, names: Mapping[str, object], marks: Sequence[str]) -> str:
    legend = []
    for i, name in enumerate(names):
        x = LEFT + i * 110
        legend.append(
            f'<rect x="{x}" y="28" width="12" height="12" fill="{COLOURS.get(name, "#212529")}"/>'
        )
        legend.append(f'<text x="{x + 18}" y="39">{escape(name)}</text>')
    return "\n".join(
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img">',
            f"<title>{escape(title)}</title>",
            STYLE,
            f'<text class="title" x="{LEFT}" y="18">{escape(title)}</text>',
            *legend,
            *marks,
            "</svg>\n",
        )
    )
