"""Sound checks: what the stage would air, sent to a room that nobody knows, and heard at an edge.

Keeps true: while a host looks at the readiness of a room in its lobby, and somebody on stage is
not proven yet, there is one private room that carries the room's program (never what is said
backstage) over the real feed and the real edges; our own listener (`stage.probe`) is its whole
audience; it goes, with its journal, when nobody asks any more or the room goes live. Lives on the
studio's thread.
"""

from collections import Counter
from collections.abc import Callable
from typing import Final

from hustings.base.errors import HustingsError
from hustings.base.ids import RoomId, private_id
from hustings.stage.hall.hall import Hall
from hustings.stage.hearing import LOUD_DBFS, Hearing
from hustings.stage.rtc.peers import Peers
from hustings.stage.sound import Sound
from hustings.wire.kinds import Part

ASKED_S: Final = 15.0  # a host's page asks each 5
KIND: Final = "soundcheck"


class Echo(Sound):
    """The program of another room, and no lines of its own."""

    def __init__(self, source: Sound, peers: Peers, hearing: Hearing) -> None:
        super().__init__(peers, lambda _who, _connected: None)
        self._source = source
        self._hearing = hearing
        self._loud: Counter[str] = Counter()  # ticks of this part

    def tick(self, now_s: float) -> Part | None:
        """What the source mixed in this tick, and who was loud in it."""
        if self._program is None:
            return None
        speaking = self._source.speaking
        levels = self._source.levels()
        self._loud.update(who for who in speaking if levels[who] >= LOUD_DBFS)
        part = self._program.tick(self._source.mixed)
        if part is not None:
            self._hearing.spoke(part.n, self._loud, now_s=now_s)
            self._loud.clear()
        return part


class SoundCheck:
    """One room's."""

    def __init__(self, hall: Hall) -> None:
        self.hall = hall
        self.hearing = Hearing()
        self.asked_s = 0.0
        self.room: RoomId | None = None  # where it is to be heard now
        self.refused = ""  # code of what keeps it from beginning
        self.lines: dict[str, str] = {}  # participant -> their connection, as last seen

    @property
    def unproven(self) -> bool:
        """Whether somebody on stage could be heard, and has not been yet."""
        return any(
            who.connected and not self.hearing.verdict(who.id) for who in self.hall.model.on_stage
        )

    def look_at_lines(self) -> None:
        """Whoever has another connection, or none, begins anew."""
        now = self.hall.sound.connections()
        for who in {who for who, peer in self.lines.items() if now.get(who) != peer}:
            self.hearing.forget(who)
        self.lines = now


class SoundChecks:
    """All of a stage; `second` is called once a second."""

    def __init__(
        self,
        open_room: Callable[[RoomId, Callable[[Peers], Sound]], object],
        discard: Callable[[RoomId], None],
    ) -> None:
        """open_room: makes a private room that is live, with this sound; discard: wipes it."""
        self._open_room = open_room
        self._discard = discard
        self._checks: dict[RoomId, SoundCheck] = {}

    def asked(self, hall: Hall, now_s: float) -> SoundCheck:
        """A host looks at this room's readiness."""
        check = self._checks.get(hall.room)
        if check is None or check.hall is not hall:
            check = self._checks[hall.room] = SoundCheck(hall)
        check.asked_s = now_s
        check.look_at_lines()
        if check.room is None and self._wanted(check, now_s):
            self._begin(check)
        return check

    def heard(self, room: str, n: int, dbfs: float, now_s: float) -> bool:
        """The probe in private room `room` heard part `n`; returns whether it shall go on."""
        for check in self._checks.values():
            if check.room == room:
                check.hearing.heard(n, dbfs, now_s=now_s)
                return True
        return False

    def stands(self, room: str) -> bool:
        """Whether this private room is one of ours still."""
        return any(check.room == room for check in self._checks.values())

    def second(self, now_s: float) -> None:
        """End what nobody wants; what was proven in a lobby stays known until the room is live."""
        for room, check in list(self._checks.items()):
            check.look_at_lines()
            if check.room is not None and not self._wanted(check, now_s):
                self._discard(check.room)
                check.room = None
            if check.hall.model.facts.state in {"live", "ended"}:
                del self._checks[room]

    def _wanted(self, check: SoundCheck, now_s: float) -> bool:
        in_lobby = check.hall.model.facts.state == "lobby"
        return in_lobby and check.unproven and now_s - check.asked_s <= ASKED_S

    def _begin(self, check: SoundCheck) -> None:
        name = private_id(KIND)
        try:
            self._open_room(name, lambda peers: Echo(check.hall.sound, peers, check.hearing))
        except HustingsError as error:
            check.refused = error.code
            return
        check.refused, check.room = "", name
