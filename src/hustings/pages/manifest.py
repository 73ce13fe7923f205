"""A room's web app manifest (W3C appmanifest): the listener page as an app on the home screen.

One app for each room, since a room's address is for ever and belongs to one event; what is
outside `/r/` opens in the browser. Called by `edge.installable`.
"""

import msgspec

from hustings.pages import locales
from hustings.pages.assets import asset_url

_ICONS = (("icon-192.png", "192x192", "any"), ("icon-512.png", "512x512", "any"))
_WHOLE = ("icon-whole.png", "512x512", "maskable")


def manifest(room: str, title: str, language: str) -> bytes:
    """The manifest as JSON. title: the room's, in whatever language."""
    say = locales.translations(language).gettext
    body = {
        "id": f"/r/{room}",
        "start_url": f"/r/{room}?lang={language}",
        "scope": "/r/",
        "name": title or room,
        "short_name": "Hustings",
        "description": say("A live conversation. Listen without an account."),
        "lang": language,
        "dir": locales.direction(language),
        "display": "standalone",
        "background_color": "#f6f4ef",
        "theme_color": "#f6f4ef",
        "categories": ["news", "politics"],
        "icons": [
            {"src": asset_url(name), "sizes": sizes, "type": "image/png", "purpose": purpose}
            for name, sizes, purpose in (*_ICONS, _WHOLE)
        ],
    }
    return msgspec.json.encode(body)
