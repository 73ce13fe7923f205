"""Many speakers against a stage in a process of its own: for benches, the soak, and faults."""

import asyncio
import os
import socket
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx
import psutil

from hustings.base.ids import new_id
from hustings.base.keyfiles import participant_key, service_key
from hustings.media import files
from hustings.media.opus import OpusEncoder
from hustings.wire.tokens import Claims, KeyRing
from tests.fakes.rtc_client import Caller
from tests.support.house import ROOT, House, free_ports
from tests.support.stage import Person, Stage

VOICES = ROOT / "src/hustings/media/data"


class StageProcess:
    """`hustings stage` alone, on a free port; Person can join it like the one in this process."""

    def __init__(self, data: Path, **environment: str) -> None:
        (port,) = free_ports(1)
        first = min(free_ports(1, kind=socket.SOCK_DGRAM)[0], 65_000)
        self.data = data
        self.url = f"http://127.0.0.1:{port}"
        self.persons: list[Person] = []
        self._environment = {
            **os.environ,
            "PYTHONPATH": str(ROOT / "src"),
            "HUSTINGS_DATA": str(data),
            "HUSTINGS_STAGE_PORT": str(port),
            "HUSTINGS_STAGE_RTC_FIRST_PORT": str(first),
            "HUSTINGS_STAGE_RTC_LAST_PORT": str(first + 60),
            **environment,
        }

    def __enter__(self) -> Self:
        self.data.mkdir(parents=True, exist_ok=True)
        with (self.data / "stage.log").open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "hustings", "stage"],
                env=self._environment, stdout=log, stderr=log, cwd=self.data,
            )  # fmt: skip
        until = time.monotonic() + 20
        while True:
            try:
                if httpx.get(f"{self.url}/readyz", timeout=1).status_code == 200:
                    return self
            except httpx.HTTPError:
                pass
            if self.process.poll() is not None or time.monotonic() > until:
                raise AssertionError((self.data / "stage.log").read_text())
            time.sleep(0.05)

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(5)

    @property
    def ps(self) -> psutil.Process:
        return psutil.Process(self.process.pid)

    def service_headers(self, kind: str = "service") -> dict[str, str]:
        now_s = int(time.time())
        claims = Claims(typ=kind, jti=new_id(), iat=now_s, exp=now_s + 3_600)  # type: ignore[arg-type]
        return {"Authorization": f"Bearer {KeyRing([service_key(self.data)]).sign(claims)}"}

    def put(self, room: str, **facts: Any) -> None:
        headers = self.service_headers()
        httpx.put(f"{self.url}/rooms/{room}", json=facts, headers=headers).raise_for_status()

    def invite(self, room: str, role: str) -> str:
        seat = new_id()
        claims = Claims(
            typ="invite", jti=seat, iat=int(time.time()), room=room, sub=seat, role=role
        )
        return KeyRing([participant_key(self.data)]).sign(claims)

    def metric(self, name: str) -> float:
        text = httpx.get(f"{self.url}/metrics").text
        return next(float(line.split()[-1]) for line in text.splitlines() if line.startswith(name))


class Place:
    """What `take_the_stage` needs of a stage, from a whole house or from one in this process."""

    def __init__(self, house: House | Stage) -> None:
        self.url = house.stage if isinstance(house, House) else house.url
        self.persons: list[Person] = []
        self.invite = house.invite


def speech(seconds: float = 20.0) -> list[bytes]:
    """Opus frames of a shipped voice, as Chromium would send them (32 kbit/s, FEC)."""
    encoder = OpusEncoder(32_000, application="voip", complexity=5, fec=True, loss_percent=5)
    frames: list[bytes] = []
    while len(frames) < seconds * 50:
        for name in ("voice_a.opus", "voice_b.opus"):
            frames += [encoder.encode(pcm) for pcm in files.read_audio(VOICES / name)]
    return frames[: int(seconds * 50)]


async def take_the_stage(
    stage: "StageProcess | Place", room: str, count: int, *, frames: list[bytes]
) -> list[tuple[Person, Caller]]:
    """`count` hosts and co-hosts on stage, each speaking from another place of `frames`; live."""
    speakers: list[tuple[Person, Caller]] = []
    for number in range(count):
        person = await Person(stage, room, "cohost" if number else "host").join(f"S{number}")  # type: ignore[arg-type]
        start = number * len(frames) // count
        async with person.control():
            await person.do("accept")
            caller = await person.speak((frames[start:] + frames[:start]) * 100)
            if number == 0:
                await person.do("go_live")
        speakers.append((person, caller))
    return speakers


async def leave(speakers: list[tuple[Person, Caller]]) -> None:
    """Hang up all."""
    await asyncio.gather(*(caller.close() for _, caller in speakers))
    for person, _ in speakers:
        await person.http.aclose()
