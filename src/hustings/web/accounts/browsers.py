"""A browser's family and system out of its User-Agent, for "Your devices"; pure.

No more is kept of it: enough to tell a phone from a laptop, too little to tell two people apart.
"""

from typing import Final

# The first that fits: everybody claims to be Safari, and Chromium's family to be Chrome.
_FAMILIES: Final = (
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("SamsungBrowser/", "Samsung Internet"),
    ("Firefox/", "Firefox"),
    ("FxiOS/", "Firefox"),
    ("CriOS/", "Chrome"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
)
_SYSTEMS: Final = (
    ("Android", "Android"),
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("CrOS", "ChromeOS"),
    ("Windows", "Windows"),
    ("Mac OS X", "macOS"),
    ("Linux", "Linux"),
)


def browser_of(user_agent: str) -> str:
    """`Firefox · Linux`, `Safari · iPhone`; "" where neither is known. At most 40 letters."""
    agent = user_agent[:500]
    found = [
        next((name for mark, name in table if mark in agent), "") for table in (_FAMILIES, _SYSTEMS)
    ]
    return " · ".join(name for name in found if name)
