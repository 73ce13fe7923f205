"""Hooks are told in the transaction of the change, and what their receivers answer decides the rest."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from sqlalchemy import func, select, update

from hustings.archive.index import Replay
from hustings.archive.replay import INDEX
from hustings.base.clock import ManualClock
from hustings.base.errors import NotFound, UserError
from hustings.store import Database
from hustings.store.schema import deliveries, letters
from hustings.web.outbound.budget import Budget
from hustings.web.outbound.door import Door
from hustings.web.post import queries as post
from hustings.web.post.service import Post
from hustings.web.rooms.service import Rooms
from hustings.web.webhooks.events import EVENTS
from hustings.web.webhooks.model import HOOKS, KEPT, PATIENCE_MS, USEFUL_MS, Delivery
from hustings.web.webhooks.service import Hooks
from hustings.web.webhooks.transport import HookTransport
from hustings.wire.kinds import Deleted, Room
from hustings.wire.links import Links
from hustings.wire.tokens import KeyRing
from tests.fakes.receiver import Receiver, receiver

KEYS = KeyRing([bytes(32)])
LINKS = Links("https://w.example", "https://s.example", "https://e.example")
PLANNED = Room("hall", "Town hall")
LIVE = msgspec.structs.replace(PLANNED, state="live", epoch_ms=1, live_ms=2)
ENDED = msgspec.structs.replace(LIVE, state="ended", ended_ms=3)


class Outside:
    """A house's hooks, its queue, and one receiver."""

    def __init__(self, database: Database, data: Path, taking: Receiver) -> None:
        self.database, self.data, self.taking = database, data, taking
        self.clock = ManualClock()

        async def resolve(_host: str, _port: int) -> list[str]:
            return ["127.0.0.1"]

        ample = Budget(rate=1_000, burst=1_000)
        self.door = Door(
            self.clock, resolve=resolve, allow=[taking.origin], budget=ample, seconds=1.0
        )
        self.hooks = Hooks(database, KEYS, LINKS, self.clock, read=self.door.read, data=data)
        self.rooms = Rooms(database, KEYS, self.clock, tell=[self.hooks.tell])
        self.transport = HookTransport(database, KEYS, self.door, self.clock)
        self.post = Post(database, [self.transport], self.clock)

    async def register(self, *events: str) -> str:
        hook, _ = await self.hooks.register(self.taking.url, events or EVENTS)
        return hook.hook

    async def deliver(self, seconds: float = 0.0) -> None:
        """Time passes; what is due is sent, and what became of it written down."""
        self.clock.advance(seconds)
        for _ in range(3):  # one host gets one message at a time
            await self.post.turn()
            await self.post.settled()

    async def messages(self, hook: str) -> list[Delivery]:
        return (await self.hooks.one(hook))[1]

    def told(self) -> list[str]:
        return [json.loads(body)["type"] for _, body in self.taking.came]


@pytest.fixture
async def outside(database: Database, tmp_path: Path) -> AsyncIterator[Outside]:
    async with receiver() as taking:
        yield Outside(database, tmp_path, taking)


async def test_a_hook_is_told_what_it_chose_in_order(outside: Outside) -> None:
    hook = await outside.register("room.live", "room.ended")
    await outside.rooms.learn([PLANNED])
    await outside.deliver()
    assert outside.told() == []
    await outside.rooms.learn([ENDED])
    await outside.rooms.learn([ENDED])
    await outside.deliver()
    await outside.deliver()
    assert outside.told() == ["room.live", "room.ended"]
    assert {each.state for each in await outside.messages(hook)} == {"sent"}
    assert {(each.status, each.answer) for each in await outside.messages(hook)} == {
        (200, "thanks")
    }


async def test_what_is_rolled_back_is_told_to_nobody_and_what_is_kept_is_not_lost(
    outside: Outside,
) -> None:
    hook = await outside.register()

    async def broken(connection: Any, changes: Any, now_ms: int) -> None:
        await outside.hooks.tell(connection, changes, now_ms)
        raise NotFound("page_unknown", "The power went.")

    rooms = Rooms(outside.database, KEYS, outside.clock, tell=[broken])
    with pytest.raises(NotFound):
        await rooms.learn([LIVE])
    await outside.deliver()
    assert (outside.told(), await outside.messages(hook)) == ([], [])
    await outside.rooms.learn([LIVE])
    outside.post = Post(outside.database, [outside.transport], outside.clock)  # after a restart
    await outside.deliver()
    assert outside.told() == ["room.planned", "room.live"]


async def test_a_full_queue_stops_no_room_and_is_said(
    outside: Outside, monkeypatch: pytest.MonkeyPatch
) -> None:
    hook = await outside.register("room.live")
    monkeypatch.setattr(post, "PENDING", 0)
    await outside.rooms.learn([LIVE])
    (message,) = await outside.messages(hook)
    assert (message.state, "wait" in message.answer) == ("failed", True)
    monkeypatch.undo()
    await outside.hooks.send_again(hook, message.delivery)
    await outside.deliver()
    assert outside.told() == ["room.live"]


async def test_a_message_keeps_its_id_in_all_attempts_and_when_sent_again(
    outside: Outside,
) -> None:
    hook = await outside.register("room.live")
    outside.taking.status = 500
    await outside.rooms.learn([LIVE])
    await outside.deliver()
    await outside.deliver(10)
    outside.taking.status = 204
    await outside.deliver(30)
    (message,) = await outside.messages(hook)
    assert (message.state, message.attempts, message.status) == ("sent", 3, 204)
    await outside.hooks.send_again(hook, message.delivery)
    await outside.deliver(1)
    assert len(outside.taking.came) == 4
    assert {headers["webhook-id"] for headers, _ in outside.taking.came} == {message.delivery}
    assert len({body for _, body in outside.taking.came}) == 1


async def test_a_slow_receiver_may_have_it_and_gets_it_again(outside: Outside) -> None:
    hook = await outside.register("room.live")
    outside.taking.slow_s = 1.5
    await outside.rooms.learn([LIVE])
    await outside.deliver()
    (message,) = await outside.messages(hook)
    assert (message.state, message.status) == ("waiting", 0)
    outside.taking.slow_s = 0.0
    await outside.deliver(30)
    (message,) = await outside.messages(hook)
    assert (message.state, message.attempts) == ("sent", 2)


async def test_a_redirect_is_not_followed_and_a_huge_answer_not_kept(outside: Outside) -> None:
    hook = await outside.register("room.live")
    outside.taking.status, outside.taking.headers = 307, {"location": outside.taking.url + "?b"}
    await outside.rooms.learn([LIVE])
    await outside.deliver()
    assert len(outside.taking.came) == 1
    (message,) = await outside.messages(hook)
    assert (message.state, message.status) == ("waiting", 307)
    outside.taking.status, outside.taking.body = 200, b"x" * 3_000_000
    await outside.deliver(60)
    (message,) = await outside.messages(hook)
    assert (message.state, len(message.answer)) == ("sent", 300)


async def test_an_answer_in_bytes_that_are_no_text_is_written_down_all_the_same(
    outside: Outside,
) -> None:
    hook = await outside.register()
    await outside.hooks.ping(hook)
    outside.taking.status, outside.taking.body = 400, b"no\0such h\xfcok"
    await outside.deliver()
    [message] = await outside.messages(hook)
    assert (message.attempts, message.status, message.answer) == (1, 400, "no such h\ufffdok")


async def test_whoever_is_gone_is_told_no_more(outside: Outside) -> None:
    hook = await outside.register()
    outside.taking.status = 410
    await outside.rooms.learn([LIVE])  # two messages
    await outside.deliver()
    await outside.deliver(3_600)
    found, messages = await outside.hooks.one(hook)
    assert (found.state, "410" in found.reason) == ("failed", True)
    assert len(outside.taking.came) == 1
    with pytest.raises(UserError):
        await outside.hooks.send_again(hook, messages[0].delivery)
    outside.taking.status = 200
    await outside.hooks.resume(hook)
    await outside.rooms.learn([ENDED])
    await outside.deliver(3_600)
    assert outside.told()[-1] == "room.ended"


async def test_whoever_fails_for_days_is_told_no_more_with_the_reason(outside: Outside) -> None:
    hook = await outside.register("room.live", "room.ended")
    outside.taking.status, outside.taking.body = 503, b"down for repair"
    await outside.rooms.learn([LIVE])
    await outside.deliver()
    assert (await outside.hooks.one(hook))[0].state == "on"
    await outside.deliver(PATIENCE_MS / 1_000 - 60)
    assert (await outside.hooks.one(hook))[0].state == "on"
    await outside.rooms.learn([ENDED])
    await outside.deliver(900)
    found, _ = await outside.hooks.one(hook)
    assert found.state == "failed"
    assert "503 down for repair" in found.reason
    tried = len(outside.taking.came)
    await outside.deliver(3_600)
    assert len(outside.taking.came) == tried


async def test_one_good_answer_begins_the_count_anew(outside: Outside) -> None:
    hook = await outside.register()
    for status in (500, 200):
        outside.taking.status = status
        await outside.hooks.ping(hook)
        await outside.deliver(60)
    assert (await outside.hooks.one(hook))[0].failing_ms == 0


async def test_a_message_of_no_use_any_more_is_given_up(outside: Outside) -> None:
    hook = await outside.register("room.live")
    outside.taking.status = 500
    await outside.rooms.learn([LIVE])
    await outside.deliver(USEFUL_MS / 1_000 + 60)
    (message,) = await outside.messages(hook)
    assert message.outlook(outside.clock.wall_ms()) == "failed"
    assert outside.taking.came == []


async def test_paused_and_removed_hooks_get_nothing_that_waited(outside: Outside) -> None:
    hook, other = await outside.register("room.live"), await outside.register("room.live")
    await outside.rooms.learn([LIVE])
    await outside.hooks.pause(hook)
    await outside.hooks.remove(other)
    await outside.deliver()
    assert outside.told() == []
    with pytest.raises(NotFound):
        await outside.hooks.one(other)


async def test_a_replay_is_told_once_and_only_when_it_is_there(outside: Outside) -> None:
    hook = await outside.register("room.replay_ready")
    await outside.rooms.learn([LIVE])
    await outside.rooms.learn([ENDED])
    await outside.hooks.look()
    assert await outside.messages(hook) == []
    folder = outside.data / "replays" / "hall"
    await asyncio.to_thread(_write_replay, folder)
    for _ in range(2):
        await outside.hooks.look()
    await outside.deliver()
    assert outside.told() == ["room.replay_ready"]


async def test_of_a_deleted_room_no_replay_is_told(outside: Outside) -> None:
    hook = await outside.register("room.replay_ready")
    await outside.rooms.learn([LIVE])
    await outside.rooms.learn([ENDED])
    await outside.rooms.learn([Room("hall", "", state="ended", deleted=Deleted(5))])
    await asyncio.to_thread(_write_replay, outside.data / "replays" / "hall")
    await outside.hooks.look()
    assert await outside.messages(hook) == []


async def test_hooks_and_their_messages_are_bounded(outside: Outside) -> None:
    hook = await outside.register("room.live")
    for number in range(KEPT + 5):
        outside.clock.advance(1)
        await outside.rooms.learn([msgspec.structs.replace(LIVE, room=f"hall-{number}")])
    kept = await outside.messages(hook)
    assert len(kept) == KEPT
    assert b"hall-54" in kept[0].body
    for _ in range(KEPT // 3 + 3):
        await outside.deliver()
    heard = {json.loads(body)["data"]["room"] for _, body in outside.taking.came}
    assert heard == {f"hall-{number}" for number in range(KEPT + 5)}  # none that waited was lost
    await outside.hooks.ping(hook)
    async with outside.database.read() as connection:
        count = select(func.count()).select_from(deliveries)
        assert (
            await connection.execute(count)
        ).scalar_one() == KEPT + 1  # and the ping, which waits
    for _ in range(HOOKS - 1):
        await outside.register()
    with pytest.raises(UserError) as refused:
        await outside.register()
    assert refused.value.code == "hooks_many"


async def test_an_orphan_of_a_killed_house_is_sent_again_under_its_id(outside: Outside) -> None:
    hook = await outside.register("room.live")
    await outside.rooms.learn([LIVE])
    async with outside.database.write() as connection:
        await connection.execute(update(letters).values(state="sending"))
    await outside.deliver(1)
    await outside.deliver(1)
    assert outside.told() == ["room.live"]
    assert [each.state for each in await outside.messages(hook)] == ["sent"]


def _write_replay(folder: Path) -> None:
    folder.mkdir(parents=True)
    (folder / INDEX).write_bytes(msgspec.json.encode(Replay(ENDED, 1.0, 0, 3, [], "", "")))
