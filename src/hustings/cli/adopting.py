"""How a finished import gets among the rooms: by the stage, or while none runs by this process.

Whoever puts rooms into a data folder holds its lock (`lock_house`): a stage for as long as it runs. Called by `cli.importing`.
"""

import os
from pathlib import Path
from typing import Final

import httpx
import msgspec

from hustings.archive.importing import adopt
from hustings.base.clock import SystemClock
from hustings.base.errors import OperatorError, TryLater
from hustings.base.ids import RoomId, new_id
from hustings.base.keyfiles import service_key
from hustings.base.listening import neighbour_tls
from hustings.cli.client import problem_of
from hustings.journal.keys import SigningKey
from hustings.journal.recovery import lock_house
from hustings.settings import Settings
from hustings.wire.kinds import Room
from hustings.wire.links import near_url
from hustings.wire.tokens import Claims, KeyRing

ASK_S: Final = 30.0  # of a stage: it waits for its disk
_TOKEN_S: Final = 300


def take_in(settings: Settings, room: RoomId, key: SigningKey) -> Room:
    """Have the room taken in by the stage, or do it while none runs on this folder."""
    rooms, clock = Path(settings.data) / "rooms", SystemClock()
    try:
        held = lock_house(rooms.parent)
    except OperatorError as error:
        if error.code != "journal_locked":
            raise
        return _ask_stage(settings, room)
    try:
        return adopt(rooms, room, key, clock).facts
    finally:
        os.close(held)


def _ask_stage(settings: Settings, room: RoomId) -> Room:
    """The stage takes the room in. Raises what it answers, TryLater `stage_unreachable`."""
    url = near_url(settings, settings.stage.port)
    now_s = SystemClock().wall_ms() // 1_000
    claims = Claims(typ="service", jti=new_id(), iat=now_s, exp=now_s + _TOKEN_S)
    token = KeyRing([service_key(Path(settings.data))]).sign(claims)
    try:
        answer = httpx.post(
            f"{url}/rooms/{room}/adopt",
            headers={"Authorization": f"Bearer {token}"},
            verify=neighbour_tls(settings.tls.cert),
            trust_env=False,
            timeout=ASK_S,
        )
    except httpx.HTTPError as error:
        raise TryLater(
            "stage_unreachable",
            f"A stage runs on this folder, but does not answer at {url}: give its --stage-port.",
        ) from error
    if not answer.is_success:
        raise problem_of(answer)
    return msgspec.json.decode(answer.content, type=Room)
