"""The jitter buffer: RTP packets as they come, one decision at a time as the mixer needs them; pure.

It keeps apart what must not be confused: a packet that is *late* (the sound is stretched, and
nothing is lost), one that is *lost* (rebuilt from the next packet's FEC, else concealed), a
sender that *pauses* (timestamps jump, sequence numbers do not: silence), and a sender that
*begins anew* (another SSRC: everything is forgotten).

Delay: every packet's transit (arrival - timestamp) over the last 10 s gives a floor, its
minimum, and a spread, its 98th percentile above the floor. The buffer aims to play a packet
spread + 25 ms after the floor, between 45 and 240 ms: late enough that the packet after a lost
one has come, whose FEC is needed. It steers there in the quiet, by one packet at a time.

Bounds: 100 packets (2 s of 20 ms), the oldest give way; sound that lies more than 200 ms deeper
than the aim is thrown away at once, for it would only be heard too late.
Called by `stage.mix.voice`, in the thread that mixes. Times are monotonic seconds of one clock.
"""

from collections import deque
from math import ceil
from typing import Final, Literal, NamedTuple

from hustings.media.packets import has_fec, packet_samples
from hustings.wire.names import SAMPLE_RATE, TICK_SAMPLES

Action = Literal["packet", "fec", "conceal", "stretch", "skip", "pause"]

CAPACITY: Final = 100  # packets
_WINDOW: Final = 500  # transits: 10 s of 20 ms packets
_RENEW: Final = 25  # packets between two looks at the spread
_MARGIN_S: Final = 0.025  # one packet for FEC, and the mixer's own tick
_LEAST_S: Final = 0.045
_MOST_S: Final = 0.240
_FIRST_S: Final = 0.060  # the aim until the spread is known
_SLACK_S: Final = 0.020  # how far the delay may be from the aim
_EXCESS_S: Final = 0.200
_PATIENCE: Final = 50  # quiet or loud ticks above the aim before a packet is skipped
_STRETCHES: Final = 10  # ticks of nothing before a pause is assumed
_LONGEST_HOLE: Final = 11_520  # samples; 240 ms of PLC would be noise: rather a pause
_PAUSE_S: Final = 0.5
_JUMP_S: Final = 2.0  # timestamp against clock: beyond, it is another stream
_SEEN: Final = 128  # sequence numbers back that are checked for doubles
_ANY: Final = -(1 << 62)  # before every sequence number
_QUANTUM: Final = 120  # samples; libopus conceals in steps of 2.5 ms


class Step(NamedTuple):
    """What to do for the next piece of sound.

    packet: decode payload. fec: rebuild `samples` before payload from payload's FEC.
    conceal: PLC of `samples`. stretch: PLC of `samples` that do not count, the packet is late.
    skip: decode payload and throw the sound away, then ask again. pause: silence.
    """

    action: Action
    payload: bytes = b""
    samples: int = TICK_SAMPLES


class _Held(NamedTuple):
    timestamp: int  # unwrapped samples
    samples: int
    payload: bytes


class Counts:
    """What became of the packets; for people and for tests."""

    __slots__ = (
        "bad",
        "doubles",
        "dropped",
        "fec",
        "late",
        "lost",
        "played",
        "received",
        "restarts",
        "skipped",
        "stretched",
    )

    def __init__(self) -> None:
        self.received = 0  # accepted as this stream's
        self.played = 0  # decoded from their own packet
        self.lost = 0  # packets that were missing when their turn came
        self.fec = 0  # of those, rebuilt from the next packet
        self.late = 0  # came after their turn
        self.dropped = 0  # thrown away because the buffer had run full or too deep
        self.skipped = 0  # left out in a quiet moment to shorten the delay
        self.stretched = 0  # ticks made up while a packet was late
        self.doubles = 0
        self.bad = 0  # no valid Opus packet
        self.restarts = 0

    @property
    def guessed(self) -> int:
        """Lost and not rebuilt: concealed, or left out as too long a hole."""
        return self.lost - self.fec

    def kept(self) -> float:
        """Share of the sender's packets that were heard, as sent or by FEC; 1 if none was due."""
        due = self.played + self.lost + self.dropped
        return (self.played + self.fec) / due if due else 1.0


class JitterBuffer:
    """One sender's packets. `put` as they arrive; `next` whenever the decoder needs sound."""

    def __init__(self) -> None:
        self.counts = Counts()
        self._suspect: tuple[int, int, bytes, float] | None = None
        self._forget()

    def _forget(self) -> None:
        self._packets: dict[int, _Held] = {}  # by unwrapped sequence number
        self._highest: int | None = None  # sequence number
        self._timestamp = 0  # of the packet that came last, unwrapped
        self._arrival_s = 0.0
        self._seen = 0  # bit n: sequence number highest - n came
        self._transits: deque[float] = deque(maxlen=_WINDOW)
        self._floor_s = 0.0
        self._aim_s = _FIRST_S
        self._since_look = 0
        self._playing = False
        self._next_timestamp = 0  # of the next sample to be played
        self._next_sequence = _ANY
        self._waited = 0  # ticks without a packet
        self._above = 0  # ticks above the aim

    # ------------------------------------------------------------ arriving

    def put(self, seq: int, timestamp: int, payload: bytes, arrival_s: float) -> None:
        """Take one RTP packet: 16-bit sequence number, 32-bit timestamp at 48 kHz."""
        samples = packet_samples(payload)
        if samples == 0:
            self.counts.bad += 1
            return
        if self._highest is None:
            self._accept(seq, timestamp, samples, payload, arrival_s)
            return
        full_seq = _unwrap(seq, self._highest, 16)
        full_timestamp = _unwrap(timestamp, self._timestamp, 32)
        moved_s = (full_timestamp - self._timestamp) / SAMPLE_RATE
        if abs(moved_s - (arrival_s - self._arrival_s)) > _JUMP_S:
            self._doubt(seq, timestamp, payload, arrival_s)
            return
        self._suspect = None
        self._accept(full_seq, full_timestamp, samples, payload, arrival_s)

    def _doubt(self, seq: int, timestamp: int, payload: bytes, arrival_s: float) -> None:
        """A packet of another stream; two that follow each other begin a new one (RFC 3550 A.1)."""
        before, self._suspect = self._suspect, (seq, timestamp, payload, arrival_s)
        if before is None or not 0 < (seq - before[0]) & 0xFFFF <= 8:
            self.counts.bad += before is not None
            return
        self._suspect = None
        self.counts.restarts += 1
        self.counts.dropped += len(self._packets)
        self._forget()
        self.put(*before)
        self.put(seq, timestamp, payload, arrival_s)

    def _accept(
        self, seq: int, timestamp: int, samples: int, payload: bytes, arrival_s: float
    ) -> None:
        if arrival_s - self._arrival_s > _PAUSE_S:
            self._transits.clear()  # a sender's timestamps need not run on while it is silent
        self._timestamp, self._arrival_s = timestamp, arrival_s
        self.counts.received += 1
        if self._is_double(seq):
            self.counts.doubles += 1
            return
        self._measure(arrival_s - timestamp / SAMPLE_RATE)
        if seq < self._next_sequence:  # not by timestamp: a sender may set its clock back
            self.counts.late += 1
            return
        self._packets[seq] = _Held(timestamp, samples, payload)
        if len(self._packets) > CAPACITY:
            self._drop_first()

    def _is_double(self, seq: int) -> bool:
        ahead = 1 if self._highest is None else seq - self._highest
        if self._highest is None or ahead > 0:
            self._seen = (self._seen << min(ahead, _SEEN) | 1) & ((1 << _SEEN) - 1)
            self._highest = seq
            return False
        bit = 1 << -ahead
        double = bool(self._seen & bit) or -ahead >= _SEEN
        self._seen |= bit & ((1 << _SEEN) - 1)
        return double

    def _measure(self, transit_s: float) -> None:
        if not self._transits or transit_s < self._floor_s:
            self._floor_s = transit_s
        self._transits.append(transit_s)
        self._since_look += 1
        if self._since_look < _RENEW:
            return
        self._since_look = 0
        ordered = sorted(self._transits)
        self._floor_s = ordered[0]
        spread_s = ordered[ceil(0.98 * len(ordered)) - 1] - ordered[0]
        self._aim_s = min(_MOST_S, max(_LEAST_S, spread_s + _MARGIN_S))

    # ------------------------------------------------------------ playing

    def next(self, now_s: float, *, quiet: bool = False) -> Step:
        """The next piece of sound at `now_s`.

        quiet: nobody would notice now if the sound were a packet shorter or longer.
        """
        self._cut_excess()
        if not self._packets:
            return self._nothing()
        seq = min(self._packets)
        head = self._packets[seq]
        if not self._playing:
            return self._play(seq) if self._due(head, now_s) else Step("pause")
        self._waited = 0
        hole = head.timestamp - self._next_timestamp
        missing = seq - self._next_sequence
        if hole > 0 and (missing <= 0 or hole > _LONGEST_HOLE):
            if not self._due(head, now_s):
                return Step("pause")
            self.counts.lost += max(0, missing)
            return self._play(seq)
        if hole >= _QUANTUM:
            return self._fill(head, hole, missing)
        return self._steer(seq, head, now_s, quiet=quiet)

    def delay_s(self, now_s: float) -> float:
        """How far what plays now lies behind what could play at best."""
        return now_s - self._floor_s - self._next_timestamp / SAMPLE_RATE if self._playing else 0.0

    @property
    def aim_s(self) -> float:
        """The delay the buffer steers to."""
        return self._aim_s

    def __len__(self) -> int:
        return len(self._packets)

    def _due(self, packet: _Held, now_s: float) -> bool:
        return now_s >= self._floor_s + packet.timestamp / SAMPLE_RATE + self._aim_s

    def _play(self, seq: int, action: Action = "packet") -> Step:
        packet = self._packets.pop(seq)
        self._playing = True
        self._waited = 0
        self._next_sequence = seq + 1
        self._next_timestamp = packet.timestamp + packet.samples
        if action == "packet":
            self.counts.played += 1
        return Step(action, packet.payload, packet.samples)

    def _nothing(self) -> Step:
        if not self._playing:
            return Step("pause")
        self._waited += 1
        if self._waited > _STRETCHES:
            self._playing = False
            return Step("pause")
        self.counts.stretched += 1
        return Step("stretch")

    def _fill(self, head: _Held, hole: int, missing: int) -> Step:
        """Sound for lost packets, of which `missing` lie in the hole before `head`."""
        if hole <= head.samples and hole % _QUANTUM == 0 and has_fec(head.payload):
            self.counts.lost += missing
            self.counts.fec += 1
            self._next_sequence += missing
            self._next_timestamp = head.timestamp
            return Step("fec", head.payload, hole)
        # Packets of one stream are of one length, so the hole's packets are as long as the next.
        samples = min(hole - hole % _QUANTUM, head.samples, TICK_SAMPLES)
        self._next_timestamp += samples
        gone = missing - ceil((head.timestamp - self._next_timestamp) / head.samples)
        if gone > 0:
            self.counts.lost += gone
            self._next_sequence += gone
        return Step("conceal", b"", samples)

    def _steer(self, seq: int, head: _Held, now_s: float, *, quiet: bool) -> Step:
        """Play the packet whose turn it is, unless the delay should change and nobody notices."""
        over_s = self.delay_s(now_s) - self._aim_s
        self._above = self._above + 1 if over_s > _SLACK_S else 0
        length_s = head.samples / SAMPLE_RATE
        # Far above the aim it cannot wait for a quiet moment for ever (music, a long speech).
        pressing = self._above > 4 * _PATIENCE and over_s > 3 * _SLACK_S
        if self._above > _PATIENCE and (quiet or pressing) and over_s >= length_s:
            if seq + 1 in self._packets:
                self._above = 0
                self.counts.skipped += 1
                return self._play(seq, "skip")
        elif quiet and over_s < -_SLACK_S:
            self.counts.stretched += 1
            return Step("stretch")
        return self._play(seq)

    def _cut_excess(self) -> None:
        """Throw away what lies too deep, after a stall of the network or of ourselves."""
        if len(self._packets) < 2:
            return
        newest = self._packets[max(self._packets)]
        end = newest.timestamp + newest.samples

        def depth_s(seq: int) -> float:
            return (end - self._packets[seq].timestamp) / SAMPLE_RATE

        if depth_s(min(self._packets)) <= self._aim_s + _EXCESS_S:
            return
        while len(self._packets) > 1 and depth_s(min(self._packets)) > self._aim_s:
            self._drop_first()

    def _drop_first(self) -> None:
        seq = min(self._packets)
        dropped = self._packets.pop(seq)
        self.counts.dropped += 1
        if self._playing:
            self.counts.lost += max(0, seq - self._next_sequence)
            self._next_sequence = seq + 1
            self._next_timestamp = dropped.timestamp + dropped.samples


def _unwrap(value: int, near: int, bits: int) -> int:
    """The integer closest to `near` whose lowest `bits` are `value`."""
    half = 1 << (bits - 1)
    return near + ((value - near + half) & ((1 << bits) - 1)) - half
