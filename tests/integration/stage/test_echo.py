"""The echo of a doubled device, from two lines of sound to the hosts' pages."""

import asyncio
import json
from pathlib import Path
from typing import Any

from tests.fakes.rtc_client import SILENCE
from tests.support.speakers import speech
from tests.support.stage import Person, Stage


async def told(person: Person) -> dict[str, Any]:
    """The next word on microphones; the finder needs some five seconds of sound."""
    async with asyncio.timeout(60):  # only ends a test that hangs
        while True:
            message: dict[str, Any] = json.loads(await person.socket.recv())
            if message["type"] == "microphones":
                return message


async def test_a_doubled_device_is_told_to_hosts_and_speakers(tmp_path: Path) -> None:
    said = speech(40)
    async with Stage(tmp_path) as stage:
        await stage.put("r", title="R", state="lobby")
        host = await Person(stage, "r", "host").join("Ada")
        phone = await Person(stage, "r", "cohost").join("Bob")
        laptop = await Person(stage, "r", "cohost").join("Bob again")
        async with host.control(), phone.control(), laptop.control():
            await phone.do("accept")
            await laptop.do("accept")
            callers = [await phone.speak(said), await laptop.speak([SILENCE] * 20 + said)]
            found = await told(host)
            assert found["echoes"] == {laptop.id: phone.id}
            assert found["microphones"] == {laptop.id: "echo"}
            assert (await told(laptop))["echoes"] == {laptop.id: phone.id}
            await host.do("mute_other", participant=laptop.id)
            assert (await told(phone))["echoes"] == {laptop.id: phone.id}
            assert (await told(phone))["microphones"] == {}
        for caller in callers:
            await caller.close()
