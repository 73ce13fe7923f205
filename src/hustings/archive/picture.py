"""Who spoke when, as a picture (SVG) that any page can show; pure.

A row for each person, a bar for each turn, a line where a chapter begins. Plain shapes without
scripts; light and dark. Words in it are names only, so that it needs no translation.
"""

from typing import Final
from xml.sax.saxutils import escape

from hustings.archive.outline import Outline
from hustings.wire.names import SAMPLE_RATE

_ROWS: Final = 40
_ROW: Final = 34  # units
_WIDTH: Final = 600  # small: on a phone names are still read
_BAR: Final = 12
_LEAST: Final = 1.0  # of a bar's width: a short word is still seen
_STYLE: Final = (
    "text{font:14px system-ui,sans-serif;fill:#333;unicode-bidi:plaintext}"
    ".t{fill:#1d5fa8}.b{fill:#8882}.c{stroke:#888;stroke-dasharray:2 3}"
    "@media(prefers-color-scheme:dark){text{fill:#ddd}.t{fill:#6fb0f5}}"
)


def timeline(outline: Outline) -> bytes:
    """The picture of an evening."""
    turns = list(outline.turns().items())[:_ROWS]
    height = max(1, len(turns)) * _ROW + 22
    unit = _WIDTH / max(1, outline.samples)
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" role="img">',
        f"<title>{_text(outline.room.title if outline.room else '')}</title>",
        f"<style>{_STYLE}</style>",
    ]
    for row, (who, spoke) in enumerate(turns):
        top = row * _ROW + 18
        lines.append(f'<text x="0" y="{top - 4}">{_text(outline.names.get(who, who))}</text>')
        lines.append(f'<rect class="b" x="0" y="{top}" width="{_WIDTH}" height="{_BAR}"/>')
        bars = "".join(
            f"M{turn.start * unit:.1f} {top}h{max(_LEAST, (turn.end - turn.start) * unit):.1f}"
            f"v{_BAR}h-{max(_LEAST, (turn.end - turn.start) * unit):.1f}z"
            for turn in spoke
        )
        lines.append(f'<path class="t" d="{bars}"/>')
    for chapter in outline.contents():
        x = chapter.at * unit
        lines.append(f'<line class="c" x1="{x:.1f}" x2="{x:.1f}" y1="0" y2="{height - 18}"/>')
    lines.append(f'<text x="0" y="{height - 4}">0:00</text>')
    end = f'<text x="{_WIDTH}" y="{height - 4}" text-anchor="end">'
    lines.append(f"{end}{clock(outline.samples // SAMPLE_RATE)}</text></svg>")
    return "\n".join(lines).encode()


def clock(seconds: int) -> str:
    """Hours, minutes and seconds."""
    hours, minutes = seconds // 3_600, seconds // 60 % 60
    return f"{hours}:{minutes:02}:{seconds % 60:02}" if hours else f"{minutes}:{seconds % 60:02}"


def _text(words: str) -> str:
    """As XML may hold it: a name can have any letter."""
    return escape("".join(letter for letter in words if letter.isprintable()))
