"""Letters on both databases: nothing queued twice, nothing sent twice, nobody held up, all bounded."""

import asyncio
from collections.abc import Callable

import pytest
from sqlalchemy import select, update

from hustings.base.clock import ManualClock
from hustings.base.errors import TryLater, UserError
from hustings.store import Database
from hustings.store.schema import letters
from hustings.web.post import queries, verdicts
from hustings.web.post.model import (
    BODY_BYTES,
    Draft,
    Letter,
    Outcome,
    Refused,
    Sent,
    State,
    TransportName,
    TryAgain,
    Unsure,
)
from hustings.web.post.service import DAY_MS, KEPT_DAYS, ORPHAN_MS, TIDY_S, UNWRITTEN, Post
from tests.fakes.transports import FakeTransport

T0 = ManualClock().wall_ms()
HOUR_MS = 3_600_000


def draft(
    key: str,
    *,
    host: str = "a.example",
    transport: TransportName = "mail",
    until_ms: int = T0 + 48 * HOUR_MS,
    not_before_ms: int = 0,
    urgent: bool = False,
    batch: str = "b",
    body: bytes = b"{}",
) -> Draft:
    return Draft(
        transport=transport,
        key=key,
        batch=batch,
        host=host,
        recipient=f"x@{host}",
        body=body,
        until_ms=until_ms,
        not_before_ms=not_before_ms,
        urgent=urgent,
    )


async def put(database: Database, *drafts: Draft, now_ms: int = T0) -> None:
    async with database.write() as connection:
        await queries.add(connection, drafts, now_ms)


async def states(database: Database) -> dict[str, State]:
    async with database.read() as connection:
        rows = await connection.execute(select(letters.c.key, letters.c.state))
        return {row.key: row.state for row in rows}


async def round_of(post: Post) -> None:
    """Until all that is due and has room has been sent."""
    await post.turn()
    await post.settled()


def always(outcome: Outcome) -> Callable[[Letter], Outcome]:
    return lambda _: outcome


async def test_a_key_is_queued_once_and_sent_once(database: Database) -> None:
    mail = FakeTransport()
    post = Post(database, [mail], ManualClock())
    await put(database, draft("k"), draft("k"), draft("other"))
    await put(database, draft("k"))
    await round_of(post)
    await put(database, draft("k"))
    await round_of(post)
    assert sorted(each.key for each in mail.given) == ["k", "other"]
    assert await states(database) == {"k": "sent", "other": "sent"}


async def test_a_letter_is_part_of_the_change_that_it_tells_of(database: Database) -> None:
    async def change() -> None:
        async with database.write() as connection:
            await queries.add(connection, [draft("k")], T0)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        await change()
    assert await states(database) == {}


async def test_what_is_over_keeps_no_body(database: Database) -> None:
    answers: dict[str, Outcome] = {"s": Sent(), "r": Refused("no"), "u": Unsure("?", "letter")}
    post = Post(database, [FakeTransport(answer=lambda each: answers[each.key])], ManualClock())
    await put(database, *(draft(key) for key in answers))
    await round_of(post)
    await round_of(post)
    assert await states(database) == {"s": "sent", "r": "given_up", "u": "unsure"}
    async with database.read() as connection:
        assert {row.body for row in await connection.execute(select(letters.c.body))} == {b""}


async def test_a_letter_is_committed_as_sending_before_it_sets_out(database: Database) -> None:
    mail = FakeTransport()
    mail.gate.clear()
    post = Post(database, [mail], ManualClock())
    await put(database, draft("k"))
    await post.turn()
    await asyncio.sleep(0)
    assert await states(database) == {"k": "sending"}
    mail.gate.set()
    await post.settled()
    assert await states(database) == {"k": "sent"}


@pytest.mark.parametrize(("again", "state", "copies"), [(False, "unsure", 1), (True, "sent", 2)])
async def test_what_a_killed_process_had_under_way_goes_again_only_where_copies_are_known(
    database: Database, again: bool, state: str, copies: int
) -> None:
    killed = FakeTransport("hook", again_if_unsure=again)
    killed.gate.clear()
    first = Post(database, [killed], ManualClock())
    await put(database, draft("k", transport="hook"))
    await first.turn()
    await asyncio.sleep(0)
    await first._sends.close()  # as far as the database sees, the process is gone
    clock = ManualClock()
    clock.advance(5)
    next_ = FakeTransport("hook", again_if_unsure=again)
    second = Post(database, [next_], clock)
    await round_of(second)
    assert await states(database) == {"k": state}
    assert len(killed.given) + len(next_.given) == copies
    [standing] = await second.standings()
    assert standing.counts == {state: 1}
    assert bool(standing.troubles) == (state == "unsure")


async def test_a_claim_whose_commit_nobody_heard_of_is_found_later(database: Database) -> None:
    clock = ManualClock()
    post = Post(database, [FakeTransport()], clock)
    await post.turn()
    await put(database, draft("k"))
    async with database.write() as connection:
        change = update(letters).values(state="sending", changed_ms=clock.wall_ms())
        await connection.execute(change)
    for seconds, state in ((TIDY_S, "sending"), (ORPHAN_MS / 1_000, "unsure")):
        clock.advance(seconds)
        await round_of(post)
        assert await states(database) == {"k": state}


async def test_a_host_that_hangs_or_is_down_holds_up_nobody_else(database: Database) -> None:
    down = TryAgain("no route", scope="host")
    mail = FakeTransport(most=4, answer=lambda each: down if each.host == "dead" else Sent())
    clock = ManualClock()
    post = Post(database, [mail], clock)
    await put(database, *(draft(f"d{n}", host="dead") for n in range(200)))
    await put(database, *(draft(f"l{n}", host=f"h{n}") for n in range(20)))
    for _ in range(8):
        await round_of(post)
    found = await states(database)
    assert {found[f"l{n}"] for n in range(20)} == {"sent"}
    assert sum(each.host == "dead" for each in mail.given) == 2  # as many as may go there at once
    clock.advance(3_600)
    await round_of(post)
    assert sum(each.host == "dead" for each in mail.given) == 3  # one goes ahead


async def test_never_more_at_once_than_the_transport_says(database: Database) -> None:
    mail = FakeTransport(most=5, most_of_host=2)
    post = Post(database, [mail], ManualClock())
    await put(database, *(draft(f"k{n}", host=f"h{n % 4}") for n in range(60)))
    for _ in range(40):
        await round_of(post)
    assert set((await states(database)).values()) == {"sent"}
    assert (mail.most_seen, mail.most_of_host_seen) == (5, 2)


async def test_urgent_letters_go_first_and_others_in_their_order(database: Database) -> None:
    mail = FakeTransport(most=1)
    post = Post(database, [mail], ManualClock())
    await put(database, draft("1"), draft("2"), draft("now", urgent=True))
    for _ in range(3):
        await round_of(post)
    assert [each.key for each in mail.given] == ["now", "1", "2"]


async def test_a_letter_waits_for_its_time_and_is_not_sent_after_it(database: Database) -> None:
    mail, clock = FakeTransport(), ManualClock()
    post = Post(database, [mail], clock)
    await put(database, draft("later", not_before_ms=T0 + 60_000), draft("late", until_ms=T0 + 500))
    clock.advance(1)
    await round_of(post)
    assert mail.given == []
    clock.advance(TIDY_S)
    await round_of(post)
    assert [each.key for each in mail.given] == ["later"]
    assert await states(database) == {"later": "sent", "late": "given_up"}


async def test_a_letter_that_fails_is_tried_again_and_in_the_end_given_up_with_the_reason(
    database: Database,
) -> None:
    mail, clock = FakeTransport(answer=always(TryAgain("452 full"))), ManualClock()
    post = Post(database, [mail], clock)
    await put(database, draft("k"))
    await round_of(post)
    await round_of(post)
    assert len(mail.given) == 1  # no time has passed
    for _ in range(30):
        clock.advance(3_600)
        await round_of(post)
    assert len(mail.given) == 12
    [standing] = await post.standings()
    assert standing.counts == {"given_up": 1}
    [trouble] = standing.troubles
    assert (trouble.host, trouble.batch, trouble.reason) == ("a.example", "b", "452 full")


async def test_a_transport_that_is_away_costs_no_letter_an_attempt(database: Database) -> None:
    away = TryAgain("connection refused", scope="transport")
    mail, clock = FakeTransport(answer=always(away)), ManualClock()
    post = Post(database, [mail], clock)
    await put(database, *(draft(f"k{n}", host=f"h{n}") for n in range(10)))
    for _ in range(100):
        clock.advance(60)
        await round_of(post)
    assert len(mail.given) <= 4 + 100  # four at first, then one that goes ahead
    mail.answer = always(Sent())
    for _ in range(20):
        clock.advance(60)
        await round_of(post)
    assert set((await states(database)).values()) == {"sent"}


async def test_a_fault_of_a_transport_is_one_letters_end(database: Database) -> None:
    def fail(letter: Letter) -> Outcome:
        if letter.key == "bad":
            raise ZeroDivisionError
        return Sent()

    post = Post(database, [FakeTransport(answer=fail)], ManualClock())
    await put(database, draft("bad"), draft("good"))
    await round_of(post)
    assert await states(database) == {"bad": "given_up", "good": "sent"}


FOREIGN = "550 Empf\udcfcnger\0unbekannt"  # Latin-1 as aiosmtplib hands it on, and a NUL


async def test_what_a_server_said_in_bytes_that_are_no_text_is_kept_as_far_as_it_is(
    database: Database,
) -> None:
    post = Post(database, [FakeTransport(answer=always(Refused(FOREIGN)))], ManualClock())
    await put(database, draft("k"))
    await round_of(post)
    async with database.read() as connection:
        [trouble] = (await queries.standing(connection, "mail")).troubles
    assert (trouble.state, trouble.reason) == ("given_up", "550 Empf nger unbekannt")


async def test_a_verdict_that_the_database_does_not_take_holds_up_no_other(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verdicts, "plain", lambda reason: reason)
    post = Post(
        database,
        [FakeTransport(answer=lambda each: Refused(FOREIGN if each.key == "2" else "550 No."))],
        ManualClock(),
    )
    await put(database, *(draft(key, host=f"{key}.example") for key in "123"))
    await round_of(post)
    assert await states(database) == dict.fromkeys("123", "given_up")
    async with database.read() as connection:
        troubles = (await queries.standing(connection, "mail")).troubles
    assert sorted(each.reason for each in troubles) == ["550 No.", "550 No.", UNWRITTEN]


async def test_the_queue_and_its_letters_are_bounded(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queries, "PENDING", 3)
    monkeypatch.setattr(queries, "URGENT", 1)
    await put(database, draft("1"), draft("2"), draft("3"))
    with pytest.raises(TryLater) as full:
        await put(database, draft("4"))
    assert full.value.code == "post_full"
    await put(database, draft("5", urgent=True))
    with pytest.raises(TryLater):
        await put(database, draft("6", urgent=True))
    with pytest.raises(UserError) as large:
        await put(database, draft("7", body=b"x" * (BODY_BYTES + 1)))
    assert large.value.code == "letter_large"
    assert sorted(await states(database)) == ["1", "2", "3", "5"]


async def test_what_has_been_over_for_long_is_forgotten(database: Database) -> None:
    mail, clock = FakeTransport(), ManualClock()
    mail.answer = lambda each: Sent() if each.key == "sent" else Refused("no")
    post = Post(database, [mail], clock)
    await put(database, draft("sent"), draft("no"))
    await round_of(post)
    clock.advance(KEPT_DAYS["sent"] * DAY_MS / 1_000 + 1)
    await post.turn()
    assert await states(database) == {"no": "given_up"}
    clock.advance(KEPT_DAYS["given_up"] * DAY_MS / 1_000)
    await post.turn()
    assert await states(database) == {}


async def test_a_batch_is_withdrawn_as_far_as_it_waits(database: Database) -> None:
    post = Post(database, [FakeTransport(most=1)], ManualClock())
    await put(database, draft("1"), draft("2"), draft("x", batch="other"))
    await round_of(post)
    async with database.write() as connection:
        await queries.withdraw(connection, "b")
    assert await states(database) == {"1": "sent", "x": "waiting"}


async def test_what_became_of_a_letter_is_kept_until_the_database_takes_it(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    mail = FakeTransport()
    post = Post(database, [mail], ManualClock())
    await put(database, draft("k"), draft("next", host="b.example"))
    await post.turn()
    settle = queries.settle

    async def gone(*_: object) -> None:
        raise TryLater("database_gone", "The database does not answer.")

    monkeypatch.setattr(queries, "settle", gone)
    with pytest.raises(TryLater):
        await post.settled()
    with pytest.raises(TryLater):
        await post.turn()
    monkeypatch.setattr(queries, "settle", settle)
    await round_of(post)
    assert await states(database) == {"k": "sent", "next": "sent"}
    assert len(mail.given) == 2


async def test_run_sends_what_is_added_and_lets_what_is_under_way_end(database: Database) -> None:
    mail = FakeTransport()
    post = Post(database, [mail], ManualClock())
    running = asyncio.get_running_loop().create_task(post.run())
    await put(database, draft("1"))
    post.wake()
    while not mail.given:
        await asyncio.sleep(0.01)
    mail.gate.clear()
    await put(database, draft("2"))
    post.wake()
    while len(mail.given) < 2:
        await asyncio.sleep(0.01)
    running.cancel()
    await asyncio.sleep(0)
    mail.gate.set()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert await states(database) == {"1": "sent", "2": "sent"}
    assert mail.closed
