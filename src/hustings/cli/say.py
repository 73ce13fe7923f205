"""`hustings say`: joins a room as a speaker over WebRTC and speaks an audio file, or beeps.

A real participant in every way: invitation, token, control socket, ICE, DTLS, SRTP. `listen`
measures mouth to ear against `--beep`. Sound that falls into a lost connection is lost, as a
person's would be; the file goes on in real time.
"""

import argparse
import asyncio
import json
import signal
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from hustings.base.clock import Clock, SystemClock
from hustings.base.errors import UserError
from hustings.base.ids import new_id, room_id
from hustings.base.keyfiles import participant_key
from hustings.base.tasks import Tasks
from hustings.cli.mouth import TICK_S, Beeper, Mouth, Speak, file_in_step, file_speech
from hustings.cli.options import add_settings, settings_from
from hustings.cli.seat import Seat, Ticket
from hustings.media.files import read_audio
from hustings.media.opus import OpusEncoder
from hustings.media.pcm import Pcm
from hustings.settings import Settings
from hustings.wire.links import stage_url
from hustings.wire.tokens import Claims, KeyRing

NAME: Final = "say"
BITRATE: Final = 32_000  # as our answers ask of browsers
AFTER_S: Final = 0.5  # for the last frames to be heard before we hang up
TICKS_A_SECOND: Final = 50
FEC_LOSS: Final = 10  # percent that the encoder prepares for once the line loses any


@dataclass(frozen=True)
class Said:
    """The report."""

    room: str
    spoken_s: float
    unsent: int  # frames without a connection
    skipped: int  # blocks that this machine was too slow for
    latest_ms: float  # the worst lateness of a block
    connections: int
    heard: int  # packets of the others' sound
    rtt_ms: float | None
    loss: float  # 0..1, of our packets in the last second, as the stage reports it


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What to say, where, and as whom."""
    parser.add_argument("room", help="the room's address, such as `demo`")
    parser.add_argument("file", nargs="?", help="an audio file of any common kind")
    parser.add_argument("--beep", action="store_true", help="beep each second, for `listen`")
    parser.add_argument("--stage", metavar="URL", default="", help="base URL of the stage")
    parser.add_argument("--invite", default="", help="an invitation; without it, one is made here")
    parser.add_argument("--name", default="", help="the name people see (the file's)")
    parser.add_argument(
        "--role",
        choices=("speaker", "host", "cohost", "moderator"),
        default="",
        help="of the invitation made here (cohost, who needs nobody's leave to go on stage)",
    )
    parser.add_argument("--loop", action="store_true", help="again and again")
    parser.add_argument(
        "--in-step", action="store_true", help="for ever, in step with the wall clock"
    )
    parser.add_argument("--go-live", action="store_true", help="as host, also open the room")
    parser.add_argument("--agree", action="store_true", help="to the room's house rules")
    parser.add_argument("--seconds", type=float, default=0.0, help="end after so long on stage")
    parser.add_argument("--ca", default="", metavar="F", help="certificates to trust besides")
    parser.add_argument("--json", action="store_true", help="the report as an object")
    add_settings(parser)


def run(args: argparse.Namespace) -> int:
    """Speak; 0 when all was said, 1 when the stage refused, 2 for a file that cannot be read."""
    if bool(args.file) == args.beep:
        print("hustings: say wants one of FILE and --beep", file=sys.stderr)
        return 2
    clock = SystemClock()
    try:
        speak = _speech(args, clock)
    except UserError as error:
        print(f"hustings: {error.title}", file=sys.stderr)
        return 2
    settings = settings_from(args)
    name = args.name or (Path(args.file).stem if args.file else "beep")
    ticket = Ticket(
        stage=(args.stage or stage_url(settings)).rstrip("/"),
        room=room_id(args.room),
        invitation=args.invite or _invitation(settings, args, name, clock),
        name=name,
        go_live=args.go_live,
        agree=args.agree,
        ca=args.ca or settings.tls.cert,
    )
    said = asyncio.run(_say(ticket, speak, args.seconds, clock, beep=args.beep))
    if args.json:
        print(json.dumps(asdict(said)))
    else:
        print(
            f"{said.spoken_s:.1f} s said in {said.room}: {said.unsent} frames unsent, "
            f"{said.skipped} skipped, {said.connections} connection(s)"
        )
    return 0


def _speech(args: argparse.Namespace, clock: Clock) -> Speak:
    if args.beep:
        return Beeper(clock)
    if args.in_step:
        return file_in_step(list(read_audio(args.file)), clock)
    return file_speech(_reader(args.file), loop=args.loop)


class _reader:  # noqa: N801 - reads as the function it stands for
    """Opens the file at once, so that an unreadable one is known before anything else happens."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._first: Iterator[Pcm] | None = read_audio(path)

    def __call__(self) -> Iterator[Pcm]:
        first, self._first = self._first, None
        return first or read_audio(self._path)


def _invitation(settings: Settings, args: argparse.Namespace, name: str, clock: Clock) -> str:
    """One made with this machine's key: whoever can read it may be anybody."""
    key = participant_key(Path(settings.data))
    role = args.role or ("host" if args.go_live else "cohost")
    seat, now_s = new_id(), clock.wall_ms() // 1_000
    claims = Claims(
        typ="invite", jti=seat, iat=now_s, room=args.room, sub=seat, role=role, name=name
    )
    return KeyRing([key]).sign(claims)


async def _say(ticket: Ticket, speak: Speak, seconds: float, clock: Clock, *, beep: bool) -> Said:
    seat, tasks = Seat(ticket, clock), Tasks()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, seat.leave)
    encoder = OpusEncoder(BITRATE, application="audio" if beep else "voip", fec=True)
    holding = loop.create_task(seat.hold(), name="seat")
    speaking = tasks.start(_speak(seat, speak, encoder, seconds, clock), name="mouth")
    try:
        await asyncio.wait({holding, speaking}, return_when=asyncio.FIRST_COMPLETED)
        seat.leave()
        await holding  # raises why the seat was refused
        mouth = await speaking
    finally:
        holding.cancel()
        await tasks.close()
    line = seat.look()
    return Said(
        room=ticket.room,
        spoken_s=round(mouth.spoken * TICK_S, 2) if mouth else 0.0,
        unsent=seat.unsent,
        skipped=mouth.skipped if mouth else 0,
        latest_ms=round(mouth.latest_s * 1_000, 1) if mouth else 0.0,
        connections=seat.connections,
        heard=seat.heard,
        rtt_ms=line.rtt_ms if line else None,
        loss=line.loss_there if line else 0.0,
    )


async def _speak(
    seat: Seat, speak: Speak, encoder: OpusEncoder, seconds: float, clock: Clock
) -> Mouth | None:
    """From the first moment on air to the end of the sound; None if that moment never came."""
    while not seat.on_air.is_set():
        if seat.left.is_set():
            return None
        await asyncio.sleep(TICK_S)
    mouth = Mouth(speak, clock.monotonic())
    while not seat.left.is_set():
        await asyncio.sleep(max(0.0, mouth.due_s - clock.monotonic()))
        over = seconds and (mouth.spoken + 1) * TICK_S > seconds
        block = None if over else mouth.next(clock.monotonic())
        if block is None:
            await asyncio.sleep(AFTER_S)
            break
        seat.send(encoder.encode(block))
        if mouth.spoken % TICKS_A_SECOND == 0:
            line = seat.look()
            encoder.expect_loss(FEC_LOSS if line and line.loss_there > 0 else 0)
            _progress(seat, mouth)
    if sys.stderr.isatty():
        print(file=sys.stderr)
    return mouth


def _progress(seat: Seat, mouth: Mouth) -> None:
    if not sys.stderr.isatty():
        return
    line = seat.line
    rtt = f", {line.rtt_ms:.0f} ms" if line and line.rtt_ms is not None else ""
    text = (
        f"{mouth.spoken * TICK_S:6.0f} s  {'on air' if seat.on_air.is_set() else seat.where}{rtt}"
    )
    print(f"\r{text:<60}", end="", file=sys.stderr, flush=True)
