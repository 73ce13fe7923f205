"""A room's rules: who may do what, and what each act changes. Pure.

Commands go in, `Change`s come out; a change is the body of one journal entry. The state is only
ever altered by folding changes, so a restart that folds the journal stands where the last run
stood. `stage.hall` owns one `RoomModel`, journals its changes and moves the sound accordingly.
"""

import unicodedata
from collections.abc import Mapping
from typing import Any, Final, cast

import msgspec

from hustings.base.errors import Denied, TryLater, UserError
from hustings.stage.mix.delay import chosen_delay
from hustings.wire import kinds
from hustings.wire.kinds import Hand, Participant, Role, Room, Roster, Seat

NAME_CHARS: Final = 80
TEXT_CHARS: Final = 2_000
SEAT_HELD_S: Final = 120.0  # a tunnel, a reboot of the phone
NAME_HELD_S: Final = 900.0
LOBBY_LATE_MS: Final = 3_600_000  # a room that nobody opened for so long stays closed
HANDS: Final = 200  # in the hosts' list; the audience's queue itself is the edges' business
AUDIENCE_HANDS: Final = 150  # of them: named people always find room

HOSTS: Final = frozenset({"host", "cohost"})
STEWARDS: Final = frozenset({"host", "cohost", "moderator"})
ROLES: Final = frozenset({"host", "cohost", "moderator", "speaker"})


class Change(msgspec.Struct, frozen=True):
    """One journal entry to be: `public` false means the stage alone may read the body."""

    kind: str
    body: msgspec.Struct
    public: bool = True


def clean(text: str, limit: int = NAME_CHARS) -> str:
    """Text as people may see it: no control or direction characters, one space, bounded."""
    kept = "".join(
        c if unicodedata.category(c) not in {"Cc", "Cf", "Zl", "Zp"} else " " for c in text
    )
    return " ".join(kept.split())[:limit]


def role_named(text: str) -> Role:
    """A role by its name, or raise `role_unknown`."""
    if text not in ROLES:
        raise UserError("role_unknown", "A role is host, cohost, moderator or speaker.")
    return cast("Role", text)


class RoomModel:
    """All facts of one room, public and stage-only."""

    def __init__(self, room: Room, *, seats: int = 13, people: int = 50) -> None:
        self.facts = room
        self.people: dict[str, Participant] = {}
        self.asked: set[str] = set()
        self.hands: dict[str, Hand] = {}
        self.revoked: set[str] = set()
        self.speaking: list[str] = []
        self._seats = seats
        self._max_people = people

    # --- state ---------------------------------------------------------------------------

    def fold(self, body: object) -> None:
        """Take one change, new or replayed, into the state."""
        match body:
            case Room():
                self.facts = body
            case Roster(participant=who):
                self.people[who.id] = who
                if who.place == "gone":
                    del self.people[who.id]
            case Hand():
                self.hands.pop(body.id, None)
                if body.raised:
                    self.hands[body.id] = body
            case Seat(id=who_id, change=change):
                self.asked.discard(who_id)
                if change != "settled":
                    (self.asked if change == "asked" else self.revoked).add(who_id)
            case kinds.Level():
                self.speaking = body.speaking
            case _:
                pass  # kinds that say nothing about who may do what

    def private_state(self) -> dict[str, Any]:
        """What a stage-only snapshot adds to the public facts."""
        return {
            "asked": sorted(self.asked),
            "hands": [msgspec.to_builtins(hand) for hand in self.hands.values()],
            "revoked": sorted(self.revoked),
        }

    def restore(self, snapshot: kinds.Snapshot) -> None:
        """Begin at a stage-only snapshot; entries after it are folded next."""
        self.facts = snapshot.room
        self.people = {who.id: who for who in snapshot.roster}
        self.speaking = list(snapshot.speaking)
        self.asked = set(snapshot.private.get("asked", ()))
        self.revoked = set(snapshot.private.get("revoked", ()))
        hands = (msgspec.convert(hand, Hand) for hand in snapshot.private.get("hands", ()))
        self.hands = {hand.id: hand for hand in hands}

    @property
    def ended(self) -> bool:
        """Whether the evening is over."""
        return self.facts.state == "ended"

    @property
    def on_stage(self) -> list[Participant]:
        """Who has a seat on stage, connected or not."""
        return [who for who in self.people.values() if who.place == "stage"]

    # --- what happens to people ------------------------------------------------------------

    def put(self, wanted: Mapping[str, Any], *, now_ms: int) -> list[Change]:
        """Web creates or changes the room's facts; live and ended rooms keep their state."""
        facts: dict[str, Any] = {}
        for field in ("title", "host", "language"):
            if field in wanted:
                facts[field] = clean(str(wanted[field]), 200)
        for field in ("description", "notice"):
            if field in wanted:
                facts[field] = str(wanted[field])[:TEXT_CHARS]
        if "start_ms" in wanted:
            facts["start_ms"] = int(wanted["start_ms"])
        if "expected" in wanted:
            facts["expected"] = int(wanted["expected"])
        if "radio" in wanted:
            facts["radio"] = bool(wanted["radio"])
        if "delay_s" in wanted and self.facts.state != "live":  # then it is the hosts' own decision
            facts["delay_s"] = chosen_delay(wanted["delay_s"])
        if wanted.get("state") == "lobby" and self.facts.state == "scheduled":
            facts |= {"state": "lobby", "epoch_ms": self.facts.epoch_ms or now_ms}
        return self.room(**facts)

    def join(self, who_id: str, *, name: str, role: str) -> list[Change]:
        """Somebody comes with an invitation; coming again is coming back to the same seat."""
        if self.ended:
            raise Denied("room_ended", "This room has ended.")
        if who_id in self.revoked:
            raise Denied("revoked", "This invitation was withdrawn.")
        known = self.people.get(who_id)
        name = clean(name) or (known.name if known else "")
        if not name:
            raise UserError("name_missing", "Say under which name people shall hear you.")
        if known:
            return [] if known.name == name else self.roster(known, "renamed", name=name)
        if self.facts.locked and role not in HOSTS:
            raise Denied("room_locked", "The host has locked this room: ask them to unlock it.")
        if len(self.people) >= self._max_people:
            raise TryLater("room_full", f"{self._max_people} people are in already.", delay_s=30)
        return self.roster(Participant(id=who_id, name=name, role=role_named(role)), "joined")

    def connection(self, who_id: str, *, connected: bool) -> list[Change]:
        """Somebody's sound came, or went; the seat stays theirs."""
        who = self.people.get(who_id)
        if who is None or who.connected == connected:
            return []
        return self.roster(who, "returned" if connected else "left", connected=connected)

    @property
    def hands_free(self) -> int:
        """So many more listeners' hands the hosts' list takes."""
        audience = sum(not hand.participant for hand in self.hands.values())
        return max(0, min(AUDIENCE_HANDS - audience, HANDS - len(self.hands)))

    def audience_hand(self, hand_id: str, name: str, question: str, *, at_ms: int) -> list[Change]:
        """A listener's hand, as their edge reports it; nothing if it is known or there is no room."""
        name = clean(name)
        if not name or not self.hands_free or hand_id in self.hands or self.ended:
            return []
        hand = Hand(id=hand_id, name=name, question=clean(question, 280), at_ms=at_ms)
        return [Change(kinds.HAND, hand, public=False)]

    def audience_lower(self, hand_id: str) -> list[Change]:
        """A listener's hand is down, as an edge reports it."""
        hand = self.hands.get(hand_id)
        if hand is None or hand.participant:
            return []
        return [Change(kinds.HAND, msgspec.structs.replace(hand, raised=False), public=False)]

    def lobby_due(self, now_ms: int, *, before_ms: int) -> list[Change]:
        """Open the lobby so long before the planned start; `LOBBY_LATE_MS` after it no more."""
        start_ms = self.facts.start_ms
        if self.facts.state != "scheduled" or not start_ms or not before_ms:
            return []
        due = -before_ms <= now_ms - start_ms < LOBBY_LATE_MS
        return [Change(kinds.ROOM, self.opened(now_ms))] if due else []

    def give_up(self, absent: Mapping[str, float]) -> list[Change]:
        """Free what nobody uses: a seat after 2 minutes, a name in the room after 15.

        absent: participant id -> seconds without sound and without a page. The invitation stays
        good; whoever comes back joins again.
        """
        changes: list[Change] = []
        for who_id, seconds in absent.items():
            who = self.people[who_id]
            if seconds >= NAME_HELD_S:
                changes += self.roster(who, "left", place="gone")
            elif seconds >= SEAT_HELD_S and who.place == "stage":
                changes += self.roster(who, "absent", place="backstage")
        return changes

    def revoke(self, who_id: str) -> list[Change]:
        """An invitation is withdrawn, before or after somebody sat down on it."""
        if who_id in self.revoked:
            return []
        who = self.people.get(who_id)
        leave = self.roster(who, "removed", place="gone", connected=False) if who else []
        return [*leave, Change(kinds.SEAT, Seat(who_id, "revoked"), public=False)]

    # --- what rules are made of: commands.py builds its changes with these ---------------------

    def roster(self, who: Participant, change: str, *, by: str = "", **new: Any) -> list[Change]:
        """The change that makes `who` what `new` says; none if they are so already."""
        after = msgspec.structs.replace(who, **new)
        if after == who and who.id in self.people:
            return []
        public = who.place == "stage" or after.place == "stage"
        return [Change(kinds.ROSTER, Roster(after, change, by), public)]

    def bring_on_stage(self, who: Participant, by: str = "") -> list[Change]:
        """A seat for `who`; their hand goes down and the question is settled."""
        if who.place == "stage":
            return []
        if len(self.on_stage) >= self._seats:
            raise TryLater("stage_full", f"All {self._seats} seats on stage are taken.", delay_s=10)
        changes = self.roster(who, "on_stage", by=by, place="stage")
        changes += [
            Change(kinds.HAND, msgspec.structs.replace(hand, raised=False), public=False)
            for hand in self.hands.values()
            if hand.participant == who.id
        ]
        if who.id in self.asked:
            changes.append(Change(kinds.SEAT, Seat(who.id, "settled", by), public=False))
        return changes

    def room(self, **new: Any) -> list[Change]:
        """The change that makes the room's facts what `new` says."""
        after = msgspec.structs.replace(self.facts, **new)
        return [] if after == self.facts else [Change(kinds.ROOM, after)]

    def opened(self, now_ms: int) -> Room:
        """The room with its lobby open: media time 0 is its first opening, for ever."""
        epoch_ms = self.facts.epoch_ms or now_ms
        return msgspec.structs.replace(self.facts, state="lobby", epoch_ms=epoch_ms)
