"""A room's rules: who may do what, and what each act changes. Pure.

Commands go in, `Change`s come out; a change is the body of one journal entry. The state is only
ever altered by folding changes, so a restart that folds the journal stands where the last run
stood. `stage.hall` owns one `RoomModel`, journals its changes and moves the sound accordingly.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, Final, cast

import msgspec

from hustings.base.errors import Denied, TryLater, UserError
from hustings.stage.announcing import announced_anew, cancelled, moved, revised
from hustings.stage.guests import Guests
from hustings.stage.mix.delay import chosen_delay
from hustings.stage.names import alike, clean
from hustings.wire import kinds
from hustings.wire.kinds import (
    Hand,
    Participant,
    Role,
    Room,
    Roster,
    Seat,
    Words,
    keeps_shorter,
)
from hustings.wire.names import ENCODER_SEAT
from hustings.wire.rules import rules_of

TEXT_CHARS: Final = 2_000
GAIN_DB: Final = 12  # what a host may add to or take from a speaker's loudness
SEAT_HELD_S: Final = 120.0  # a tunnel, a reboot of the phone
NAME_HELD_S: Final = 900.0
LOBBY_LATE_MS: Final = 3_600_000  # a room that nobody opened for so long stays closed
HANDS: Final = 200  # in the hosts' list; the audience's queue itself is the edges' business
AUDIENCE_HANDS: Final = 150  # of them: named people always find room
TRACKS: Final = 50  # people whose own track is kept, in the room still or gone

HOSTS: Final = frozenset({"host", "cohost"})
STEWARDS: Final = frozenset({"host", "cohost", "moderator"})
ROLES: Final = frozenset({"host", "cohost", "moderator", "speaker"})  # that hosts give
SILENT: Final = frozenset({"checker"})  # hear all from backstage, and are never heard

_AS_GIVEN: Final = (
    "expected",
    "radio",
    "picture",
    "lobby_min",
    "doors",
)  # web's word, of the right type


class Change(msgspec.Struct, frozen=True):
    """One journal entry to be: `public` false means the stage alone may read the body."""

    kind: str
    body: msgspec.Struct
    public: bool = True


def other_seat(seat: str) -> str:
    """One link is two seats: the person's, and that of an encoder of theirs."""
    return seat.removesuffix(ENCODER_SEAT) if seat.endswith(ENCODER_SEAT) else seat + ENCODER_SEAT


def person_of(seat: str) -> str:
    """Whose seat it is: theirs, or that of an encoder of theirs."""
    return seat.removesuffix(ENCODER_SEAT)


def role_named(text: str) -> Role:
    """A role by its name, or raise `role_unknown`."""
    if text not in ROLES:
        raise UserError("role_unknown", "A role is host, cohost, moderator or speaker.")
    return cast("Role", text)


def expect_voice(who: Participant) -> None:
    """Raise UserError `checker_silent` if it is somebody who only listens."""
    if who.role in SILENT:
        raise UserError("checker_silent", "A checker listens, and is never on stage.", status=409)


def _seat_role(text: str) -> Role:
    """The role of an invitation: also one that no host gives."""
    return cast("Role", text) if text in SILENT else role_named(text)


class RoomModel:
    """All facts of one room, public and stage-only."""

    def __init__(self, room: Room, *, seats: int = 13, people: int = 50) -> None:
        self.facts = room
        self.people: dict[str, Participant] = {}
        self.asked: set[str] = set()
        self.hands: dict[str, Hand] = {}
        self.revoked: set[str] = set()
        self.barred: dict[str, Seat] = {}  # who was removed, with their devices
        self.devices: dict[str, set[str]] = {}  # participant -> fingerprints; not in the journal
        self.sits_at: dict[str, str] = {}  # participant -> their device now; not in the journal
        self.charge = ""  # who runs the room (`stage.charge`)
        self.ending = (
            False  # a host has ended it; what the broadcast delay holds is still to be aired
        )
        self.panic: kinds.Panic | None = None  # how it was before the hosts cleared the stage
        self.talks: dict[str, str] = {}  # host -> guest, in private (`stage.talkback`)
        self.speaking: list[str] = []
        self.guests = Guests()
        self.seats = seats
        self._max_people = people

    # --- state ---------------------------------------------------------------------------

    def fold(self, body: object) -> None:
        """Take one change, new or replayed, into the state."""
        match body:
            case Room() | kinds.Tombstone():
                self.facts = body if isinstance(body, Room) else body.facts
            case Roster(participant=who):
                self.people[who.id] = who
                if who.place == "gone":
                    del self.people[who.id]
            case Hand():
                self.hands.pop(body.id, None)
                if body.raised:
                    self.hands[body.id] = body
            case Seat():
                self._fold_seat(body)
            case kinds.Charge(id=who_id):
                self.charge = who_id
            case kinds.Ending():
                self.ending = True
            case kinds.Panic(on=on):
                self.panic = body if on else None
            case kinds.Talk(host=host, guest=guest):
                self.talks.pop(host, None)
                self.talks |= {host: guest} if guest else {}
            case kinds.Level():
                self.speaking = body.speaking
            case _:
                pass  # kinds that say nothing about who may do what

    def _fold_seat(self, seat: Seat) -> None:
        self.asked.discard(seat.id)
        if seat.change == "asked":
            self.asked.add(seat.id)
        elif seat.change == "revoked":
            self.revoked.add(seat.id)
            if seat.name:
                self.barred[seat.id] = seat
        elif seat.change == "readmitted":
            self.revoked.discard(seat.id)
            self.barred.pop(seat.id, None)

    def private_state(self) -> dict[str, Any]:
        """What a stage-only snapshot adds to the public facts."""
        return {
            "asked": sorted(self.asked),
            "hands": [msgspec.to_builtins(hand) for hand in self.hands.values()],
            "revoked": sorted(self.revoked),
            "barred": [msgspec.to_builtins(seat) for seat in self.barred.values()],
            "charge": self.charge,
            "ending": self.ending,
            "panic": msgspec.to_builtins(self.panic),
            "talks": dict(self.talks),
            "guests": dict(self.guests.at),
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
        barred = (msgspec.convert(seat, Seat) for seat in snapshot.private.get("barred", ()))
        self.barred = {seat.id: seat for seat in barred}
        self.charge = str(snapshot.private.get("charge", ""))
        self.ending = bool(snapshot.private.get("ending"))
        self.talks = dict(snapshot.private.get("talks", {}))
        self.panic = msgspec.convert(snapshot.private.get("panic"), kinds.Panic | None)
        self.guests.at = dict(snapshot.private.get("guests", {}))

    @property
    def ended(self) -> bool:
        """Whether the evening is over."""
        return self.facts.state == "ended"

    @property
    def told(self) -> Room:
        """The facts with the guests that are announced, who are in no `room` entry."""
        return msgspec.structs.replace(self.facts, guests=self.guests.told(self.facts.host))

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
        if "texts" in wanted:
            facts["texts"] = _texts(wanted["texts"])
        for field in ("description", "notice"):
            if field in wanted:
                facts[field] = str(wanted[field])[:TEXT_CHARS]
        if "start_ms" in wanted:
            facts |= moved(self.facts, int(wanted["start_ms"]))
        if "cancelled" in wanted:
            off, why = bool(wanted["cancelled"]), str(wanted.get("cancelled_why", ""))
            facts |= cancelled(self.facts, off=off, why=why, now_ms=now_ms)
        facts |= {field: wanted[field] for field in _AS_GIVEN if field in wanted}
        if "keep_days" in wanted:
            facts["keep_days"] = self._kept_for(wanted["keep_days"])
        if "delay_s" in wanted and self.facts.state != "live":  # then it is the hosts' own decision
            facts["delay_s"] = chosen_delay(wanted["delay_s"])
        is_off = facts.get("cancelled_ms", self.facts.cancelled_ms)
        if wanted.get("state") == "lobby" and self.facts.state == "scheduled" and not is_off:
            facts |= {"state": "lobby", "epoch_ms": self.facts.epoch_ms or now_ms}
        rules = self._other_rules(wanted)
        facts.update(("rules", each.id) for each in rules)
        after = revised(self.facts, msgspec.structs.replace(self.facts, **facts), now_ms)
        guests = [] if "guests" not in wanted else self.guests.put(wanted["guests"])
        if guests and self.guests.announces(guests):
            after = announced_anew(after, self.facts, now_ms)
        room = [] if after == self.facts else [Change(kinds.ROOM, after)]
        told = (Change(kinds.RULES, each) for each in rules)
        return [*told, *room, *(Change(kinds.GUEST, each, public=False) for each in guests)]

    def _other_rules(self, wanted: Mapping[str, Any]) -> list[kinds.Rules]:
        """Those that hold from now on, if they differ; what held in an evening holds for ever."""
        if "rules" not in wanted or self.ended:
            return []
        rules = rules_of(**wanted["rules"])
        return [] if rules.id == self.facts.rules else [rules]

    def _kept_for(self, days: int | None) -> int | None:
        """As asked for; after the end never shorter, for what is there goes only by a host's deletion.

        Raises UserError `keep_days_shorter`.
        """
        if self.ended and keeps_shorter(days, than=self.facts.keep_days):
            raise UserError(
                "keep_days_shorter",
                "After its end a recording can only be kept for longer. To be rid of it: delete it.",
            )
        return days

    def join(self, who_id: str, *, name: str, role: str, device: str = "") -> list[Change]:
        """Somebody comes with an invitation; coming again is coming back to the same seat.

        device: fingerprint of the browser's secret; one that belongs to somebody who was removed
        opens no other speaker's seat either.
        """
        if self.ended:
            raise Denied("room_ended", "This room has ended.")
        if who_id in self.revoked:
            raise Denied("revoked", "This invitation was withdrawn.")
        known = self.people.get(who_id)
        if not known and role not in HOSTS and self._is_barred(device):
            raise Denied("removed", "A host has removed you from this room.")
        name = clean(name) or (known.name if known else "")
        if not name:
            raise UserError("name_missing", "Say under which name people shall hear you.")
        over = self._consent_over(who_id, name, device)
        if known:
            return [*over, *self.renamed(known, name)]
        if self.facts.locked and role not in HOSTS and who_id not in self.asked:
            raise Denied("room_locked", "The host has locked this room: ask them to unlock it.")
        if len(self.people) >= self._max_people:
            raise TryLater("room_full", f"{self._max_people} people are in already.", delay_s=30)
        who = Participant(who_id, name, _seat_role(role), muted=role in SILENT)
        return [*over, *self.roster(who, "joined", alike=bool(self.taken_for(who)))]

    def _consent_over(self, who_id: str, name: str, device: str) -> list[Change]:
        """What somebody agreed to ends when another may sit down on their seat: it is one's own."""
        known = self.people.get(who_id)
        renamed = known is not None and known.name != name
        by_name = renamed and not (device and self.sits_at.get(who_id))
        return self.drop_track(who_id) if by_name else self.at_device(who_id, device)

    def at_device(self, who_id: str, device: str) -> list[Change]:
        """A seat is taken, or used, at a device: consent that was given at another one ends."""
        sat = self.sits_at.get(who_id)
        return self.drop_track(who_id) if device and sat and device != sat else []

    def renamed(self, who: Participant, name: str) -> list[Change]:
        """Another name for somebody who is here."""
        if who.name == name:
            return []
        after = msgspec.structs.replace(who, name=name)
        return self.roster(who, "renamed", name=name, alike=bool(self.taken_for(after)))

    def taken_for(self, who: Participant) -> str:
        """Whose name, of the hosts' and of those on stage, theirs can be taken for; or "".

        Of two the one who was there first is themselves: a host always, then who is on stage.
        """
        if who.role == "host":
            return ""
        return alike(who.name, self._names_before(who.id))

    def _names_before(self, who_id: str) -> Iterable[str]:
        for other in self.people.values():
            if other.id == who_id:
                continue
            if other.role in HOSTS or (other.place == "stage" and not other.alike):
                yield other.name

    def _is_barred(self, device: str) -> bool:
        return bool(device) and any(device in seat.devices for seat in self.barred.values())

    def connection(self, who_id: str, *, connected: bool) -> list[Change]:
        """Somebody's sound came, or went; the seat stays theirs."""
        who = self.people.get(who_id)
        if who is None or who.connected == connected:
            return []
        return self.roster(who, "returned" if connected else "left", connected=connected)

    @property
    def hands_free(self) -> dict[str, int]:
        """So many more listeners' hands the hosts' list takes of each topic ("" for none)."""
        shown = Counter(hand.topic for hand in self.hands.values() if not hand.participant)
        topics = ("", *self.facts.topics)
        each, room = AUDIENCE_HANDS // len(topics), HANDS - len(self.hands)
        return {topic: max(0, min(each - shown[topic], room)) for topic in topics}

    def audience_hand(
        self, hand_id: str, name: str, question: str, *, at_ms: int, topic: str = ""
    ) -> list[Change]:
        """A listener's hand, as their edge reports it; nothing if it is known or there is no room."""
        name = clean(name)
        topic = topic if topic in self.facts.topics else ""
        if not name or hand_id in self.hands or self.ended or not self.hands_free[topic]:
            return []
        question = clean(question, 280)
        hand = Hand(id=hand_id, name=name, question=question, at_ms=at_ms, topic=topic)
        return [Change(kinds.HAND, hand, public=False)]

    def audience_lower(self, hand_id: str) -> list[Change]:
        """A listener's hand is down, as an edge reports it."""
        hand = self.hands.get(hand_id)
        if hand is None or hand.participant:
            return []
        return [self.lowered(hand)]

    def lobby_due(self, now_ms: int, *, usual_min: int) -> list[Change]:
        """Open the lobby, as long before the planned start as the room says; `LOBBY_LATE_MS` after it no more.

        usual_min: of a room that says nothing, as those from before the stage kept it for each.
        """
        start_ms, said_min = self.facts.start_ms, self.facts.lobby_min
        before_min = usual_min if said_min is None else said_min
        planned = self.facts.state == "scheduled" and not self.facts.cancelled_ms
        if not planned or not start_ms or not before_min:
            return []
        due = -before_min * 60_000 <= now_ms - start_ms < LOBBY_LATE_MS
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
        return [*self._leave(who_id), Change(kinds.SEAT, Seat(who_id, "revoked"), public=False)]

    def remove(self, who: Participant, by: str) -> list[Change]:
        """Out for good: their seat, the one of their encoder, and every other one on their devices."""
        seat = Seat(who.id, "revoked", by, who.name, sorted(self.devices.get(who.id, ())))
        changes = [*self._leave(who.id, by), Change(kinds.SEAT, seat, public=False)]
        if (other := other_seat(who.id)) not in self.revoked:
            changes += self._leave(other, by)
            changes.append(Change(kinds.SEAT, Seat(other, "revoked", by), public=False))
        return changes

    def _leave(self, who_id: str, by: str = "") -> list[Change]:
        who = self.people.get(who_id)
        if who is None:
            return []
        hand = self.hands.get(who_id)
        down = [self.lowered(hand)] if hand else []
        return [*down, *self.roster(who, "removed", by=by, place="gone", connected=False)]

    # --- what rules are made of: commands.py builds its changes with these ---------------------

    @staticmethod
    def lowered(hand: Hand) -> Change:
        """The change that takes a hand down."""
        return Change(kinds.HAND, msgspec.structs.replace(hand, raised=False), public=False)

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
        expect_voice(who)
        if len(self.on_stage) >= self.seats:
            raise TryLater("stage_full", f"All {self.seats} seats on stage are taken.", delay_s=10)
        similar = bool(self.taken_for(who))
        changes = self.roster(who, "on_stage", by=by, place="stage", alike=similar)
        changes += [
            self.lowered(hand) for hand in self.hands.values() if hand.participant == who.id
        ]
        if who.id in self.asked:
            changes.append(Change(kinds.SEAT, Seat(who.id, "settled", by), public=False))
        return changes

    def keep_track(self, who_id: str) -> list[Change]:
        """Somebody agrees that their own voice may be had by itself."""
        tracks = self.facts.tracks
        if who_id in tracks:
            return []
        if self.facts.rehearsal_of:
            raise UserError("room_state", "Nothing of a rehearsal is kept.")
        if len(tracks) >= TRACKS:
            raise TryLater("tracks_full", f"{TRACKS} people's tracks are kept already.")
        return self.room(tracks=[*tracks, who_id])

    def drop_track(self, who_id: str) -> list[Change]:
        """They agree no more; what was kept of it goes too."""
        return self.room(tracks=[each for each in self.facts.tracks if each != who_id])

    def room(self, **new: Any) -> list[Change]:
        """The change that makes the room's facts what `new` says."""
        after = msgspec.structs.replace(self.facts, **new)
        return [] if after == self.facts else [Change(kinds.ROOM, after)]

    def end_soon(self, by: str) -> list[Change]:
        """It ends when what is held back has been aired; pressing again changes nothing."""
        return [] if self.ending else [Change(kinds.ENDING, kinds.Ending(by), public=False)]

    def opened(self, now_ms: int) -> Room:
        """The room with its lobby open: media time 0 is its first opening, for ever."""
        epoch_ms = self.facts.epoch_ms or now_ms
        return msgspec.structs.replace(self.facts, state="lobby", epoch_ms=epoch_ms)


def _texts(wanted: Mapping[str, Mapping[str, str]]) -> dict[str, Words]:
    """A room's words in further languages, as web gives them."""
    return {
        language: Words(clean(words["title"], 200), words["description"][:TEXT_CHARS])
        for language, words in wanted.items()
    }
