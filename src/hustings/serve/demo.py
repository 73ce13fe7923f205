"""`serve --demo`: a room in which two voices converse, and links for a person to join them.

The voices are two `hustings say` processes like anybody's: they hold invitations, speak WebRTC
and know nothing of the stage's insides. Both follow the wall clock through their files, so that
they take turns also after one of them was started anew.
"""

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import httpx

from hustings import media
from hustings.base.clock import Clock
from hustings.base.errors import OperatorError
from hustings.base.ids import RoomId, new_id
from hustings.base.keyfiles import participant_key, service_key
from hustings.base.listening import neighbour_tls
from hustings.serve.plan import Child, voice
from hustings.settings import Settings
from hustings.wire.links import links_for, stage_url
from hustings.wire.tokens import Claims, KeyRing

DATA: Final = Path(media.__file__).parent / "data"
ROOM: Final = "demo"
TRIES: Final = 9  # rooms that a person has ended; their records stay


@dataclass(frozen=True)
class Voice:
    """One who speaks; the same seat at each start."""

    seat: str
    name: str
    role: str
    file: str
    flags: tuple[str, ...] = ()


VOICES: Final = (
    Voice("ada", "Ada", "host", "voice_a.opus", ("--go-live",)),
    Voice("ben", "Ben", "cohost", "voice_b.opus"),
)


@dataclass(frozen=True)
class Demo:
    """What to print, and whom to run beside the services."""

    listen: str
    speak: str
    host: str
    voices: tuple[Child, ...]


async def open_demo(settings: Settings, clock: Clock) -> Demo:
    """Open the room on a running stage and make everybody's invitations.

    A person's link is a co-host's: there is nobody else to ask them on stage.
    Raises OperatorError("demo") if the stage refuses.
    """
    room = await _open_room(settings, clock)
    ring = KeyRing([participant_key(Path(settings.data))])

    def invitation(seat: str, name: str, role: str) -> str:
        now_s = clock.wall_ms() // 1_000
        return ring.sign(
            Claims(typ="invite", jti=seat, iat=now_s, room=room, sub=seat, role=role, name=name)
        )

    def child(one: Voice) -> Child:
        words = [sys.executable, "-m", "hustings", "say", room, str(DATA / one.file)]
        words += ["--stage", stage_url(settings), "--name", one.name, "--in-step"]
        words += ["--invite", invitation(one.seat, one.name, one.role), "--agree", *one.flags]
        return voice(settings, one.name, tuple(words))

    links = links_for(settings)
    return Demo(
        listen=links.listen(room),
        speak=links.seat(room, invitation(new_id(), "", "cohost")),
        host=links.seat(room, invitation(new_id(), "", "host")),
        voices=tuple(child(one) for one in VOICES),
    )


async def _open_room(settings: Settings, clock: Clock) -> RoomId:
    """PUT the room; one that a person has ended stays so, and the next number is taken."""
    facts = {
        "title": "Two voices on a square",
        "description": "A demonstration: open the link called speak in another tab, and be heard here.",
        "language": "en",
        "host": "Ada",
        "state": "lobby",
    }
    claims = Claims(typ="service", jti=new_id(), iat=clock.wall_ms() // 1_000, name="demo")
    token = KeyRing([service_key(Path(settings.data))]).sign(claims)
    headers = {"Authorization": f"Bearer {token}"}
    verify = neighbour_tls(settings.tls.cert)
    async with httpx.AsyncClient(
        base_url=stage_url(settings), headers=headers, verify=verify, timeout=10, trust_env=False
    ) as client:
        for number in range(1, TRIES + 1):
            room = RoomId(ROOM if number == 1 else f"{ROOM}-{number}")
            answer = await client.put(f"/rooms/{room}", json=facts)
            if answer.status_code >= 400:
                raise OperatorError("demo", f"The stage refuses the demo's room: {answer.text}")
            if answer.json().get("state") != "ended":
                return room
    raise OperatorError("demo", f"{TRIES} demos have ended here: use another --data.")
