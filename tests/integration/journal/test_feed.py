"""Following a stage that restarts, freezes, forks and lies."""

import asyncio
from contextlib import aclosing

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hustings.journal import feed
from hustings.journal.entry import Entry
from hustings.journal.feed import Link, follow_index, follow_room, pause_s
from hustings.journal.records import FIRST_LINE, checkpoint_record, entry_record
from hustings.journal.stream import Fork, feed_records
from tests.fakes.feed_server import scripted_stage
from tests.fakes.journals import KEY, ROOM, STRANGER, begin, open_journal, speak


@pytest.fixture
def journal(tmp_path):
    journal = open_journal(tmp_path)
    begin(journal)
    speak(journal, range(60), snapshot_every=20)
    journal.flush()
    yield journal
    journal.close()


@pytest.fixture
async def client():
    async with httpx.AsyncClient() as client:
        yield client


def stage(journal, *, cut_after=None):
    """Answer as the stage does; cut_after: bytes after which the connection breaks."""

    async def answer(asked):
        query = dict(httpx.QueryParams(asked.target.partition("?")[2]))
        how = {"tail_s": float(query["tail"].removesuffix("s"))} if "tail" in query else {}
        if "from" in query:
            how = {"from_seq": int(query["from"]), "after": bytes.fromhex(query["after"])}
        sent = 0
        async with aclosing(feed_records(journal, **how)) as pieces:
            try:
                async for piece in pieces:
                    if not sent:
                        await asked.start()
                    sent += len(piece)
                    if cut_after is not None and sent > cut_after:
                        await asked.send(piece[: cut_after - sent])
                        return
                    await asked.send(piece)
            except Fork as fork:
                await asked.start("409 Conflict")
                await asked.send(b'{"code": "%s"}' % fork.code.encode())

    return answer


async def collect(items, until):
    """Records and links until `until(item)`."""
    found = []
    async with asyncio.timeout(20), aclosing(items) as following:
        async for item in following:
            found.append(item)
            if until(item):
                break
    return found


def at(seq):
    return lambda item: isinstance(item, Entry) and item.seq == seq


async def test_a_broken_connection_goes_on_at_the_next_entry(journal, client):
    size = len((journal.folder / "journal").read_bytes())
    scripts = [stage(journal, cut_after=cut) for cut in (size // 3, size // 4, 10, size // 5)]
    async with scripted_stage([*scripts, stage(journal)]) as (url, asked):
        found = await collect(
            follow_room(client, url, "t0ken", ROOM, tail_s=1_000, public=KEY.public),
            at(journal.size - 1),
        )
    entries = [item for item in found if isinstance(item, Entry)]
    assert [e.seq for e in entries] == list(range(journal.size))
    assert [i for i in found if isinstance(i, Link)] == [Link.CONNECTED, Link.LOST] * 4 + [
        Link.CONNECTED
    ]
    assert asked[0] == f"/feed/{ROOM}?tail=1000s"
    assert all("?from=" in target and "&after=" in target for target in asked[1:])


async def test_a_fork_begins_again_with_the_tail(journal, client, tmp_path):
    other = open_journal(tmp_path / "other")
    speak(other, range(3), snapshot_every=10)
    async with scripted_stage([stage(journal, cut_after=4_000), stage(other), stage(other)]) as (
        url,
        asked,
    ):
        found = await collect(
            follow_room(client, url, "t0ken", ROOM, tail_s=99),
            lambda item: isinstance(item, Entry) and item.hash == other.head,
        )
        links = [item for item in found if isinstance(item, Link)]
        other.close()
    assert links[-4:] == [Link.LOST, Link.FORKED, Link.LOST, Link.CONNECTED]
    assert asked[2] == f"/feed/{ROOM}?tail=99s"
    after = found[found.index(Link.FORKED) + 1 :]
    assert [i.seq for i in after if isinstance(i, Entry)] == list(range(other.size))


async def test_a_frozen_stages_connection_is_kept(journal, client):
    async def freeze(asked):
        await asked.start()
        await asked.send(FIRST_LINE)
        await asyncio.sleep(0.7)
        speak(journal, range(60, 61))
        async for piece in feed_records(journal, from_seq=0):
            await asked.send(piece.removeprefix(FIRST_LINE))

    async with scripted_stage([freeze]) as (url, asked):
        found = await collect(follow_room(client, url, "t0ken", ROOM), at(0))
    assert [i for i in found if isinstance(i, Link)] == [Link.CONNECTED]
    assert len(asked) == 1


async def test_a_dead_line_is_given_up(journal, client, monkeypatch):
    monkeypatch.setattr(feed, "DEAD_S", 0.3)

    async def nothing(asked):
        await asked.start()
        await asyncio.sleep(5)

    async with scripted_stage([nothing, stage(journal)]) as (url, _):
        found = await collect(follow_room(client, url, "t0ken", ROOM), at(journal.size - 1))
    assert found[:2] == [Link.CONNECTED, Link.LOST]


def changed(entry):
    """The same entry with another body."""
    return Entry(entry.header, entry.raw, entry.nonce, b"\x81\xa1a\x02")


@pytest.mark.parametrize("lie", ["body", "order", "missing", "key", "garbage"])
async def test_a_lie_is_not_passed_on(journal, client, lie, tmp_path):
    with journal.reader() as reader:
        first, second, third = reader.entries(0, 2)
    foreign = open_journal(tmp_path / "foreign", key=STRANGER)
    foreign.append("note", {}, media_time=0)
    with_foreign = entry_record(foreign.append("note", {}, media_time=0))
    said = {
        "body": entry_record(first) + entry_record(changed(second)),
        "order": entry_record(first) + entry_record(third),
        "missing": entry_record(first) + entry_record(third),
        "key": b"",
        "garbage": entry_record(first) + b"\x00\x00\x00\x05garbage garbage",
    }[lie]
    if lie == "key":
        with_foreign = checkpoint_record(foreign.checkpoint())
        with foreign.reader() as reader:
            foreign.flush()
            said = b"".join(entry_record(e) for e in reader.entries()) + with_foreign

    async def tell(asked):
        await asked.start()
        await asked.send(FIRST_LINE + said)

    async with scripted_stage([tell, stage(journal)]) as (url, asked):
        found = await collect(
            follow_room(client, url, "t0ken", ROOM, tail_s=1_000, public=KEY.public),
            at(journal.size - 1),
        )
    foreign.close()
    forked = found.index(Link.FORKED)
    assert not [i for i in found[:forked] if isinstance(i, Entry) and i.seq > 1]
    rest = [i for i in found[forked:] if isinstance(i, Entry)]
    assert [e.seq for e in rest] == list(range(journal.size))
    assert "tail=" in asked[1]


async def test_errors_are_waited_out(journal, client, monkeypatch):
    pauses = []

    def short(attempt, retry_after_s, roll):
        pauses.append((attempt, retry_after_s))
        return 0.01

    monkeypatch.setattr(feed, "pause_s", short)

    def refuse(status, **headers):
        async def answer(asked):
            await asked.start(status, **headers)
            await asked.send(b'{"title": "Not now."}')

        return answer

    scripts = [
        refuse("503 Service Unavailable", Retry_After="7"),
        refuse("401 Unauthorized"),
        refuse("404 Not Found"),
        stage(journal),
    ]
    async with scripted_stage(scripts) as (url, _):
        found = await collect(follow_room(client, url, "t0ken", ROOM), at(journal.size - 1))
    assert pauses == [(1, 7.0), (2, 0.0), (3, 0.0)]
    assert found[:4] == [Link.LOST] * 3 + [Link.CONNECTED]


async def test_the_token_travels_in_the_header(journal, client):
    seen = []

    async def look(asked):
        seen.append(asked.headers["authorization"])
        await stage(journal)(asked)

    async with scripted_stage([look]) as (url, _):
        await collect(follow_room(client, url, "t0ken", ROOM), at(journal.size - 1))
    assert seen == ["bearer t0ken"]


async def test_the_index_is_read_line_by_line_over_reconnections(client):
    async def one(asked):
        await asked.start()
        await asked.send(b'{"room": "a"}\n{"tick": 1}\n{"ro')
        await asked.send(b'om": "b"}\n{"tor')

    async def two(asked):
        await asked.start()
        await asked.send(b'{"room": "a"}\n\nnot json\n')

    async def three(asked):
        await asked.start()
        await asked.send(b'{"room": "c"}\n')
        await asked.closed()

    async with scripted_stage([one, two, three]) as (url, _):
        found = await collect(follow_index(client, url, "t"), lambda line: line.get("room") == "c")
    assert found == [{"room": "a"}, {"tick": 1}, {"room": "b"}, {"room": "c"}]


@given(st.integers(1, 10_000), st.floats(0, 60), st.floats(0, 1, exclude_max=True))
def test_a_pause_never_breaks_retry_after_nor_lasts_for_ever(attempt, retry_after_s, roll):
    pause = pause_s(attempt, retry_after_s, roll)
    assert retry_after_s <= pause <= 2 * retry_after_s + 5
    assert pause >= 0.05
