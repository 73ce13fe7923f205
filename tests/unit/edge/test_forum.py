"""Questions and votes at one edge, and of the edges below it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hustings.base.errors import TryLater, UserError
from hustings.edge.audience import forum as module
from hustings.edge.audience.forum import ASKED, Forum
from hustings.edge.audience.voice import Audience, ballot_of, vote_of
from hustings.wire.batch import ASKED_BYTES, Answer, Asked, Batch, Now, encode, read
from hustings.wire.kinds import Poll
from hustings.wire.tally import PAPERS, Tally

OPEN = {
    "mode": "open",
    "top": [{"id": "q1", "text": "?"}, {"id": "q2", "text": "?", "answered": True}],
}


def asked(n: int, text: str = "Why?") -> Asked:
    return Asked(f"{n:020x}", text)


def test_a_voter_has_one_vote_and_may_change_or_withdraw_it() -> None:
    forum = Forum()
    for voter, choice in ((1, 0), (1, 0), (2, 1), (1, 1), (3, 2), (3, None), (4, None)):
        forum.vote(voter, "p", choice, of=3, again=False)
    assert forum.totals("p") == [0, 2, 0, 0]


def test_who_voted_elsewhere_before_is_counted_and_told_of() -> None:
    forum = Forum()
    forum.vote(1, "p", 0, of=2, again=True)
    forum.vote(1, "p", 1, of=2, again=True)  # changed here: not moved twice
    forum.vote(2, "p", 1, of=2, again=False)
    assert forum.totals("p") == [0, 2, 1]


def test_questions_wait_until_the_stage_has_taken_them() -> None:
    forum = Forum()
    for n in range(3):
        forum.ask(asked(n))
    said, _ = forum.offer()
    forum.lost()
    assert forum.offer()[0] == said
    forum.answered(said, 2)
    assert [each.id for each in forum.offer()[0]] == [asked(2).id]


def test_a_batch_of_questions_has_its_bound() -> None:
    forum = Forum()
    for n in range(100):
        forum.ask(asked(n, "ا" * 280))
    said, _ = forum.offer()
    assert 5 < len(said) <= 50
    assert len(encode(Batch(asked=said))) < ASKED_BYTES + 500


def test_full_is_said_and_what_was_cast_counts_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BALLOTS", 3)
    forum = Forum()
    for voter in range(3):
        forum.vote(voter, "p", 0, of=1, again=False)
    with pytest.raises(TryLater) as refused:
        forum.vote(9, "p", 0, of=1, again=False)
    assert refused.value.code == "votes_full"
    forum.vote(0, "p", None, of=1, again=False)
    forum.vote(9, "p", 0, of=1, again=False)
    assert forum.totals("p") == [3]
    forum.keep([])  # the evening goes on with other papers
    forum.vote(1, "z", 0, of=1, again=False)
    assert (forum.totals("p"), forum.totals("z")) == ([], [1])
    for n in range(ASKED):
        forum.ask(asked(n))
    with pytest.raises(TryLater) as refused:
        forum.ask(asked(ASKED))
    assert refused.value.code == "questions_full"


@given(
    st.lists(
        st.tuples(
            st.integers(0, 2),  # edge
            st.integers(0, 5),  # voter
            st.sampled_from("pqr"),
            st.sampled_from([0, 1, None]),
            st.sampled_from(["said", "lost", "late"]),  # what becomes of the edge's next batch
        ),
        max_size=40,
    )
)
def test_the_stage_comes_to_the_votes_that_were_cast_whatever_becomes_of_batches(
    acts: object,
) -> None:
    """Edge 2 feeds on edge 1."""
    edges, stage, cast = [Forum() for _ in range(3)], Tally(), dict[tuple[int, int, str], int]()

    def tell(edge: int, fate: str) -> None:
        asked, votes = edges[edge].offer()
        if fate != "lost":
            if edge == 2:
                edges[1].hear("2", votes, asked)
            else:
                stage.hear(str(edge), votes, "pqr")
        edges[edge].lost() if fate != "said" else edges[edge].answered(asked, 0)

    for edge, voter, paper, choice, fate in acts:
        edges[edge].vote(voter, paper, choice, of=2, again=False)
        cast.pop((edge, voter, paper), None)
        if choice is not None:
            cast[edge, voter, paper] = choice
        tell(edge, fate)
    for edge in (2, 1, 0):
        tell(edge, "said")
    for paper in "pqr":
        mine = [choice for (_, _, of), choice in cast.items() if of == paper]
        counted = [*stage.sums(paper), 0, 0][:2]
        assert counted == [mine.count(0), mine.count(1)]


def test_a_stage_that_began_anew_hears_of_all_papers_again() -> None:
    forum = Forum()
    for n in range(PAPERS + 10):
        forum.vote(1, f"p{n}", 0, of=1, again=False)
    stage = Tally()
    for _ in range(2):
        said, votes = forum.offer()
        forum.answered(said, 0)
    assert not forum.news
    for _ in range(2):
        said, votes = forum.offer()
        stage.hear("a", votes, votes.keys())
        forum.answered(said, 0)
    assert len(stage.papers()) == PAPERS + 10


def test_votes_and_questions_are_taken_where_there_are_any() -> None:
    audience = Audience()
    with pytest.raises(UserError) as refused:
        audience.ask(b'{"text": "Why?"}', {})
    assert refused.value.code == "question_closed"
    for bad in (b'{"text": " "}', b'{"text": "%s"}' % (b"x" * 281)):
        with pytest.raises(UserError) as refused:
            audience.ask(bad, OPEN)
        assert refused.value.code == "question_bad"
    audience.ask(b'{"text": "Why?", "name": "Jo"}', OPEN)
    audience.vote(vote_of(b'{"question": "q1"}'), 7, OPEN)
    for closed in (b'{"question": "q2"}', b'{"question": "q3"}'):
        with pytest.raises(UserError) as refused:
            audience.vote(vote_of(closed), 7, OPEN)
        assert refused.value.code == "vote_closed"
    assert audience.news(Now())
    batch = audience.batch(Now(), 1.0)
    assert ([each.text for each in batch.asked], batch.votes) == (["Why?"], {"q1": [1]})
    assert read(encode(batch), Batch) == batch
    audience.answered(Answer(asked=1))
    assert audience.batch(Now(), 2.0).asked == []


POLL = {"id": "p1", "question": "The bridge?", "choices": ["Yes", "No"]}


def test_a_poll_takes_one_choice_of_each_by_script_or_by_form() -> None:
    audience = Audience()
    audience.poll(ballot_of(b'{"poll": "p1", "choice": 1}', form=False), 7, POLL)
    audience.poll(ballot_of(b"poll=p1&choice=0", form=True), 8, POLL)
    audience.poll(ballot_of(b'{"poll": "p1", "choice": 0, "again": true}', form=False), 7, POLL)
    assert audience.forum.totals("p1") == [2, 0, 0]  # known here: it did not move
    for body, shown, code in (
        (b'{"poll": "p1", "choice": 2}', POLL, "poll_choice"),
        (b'{"poll": "p1", "choice": -1}', POLL, "poll_choice"),
        (b'{"poll": "p2", "choice": 0}', POLL, "poll_closed"),
        (b'{"poll": "p1", "choice": 0}', POLL | {"state": "closed"}, "poll_closed"),
        (b'{"poll": "p1", "choice": 0}', {}, "poll_closed"),
    ):
        with pytest.raises(UserError) as refused:
            audience.poll(ballot_of(body, form=False), 9, shown)
        assert refused.value.code == code


@given(st.binary(max_size=60))
def test_no_form_breaks_a_poll(body: bytes) -> None:
    with pytest.raises(UserError, match="form"):  # as good as never a form, at this length
        ballot_of(body, form=True)


def test_a_poll_that_was_counted_makes_room_and_questions_keep_their_votes() -> None:
    forum = Forum()
    forum.vote(1, "p1", 0, of=2, again=False)
    forum.vote(1, "00ff", 0, of=1, again=False)
    forum.hear("child", {"p1": [4, 0, 0]}, [])
    forum.polled(Poll("p1", "?", ["a", "b"], state="closed"))
    assert forum.totals("p1") == [5, 0, 0]
    forum.polled(Poll("p1", "?", ["a", "b"], state="counted"))
    assert (forum.totals("p1"), forum.totals("00ff")) == ([], [1])
