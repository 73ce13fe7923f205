"""One speaker's sound: RTP packets in, level PCM ticks out.

Jitter buffer, libopus with FEC and PLC, speech detection, levelling. Owned by `stage.studio`,
which puts packets as `stage.rtc.peers` hands them over and takes one tick each 20 ms from all voices
(also of the muted ones, or their buffers stand still). One thread. A voice outlives its
connection: a speaker who reconnects goes on with the same level.
"""

from typing import Final, TypedDict

import numpy as np

from hustings.base.errors import PeerError
from hustings.media.opus import OpusDecoder
from hustings.media.pcm import FLOOR_DBFS, Pcm, dbfs
from hustings.stage.mix.jitter import JitterBuffer, Step
from hustings.stage.mix.levelling import Leveller, SpeechDetector
from hustings.wire.names import TICK_SAMPLES

_FADE_OUT: Final[Pcm] = np.linspace(1.0, 0.0, TICK_SAMPLES, dtype=np.float32)


class VoiceStatistics(TypedDict):
    """Counts since the voice began; packets, except where noted."""

    received: int
    played: int
    lost: int  # missing when their turn came
    fec: int  # of those, rebuilt
    plc: int  # of those, only guessed
    quiet: int  # of those, between two quiet ticks: libopus sends no FEC for silence
    late: int
    dropped: int
    skipped: int
    stretched: int  # ticks
    bad: int
    restarts: int
    kept: float  # share heard as sent or by FEC
    depth: int  # packets waiting now
    delay_ms: float  # added by the buffer now
    aim_ms: float  # that it steers to
    gain_db: float


class _Holes:
    """Tells holes in speech from holes in silence, by the ticks on both sides."""

    def __init__(self) -> None:
        self.quiet = 0  # packets
        self._open = 0
        self._loud_before = False

    def feed(self, guessed: int, *, before: bool, now: bool) -> None:
        """One tick: packets guessed in it, and whether it and the one before were loud."""
        if guessed:
            if self._open == 0:
                self._loud_before = before
            self._open += guessed
            return
        if not (self._loud_before or now):
            self.quiet += self._open
        self._open = 0


class Voice:
    """A speaker's line. `tick` returns None while nothing is to be heard."""

    def __init__(self) -> None:
        self.level_dbfs = FLOOR_DBFS
        """Of the last tick, before levelling."""
        self.raw: Pcm | None = None
        """The last tick as it came in; None: a pause."""
        self._jitter = JitterBuffer()
        self._decoder = OpusDecoder()
        self._speech = SpeechDetector()
        self._leveller = Leveller()
        self._waiting: Pcm = np.zeros(0, dtype=np.float32)  # decoded, of packets longer than a tick
        self._holes = _Holes()
        self._paused = True
        self._delay_s = 0.0

    def trim(self, gain_db: float) -> None:
        """What a host adds to this speaker's loudness, or takes from it."""
        self._leveller.trim_db = gain_db

    @property
    def speaking(self) -> bool:
        """With hysteresis, for people: on after 60 ms, off after 600 ms."""
        return self._speech.speaking

    def put(self, seq: int, timestamp: int, payload: bytes, arrival_s: float) -> None:
        """One RTP packet as it came."""
        self._jitter.put(seq, timestamp, payload, arrival_s)

    def tick(self, now_s: float) -> Pcm | None:
        """The next 960 samples; a new array, or None: paused, or below the gate."""
        guessed, was_loud = self._jitter.counts.guessed, self._speech.loud
        pcm = self.raw = self._pull(now_s)
        guessed = self._jitter.counts.guessed - guessed
        self._delay_s = self._jitter.delay_s(now_s)
        self.level_dbfs = FLOOR_DBFS if pcm is None else dbfs(pcm)
        self._speech.feed(self.level_dbfs)
        self._holes.feed(guessed, before=was_loud, now=self._speech.loud)
        if pcm is None:
            self._leveller.close()
            return None
        return self._leveller.apply(pcm, self.level_dbfs, self._speech)

    def statistics(self) -> VoiceStatistics:
        """What became of the packets, and the delay."""
        counts = self._jitter.counts
        return VoiceStatistics(
            received=counts.received,
            played=counts.played,
            lost=counts.lost,
            fec=counts.fec,
            plc=counts.guessed,
            quiet=self._holes.quiet,
            late=counts.late,
            dropped=counts.dropped,
            skipped=counts.skipped,
            stretched=counts.stretched,
            bad=counts.bad,
            restarts=counts.restarts,
            kept=counts.kept(),
            depth=len(self._jitter),
            delay_ms=self._delay_s * 1_000,
            aim_ms=self._jitter.aim_s * 1_000,
            gain_db=self._leveller.gain_db,
        )

    def _pull(self, now_s: float) -> Pcm | None:
        """Decode until a tick is full; None if the sender pauses."""
        while len(self._waiting) < TICK_SAMPLES:
            step = self._jitter.next(now_s, quiet=not self._speech.loud)
            if step.action == "pause":
                return self._fade_away()
            sound = self._decode(step)
            if step.action == "skip":
                sound = self._join(sound, now_s)
            self._paused = False
            self._waiting = np.concatenate((self._waiting, sound)) if len(self._waiting) else sound
        pcm, self._waiting = self._waiting[:TICK_SAMPLES], self._waiting[TICK_SAMPLES:]
        return pcm

    def _fade_away(self) -> Pcm | None:
        """Into a pause without a click: what was left, or a guess, fading; then nothing.

        Out of it the leveller's gate fades in.
        """
        if self._paused:
            return None
        self._paused = True
        rest, self._waiting = self._waiting, self._waiting[:0]
        missing = TICK_SAMPLES - len(rest)
        guess = self._decoder.conceal()[:missing]
        return np.concatenate((rest, guess)) * _FADE_OUT

    def _join(self, skipped: Pcm, now_s: float) -> Pcm:
        """Blend the packet that is left out into the one after it."""
        following = self._jitter.next(now_s)
        if following.action == "pause":
            return skipped
        sound = self._decode(following)
        blend = min(TICK_SAMPLES, len(skipped), len(sound))
        ramp = np.linspace(0.0, 1.0, blend, dtype=np.float32)
        head = skipped[:blend] * (1 - ramp) + sound[:blend] * ramp
        return np.concatenate((head, sound[blend:]))

    def _decode(self, step: Step) -> Pcm:
        try:
            if step.action in {"packet", "skip"}:
                return self._decoder.decode(step.payload)
            if step.action == "fec":
                return self._decoder.recover(step.payload, step.samples)
        except PeerError:  # damaged inside: as good as lost
            pass
        return self._decoder.conceal(step.samples)
