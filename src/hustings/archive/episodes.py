"""`replays/podcast.xml`: the podcast feed, in step with the replays that are there.

Keeps true: the file is whole whenever it is there, and unchanged while nothing changes; an index is
read once for each state of it, so ten thousand evenings cost ten thousand reads once. Called by
`archive.follow` and `hustings replay`.
"""

import os
from pathlib import Path

from hustings.archive.index import INDEX, read_index
from hustings.archive.podcast import PODCAST, Episode, House, episode, feed

Stamp = tuple[int, int]  # bytes, ns


class Episodes:
    """The feed of one data folder; used on one thread."""

    def __init__(self, data: Path, house: House) -> None:
        self._folder = data / "replays"
        self._house = house
        self._known: dict[str, tuple[Stamp, Episode | None]] = {}
        self._seen_ns = -1

    @property
    def stale(self) -> bool:
        """Whether a replay may have come or gone since the last `write`: one `stat`."""
        try:
            return self._folder.stat().st_mtime_ns != self._seen_ns
        except OSError:
            return self._seen_ns < 0

    def write(self) -> None:
        """Bring the file up to date. Raises OSError."""
        self._folder.mkdir(parents=True, exist_ok=True)
        self._look()
        made = feed(self._house, (each for _, each in self._known.values() if each is not None))
        path = self._folder / PODCAST
        if not path.exists() or path.read_bytes() != made:
            partial = path.with_name(f".{PODCAST}-{os.getpid()}")  # a command may write beside us
            partial.write_bytes(made)
            partial.replace(path)
        self._seen_ns = self._folder.stat().st_mtime_ns

    def _look(self) -> None:
        """Read the indexes that are new or have changed; forget those that are gone."""
        known, self._known = self._known, {}
        for path in sorted(self._folder.glob(f"*/{INDEX}")):
            room = path.parent.name
            if room.startswith("."):  # being made, or on its way out
                continue
            try:
                found = path.stat()
                stamp = (found.st_size, found.st_mtime_ns)
                old = known.get(room)
                if old is None or old[0] != stamp:
                    replay = read_index(path.read_bytes())
                    if replay is not None and replay.room.room != room:  # a copy under another name
                        replay = None
                    old = (stamp, episode(replay) if replay is not None else None)
            except OSError:  # gone meanwhile
                continue
            self._known[room] = old
