"""Every address that a service hands out, made from the settings; pure.

Behind a proxy `public_url.*` says them. Otherwise they are host and port; where the services
listen on all addresses (`0.0.0.0`), the name under which the asking browser reached us is used.
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

    def start(self, code: str) -> str:
        """The one-time host link."""
        return f"{self.web}/start#{code}"

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
    scheme = "https" if settings.tls.cert else "http"
    name = _reachable_name(settings.host, asked_host)
    public = settings.public_url

    def base(url: str, port: int) -> str:
        return url.rstrip("/") or f"{scheme}://{name}:{port}"

    stage = base(public.stage, settings.stage.port)
    radio = settings.stage.radio.port
    return Links(
        web=base(public.web, settings.web.port),
        stage=stage,
        edge=base(public.edge, settings.edge.port),
        radio=f"{_host_of(stage)}:{radio}" if radio else "",
    )


def _host_of(url: str) -> str:
    name = urlsplit(url).hostname or ""
    return f"[{name}]" if ":" in name else name


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
    scheme = "https" if settings.tls.cert else "http"
    host = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}.get(settings.host, settings.host)  # noqa: S104
    return f"{scheme}://{f'[{host}]' if ':' in host else host}:{port}"


def stage_url(settings: Settings) -> str:
    """Where web itself reaches the stage."""
    return settings.web.stage.rstrip("/") or near_url(settings, settings.stage.port)


def _reachable_name(host: str, asked_host: str) -> str:
    """A name for URLs: `host`, unless it means "all addresses"."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host or "localhost"
    if address.is_unspecified:
        asked = re.sub(r":\d*$", "", asked_host.rsplit("@", 1)[-1])  # whatever was sent
        return asked if _HOST.fullmatch(asked) else "localhost"
    return f"[{host}]" if address.version == 6 else host
