"""A real house, live, is backed up; what is restored starts, and is the same house."""

import asyncio
import subprocess
import time
from types import SimpleNamespace

import httpx
import pytest

from hustings.base.keyfiles import participant_key
from tests.support.house import PROGRAM, House
from tests.support.stage import Person


def run(house, *words):
    done = subprocess.run(
        [*PROGRAM, *words],
        check=False,
        env=house.environment,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def until(wanted, limit_s=60.0):
    end = time.monotonic() + limit_s
    while not (value := wanted()):
        assert time.monotonic() < end
        time.sleep(0.1)
    return value


def written(house, room):
    """Bytes of a journal."""
    path = house.data / "rooms" / room / "journal"
    return path.stat().st_size if path.exists() else 0


async def go_live(house, room):
    """As its host does; nobody needs to speak for sound to be written."""
    stage = SimpleNamespace(url=house.stage, invite=house.invite, persons=[])
    host = await Person(stage, room, "host").join("Ada")
    async with host.control():
        done = await host.do("go_live", sure=True)
        assert done["type"] == "done", done
    await host.http.aclose()


def joins(house, room, invitation):
    """What the stage says to an invitation."""
    body = {"invitation": invitation, "name": "Ada"}
    return httpx.post(f"{house.stage}/rooms/{room}/join", json=body, timeout=30).status_code


@pytest.mark.slow
def test_a_live_house_comes_back_with_its_rooms_and_its_invitations(tmp_path):
    """The first is backed up while it is written; the second is it, the third has no keys."""
    file, bare = str(tmp_path / "with.tar"), str(tmp_path / "without.tar")
    with House(tmp_path / "first", supervised=False) as first:
        first.put("demo", title="The demo", state="lobby")
        asyncio.run(go_live(first, "demo"))
        first.put("council", title="The council", state="scheduled")
        invitation = first.invite("council", "host", "Ada")
        until(
            lambda: "The council" in httpx.get(first.web, timeout=30).text
        )  # web has it in its database
        until(lambda: written(first, "demo"))
        run(first, "backup", file, "--keys")
        size = written(first, "demo")
        until(lambda: written(first, "demo") > size)  # nobody noticed
        run(first, "backup", bare)
        key = (tmp_path / "first/keys/journal.vkey").read_text().strip()
        refused = subprocess.run(
            [*PROGRAM, "restore", file],
            check=False,
            env=first.environment,
            capture_output=True,
            timeout=60,
        )
        assert refused.returncode == 1
        assert b"A house runs in" in refused.stderr

    second = House(tmp_path / "second", supervised=False)
    run(second, "restore", file)
    run(second, "verify", str(second.data), "--key", key)
    with second:
        assert "The council" in httpx.get(second.web, timeout=30).text
        assert joins(second, "council", invitation) == 200
        assert httpx.get(f"{second.edge}/r/demo", timeout=30).status_code == 200
        assert httpx.get(f"{second.stage}/journal-key", timeout=30).text.strip() == key
        second.put("council", state="lobby")

    third = House(tmp_path / "third")
    run(third, "restore", bare)
    run(third, "verify", str(third.data), "--key", key)
    assert participant_key(third.data) != participant_key(second.data)
