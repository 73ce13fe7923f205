"""The `hustings` command: a table of subcommands, each imported only when it is called.

A command module has `NAME` (or `NAMES`), `add_arguments(parser)` and `run(args) -> int`. Exit
codes: 0 ok, 1 failed, 2 used wrongly. An error that we raise on purpose becomes one line on
stderr and, with `--json`, a problem document on stdout; anything else is a bug and shows itself.
"""

import argparse
import importlib
import json
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from hustings import VERSION
from hustings.base import heartbeat
from hustings.base.errors import HustingsError


@dataclass(frozen=True)
class Command:
    """One line of `hustings --help`; `module` stays unimported until it is called."""

    name: str
    module: str
    summary: str
    example: str


COMMANDS: Final = (
    Command("serve", "serve", "run everything on this machine", "hustings serve --demo"),
    Command("stage", "services", "run the stage service alone", "hustings stage --stage-port 8001"),
    Command(
        "edge",
        "services",
        "run one edge alone, anywhere",
        "hustings edge --origin https://stage.example --token-file edge.token",
    ),
    Command("web", "services", "run the web service alone", "hustings web --web-port 8000"),
    Command(
        "say",
        "say",
        "join a room as a speaker and speak an audio file",
        "hustings say demo talk.wav",
    ),
    Command(
        "listen",
        "listen",
        "measure a stream as a listener hears it",
        "hustings listen http://127.0.0.1:8002/live/demo/opus.mp4 --seconds 30",
    ),
    Command(
        "loadtest",
        "loadtest",
        "send a crowd to a room and say whether all were served",
        "hustings loadtest http://127.0.0.1:8002/r/demo --listeners 1000",
    ),
    Command(
        "plan",
        "plan",
        "size the house for an audience, from what a listener costs on this machine",
        "hustings plan --listeners 8000000 --link 10Gbit",
    ),
    Command(
        "verify",
        "verify",
        "prove that a journal is whole, or say what is wrong and where",
        "hustings verify hustings-data --key hustings-data/keys/journal.vkey",
    ),
    Command(
        "replay",
        "replay",
        "make the files of rooms that have ended: segments, downloads, chapters",
        "hustings replay hustings-data/rooms/demo",
    ),
    Command(
        "import",
        "importing",
        "make a past room of a recording that was made elsewhere",
        "hustings import spring-debate debate.mp3 --start 2026-05-01T19:00+02:00",
    ),
    Command(
        "backup",
        "backup",
        "the whole house in one file, while it is live",
        "hustings backup /mnt/backup/2026-05-01.tar --data /srv/hustings",
    ),
    Command(
        "restore",
        "restore",
        "make a house of a backup, in a folder that is not there yet",
        "hustings restore /mnt/backup/2026-05-01.tar --data /srv/hustings",
    ),
    Command(
        "settings",
        "settings",
        "print each setting, its value and where it came from",
        "hustings settings --toml",
    ),
    Command(
        "doctor",
        "doctor",
        "look for what would go wrong on this machine, and how to mend it",
        "hustings doctor --json",
    ),
    Command(
        "host-link",
        "host_link",
        "make a one-time link that makes whoever opens it an owner",
        "hustings host-link --data /srv/hustings",
    ),
    Command(
        "edge-token",
        "edge_token",
        "make the credential that an edge on another machine needs",
        "hustings edge-token --days 90",
    ),
)


_USED_WRONGLY: Final = frozenset({"backup_exists", "backup_empty", "restore_folder"})


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command line; returns the exit code."""
    words = list(sys.argv[1:] if argv is None else argv)
    if not words or words[0] in {"-h", "--help", "help"}:
        print(overview())
        return 0 if words else 2
    if words[0] in {"-V", "--version", "version"}:
        print(f"hustings {VERSION}")
        return 0
    command = next((c for c in COMMANDS if c.name == words[0]), None)
    if command is None:
        _say(f"no command {words[0]!r}; `hustings --help` lists them")
        return 2
    return _call(command, words[1:])


def overview() -> str:
    """What `hustings --help` prints."""
    width = max(len(c.name) for c in COMMANDS)
    lines = [f"  {c.name:<{width}}  {c.summary}" for c in COMMANDS]
    return "\n".join(
        [
            "usage: hustings COMMAND ...",
            "",
            "Live conversation for a public square, with a record that anyone can check.",
            "",
            *lines,
            "",
            "`hustings COMMAND --help` says more, with an example. Begin: hustings serve --demo",
        ]
    )


def parser_for(command: Command) -> argparse.ArgumentParser:
    """The command's own parser; imports its module."""
    module = importlib.import_module(f"hustings.cli.{command.module}")
    parser = argparse.ArgumentParser(
        prog=f"hustings {command.name}",
        description=f"{command.summary[0].upper()}{command.summary[1:]}.",
        epilog=f"example:\n  {command.example}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.set_defaults(command=command.name, run=module.run)
    module.add_arguments(parser)
    return parser


def _call(command: Command, words: list[str]) -> int:
    """Parse and run; turn our own errors into words."""
    args = None
    heartbeat.follow_supervisor()
    try:
        args = parser_for(command).parse_args(words)
        return int(args.run(args))
    except HustingsError as error:
        _say(error.title)
        if getattr(args, "json", False):
            print(json.dumps(error.problem(), default=str))
        wrongly = error.code.startswith(("setting_", "load_", "plan_", "import_"))
        return 2 if wrongly or error.code in _USED_WRONGLY else 1
    except SystemExit as stop:  # argparse: 0 after --help, 2 after a wrong flag
        return stop.code if isinstance(stop.code, int) else 1
    except ModuleNotFoundError as error:
        if error.name != f"hustings.cli.{command.module}":
            raise
        _say(f"`{command.name}` is not part of this version")
        return 1
    except BrokenPipeError:  # the reader of our output went away, as `head` does
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115, PTH123 - silences the flush at exit
        return 0
    except KeyboardInterrupt:
        return 1


def _say(sentence: str) -> None:
    print(f"hustings: {sentence}", file=sys.stderr)
