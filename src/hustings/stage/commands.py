"""What people on the control socket may ask for, and by which role. Pure.

One table: command -> roles allowed, function. Each function returns the changes the act makes
(none if all is so already) or raises why not. `stage.hall` calls `perform`.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

from hustings.base.errors import Denied, NotFound, TryLater, UserError
from hustings.stage import emergency, talkback
from hustings.stage.mix.delay import chosen_delay
from hustings.stage.names import clean
from hustings.stage.room import (
    GAIN_DB,
    HANDS,
    HOSTS,
    ROLES,
    SILENT,
    STEWARDS,
    Change,
    RoomModel,
    expect_voice,
    other_seat,
    role_named,
)
from hustings.stage.signs import TROUBLES
from hustings.wire import kinds
from hustings.wire.kinds import EXPECTED, Hand, Participant, Seat

Args = Mapping[str, Any]
Act = Callable[[RoomModel, Participant, Args, int], list[Change]]


def perform(
    room: RoomModel, actor_id: str, command: str, args: Args, *, now_ms: int
) -> list[Change]:
    """What `actor_id` asks for, as the changes it makes.

    Raises Denied (`not_in_room`, `role_denied`, ...), UserError or NotFound when it may not be.
    """
    actor = room.people.get(actor_id)
    if actor is None:
        raise Denied("not_in_room", "You are not in this room any more.")
    if command not in _COMMANDS:
        raise UserError("command_unknown", f"There is no command {clean(command, 40)!r}.")
    allowed, act = _COMMANDS[command]
    acting = command in _IN_CHARGE and actor.id == room.charge
    if actor.role not in allowed and not acting:
        raise Denied("role_denied", f"As {actor.role} you may not {command.replace('_', ' ')}.")
    return act(room, actor, args, now_ms)


def _other(room: RoomModel, args: Args) -> Participant:
    who = room.people.get(str(args.get("participant", "")))
    if who is None:
        raise NotFound("participant_unknown", "There is nobody with that id in this room.")
    return who


def _not_above(actor: Participant, who: Participant) -> None:
    if who.role == "host" and actor.role != "host":
        raise Denied("role_denied", "Only a host may do that to a host.")


def _mute(room: RoomModel, actor: Participant, _args: Args, _now: int) -> list[Change]:
    return room.roster(actor, "muted", muted=True)


def _unmute(room: RoomModel, actor: Participant, _args: Args, _now: int) -> list[Change]:
    emergency.allowed(room, actor)
    return room.roster(actor, "unmuted", muted=False)


def _rename(room: RoomModel, actor: Participant, args: Args, _now: int) -> list[Change]:
    name = clean(str(args.get("name", "")))
    if not name:
        raise UserError("name_missing", "Say under which name people shall hear you.")
    return room.renamed(actor, name)


def _hand(room: RoomModel, actor: Participant, args: Args, now_ms: int) -> list[Change]:
    if actor.place == "stage":
        raise UserError("on_stage_already", "You are on stage: just speak.")
    if len(room.hands) >= HANDS:
        raise TryLater("hands_full", f"{HANDS} hands are up already.", delay_s=30)
    emergency.allowed(room, actor)
    up = room.hands.get(actor.id)
    topic = str(args.get("topic", ""))
    hand = Hand(
        id=actor.id,
        name=actor.name,
        participant=actor.id,
        question=clean(str(args.get("question", "")), 280),
        at_ms=up.at_ms if up else now_ms,  # to ask something else is not to queue again
        topic=topic if topic in room.facts.topics else "",
    )
    return [] if hand == up else [Change(kinds.HAND, hand, public=False)]


def _lower(room: RoomModel, actor: Participant, _args: Args, _now: int) -> list[Change]:
    if (hand := room.hands.get(actor.id)) is None:
        return []
    return [room.lowered(hand)]


def _invite(room: RoomModel, actor: Participant, args: Args, _now: int) -> list[Change]:
    who = _other(room, args)
    expect_voice(who)
    if who.place == "stage" or who.id in room.asked:
        return []
    return [Change(kinds.SEAT, Seat(who.id, "asked", actor.id), public=False)]


def _accept(room: RoomModel, actor: Participant, _args: Args, _now: int) -> list[Change]:
    if actor.place == "stage":
        return []
    emergency.allowed(room, actor)
    if actor.id not in room.asked and actor.role not in HOSTS:
        raise Denied("not_asked", "Wait until a host asks you on stage, or raise your hand.")
    return room.bring_on_stage(actor)


def _decline(room: RoomModel, actor: Participant, _args: Args, _now: int) -> list[Change]:
    if actor.id not in room.asked:
        return []
    return [Change(kinds.SEAT, Seat(actor.id, "settled", actor.id), public=False)]


def _call(room: RoomModel, actor: Participant, args: Args, _now: int) -> list[Change]:
    hand_id = str(args.get("hand", ""))
    hand = room.hands.get(hand_id)
    if hand is None:
        if hand_id in room.asked or hand_id in room.people:
            return []  # two hosts pressed at once
        raise NotFound("hand_unknown", "That hand is down already.")
    changes = [
        Change(kinds.CALL, kinds.Call(hand.id, hand.name)),
        room.lowered(hand),
    ]
    # A listener who is called becomes the participant with their hand's id (`Gallery.redeem`).
    seat = hand.participant or hand.id
    if hand.participant in room.people or not hand.participant:
        changes.append(Change(kinds.SEAT, Seat(seat, "asked", actor.id), public=False))
    return changes


def _mute_other(room: RoomModel, actor: Participant, args: Args, _now: int) -> list[Change]:
    return room.roster(_other(room, args), "muted", by=actor.id, muted=True)


def _backstage(room: RoomModel, actor: Participant, args: Args, _now: int) -> list[Change]:
    who = _other(room, args) if args.get("participant") else actor
    if who.id != actor.id:
        if actor.role not in STEWARDS:
            raise Denied("role_denied", "You may leave the stage yourself, not send others.")
        _not_above(actor, who)
    return room.roster(
        who, "backstage", by=actor.id if who.id != actor.id else "", place="backstage"
    )


def _leave(room: RoomModel, actor: Participant, args: Args, now_ms: int) -> list[Change]:
    """Their seat is free at once; the invitation stays good."""
    return [
        *_lower(room, actor, args, now_ms),
        *room.roster(actor, "left", place="gone", connected=False),
    ]


def _remove(room: RoomModel, actor: Participant, args: Args, _now: int) -> list[Change]:
    if str(args.get("participant", "")) in room.revoked:
        return []
    who = _other(room, args)
    _not_above(actor, who)
    return room.remove(who, actor.id)


def _readmit(room: RoomModel, actor: Participant, args: Args, _now: int) -> list[Change]:
    """A removal was a mistake: the link works again, and so do the devices."""
    who_id = str(args.get("participant", ""))
    if who_id not in room.barred:
        return []
    seats = (who_id, other_seat(who_id))
    return [Change(kinds.SEAT, Seat(each, "readmitted", actor.id), public=False) for each in seats]


def _role_of(room: RoomModel, actor: Participant, args: Args, _now: int) -> list[Change]:
    role = str(args.get("role", ""))
    who = _other(room, args)
    expect_voice(who)
    hosts = [each.id for each in room.people.values() if each.role == "host"]
    if hosts == [who.id] and role != "host":
        raise UserError("last_host", "Make somebody else a host first: a room needs one.")
    return room.roster(who, "role", by=actor.id, role=role_named(role))


def _link(room: RoomModel, actor: Participant, args: Args, _now: int) -> list[Change]:
    """Check alone; the hall, which has the keys, makes the link."""
    role = role_named(str(args.get("role", "speaker")))
    if role == "host" and actor.role != "host":
        raise Denied("role_denied", "Only a host may invite a host.")
    return []


def _talk(room: RoomModel, actor: Participant, args: Args, _now: int) -> list[Change]:
    guest = _other(room, args)
    expect_voice(guest)
    return talkback.begin(room, actor, guest)


def _hush(room: RoomModel, actor: Participant, _args: Args, _now: int) -> list[Change]:
    return talkback.end(room, actor)


def _gain(room: RoomModel, actor: Participant, args: Args, _now: int) -> list[Change]:
    gain_db = args.get("gain_db")
    if type(gain_db) is not int or abs(gain_db) > GAIN_DB:
        raise UserError("gain_range", f"A gain is a whole number from -{GAIN_DB} to {GAIN_DB} dB.")
    return room.roster(_other(room, args), "gain", by=actor.id, gain_db=gain_db)


def _microphone(_room: RoomModel, _actor: Participant, args: Args, _now: int) -> list[Change]:
    """Check alone; the hall keeps it, since it is of the moment."""
    if str(args.get("trouble", "")) not in TROUBLES | {""}:
        raise UserError("trouble_unknown", "There is no such trouble of a microphone.")
    return []


def _keep_track(room: RoomModel, actor: Participant, _args: Args, _now: int) -> list[Change]:
    return room.keep_track(actor.id)


def _drop_track(room: RoomModel, actor: Participant, _args: Args, _now: int) -> list[Change]:
    return room.drop_track(actor.id)


def _push_add(room: RoomModel, actor: Participant, args: Args, now_ms: int) -> list[Change]:
    _expect_on(room)
    return _push(room, actor, args, now_ms)


def _push(_room: RoomModel, _actor: Participant, _args: Args, _now: int) -> list[Change]:
    """Check alone; `stage.push` does it, and nothing of it is in the record."""
    return []


def _lock(room: RoomModel, _actor: Participant, _args: Args, _now: int) -> list[Change]:
    return room.room(locked=True)


def _unlock(room: RoomModel, _actor: Participant, _args: Args, _now: int) -> list[Change]:
    return room.room(locked=False)


def _notice(room: RoomModel, _actor: Participant, args: Args, _now: int) -> list[Change]:
    return room.room(notice=clean(str(args.get("text", "")), 280))


def _delay(room: RoomModel, _actor: Participant, args: Args, _now: int) -> list[Change]:
    """While live it costs the audience hold audio or some seconds of talk: only if they are sure."""
    changes = room.room(delay_s=chosen_delay(args.get("seconds")))
    if changes and room.facts.state == "live" and args.get("sure") is not True:
        raise UserError(
            "delay_live", "You are live: the audience would notice. Say that you are sure."
        )
    return changes


def _expect(room: RoomModel, _actor: Participant, args: Args, _now: int) -> list[Change]:
    wanted = args.get("listeners")
    if not isinstance(wanted, int) or not 0 <= wanted <= EXPECTED:
        raise UserError("expected_bad", f"Expected are 0 to {EXPECTED:,} listeners.")
    return room.room(expected=wanted)


def _panic(room: RoomModel, actor: Participant, _args: Args, _now: int) -> list[Change]:
    return emergency.panic(room, actor)


def _calm(room: RoomModel, actor: Participant, _args: Args, _now: int) -> list[Change]:
    return emergency.calm(room, actor)


def _open_hands(room: RoomModel, _actor: Participant, _args: Args, _now: int) -> list[Change]:
    return room.room(hands_closed=False)


def _close_hands(room: RoomModel, _actor: Participant, _args: Args, _now: int) -> list[Change]:
    return room.room(hands_closed=True)


def _topics(room: RoomModel, _actor: Participant, args: Args, _now: int) -> list[Change]:
    """What hands may be about: at most `TOPICS`, each once, in the hosts' order."""
    said = args.get("topics")
    if not isinstance(said, list):
        raise UserError("topics_bad", "Topics are a list of words.")
    topics = dict.fromkeys(clean(str(each), TOPIC_CHARS) for each in said[:100])
    kept = [topic for topic in topics if topic]
    if len(kept) > TOPICS:
        raise UserError("topics_bad", f"A room has at most {TOPICS} topics.")
    return room.room(topics=kept)


def _dump(room: RoomModel, _actor: Participant, _args: Args, _now: int) -> list[Change]:
    """Check alone; the hall, which has the sound, takes it back."""
    if room.facts.state != "live":
        raise UserError("room_state", "Nothing is on air.")
    return []


def _erase(_room: RoomModel, _actor: Participant, args: Args, _now: int) -> list[Change]:
    """Check alone; the hall takes it back."""
    if not clean(str(args.get("reason", ""))):
        raise UserError("reason_missing", "Say in a few words why: everybody may read it.")
    return []


def _rehearse(room: RoomModel, _actor: Participant, _args: Args, _now: int) -> list[Change]:
    """Check alone; `stage.rehearsals` moves everybody."""
    if room.facts.state != "scheduled":
        raise UserError("room_state", "A room is rehearsed before its lobby opens.")
    return []


def _lobby(room: RoomModel, _actor: Participant, _args: Args, now_ms: int) -> list[Change]:
    if room.facts.state in {"lobby", "live"}:
        return []
    if room.facts.state != "scheduled":
        raise UserError("room_state", f"The room is {room.facts.state} already.")
    _expect_on(room)
    return [Change(kinds.ROOM, room.opened(now_ms))]


def _go_live(room: RoomModel, _actor: Participant, _args: Args, now_ms: int) -> list[Change]:
    if room.facts.state == "ended":
        raise UserError("room_state", "The room has ended; make a new one.")
    _expect_on(room)
    opened = room.opened(now_ms)
    return room.room(state="live", epoch_ms=opened.epoch_ms, live_ms=room.facts.live_ms or now_ms)


def _expect_on(room: RoomModel) -> None:
    if room.facts.cancelled_ms:
        raise UserError("room_cancelled", "This room is cancelled. Take that back first.")


def _end(room: RoomModel, _actor: Participant, _args: Args, now_ms: int) -> list[Change]:
    return room.room(state="ended", ended_ms=room.facts.ended_ms or now_ms)


TOPICS: Final = 8
TOPIC_CHARS: Final = 40
_ANY: Final = ROLES
_PRESENT: Final = ROLES | SILENT
_IN_CHARGE: Final = frozenset({"lobby", "end"})  # also a co-host's, while no host is there
_HOST: Final = frozenset({"host"})
_COMMANDS: Final[dict[str, tuple[frozenset[str], Act]]] = {
    "mute": (_ANY, _mute),
    "unmute": (_ANY, _unmute),
    "rename": (_PRESENT, _rename),
    "hand": (_ANY, _hand),
    "lower": (_ANY, _lower),
    "invite": (HOSTS, _invite),
    "accept": (_ANY, _accept),
    "decline": (_ANY, _decline),
    "call": (STEWARDS, _call),
    "mute_other": (STEWARDS, _mute_other),
    "backstage": (_ANY, _backstage),
    "leave": (_PRESENT, _leave),
    "remove": (STEWARDS, _remove),
    "readmit": (HOSTS, _readmit),
    "panic": (HOSTS, _panic),
    "calm": (HOSTS, _calm),
    "open_hands": (STEWARDS, _open_hands),
    "close_hands": (STEWARDS, _close_hands),
    "topics": (HOSTS, _topics),
    "role": (_HOST, _role_of),
    "link": (HOSTS, _link),
    "talk": (HOSTS, _talk),
    "hush": (HOSTS, _hush),
    "gain": (HOSTS, _gain),
    "microphone": (_ANY, _microphone),
    "keep_track": (_ANY, _keep_track),
    "drop_track": (_ANY, _drop_track),
    "push_add": (HOSTS, _push_add),
    "push_drop": (HOSTS, _push),
    "lock": (HOSTS, _lock),
    "unlock": (HOSTS, _unlock),
    "notice": (HOSTS, _notice),
    "delay": (HOSTS, _delay),
    "expect": (HOSTS, _expect),
    "dump": (STEWARDS, _dump),
    "erase": (HOSTS, _erase),
    "rehearse": (HOSTS, _rehearse),
    "lobby": (_HOST, _lobby),
    "go_live": (HOSTS, _go_live),
    "end": (_HOST, _end),
}
COMMANDS: Final = frozenset(_COMMANDS)
