"""What the audience of one room says at this edge, gathered into one batch a second. Pure.

Keeps true: however many people call, the stage gets one small request a room and second; what
it did not take (sums, hands) comes with the next batch. `edge.live_room.LiveRoom` owns one, the
routes put words in, `edge.feed.upstream` sends what `batch` gives and reports by `answered` or `lost`.
"""

import contextlib
import secrets
from collections import Counter
from collections.abc import Collection, Mapping
from types import MappingProxyType
from typing import Any, Final
from urllib.parse import parse_qsl

import msgspec

from hustings.base.errors import PeerError, UserError
from hustings.edge.audience.census import Census, Identity, Receipt, Salt
from hustings.edge.audience.forum import Forum
from hustings.edge.audience.hands import Hand, HandQueue, age_of, new_ticket
from hustings.journal.entry import Entry
from hustings.wire.batch import Answer, Asked, Batch, Now, fresh
from hustings.wire.kinds import Call, Poll
from hustings.wire.rules import expect_read
from hustings.wire.sketch import Sketch
from hustings.wire.tickets import TicketKeys
from hustings.wire.tokens import hand_of

SKETCH_S: Final = 10.0  # a sketch goes up so often
_NAME: Final = 80  # characters
_QUESTION: Final = 280
_TICKET: Final = 160


class _Hand(msgspec.Struct, frozen=True):
    name: str = ""
    question: str = ""
    topic: str = ""
    ticket: str = ""  # of a hand that was raised before
    raised: bool = True
    rules: str = ""  # id of those that its owner agreed to


class _Reaction(msgspec.Struct, frozen=True):
    kind: str


class _Question(msgspec.Struct, frozen=True):
    text: str = ""
    name: str = ""


class Vote(msgspec.Struct, frozen=True):
    """A vote for a question, or with `up` false: no more."""

    question: str
    ticket: str = ""
    up: bool = True


class Ballot(msgspec.Struct, frozen=True):
    """A vote in a poll."""

    poll: str
    choice: int
    ticket: str = ""
    again: bool = False  # not the first time, perhaps elsewhere


class Audience:
    """One room's listeners, as far as they say something or are counted."""

    def __init__(self) -> None:
        self.hands = HandQueue()
        self.census = Census()
        self.salt: Salt | None = None
        self.forum = Forum()
        self._reactions: Counter[str] = Counter()
        self._joins = 0
        self._listened_s = 0.0
        self._turned_s = float("nan")
        self._sketched_s = float("-inf")
        self._sent: Batch | None = None  # on its way
        self._answers = 0
        self._told: tuple[Now, int] = (Now(), 0)  # listeners and those who wait, as last said

    # --- words ---------------------------------------------------------------------------------

    def hand(
        self,
        body: bytes,
        now_s: float,
        *,
        room: str = "",
        keys: TicketKeys | None = None,
        second: float = 0.0,
        facts: Mapping[str, Any] = MappingProxyType({}),
        rules: Mapping[str, Any] = MappingProxyType({}),
    ) -> dict[str, str]:
        """Raise a hand, raise it again, or lower it; its id, and the ticket that proves whose it is.

        The id is the ticket's fingerprint (`wire.tokens.hand_of`), so any edge can lower what
        another holds; the ticket says since when it is up, so that raised again at another edge
        it keeps its place. second: now, as tickets count it. facts: the room's; rules:
        their texts, for who has not read them (UserError `rules_unread`).
        """
        said = _read(body, _Hand)
        name, question = " ".join(said.name.split()), " ".join(said.question.split())
        if len(said.ticket) > _TICKET or not (said.raised or said.ticket):
            raise UserError("hand_bad", "To lower a hand, or to raise it again, show its ticket.")
        ticket = said.ticket or new_ticket(keys, room, second)
        made = hand_of(ticket)
        if not said.raised:
            self.hands.lower(made)
            return {"hand": made}
        expect_read(str(facts.get("rules", "")), said.rules, rules)
        if not 0 < len(name) <= _NAME or len(question) > _QUESTION:
            raise UserError(
                "hand_bad", "A hand has a name of 1 to 80 and a question of at most 280 letters."
            )
        if facts.get("hands_closed") and not said.ticket:
            raise UserError("hands_closed", "No more hands are taken just now.", status=409)
        topic = said.topic if said.topic in facts.get("topics", ()) else ""
        at_s = now_s - (age_of(keys, ticket, room, second) if said.ticket else 0.0)
        self.hands.put(Hand(made, name, question, at_s, topic), again=bool(said.ticket))
        return {"hand": made, "ticket": ticket}

    def react(self, body: bytes, known: Collection[str]) -> None:
        """Count a reaction, one of the known ones. Raises UserError `reaction_bad`."""
        reaction = _read(body, _Reaction)
        if reaction.kind not in known:
            raise UserError("reaction_bad", f"A reaction is one of these: {', '.join(known)}.")
        self._reactions[reaction.kind] += 1

    def ask(self, body: bytes, shown: Mapping[str, Any]) -> dict[str, str]:
        """Take a question; its id. shown: what listeners see of the questions (`wire.kinds.Questions`).

        Raises UserError `question_closed`, `question_bad`; TryLater `questions_full`.
        """
        if not shown:
            raise UserError("question_closed", "No questions are taken just now.", status=409)
        said = _read(body, _Question)
        text, name = " ".join(said.text.split()), " ".join(said.name.split())
        if not 0 < len(text) <= _QUESTION or len(name) > _NAME:
            raise UserError("question_bad", "A question has 1 to 280 letters, a name at most 80.")
        asked = Asked(secrets.token_hex(10), text, name)
        self.forum.ask(asked)
        return {"question": asked.id}

    def vote(self, vote: Vote, voter: int, shown: Mapping[str, Any]) -> None:
        """Somebody wants a question answered, or no more. Raises UserError `vote_closed`."""
        if all(
            each["id"] != vote.question or each.get("answered") for each in shown.get("top", ())
        ):
            raise UserError("vote_closed", "This question is not open to votes.", status=409)
        self.forum.vote(voter, vote.question, 0 if vote.up else None, of=1, again=False)

    def poll(self, ballot: Ballot, voter: int, shown: Mapping[str, Any]) -> None:
        """Somebody votes in the poll that is shown (`wire.kinds.Poll`), or votes another way.

        Raises UserError `poll_closed`, `poll_choice`.
        """
        choices = shown.get("choices", ())
        if ballot.poll != shown.get("id") or shown.get("state", "open") != "open":
            raise UserError("poll_closed", "This poll is not open.", status=409)
        if not 0 <= ballot.choice < len(choices):
            raise UserError("poll_choice", "This is none of the choices.")
        of, again = len(choices), ballot.again
        self.forum.vote(voter, ballot.poll, ballot.choice, of=of, again=again)

    def polled(self, entry: Entry) -> None:
        """The room's poll has changed."""
        with contextlib.suppress(PeerError):
            self.forum.polled(entry.decode(Poll))

    def called(self, call: Entry) -> None:
        """A hand was called up: it is down."""
        with contextlib.suppress(PeerError):
            self.hands.settle(call.decode(Call).hand)

    # --- counts --------------------------------------------------------------------------------

    def salted(self, salt: Salt | None) -> None:
        """The stage's salt, as it is now."""
        if salt is not None and salt != self.salt:
            self.salt = salt
            self.census = Census()

    def joined(self, who: Identity | None, stream: Any, now_s: float) -> None:
        """A stream begins; who is None before the first salt."""
        self._joins += 1
        if who is not None:
            self.census.joined(who, stream, now_s)

    def asked(self, who: Identity | None, now_s: float) -> None:
        """A player asks for a playlist."""
        if who is not None:
            self.census.asked(who, now_s)

    def turn(self, now: Now, now_s: float) -> None:
        """Let time pass; about once a second."""
        self.census.turn(now_s)
        if now_s > self._turned_s:  # false at first: nan
            self._listened_s += now.all * (now_s - self._turned_s)
        self._turned_s = now_s

    def add(self, below: Batch, before: Batch | None = None) -> None:
        """Sums and sketches of an edge that feeds on this one. Raises PeerError `sketch_bad`.

        before: what it said last.
        """
        pairs = ((below.pages, self.census.pages), (below.players, self.census.players))
        if self.salt is not None and below.salt == self.salt.id:
            for sketch, data in [(mine, Sketch.decode(data)) for data, mine in pairs if data]:
                sketch.merge(data)
        joins, listened_s = fresh(before, below)
        self._joins += joins
        self._listened_s += listened_s
        self._reactions.update(below.reactions)

    # --- up ------------------------------------------------------------------------------------

    def news(self, now: Now) -> bool:
        """Whether the stage should hear at once; sums and sketches can wait some seconds."""
        return (
            (now, self.census.waiting) != self._told
            or bool(self._reactions)
            or self.hands.news
            or self.forum.news
        )

    def batch(self, now: Now, now_s: float) -> Batch:
        """What the stage shall hear; tell `answered` or `lost` before asking for the next."""
        salt = self.salt
        sketches = salt is not None and now_s - self._sketched_s >= SKETCH_S
        census = self.census
        asked, votes = ([], {}) if sketches else self.forum.offer()
        self._sent = Batch(
            after=self._answers + 1,
            now=now,
            waiting=census.waiting,
            joins=self._joins,
            listened_s=round(self._listened_s, 3),
            salt=salt.id if salt else "",
            pages=census.pages.encode() if sketches and census.pages else b"",
            players=census.players.encode() if sketches and census.players else b"",
            hands=self.hands.offer(now_s),
            reactions=dict(self._reactions),
            asked=asked,
            votes=votes,
        )
        if sketches:
            self._sketched_s = now_s
        self._told = (now, census.waiting)
        return self._sent

    def answered(self, answer: Answer) -> None:
        """The stage took the batch."""
        if (sent := self._sent) is None:
            return
        self._answers += 1
        self._joins -= sent.joins
        self._listened_s = max(0.0, self._listened_s - sent.listened_s)
        self._reactions.subtract(sent.reactions)
        self._reactions = +self._reactions
        self.hands.answered(sent.hands, answer)
        self.forum.answered(sent.asked, answer.asked)
        for hand in answer.down:
            self.hands.settle(hand)
        self._sent = None

    def lost(self) -> None:
        """The stage did not take it; reactions are of the moment, all else comes again."""
        if self._sent is not None:
            self._reactions.clear()
            self.hands.lost()
            self.forum.lost()
            self._sketched_s = float("-inf")
            self._sent = None


def ballot_of(body: bytes, *, form: bool) -> Ballot:
    """A vote in a poll, as JSON, or as a page without scripts sends it."""
    if not form:
        ballot: Ballot = _read(body, Ballot)
        return ballot
    try:
        fields = dict(parse_qsl(body.decode(), max_num_fields=8))
        return Ballot(fields["poll"], int(fields["choice"]))
    except (KeyError, ValueError):
        raise UserError("body_bad", "The form does not say which choice.") from None


def vote_of(body: bytes) -> Vote:
    """A page's vote."""
    vote: Vote = _read(body, Vote)
    return vote


def receipt_of(body: bytes) -> Receipt:
    """A page's receipt."""
    receipt: Receipt = _read(body, Receipt)
    return receipt


def _read(body: bytes, type_: type[Any]) -> Any:
    try:
        return msgspec.json.decode(body, type=type_)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise UserError("body_bad", f"The body is not what this call takes: {error}") from None
