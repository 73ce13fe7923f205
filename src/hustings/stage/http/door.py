"""Who may come in: the stage's checks of invitations, tokens and device cookies.

`Door` is what every HTTP module of the stage holds: the engine behind it and the keys to check
credentials with. Nothing here touches a room itself.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import msgspec
from fastapi import Request, Response
from starlette.requests import HTTPConnection

from hustings.base.clock import Clock
from hustings.base.errors import Denied
from hustings.base.ids import new_id, new_secret
from hustings.base.revocations import Revocations
from hustings.settings import Settings
from hustings.stage.engine import Engine
from hustings.stage.passes import Passes
from hustings.stage.pictures import Pictures
from hustings.stage.probe import Probes
from hustings.stage.push.pushes import Pushes
from hustings.wire.credentials import EdgeCheck, EdgeSigner, is_credential
from hustings.wire.kinds import Participant
from hustings.wire.links import Links, links_for
from hustings.wire.tickets import keys_of
from hustings.wire.tokens import TOKEN_SECONDS, Claims, KeyRing, Kind, fingerprint

COOKIE: Final = "hustings_device"
SAFE_COOKIE: Final = f"__Host-{COOKIE}"


class Seated(msgspec.Struct, frozen=True):
    """Who a token speaks for."""

    room: str
    participant: str
    device: str  # fingerprint of its secret


class Door:
    """The engine, and the keys to what is behind it."""

    def __init__(
        self,
        settings: Settings,
        engine: Engine,
        clock: Clock,
        *,
        people: KeyRing,
        services: KeyRing,
        tickets: bytes,
        edges: EdgeSigner,
    ) -> None:
        """tickets: the master of the keys for listeners' tickets; edges: whose credentials count."""
        self.settings = settings
        self.engine = engine
        self.clock = clock
        self._people = people
        self._services = services
        self._tickets = tickets
        self._edges = EdgeCheck(edges.public)
        self._ended = Revocations(Path(settings.data))
        self.passes = Passes()
        self.probes = Probes(settings, engine)
        self.pictures = Pictures(Path(settings.data))
        self.pushes = Pushes(settings, engine, clock)
        self.feeds: set[Callable[[], None]] = set()  # what ends each that is open
        self.ending = False

    @property
    def now_s(self) -> float:
        """Wall seconds, for the times in tokens."""
        return self.clock.wall_ms() / 1_000

    def end_feeds(self) -> None:
        """The stage is about to end: feeds end whole, and no more are opened."""
        self.ending = True
        for end in list(self.feeds):
            end()

    async def close(self) -> None:
        """Hang up what the door itself opened."""
        await self.pushes.close()
        await self.probes.close()

    def links(self, connection: HTTPConnection | None = None) -> Links:
        """Addresses as whoever asks by `connection` can use them."""
        asked = connection.headers.get("host", "") if connection else ""
        return links_for(self.settings, asked_host=asked)

    def handed_out(self) -> dict[str, Any]:
        """What edges hold for the house as of now, by its name on the index feed; for them only.

        Keys that sign and check listeners' tickets, and what checks edges' credentials.
        """
        return {
            "tickets": keys_of(self._tickets, self.now_s).line(),
            "edges": self._edge_check().line(),
        }

    def _edge_check(self) -> EdgeCheck:
        self._edges = self._edges.without(self._ended.ids)
        return self._edges

    # --- other services --------------------------------------------------------------------------

    def service(self, request: Request, kind: Kind = "service") -> Claims:
        """The caller is web (`service`) or an edge (`edge`), or Denied."""
        token = bearer(request)
        if kind == "edge" and is_credential(token):
            return self._edge_check().check(token, now_s=self.now_s)
        claims = self._services.check(token, kind=kind, now_s=self.now_s)
        if claims.jti in self._ended:
            raise Denied("token_revoked", "This credential was ended by `hustings edge-token`.")
        return claims

    def stands(self, claims: Claims) -> bool:
        """Whether what `service` let in would be let in now: neither ended nor run out."""
        return claims.jti not in self._ended and not 0 < claims.exp <= self.now_s

    # --- people ------------------------------------------------------------------------------------

    def invitation(self, text: str, room: str, connection: HTTPConnection) -> Claims:
        """An invitation to this room; one that is bound to a device is good there alone."""
        claims = self._people.check(text, kind="invite", now_s=self.now_s, room=room)
        if claims.dev and claims.dev != fingerprint(device_of(connection)):
            raise Denied("token_device", "This invitation belongs to another browser.")
        return claims

    def here_alone(self, claims: Claims, device: str) -> str:
        """The invitation by which whoever came with a pass comes again, on this device (fingerprint)."""
        lasting = msgspec.structs.replace(claims, jti=new_id(), iat=int(self.now_s), exp=0)
        return self._people.sign(msgspec.structs.replace(lasting, dev=device))

    def new_invitation(
        self, room: str, *, role: str, name: str, kind: Kind = "invite", seat: str = ""
    ) -> str:
        """A link's secret half: one seat, good until the room ends or it is revoked."""
        seat = seat or new_id()
        claims = Claims(
            typ=kind, jti=seat, iat=int(self.now_s), room=room, sub=seat, role=role, name=name
        )
        return self._people.sign(claims)

    def token(self, room: str, participant: str, device: str) -> str:
        """Fifteen minutes for one participant on one device."""
        now_s = int(self.now_s)
        claims = Claims(
            typ="token",
            jti=new_id(),
            iat=now_s,
            exp=now_s + TOKEN_SECONDS,
            room=room,
            sub=participant,
            dev=fingerprint(device),
        )
        return self._people.sign(claims)

    def seated(self, token: str, room: str, connection: HTTPConnection) -> Seated:
        """Check a participant's token against the room and the device that shows it."""
        claims = self._people.check(token, kind="token", now_s=self.now_s, room=room)
        if claims.dev != fingerprint(device_of(connection)):
            raise Denied("token_device", "This token belongs to another browser: join again here.")
        return Seated(claims.room, claims.sub, claims.dev)

    def encoder(self, token: str, room: str) -> Claims:
        """An outside encoder's token (kind `whip`)."""
        return self._people.check(token, kind="whip", now_s=self.now_s, room=room)

    def studio(self, password: str, room: str, seat: str) -> None:
        """A radio studio's password for this seat, or Denied `source_password`."""
        self._people.check_source(password, room, seat)

    # --- the device cookie -----------------------------------------------------------------------

    def device(self, request: Request, response: Response) -> str:
        """The browser's device secret, set if it has none yet.

        The `__Host-` promise can only be kept where the browser came by TLS: ours or a proxy's.
        """
        if secret := device_of(request):
            return secret
        secret, secure = new_secret(), request.url.scheme == "https"
        response.set_cookie(
            SAFE_COOKIE if secure else COOKIE,
            secret,
            max_age=86_400,
            path="/",
            secure=secure,
            httponly=True,
            samesite="strict",
        )
        return secret


def device_of(connection: HTTPConnection) -> str:
    """The device secret that a browser shows; empty if it has none."""
    return connection.cookies.get(SAFE_COOKIE) or connection.cookies.get(COOKIE, "")


def bearer(request: Request) -> str:
    """The token of `Authorization: Bearer`, or empty."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def welcome_view(who: Participant) -> dict[str, str]:
    """What a person who joined learns about themselves."""
    return {"participant": who.id, "name": who.name, "role": who.role}
