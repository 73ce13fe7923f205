"""A speaker whose network lets no UDP through: by TCP to Debian's coturn, and heard on stage."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
from aiortc import RTCIceServer

from tests.fakes.rtc_client import Caller
from tests.fakes.tools import need
from tests.support.deploy import running
from tests.support.house import free_ports
from tests.support.speakers import speech
from tests.support.stage import Person, Stage

SECRET = "shared with the relay"


@asynccontextmanager
async def coturn(folder: Path) -> AsyncIterator[int]:
    """A relay that listens on TCP only; its port."""
    program = need("turnserver", why="speakers behind a network without UDP are tried with coturn")
    (port,) = free_ports(1)
    words = (
        *(program, "-n", "--no-cli", "--no-tls", "--no-dtls", "--no-udp"),
        *("--listening-ip", "127.0.0.1", "--relay-ip", "127.0.0.1", "--listening-port", str(port)),
        *("--realm", "hustings", "--use-auth-secret", "--static-auth-secret", SECRET),
        *("--allow-loopback-peers", "--log-file", "stdout", "--simple-log"),
        *("--pidfile", str(folder / "pid"), "--userdb", str(folder / "users")),
    )
    async with running(words, port=port, log=folder / "coturn.log"):
        yield port


def address(port: int) -> str:
    return f"turn:127.0.0.1:{port}?transport=tcp"


def with_relay(folder: Path, port: int) -> Stage:
    stage = Stage(folder)
    change = msgspec.structs.replace
    rtc = change(stage.settings.stage.rtc, ice_servers=(address(port),), turn_secret=SECRET)
    stage.settings = change(stage.settings, stage=change(stage.settings.stage, rtc=rtc))
    return stage


async def test_by_tcp_through_a_relay_alone_a_speaker_is_heard(tmp_path: Path) -> None:
    async with coturn(tmp_path) as port, with_relay(tmp_path, port) as stage:
        await stage.put("r", title="R", state="lobby")
        host = await Person(stage, "r", "host").join("Ada")
        async with host.control():
            (told,) = next(m for m in host.heard if m["type"] == "welcome")["ice"]
            user, word = re.fullmatch(r"turn:(\d+):([^@]+)@.*", told).groups()  # type: ignore[union-attr]
            relay = RTCIceServer(address(port), username=user, credential=word)
            await host.do("accept")
            caller = Caller(speech(20), every_s=0.02, relay=relay)
            offer = await caller.offer()
            assert "typ relay" in offer
            assert "typ host" not in offer
            answer = await host.http.post(
                "/rooms/r/rtc",
                content=offer,
                headers={
                    "Authorization": f"Bearer {host.token}",
                    "Content-Type": "application/sdp",
                },
            )
            await caller.answered(answer.text)
            async with asyncio.timeout(30):  # only ends a test that hangs
                while host.id not in (await host.hear("levels"))["speaking"]:
                    pass
            assert len(caller.heard) > 0  # and hears
        await caller.close()
