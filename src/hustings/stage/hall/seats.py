"""The named people of one room: who takes a seat, at which device, by which line, and who must go.

Keeps true: one invitation is one seat at one device at a time; whoever is not in the room's
record has neither page nor sound. All methods run on the studio's thread.
"""

from collections.abc import Iterable

from hustings.base.clock import Clock
from hustings.base.errors import Denied
from hustings.stage.charge import in_charge
from hustings.stage.hall.record import Record
from hustings.stage.room import STEWARDS, Change
from hustings.stage.rtc.peers import Peer
from hustings.stage.sound import Sound
from hustings.stage.watchers import Absences, Watcher, Watchers
from hustings.wire import kinds
from hustings.wire.kinds import Participant


class Seats:
    """Those of one room."""

    def __init__(self, record: Record, sound: Sound, watchers: Watchers, clock: Clock) -> None:
        self._record = record
        self._model = record.model
        self._sound = sound
        self._watchers = watchers
        self._clock = clock
        self._pageless = Absences()
        self.unseen = Absences()  # neither sound nor a page

    # --- coming in -----------------------------------------------------------------------------

    def join(self, who_id: str, *, name: str, role: str, device: str = "") -> Participant:
        """A person with a valid invitation takes, or takes again, their seat.

        device: fingerprint of the browser's secret; "" for an encoder. One invitation is one seat:
        Denied `seat_taken` (409) while somebody sits there at another device.
        """
        self._expect_free(who_id, device)
        self._record.enter(self._model.join(who_id, name=name, role=role, device=device))
        self.at_device(who_id, device)
        return self._model.people[who_id]

    def _expect_free(self, who_id: str, device: str) -> None:
        known = self._model.devices.get(who_id, set())
        if not device or not known or device in known or who_id not in self._watchers:
            return
        people = self._model.people
        hosts = [each.id for each in people.values() if each.role in STEWARDS]
        warning = {"type": "warning", "code": "seat_taken", "name": people[who_id].name}
        self._watchers.warn(hosts, f"seat {who_id}", warning, self._clock.monotonic())
        raise Denied("seat_taken", "This link is in use on another device.", status=409)

    def at_device(self, who_id: str, device: str) -> None:
        """Somebody who is here showed this device's secret."""
        if device and who_id in self._model.people:
            self._record.enter(self._model.at_device(who_id, device))
            self._model.sits_at[who_id] = device
            self._model.devices.setdefault(who_id, set()).add(device)

    def known(self, who_id: str) -> Participant:
        """The participant, or Denied `not_in_room`: removed, or the room has ended."""
        who = self._model.people.get(who_id)
        if who is None or self._record.ended:
            raise Denied("not_in_room", "You are not in this room any more.")
        return who

    async def connect(self, who_id: str, offer_sdp: str, *, encoder: bool = False) -> Peer:
        """Answer a participant's WebRTC offer."""
        self.known(who_id)
        peer = await self._sound.connect(who_id, offer_sdp, encoder=encoder)
        await self.expel_the_gone()  # removed in between
        if self._record.ended:  # or the room
            await self._sound.close()
        return peer

    def connected(self, who_id: str, *, connected: bool) -> None:
        """Somebody's sound came or went."""
        self._record.enter(self._model.connection(who_id, connected=connected))
        state = "connected" if connected else "lost"
        self._watchers.tell_one(who_id, {"type": "media", "state": state})

    # --- their pages ---------------------------------------------------------------------------

    def open_page(self, who_id: str, watcher: Watcher) -> None:
        """Tell `watcher` (on this thread; it must not block) all that changes; the newest wins."""
        self._watchers.seat(who_id, watcher)
        self._keep_charge()

    def close_page(self, who_id: str, watcher: Watcher) -> None:
        """Tell no more; a newer page of the same seat stays."""
        if self._watchers.leave(who_id, watcher):
            self._keep_charge()

    def second(self) -> None:
        """Once a second of an open evening: free what nobody uses; somebody runs the room."""
        people = self._model.people
        there = self._watchers.people | {who.id for who in people.values() if who.connected}
        away_s = self.unseen.turn(list(people), there, self._clock.monotonic())
        self._record.enter(self._model.give_up(away_s))
        self._keep_charge()

    def _keep_charge(self) -> None:
        """Somebody whose page is open runs the room, a host if there is one."""
        if self._record.ended:
            return
        people = self._model.people
        away_s = self._pageless.turn(people, self._watchers.people, self._clock.monotonic())
        holder = in_charge(people, away_s, self._model.charge)
        if holder != self._model.charge:
            self._record.enter([Change(kinds.CHARGE, kinds.Charge(holder), public=False)])

    # --- going ---------------------------------------------------------------------------------

    async def revoke(self, who_id: str) -> None:
        """Web withdraws an invitation: nobody sits down on it any more, whoever sits leaves."""
        self._record.enter(self._model.revoke(who_id))
        await self.expel_the_gone()

    async def left(self, who_id: str) -> None:
        """They went by themselves."""
        await self._expel({who_id}, "left", "You have left the room.")

    async def expel_the_gone(self) -> None:
        """Whoever is not in the room any more goes."""
        people = self._model.people
        gone = self._watchers.people - people.keys()
        await self._expel(
            gone | (self._sound.people - people.keys()), "removed", "A host removed you."
        )

    async def close_doors(self) -> None:
        """The room has ended, or a rehearsal begins or ends (`moved`): let everybody go."""
        is_over = self._record.ended and not self._model.facts.rehearsal_of
        goodbye = ("room_ended", "This room has ended.") if is_over else ("moved", "Come in again.")
        await self._expel(self._watchers.people, *goodbye)
        await self._sound.close()

    async def _expel(self, who_ids: Iterable[str], code: str, title: str) -> None:
        for who_id in who_ids:
            self._watchers.dismiss(who_id, code, title)
            await self._sound.disconnect(who_id)
