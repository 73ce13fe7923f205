"""Every address that a service hands out, made from the settings; pure.

Behind a proxy `public_url.*` says them. Otherwise they are host and port; where the services
listen on all addresses (`0.0.0.0`), the name under which the asking browser reached us is used.
Where they listen for this machine alone the house is called `localhost`, since passkeys need a name;
whoever came by the number finds links to the number, and is told (`elsewhere`).
"""

import ipaddress
import re
from typing import Final
from urllib.parse import urlsplit

import msgspec

from hustings.base.errors import NotFound
from hustings.base.ids import RoomId
from hustings.settings import Settings

_ALL: Final = frozenset({"0.0.0.0", "::", ""})  # noqa: S104
_LOOPBACK: Final = frozenset({"127.0.0.1", "::1"})
_HERE: Final = _LOOPBACK | {"localhost"}
_HOST: Final = re.compile(r"[A-Za-z0-9.-]{1,253}|\[[0-9A-Fa-f:]{2,45}\]")


class Links(msgspec.Struct, frozen=True):
    """Base addresses without a slash at the end."""

    web: str
    stage: str
    edge: str
    radio: str = ""  # host:port at which radio studios send; empty: nowhere

    def listen(self, room: RoomId) -> str:
        """Where the audience hears the room; the same for ever."""
        return f"{self.edge}/r/{room}"

    def seat(self, room: RoomId, invite: str) -> str:
        """Where an invited person joins; the fragment is never sent to a server."""
        return f"{self.stage}/s/{room}#i={invite}"

    def whip(self, room: RoomId) -> str:
        """Where an encoder sends its sound."""
        return f"{self.stage}/rooms/{room}/whip"

    @property
    def webcal(self) -> str:
        """The calendar of all rooms, for a program that subscribes to it."""
        return f"webcal://{self.edge.partition('://')[2]}/calendar.ics"

    def start(self, code: str, *, mailed: bool = False) -> str:
        """The one-time link that makes an account.

        mailed: its page asks whether the address shall be a way in, too.
        """
        return f"{self.web}/start{'?by=mail' if mailed else ''}#{code}"

    def rooms(self, host: str) -> str:
        """Where the rooms are, for whoever asked another service under this `Host`.

        Raises NotFound if that was web's own: a proxy sends its people here, and would again.
        """
        if urlsplit(self.web).netloc == host:
            raise NotFound("not_found", "There is nothing at this address.")
        return f"{self.web}/"

    @property
    def secure(self) -> bool:
        """Whether people reach web by TLS, so that cookies can be bound to it."""
        return self.web.startswith("https:")


def links_for(settings: Settings, *, asked_host: str = "") -> Links:
    """The addresses as the visitor who sent `Host: asked_host` can use them."""
    public = settings.public_url

    def base(url: str, port: int) -> str:
        return url.rstrip("/") or here_url(settings, port, asked_host)

    stage = base(public.stage, settings.stage.port)
    radio = settings.stage.radio.port
    return Links(
        web=base(public.web, settings.web.port),
        stage=stage,
        edge=base(public.edge, settings.edge.port),
        radio=f"{_host_of(stage)}:{radio}" if radio else "",
    )


def lasting_links(settings: Settings, asked_host: str) -> Links:
    """As `links_for`, but web by the name that keeps its sign-ins: for links to accounts."""
    links, right = links_for(settings, asked_host=asked_host), elsewhere(settings, asked_host)
    return msgspec.structs.replace(links, web=right) if right else links


def here_url(settings: Settings, port: int, asked_host: str = "") -> str:
    """How people reach one of these services where no `public_url` says it."""
    return f"{_scheme(settings)}://{_reachable_name(settings.host, asked_host)}:{port}"


def _host_of(url: str) -> str:
    return _in_url(urlsplit(url).hostname or "")


def named_hosts(settings: Settings) -> set[str]:
    """The names under which people will come; empty: any that reach this machine."""
    public = settings.public_url
    named = {urlsplit(url).hostname or "" for url in (public.web, public.stage, public.edge)}
    if named == {""} and settings.host not in _ALL:
        named = {settings.host}
    return named - {""}


def needs_tls(settings: Settings) -> bool:
    """Whether browsers will refuse microphones for want of it: neither local, nor behind a proxy."""
    public = (settings.public_url.web, settings.public_url.stage)
    return not is_local(settings.host) and not all(url.startswith("https:") for url in public)


def is_local(host: str) -> bool:
    """Whether we listen for this machine alone."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def near_url(settings: Settings, port: int) -> str:
    """How this machine itself reaches one of its services."""
    scheme = _scheme(settings)
    host = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}.get(settings.host, settings.host)  # noqa: S104
    return f"{scheme}://{_in_url(host)}:{port}"


def stage_url(settings: Settings) -> str:
    """Where web itself reaches the stage."""
    return settings.web.stage.rstrip("/") or near_url(settings, settings.stage.port)


def elsewhere(settings: Settings, asked_host: str) -> str:
    """The house's own origin, for a visitor of web who came by another name; "" if they did not.

    Browsers keep cookies and passkeys by name: whoever signed in there is not signed in here. On
    all addresses without `public_url` every name is as good.
    """
    asked, own = _name_in(asked_host), settings.public_url.web.rstrip("/")
    if own:
        return "" if asked in {"", urlsplit(own).hostname} else own
    if settings.host in _HERE and asked in _LOOPBACK:
        port = re.search(r":\d{1,5}$", asked_host)  # a tunnel's, if there is one
        return f"{_scheme(settings)}://localhost{port[0] if port else ''}"
    return ""


def _scheme(settings: Settings) -> str:
    return "https" if settings.tls.cert else "http"


def _name_in(asked_host: str) -> str:
    """The name in a `Host` header, in small letters and without brackets; "" for what is none."""
    asked = re.sub(r":\d*$", "", asked_host.rsplit("@", 1)[-1])  # whatever was sent
    return asked.strip("[]").lower() if _HOST.fullmatch(asked) else ""


def _reachable_name(host: str, asked_host: str) -> str:
    """A name for URLs: `host`, unless it means "all addresses" or "this machine"."""
    if host in _HERE:
        asked = _name_in(asked_host)
        return _in_url(asked) if asked in _LOOPBACK else "localhost"
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host or "localhost"
    return _in_url(_name_in(asked_host) or "localhost" if address.is_unspecified else host)


def _in_url(name: str) -> str:
    return f"[{name}]" if ":" in name else name
