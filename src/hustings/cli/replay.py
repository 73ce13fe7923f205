"""`hustings replay`: the files of rooms that have ended. Steps back for everything else."""

import argparse
import contextlib
import json
import time
from pathlib import Path
from typing import Final, NoReturn

from hustings.archive.episodes import Episodes
from hustings.archive.follow import LOOK_S, Follower, bury, ended, rooms_of
from hustings.archive.podcast import house_of
from hustings.archive.replay import made, make_replay
from hustings.base import heartbeat
from hustings.base.clock import SystemClock
from hustings.base.errors import OperatorError, UserError
from hustings.base.ids import RoomId, room_id
from hustings.cli.options import add_settings, settings_from
from hustings.cli.services import start_log
from hustings.cli.terminal import step_back
from hustings.settings import Settings

NAME: Final = "replay"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Which rooms, or all for ever."""
    parser.add_argument(
        "path",
        nargs="?",
        help="a room's folder, or a data folder: all its rooms that have ended (default: that of the settings)",
    )
    parser.add_argument(
        "--follow", action="store_true", help="go on until stopped, as `hustings serve` does"
    )
    parser.add_argument("--json", action="store_true", help="print what was made as JSON")
    add_settings(parser)


def run(args: argparse.Namespace) -> int:
    """Make the replays; 0 if each is there."""
    settings = settings_from(args)
    clock = SystemClock()
    step_back()
    formats = tuple(dict.fromkeys(("m4a", *settings.replay.downloads)))
    path = Path(args.path or settings.data)
    if args.follow:
        start_log("replay", settings.log)
        heartbeat.ready(str(path))
        with contextlib.suppress(KeyboardInterrupt):
            podcast = Episodes(path, house_of(settings))
            _follow(Follower(path, formats, clock, podcast))
        return 0
    data, rooms = _rooms(path)
    bury(data)
    for room in rooms:
        began = clock.monotonic()

        def say(step: str, room: RoomId = room, began: float = began) -> None:
            if not args.json:
                print(f"{room}: {step} after {clock.monotonic() - began:.1f} s", flush=True)

        folder = make_replay(data, room, formats=formats, say=say)
        replay = made(data, room)
        if args.json and replay is not None:
            files = [download.name for download in replay.downloads]
            print(json.dumps({"room": room, "folder": str(folder), "downloads": files}))
        elif not args.json:
            print(f"{room}: {folder}")
    _publish(data, settings)
    return 0


def _publish(data: Path, settings: Settings) -> None:
    """The podcast's feed names what is there now. Raises OperatorError `replay_disk`."""
    try:
        Episodes(data, house_of(settings)).write()
    except OSError as error:
        raise OperatorError(
            "replay_disk", f"The podcast's feed cannot be written ({error.strerror or error})."
        ) from error


def _follow(follower: Follower) -> NoReturn:
    """Until a signal ends it, wherever it is: the next run goes on there."""
    while True:
        follower.turn()
        time.sleep(LOOK_S)


def _rooms(path: Path) -> tuple[Path, list[RoomId]]:
    """The data folder, and the rooms that are meant. Raises UserError `replay_path`."""
    if (path / "journal").is_file():
        return path.resolve().parent.parent, [room_id(path.resolve().name)]
    if not (path / "rooms").is_dir():
        raise UserError("replay_path", f"{path} is neither a room's folder nor a data folder.")
    return path, [room for room in rooms_of(path) if ended(path / "rooms" / room)]
