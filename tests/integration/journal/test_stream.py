"""The feed's server side: replay then live, no gap, no double, whoever writes meanwhile."""

import asyncio
import threading

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hustings.journal.chain import Chain
from hustings.journal.entry import NO_HASH, Entry, Visibility
from hustings.journal.records import FIRST_LINE, Position, RecordReader
from hustings.journal.stream import Fork, feed_records
from hustings.wire import kinds
from tests.fakes.journals import begin, open_journal, speak


async def follow(journal, entries, **how):
    """Read a feed until `entries` entries came; returns all its records."""
    reader, found, count = RecordReader(), [], 0
    async for data in feed_records(journal, **how):
        new = reader.feed(data)
        found += new
        count += sum(isinstance(item, Entry) for item in new)
        if count >= entries:
            return found
    return found


def entries(records):
    return [item for item in records if isinstance(item, Entry)]


@pytest.fixture
def journal(tmp_path):
    journal = open_journal(tmp_path)
    yield journal
    journal.close()


async def test_replay_from_disk_from_memory_and_then_live(journal):
    begin(journal)
    speak(journal, range(10))
    journal.flush()
    speak(journal, range(10, 20))  # part of it waits for the disk
    total = journal.size
    task = asyncio.get_running_loop().create_task(follow(journal, total + 1, from_seq=0))
    await asyncio.sleep(0.05)
    journal.append("note", {"last": True}, media_time=0)
    found = await asyncio.wait_for(task, 5)
    assert [e.seq for e in entries(found)] == list(range(total + 1))
    checked = Chain()
    for item in found:
        if isinstance(item, Entry):
            checked.take(item)
        else:
            assert checked.agrees(item)


@pytest.mark.parametrize("flushed", [True, False])
async def test_a_follower_resumes_where_it_was(journal, flushed):
    begin(journal)
    speak(journal, range(20))
    if flushed:
        journal.flush()
    whole = entries(await follow(journal, journal.size, from_seq=0))
    for seq in (1, 7, journal.size - 1):
        rest = await follow(journal, journal.size - seq, from_seq=seq, after=whole[seq - 1].hash)
        assert entries(rest) == whole[seq:]


async def test_at_the_head_only_what_is_new_comes(journal):
    speak(journal, range(5))
    feed = feed_records(journal, from_seq=journal.size, after=journal.head)
    assert await anext(feed) == FIRST_LINE
    journal.append("note", {}, media_time=0)
    (only,) = RecordReader(first_line=False).feed(await asyncio.wait_for(anext(feed), 5))
    assert only.seq == journal.size - 1
    await feed.aclose()
    assert not journal._subscribers


@pytest.mark.parametrize(
    ("seq", "after"), [(3, b"x" * 32), (3, None), (10_000, b"x" * 32), (-1, None), (0, b"x" * 32)]
)
async def test_another_history_is_a_fork(journal, seq, after):
    speak(journal, range(5))
    with pytest.raises(Fork) as caught:
        await anext(feed_records(journal, from_seq=seq, after=after))
    assert caught.value.code == "fork"
    assert caught.value.problem()["status"] == 409
    assert journal.append("note", {}, media_time=0)  # nobody is left attached to stumble over


async def test_a_tail_begins_at_a_public_snapshot_old_enough(journal):
    speak(journal, range(400), snapshot_every=100)  # snapshots at part 100, 200, 300, 400
    journal.flush()
    for tail_s, part in ((0, 400), (20, 300), (40, 200), (90, 100)):
        found = entries(await follow(journal, 1, tail_s=tail_s))
        assert found[0].kind == "snapshot"
        assert found[0].visibility == Visibility.PUBLIC
        snapshot = found[0].decode(kinds.Snapshot)
        assert snapshot.part == part
        chain = Chain(snapshot.size, found[0].header.prev, snapshot.frontier)
        for entry in found:
            chain.take(entry)
    assert entries(await follow(journal, 1, tail_s=500))[0].seq == 0


async def test_bodies_above_the_readers_visibility_stay_here(journal):
    begin(journal)
    speak(journal, range(30), snapshot_every=10)
    journal.flush()
    for attached_before in (False, True):
        total = journal.size
        feed = asyncio.wait_for(
            follow(journal, total + 20 * attached_before, from_seq=0, visibility=Visibility.PUBLIC),
            5,
        )
        task = asyncio.get_running_loop().create_task(feed)
        await asyncio.sleep(0.05)
        if attached_before:
            speak(journal, range(30, 60))
        found = await task
        assert any(e.visibility for e in entries(found))
        for entry in entries(found):
            assert (entry.body is None) == (entry.visibility > Visibility.PUBLIC)
    everything = entries(
        await follow(journal, journal.size, from_seq=0, visibility=Visibility.PRIVATE)
    )
    assert all(e.body is not None for e in everything)


async def test_a_position_comes_each_second(journal):
    speak(journal, range(3))
    feed = feed_records(journal, from_seq=journal.size, after=journal.head, position=lambda: 48_000)
    reader, found = RecordReader(), []
    async for data in feed:
        found += reader.feed(data)
        if len(found) == 2:
            break
    await feed.aclose()
    assert found == [Position(48_000, journal.clock.wall_ms(), journal.size)] * 2


async def test_who_falls_too_far_behind_is_cut_off(journal, caplog):
    feed = feed_records(journal, from_seq=0, limit_bytes=10_000)
    assert await anext(feed) == FIRST_LINE
    speak(journal, range(5))
    first = await anext(feed)
    speak(journal, range(5, 100))
    rest = [data async for data in feed]
    assert sum(map(len, rest)) <= 10_000
    assert "too far behind" in caplog.text
    chain = Chain()
    for entry in entries(RecordReader(first_line=False).feed(first + b"".join(rest))):
        chain.take(entry)


async def test_a_feed_ends_with_its_journal(tmp_path):
    journal = open_journal(tmp_path)
    speak(journal, range(3))
    task = asyncio.get_running_loop().create_task(follow(journal, 10_000, from_seq=0))
    await asyncio.sleep(0.05)
    size = journal.size
    journal.close()
    assert len(entries(await asyncio.wait_for(task, 5))) == size


async def test_followers_join_at_any_moment_of_a_writing_thread(journal):
    """Twelve join while another thread writes as fast as it can; each sees one whole chain."""
    begin(journal)
    done = threading.Event()

    def write():
        for start in range(0, 1_500, 50):
            speak(journal, range(start, start + 50), snapshot_every=500)
            done.wait(0.01)
        done.set()

    thread = threading.Thread(target=write)
    thread.start()
    total = 1 + 1_500 + 300 + 150 + 6  # term, parts, levels, rosters, snapshots

    async def join(delay):
        await asyncio.sleep(delay)
        return await follow(journal, total, from_seq=0)

    everyone = await asyncio.wait_for(asyncio.gather(*(join(n * 0.03) for n in range(12))), 60)
    thread.join()
    assert journal.size == total
    for found in everyone:
        chain = Chain()
        for item in found:
            if isinstance(item, Entry):
                chain.take(item)
            else:
                assert chain.agrees(item)
        assert (chain.size, chain.head) == (journal.size, journal.head)


def test_the_feed_may_run_in_another_loop_than_the_writer(journal):
    speak(journal, range(30))
    total = journal.size + 1
    result = []
    thread = threading.Thread(
        target=lambda: result.append(
            asyncio.run(asyncio.wait_for(follow(journal, total, from_seq=0), 10))
        )
    )
    thread.start()
    while journal.size < total:
        threading.Event().wait(0.1)
        journal.append("note", {}, media_time=0)
    thread.join()
    assert [e.seq for e in entries(result[0])] == list(range(total))


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("write"), st.integers(1, 12)),
        st.tuples(st.just("flush"), st.just(0)),
        st.tuples(st.just("join"), st.integers(0, 100)),  # at so many per cent of what is there
        st.tuples(st.just("wait"), st.integers(0, 3)),
    ),
    min_size=1,
    max_size=14,
)


@settings(max_examples=60, deadline=None)
@given(STEPS)
def test_in_any_order_of_events_nobody_misses_or_doubles_an_entry(tmp_path_factory, steps):
    async def play():
        journal = open_journal(tmp_path_factory.mktemp("steps"))
        heads = [NO_HASH]

        def remember(record, item):
            if isinstance(item, Entry):
                heads.append(item.hash)

        journal.subscribe(remember)
        followers = []

        async def join(seq):
            feed = feed_records(journal, from_seq=seq, after=heads[seq])
            data = b"".join([piece async for piece in feed])
            return seq, RecordReader().feed(data)

        for what, number in steps:
            if what == "write":
                for n in range(number):
                    journal.append("note", {"n": n}, media_time=n)
            elif what == "flush":
                await asyncio.to_thread(journal.flush)
            elif what == "wait":
                await asyncio.sleep(number / 1_000)
            else:
                seq = journal.size * number // 100
                followers.append(asyncio.get_running_loop().create_task(join(seq)))
                await asyncio.sleep(0)
        await asyncio.sleep(0.005)
        journal.append("note", {"last": True}, media_time=0)
        size = journal.size
        await asyncio.to_thread(journal.close)
        for seq, found in await asyncio.gather(*followers):
            assert [e.seq for e in entries(found)] == list(range(seq, size))
            chain = Chain(seq, heads[seq], None)
            for entry in entries(found):
                chain.take(entry)

    asyncio.run(play())
