"""The endless streams of a room as a `fanout.Channel` sends them: CMAF, MP3, ICY, events. Pure.

Framing: answers to HTTP/1.1 are chunked, so that a player can tell the end of a room (last chunk)
from a broken line (no last chunk: resume), and proxies may keep their connections; a chunk's
frame is made once for all, so it costs nothing. HTTP/1.0 clients and radios, many of which never
learned chunks, get the same bytes until the connection closes.
"""

from collections import deque
from collections.abc import Callable, Sequence
from typing import Final

from hustings.base.errors import TryLater
from hustings.edge.http import protocol
from hustings.edge.sound.cohort import LARGEST
from hustings.edge.sound.facts import Event
from hustings.edge.sound.program import Program
from hustings.edge.sound.radio import Piece, TitledStream
from hustings.wire.kinds import Dump
from hustings.wire.names import MP3

RADIO_BURST_PARTS: Final = 25  # 64 KiB: browsers' <audio> starts at once with it (media.md 4)
_COMMENT_PARTS: Final = 47  # 15 s: a quiet event stream shows that it lives


class _Shared:
    """Pieces of a program, made once while they are kept."""

    def __init__(self, program: Program, *, chunked: bool) -> None:
        self.ending = protocol.LAST_CHUNK if chunked else b""
        self._program = program
        self._chunked = chunked
        self._made: dict[int, bytes] = {}
        self._blocks: dict[tuple[int, int], bytes] = {}

    def _make(self, n: int) -> bytes:
        raise NotImplementedError

    def _frame(self, data: bytes) -> bytes:
        return protocol.chunk(data) if self._chunked and data else data

    def piece(self, n: int) -> bytes:
        """Part `n` as it is sent."""
        if (data := self._made.get(n)) is None:
            data = self._made[n] = self._frame(self._make(n))
            oldest = self._program.oldest
            while (first := next(iter(self._made))) < oldest:
                del self._made[first]
        return data

    def advance(self, fresh: range) -> None:
        """Nothing is made before somebody gets it; what everybody has got is forgotten."""
        for key in [key for key in self._blocks if key[1] < fresh.stop - LARGEST]:
            del self._blocks[key]

    def block(self, first: int, end: int) -> bytes:
        """Parts first .. end - 1 as one send."""
        if end - first == 1:
            return self.piece(first)
        if (data := self._blocks.get((first, end))) is None:
            data = self._blocks[first, end] = self._joined(first, end)
        return data

    def _joined(self, first: int, end: int) -> bytes:
        return b"".join(self.piece(n) for n in range(first, end))

    def forget(self, dumps: Sequence[Dump]) -> None:
        """Sound was taken back: all pieces are made anew."""
        del dumps
        self._made.clear()
        self._blocks.clear()

    def oldest(self) -> int:
        """The oldest part kept."""
        return self._program.oldest

    def newest(self) -> int:
        """The next part to be sent."""
        return self._program.next


class CmafStream(_Shared):
    """Init, the event `state`, backlog, then each part with its events before it.

    Several parts of one send are one fragment (`moof` + `mdat`), behind the events of all.
    """

    def __init__(
        self,
        program: Program,
        rendition: str,
        state: Callable[[], Event],
        *,
        chunked: bool,
    ) -> None:
        super().__init__(program, chunked=chunked)
        self._rendition = rendition
        self._state = state

    def _make(self, n: int) -> bytes:
        return self._program.live(self._rendition, n)

    def _joined(self, first: int, end: int) -> bytes:
        return self._frame(self._program.live(self._rendition, end - 1, end - first))

    def opening(self, wished: int | None, lead: int) -> tuple[bytes, int]:
        """Init and state; goes on with the wished part, or with the last `lead`."""
        first = self._program.resume_at(wished, lead)
        return self._frame(self._program.opening(self._rendition, first, self._state())), first


class RadioStream(_Shared):
    """MP3 frames, beginning with a burst."""

    def _make(self, n: int) -> bytes:
        return self._program.plain(MP3, n)

    def opening(self, wished: int | None, lead: int) -> tuple[bytes, int]:
        """Nothing but the burst that follows."""
        del wished, lead
        return b"", max(self._program.oldest, self._program.next - RADIO_BURST_PARTS)


class TitledRadioStream(_Shared):
    """MP3 with titles; every listener begins right behind a title block.

    Raises TryLater `radio_starting` before the first one (METAINT bytes: two seconds): whoever
    has got the head of an answer cannot be told to come later any more.
    """

    def __init__(self, program: Program, title: Callable[[], str]) -> None:
        super().__init__(program, chunked=False)
        self._title = title
        self._titled = TitledStream()
        self._pieces: deque[tuple[int, Piece]] = deque(maxlen=2 * RADIO_BURST_PARTS)
        first = max(program.oldest, program.next - 2 * RADIO_BURST_PARTS)
        self._take(range(first, program.next))
        if not any(piece.begin >= 0 for _, piece in self._pieces):
            raise TryLater("radio_starting", "The radio begins in two seconds.", delay_s=2)

    def _take(self, parts: range) -> None:
        for n in parts:
            sound = self._program.plain(MP3, n)
            self._pieces.append((n, self._titled.piece(sound, self._title())))

    def forget(self, dumps: Sequence[Dump]) -> None:
        """Hold audio in place of what was taken back: as long, so that the blocks stay."""
        super().forget(dumps)
        for place, (n, was) in enumerate(self._pieces):
            if any(dump.first <= n <= dump.last for dump in dumps):
                hold = TitledStream(was.until).piece(self._program.plain(MP3, n), self._title())
                self._pieces[place] = (n, hold)

    def advance(self, fresh: range) -> None:
        """Each part with the title blocks that fall into it, in order."""
        super().advance(fresh)
        self._take(fresh)

    def piece(self, n: int) -> bytes:
        """Part `n`; empty if it is no longer kept."""
        return next((piece.data for at, piece in self._pieces if at == n), b"")

    def opening(self, wished: int | None, lead: int) -> tuple[bytes, int]:
        """From the first block of the burst on, else from the last one before it."""
        del wished, lead
        burst = self._program.next - RADIO_BURST_PARTS
        begins = [(n, p) for n, p in self._pieces if p.begin >= 0]
        n, piece = next(((n, p) for n, p in begins if n >= burst), begins[-1])
        return piece.data[piece.begin :], n + 1

    def oldest(self) -> int:
        """The oldest part kept."""
        return self._pieces[0][0] if self._pieces else self._program.next


class EventStream(_Shared):
    """Server-sent events: `state`, then what each part carries."""

    def __init__(self, program: Program, state: Callable[[], Event], *, chunked: bool) -> None:
        super().__init__(program, chunked=chunked)
        self._state = state

    def _make(self, n: int) -> bytes:
        return self._program.sse([n]) or (b":\n\n" if n % _COMMENT_PARTS == 0 else b"")

    def opening(self, wished: int | None, lead: int) -> tuple[bytes, int]:
        """The state as it is now; what was said since the wished part, nothing else of the past."""
        del lead
        first = self._program.next if wished is None else self._program.resume_at(wished, 0)
        return self._frame(self._state().sse()), first
