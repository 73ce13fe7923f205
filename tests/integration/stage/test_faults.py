"""What can go wrong on the stage's machine while a room is live."""

import asyncio
import json
import os
import shutil
import signal
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from hustings.base.clock import SystemClock
from hustings.base.errors import OperatorError
from hustings.base.ids import RoomId, private_id
from hustings.journal.auditing import audit_file
from hustings.journal.entry import Entry
from hustings.stage.erasing import Stretch
from hustings.stage.sound import Sound
from hustings.stage.studio import Studio
from hustings.wire import kinds
from hustings.wire.kinds import Part
from tests.integration.stage.test_app import entries, on_air, parts
from tests.support.speakers import StageProcess, leave, speech, take_the_stage
from tests.support.stage import Person, Stage


class SteppingClock(SystemClock):
    """The system's clock, whose wall time somebody sets."""

    step_ms = 0

    def wall_ms(self) -> int:
        return super().wall_ms() + self.step_ms


@pytest.mark.parametrize("hours", [1, -1])
async def test_F28_a_wall_clock_step_moves_no_part(tmp_path: Path, hours: int) -> None:
    stage = Stage(tmp_path)
    stage.clock = clock = SteppingClock()
    async with stage:
        _, caller = await on_air(stage)
        before = parts(await stage.records("r", until=lambda got: len(parts(got)) >= 2))
        clock.step_ms = hours * 3_600_000
        seen = await stage.records("r", until=lambda got: len(parts(got)) >= len(before) + 3)
        numbers = [part.n for part in parts(seen)]
        assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
        assert [
            e for e in entries(seen, kinds.GAP) if e.decode(kinds.Gap).reason != "not_live"
        ] == []
        await caller.close()


async def test_after_a_step_back_and_a_restart_time_still_rises(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    stage.clock = clock = SteppingClock()
    async with stage:
        _, caller = await on_air(stage)
        before = parts(await stage.records("r", until=lambda got: len(parts(got)) >= 3))
        await caller.close()
        await stage.stop()
        clock.step_ms = -3_600_000
        await stage.start()
        more = len(before) + 2
        seen = parts(await stage.records("r", until=lambda got: len(parts(got)) >= more))
        numbers = [part.n for part in seen]
        assert numbers == sorted(set(numbers))


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 3 MiB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", str(folder)], check=False
    )
    if mounted.returncode:
        pytest.skip("needs the right to mount a tmpfs (root)")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


async def test_F27_a_full_disk_stops_no_sound_and_is_said(small_disk: Path) -> None:
    async with Stage(small_disk / "data") as stage, httpx.AsyncClient(base_url=stage.url) as http:
        _, caller = await on_air(stage, frames=speech(20) * 10)
        assert (await http.get("/readyz")).status_code == 200
        filler = small_disk / "filler"
        with filler.open("wb", buffering=0) as file:
            for size in (65_536, 4_096, 1):
                try:
                    while True:
                        file.write(b"x" * size)
                except OSError:
                    continue
        began = len(parts(await stage.records("r", until=parts, query="tail=1s")))
        seen = await stage.records("r", until=lambda got: len(parts(got)) >= began + 12)
        numbers = [part.n for part in parts(seen)]
        assert numbers == list(range(numbers[0], numbers[-1] + 1))  # live went on, whole
        answer = await http.get("/readyz")
        assert answer.status_code == 503
        assert "does not reach the disk" in answer.text
        filler.unlink()
        async with asyncio.timeout(15):
            while (await http.get("/readyz")).status_code != 200:
                await asyncio.sleep(0.2)
        journal = (await stage.engine.do(lambda studio: studio.hall("r"))).journal
        await asyncio.to_thread(journal.flush)
        with journal.reader() as reader:
            on_disk = [e.seq for e in reader.entries()]
        assert on_disk == list(range(len(on_disk)))
        await caller.close()


async def test_a_frozen_stage_goes_on_at_now_and_owns_up_to_the_gap(tmp_path: Path) -> None:
    with StageProcess(tmp_path) as stage:
        stage.put("r", title="R", state="lobby")
        speakers = await take_the_stage(stage, "r", 1, frames=speech(4))
        first = await _follow(stage, lambda got: len(parts(got)) >= 2)
        os.kill(stage.process.pid, signal.SIGSTOP)
        await asyncio.sleep(3)
        os.kill(stage.process.pid, signal.SIGCONT)
        last = parts(first)[-1].n
        seen = await _follow(stage, lambda got: parts(got) and parts(got)[-1].n > last + 8)
        gaps = [entry.decode(kinds.Gap) for entry in entries(seen, kinds.GAP)]
        (frozen,) = [gap for gap in gaps if gap.reason == "frozen"]
        assert 7 <= frozen.last - frozen.first + 1 <= 12  # about 3 s of parts
        assert frozen.last + 1 in {part.n for part in parts(seen)}
        await leave(speakers)


async def test_kill_9_continues_the_same_room(tmp_path: Path) -> None:
    with StageProcess(tmp_path) as stage:
        stage.put("r", title="R", state="lobby")
        speakers = await take_the_stage(stage, "r", 1, frames=speech(4))
        before = await _follow(stage, lambda got: len(parts(got)) >= 6)
        stage.process.kill()
        stage.process.wait()
        await leave(speakers)
        with stage:
            last = parts(before)[-1].n
            seen = await _follow(stage, lambda got: parts(got) and parts(got)[-1].n > last + 2)
    gaps = [entry.decode(kinds.Gap) for entry in entries(seen, kinds.GAP)]
    numbers = {part.n for part in parts(seen)}
    told = {n for gap in gaps for n in range(gap.first, gap.last + 1)}
    assert numbers | told == set(range(max(numbers) + 1))
    lost = {part.n for part in parts(before)} - numbers
    assert len(lost) <= 4  # at most about a second of what was heard is not in the record


async def _follow(stage: StageProcess, until: object, query: str = "from=0") -> list[Entry]:
    """As Stage.records, for a stage in a process of its own."""
    return await Stage.records(stage, "r", until=until, query=query)  # type: ignore[arg-type,return-value]


class Hoarse(Sound):
    """Sound with a fault of ours in it."""

    def tick(self, now_s: float) -> Part | None:
        raise RuntimeError("a fault of ours")


async def test_a_fault_in_one_room_costs_the_others_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with Stage(tmp_path) as stage:
        _, caller = await on_air(stage, "good")
        _, other = await on_air(stage, "bad")

        def spoil(studio: Studio) -> None:
            hall = studio.hall("bad")
            hall.sound, kept = Hoarse(hall.sound._peers, lambda who, on: None), hall.sound
            studio.spoilt = kept  # type: ignore[attr-defined]

        await stage.engine.do(spoil)
        seen = parts(await stage.records("good", until=lambda got: len(parts(got)) >= 8))
        assert [part.n for part in seen] == list(range(seen[0].n, seen[0].n + len(seen)))
        broken = await stage.engine.do(lambda studio: studio.broken_ticks)
        assert broken > 0
        assert len([r for r in caplog.records if "a tick failed" in r.message]) == 1

        def mend(studio: Studio) -> None:
            studio.hall("bad").sound = studio.spoilt  # type: ignore[attr-defined]

        await stage.engine.do(mend)
        before = len(parts(await stage.records("bad", until=parts)))
        again = await stage.records("bad", until=lambda got: len(parts(got)) >= before + 3)
        assert {e.decode(kinds.Gap).reason for e in entries(again, kinds.GAP)} <= {
            "not_live", "frozen"
        }  # fmt: skip
        await caller.close()
        await other.close()


async def test_a_fault_in_a_rooms_second_ends_no_ticks(tmp_path: Path) -> None:
    async with Stage(tmp_path) as stage:
        _, caller = await on_air(stage, "good")
        _, other = await on_air(stage, "bad")

        def spoil(studio: Studio) -> None:
            hall = studio.hall("bad")
            studio.spoilt, hall.signs = hall.signs, None  # type: ignore[attr-defined,assignment]

        def mend(studio: Studio) -> None:
            studio.hall("bad").signs = studio.spoilt  # type: ignore[attr-defined]

        parts_before = parts(await stage.records("good", until=parts))
        await stage.engine.do(spoil)
        more = len(parts_before) + 8  # 2.6 s: at least two seconds of the bad room failed
        seen = parts(await stage.records("good", until=lambda got: len(parts(got)) >= more))
        assert len(seen) >= more
        assert await stage.engine.do(lambda studio: studio.broken_ticks) >= 1
        await stage.engine.do(mend)
        await caller.close()
        await other.close()


async def test_what_is_no_room_or_cannot_be_read_keeps_no_other_room_closed(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with Stage(tmp_path) as stage:
        await stage.put("good", title="G")
    (tmp_path / "rooms" / "lost+found").mkdir()
    (tmp_path / "rooms" / "bad").mkdir()
    (tmp_path / "rooms" / "bad" / "journal").write_bytes(b"what somebody else wrote\n" * 9)
    async with Stage(tmp_path) as stage:
        assert await stage.engine.do(lambda studio: list(studio.halls)) == ["good"]
    said = [r.message for r in caplog.records if "stays closed" in r.message]
    assert len(said) == 2


async def test_F21_a_participant_who_floods_is_throttled_and_nobody_else_notices(
    tmp_path: Path,
) -> None:
    async with Stage(tmp_path) as stage:
        host, caller = await on_air(stage)
        rude = await Person(stage, "r", "speaker").join("Rude")
        answered = 0

        async def flood() -> None:
            """3,000 messages as fast as the socket takes them: commands, tokens, nonsense."""
            for number in range(1_000):
                await rude.socket.send(f'{{"type":"do","id":{number},"command":"hand"}}')
                await rude.socket.send(json.dumps({"type": "token", "token": rude.token}))
                await rude.socket.send('{"type":"nonsense"}')

        async def listen() -> None:
            nonlocal answered
            async for text in rude.socket:
                answered += json.loads(text)["type"] in {"done", "error"}

        async with rude.control():
            tasks = [asyncio.create_task(flood()), asyncio.create_task(listen())]
            async with host.control():
                began = len(parts(await stage.records("r", until=parts)))
                for number in range(15):
                    assert (await host.do("notice", text=f"n{number}"))["type"] == "done"
                hands = (await host.hear("levels"))["hands_up"]
                seen = await stage.records("r", until=lambda got: len(parts(got)) >= began + 9)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            rude.socket.transport.abort()  # a goodbye would wait behind its own flood
        numbers = [part.n for part in parts(seen)]
        assert numbers == list(range(numbers[0], numbers[-1] + 1))  # no part was late or lost
        assert hands == 1
        assert 0 < answered < 500  # of 1,000: the others still wait, at their sender
        await caller.close()


async def test_one_journal_that_does_not_close_keeps_no_other_open(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with Stage(tmp_path) as stage:
        for room in ("a", "b", "c"):
            await stage.put(room, title=room, state="lobby")
        halls = await stage.engine.do(lambda studio: dict(studio.halls))

        def broken() -> None:
            raise RuntimeError("a fault of ours")

        monkeypatch.setattr(halls[RoomId("b")], "minute", broken)
        with pytest.raises(OperatorError, match="of b was not closed") as caught:
            await stage.stop()
        assert caught.value.code == "journal_close"
        for room in ("a", "c"):
            report = audit_file(tmp_path / "rooms" / room / "journal")
            assert report.ok
            assert not any("no checkpoint" in each for each in report.not_compared)
        halls[RoomId("b")].journal.close()  # else its lock stays with this process
        await stage.start()
        assert await stage.engine.do(lambda studio: len(studio.halls)) == 3


async def test_a_private_room_that_is_wiped_leaves_nobody_erasing(tmp_path: Path) -> None:
    async with Stage(tmp_path) as stage:

        def wipe(studio: Studio) -> str:
            hall = studio.open_private(private_id("rehearsal"))
            shutil.rmtree(hall.journal.folder)
            hall.record.eraser.erase(Stretch(0, 3))
            studio.discard(hall.room)
            return f"erase {hall.room}"

        name = await stage.engine.do(wipe)
        async with asyncio.timeout(20):
            while name in {thread.name for thread in threading.enumerate()}:
                await asyncio.sleep(0.05)
