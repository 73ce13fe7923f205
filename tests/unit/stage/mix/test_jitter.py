from collections.abc import Iterable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hustings.media.opus import OpusEncoder
from hustings.stage.mix.jitter import CAPACITY, JitterBuffer, Step
from tests.fakes.lines import Arrival, Line, ticking
from tests.fakes.sounds import speech

# 20 ms CELT; 20 ms SILK with the FEC flag; the same without
PLAIN = bytes([31 << 3, 1, 2, 3])
WITH_FEC = bytes([9 << 3, 0b0100_0000, 1, 2])
NO_FEC = bytes([9 << 3, 0, 1, 2])


def run(
    arrivals: Iterable[Arrival], *, seconds: float, quiet: bool = False
) -> tuple[JitterBuffer, list[Step], list[float]]:
    """Play the arrivals; every decision, and the delay at each tick."""
    buffer = JitterBuffer()
    steps, delays = [], []
    for now in ticking(arrivals, buffer.put, seconds=seconds):
        step = buffer.next(now, quiet=quiet)
        if step.action == "skip":
            steps.append(step)
            step = buffer.next(now)
        steps.append(step)
        delays.append(buffer.delay_s(now))
    return buffer, steps, delays


def actions(steps: list[Step]) -> dict[str, int]:
    return {a: sum(s.action == a for s in steps) for a in {s.action for s in steps}}


def numbered(count: int) -> list[bytes]:
    return [bytes([31 << 3]) + n.to_bytes(4, "big") for n in range(count)]


def test_a_clean_line_plays_everything_in_order_with_little_delay() -> None:
    packets = numbered(500)
    buffer, steps, delays = run(Line().carry(packets), seconds=9.9)
    played = [s.payload for s in steps if s.action == "packet"]
    assert played == packets[: len(played)]
    assert len(played) > 480
    assert buffer.counts.lost == buffer.counts.late == buffer.counts.stretched == 0
    assert max(delays) < 0.090
    assert buffer.aim_s == 0.045


@pytest.mark.parametrize(
    ("line", "least"),
    [
        (Line(loss=0.05), 0.995),
        (Line(loss=0.05, burst=3), 0.96),
        (Line(jitter_s=0.050, ordered=True), 1.0),
        (Line(jitter_s=0.050), 1.0),
        (Line(loss=0.06, jitter_s=0.050), 0.99),
    ],
)
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_share_kept_if_every_packet_carries_fec(line: Line, least: float, seed: int) -> None:
    line.seed = seed
    buffer, steps, delays = run(line.carry([WITH_FEC] * 2_000), seconds=39.5, quiet=True)
    assert buffer.counts.kept() >= least
    assert max(delays[200:]) < 0.160
    assert actions(steps)["pause"] < 20


def test_share_kept_of_real_packets() -> None:
    encoder = OpusEncoder(32_000, application="voip", complexity=3, fec=True, loss_percent=10)
    packets = [encoder.encode(pcm) for pcm in speech(1_000)]
    five, _, _ = run(Line(loss=0.05).carry(packets), seconds=19.5)
    worse, _, _ = run(Line(loss=0.06, jitter_s=0.050).carry(packets), seconds=19.5)
    assert five.counts.kept() >= 0.98
    assert worse.counts.kept() >= 0.95


def test_a_single_loss_is_rebuilt_from_the_next_packet() -> None:
    arrivals = Line().carry([WITH_FEC] * 60)
    del arrivals[30]
    buffer, steps, _ = run(arrivals, seconds=1.1)
    at = next(n for n, s in enumerate(steps) if s.action == "fec")
    assert steps[at] == ("fec", WITH_FEC, 960)
    assert steps[at + 1].action == "packet"
    assert (buffer.counts.lost, buffer.counts.fec) == (1, 1)


def test_without_fec_a_loss_is_concealed_and_not_called_kept() -> None:
    arrivals = Line().carry([NO_FEC] * 60)
    del arrivals[30]
    buffer, steps, _ = run(arrivals, seconds=1.1)
    assert actions(steps)["conceal"] == 1
    assert (buffer.counts.lost, buffer.counts.fec) == (1, 0)
    assert buffer.counts.kept() < 1


def test_a_burst_is_concealed_and_its_end_rebuilt() -> None:
    arrivals = Line().carry([WITH_FEC] * 100)
    del arrivals[50:54]
    buffer, steps, _ = run(arrivals, seconds=2.1)
    counted = actions(steps)
    # the buffer runs empty during the burst: it stretches, then fills the hole
    assert counted["conceal"] == 3
    assert counted["fec"] == 1
    assert (buffer.counts.lost, buffer.counts.fec) == (4, 1)


def test_reordering_is_put_right() -> None:
    packets = numbered(200)
    arrivals = Line().carry(packets)
    for n in range(40, 190, 10):
        a, b = arrivals[n], arrivals[n + 1]
        arrivals[n] = Arrival(a.seconds, b.seq, b.timestamp, b.payload)
        arrivals[n + 1] = Arrival(b.seconds, a.seq, a.timestamp, a.payload)
    buffer, steps, _ = run(arrivals, seconds=3.9)
    played = [s.payload for s in steps if s.action == "packet"]
    assert played == sorted(played)
    assert buffer.counts.lost <= 2  # before the aim has grown


def test_doubles_are_dropped() -> None:
    arrivals = [a for a in Line().carry(numbered(100)) for _ in range(3)]
    buffer, steps, _ = run(arrivals, seconds=1.9)
    assert buffer.counts.doubles == 2 * (buffer.counts.received // 3)
    played = [s.payload for s in steps if s.action == "packet"]
    assert len(set(played)) == len(played)


def test_garbage_is_no_packet() -> None:
    buffer = JitterBuffer()
    buffer.put(1, 960, b"", 1.0)
    buffer.put(2, 1920, bytes([31 << 3 | 3]), 1.0)
    assert buffer.counts.bad == 2
    assert buffer.next(2.0).action == "pause"


def test_a_pause_with_running_timestamps_is_no_loss() -> None:
    """DTX: sequence numbers go on, timestamps jump by the silence."""
    packets = numbered(150)
    arrivals = [
        a if n < 50 else a._replace(seconds=a.seconds + 3.0, timestamp=a.timestamp + 144_000)
        for n, a in enumerate(Line(first_timestamp=0).carry(packets))
    ]
    buffer, steps, delays = run(arrivals, seconds=6.5)
    assert buffer.counts.lost == 0
    assert buffer.counts.played == 150 - len(buffer)
    assert actions(steps)["stretch"] <= 20  # 10 at the pause, 10 at the end
    assert max(delays) < 0.3


def test_short_pauses_are_silence_of_the_same_length() -> None:
    arrivals, shift = [], 0.0
    for n, a in enumerate(Line(first_timestamp=0).carry(numbered(300))):
        shift += 0.1 if n % 50 == 49 else 0.0
        arrivals.append(
            a._replace(seconds=a.seconds + shift, timestamp=a.timestamp + round(shift * 48_000))
        )
    buffer, _, delays = run(arrivals, seconds=6.3)
    assert buffer.counts.lost == 0
    assert max(delays[50:]) < 0.19


def test_a_pause_with_stopped_timestamps_does_not_add_delay() -> None:
    arrivals = [
        a if n < 50 else a._replace(seconds=a.seconds + 1.2)
        for n, a in enumerate(Line().carry(numbered(200)))
    ]
    buffer, _, delays = run(arrivals, seconds=5.0)
    assert buffer.counts.lost == buffer.counts.dropped == 0
    assert delays[-1] < 0.09


@pytest.mark.parametrize("gap_s", [0.0, 0.5, 30.0])
def test_a_new_stream_begins_at_once(gap_s: float) -> None:
    """A reload: other sequence numbers, other timestamps."""
    old = Line(first_seq=100, first_timestamp=5_000).carry(numbered(100))
    new = Line(first_seq=40_000, first_timestamp=3_000_000_000, start_s=102 + gap_s).carry(
        numbered(100)
    )
    buffer, steps, _ = run([*old, *new], seconds=4 + gap_s)
    assert buffer.counts.restarts == 1
    assert buffer.counts.played >= 190
    assert sum(s.action == "packet" for s in steps[-80:]) >= 75


def test_a_sender_that_sets_its_timestamps_back_is_heard_on() -> None:
    arrivals = [
        a if n < 100 else a._replace(timestamp=a.timestamp - 24_000)
        for n, a in enumerate(Line(first_timestamp=0).carry(numbered(300)))
    ]
    buffer, steps, _ = run(arrivals, seconds=5.9)
    assert buffer.counts.late == buffer.counts.lost == 0
    assert sum(s.action == "packet" for s in steps[95:250]) > 140


def test_one_stray_packet_changes_nothing() -> None:
    arrivals = Line().carry(numbered(200))
    stray = [Arrival(arrivals[n].seconds, 7, 999_999_999, PLAIN) for n in (50, 90)]
    buffer, _, _ = run(sorted([*arrivals, *stray]), seconds=3.9)
    assert buffer.counts.restarts == 0
    assert buffer.counts.lost == 0


def test_a_stall_is_cut_so_that_the_delay_stays_bounded() -> None:
    """Nothing for 1.5 s, then everything at once."""
    arrivals = [
        a._replace(seconds=max(a.seconds, 103.5)) if a.seconds > 102 else a
        for a in Line().carry(numbered(500))
    ]
    buffer, _, delays = run(arrivals, seconds=9.9, quiet=True)
    assert buffer.counts.dropped > 40
    assert max(delays[int(3.6 * 50) :]) < 0.5
    assert delays[-1] < 0.3


def test_a_frozen_mixer_goes_on_near_live() -> None:
    buffer = JitterBuffer()
    for a in Line().carry(numbered(1_000)):
        buffer.put(a.seq, a.timestamp, a.payload, a.seconds)
    assert len(buffer) <= CAPACITY
    assert buffer.next(120.03).action == "packet"
    assert buffer.delay_s(120.03) < 0.3


@pytest.mark.parametrize("ppm", [-100, 100])
def test_an_hour_of_clock_drift_keeps_the_delay(ppm: float) -> None:
    minutes = 60
    buffer, _, delays = run(
        Line(ppm=ppm).carry(PLAIN for _ in range(minutes * 3_000)),
        seconds=minutes * 60 - 2,
        quiet=True,
    )
    assert max(delays) < 0.110
    assert buffer.counts.lost == buffer.counts.dropped == 0
    # 360 ms of drift in an hour are about 18 packets
    assert buffer.counts.skipped + buffer.counts.stretched <= 30


@pytest.mark.parametrize("samples", [480, 1_920, 2_880])
def test_other_packet_lengths(samples: int) -> None:
    config = {480: 30 << 3, 1_920: 10 << 3, 2_880: 11 << 3}[samples]
    fec = 0 if samples == 480 else {1_920: 0b0010_0000, 2_880: 0b0001_0000}[samples]
    buffer = JitterBuffer()
    heard = 0
    line = Line(samples=samples, loss=0.05)
    packets = [bytes([config, fec, 1])] * (10 * 48_000 // samples)
    for now in ticking(line.carry(packets), buffer.put, seconds=9.5):
        while heard < (now - 100) * 48_000:
            heard += buffer.next(now).samples
    assert buffer.counts.played > 0.85 * len(packets)
    if fec:
        assert buffer.counts.kept() > 0.99


@settings(max_examples=60)
@given(
    st.lists(
        st.tuples(
            st.integers(0, 2**16 - 1),
            st.integers(0, 2**32 - 1),
            st.sampled_from([PLAIN, WITH_FEC, NO_FEC, b"", bytes([11 << 3, 0, 0])]),
            st.floats(0, 0.5),
        ),
        max_size=150,
    )
)
def test_any_packets_are_bounded(packets: list[tuple[int, int, bytes, float]]) -> None:
    buffer, now = JitterBuffer(), 50.0
    for seq, timestamp, payload, after in packets:
        now += after
        buffer.put(seq, timestamp, payload, now)
        step = buffer.next(now)
        assert 0 < step.samples <= 5_760
        assert (step.action in {"packet", "fec", "skip"}) == bool(step.payload)
        assert len(buffer) <= CAPACITY
    assert 0 <= buffer.counts.kept() <= 1


@settings(max_examples=40)
@given(
    st.floats(0, 0.3), st.integers(1, 5), st.floats(0, 0.2), st.integers(0, 2**32), st.booleans()
)
def test_every_packet_is_accounted_for(
    loss: float, burst: int, jitter_s: float, seed: int, ordered: bool
) -> None:
    line = Line(loss=loss, burst=burst, jitter_s=jitter_s, seed=seed, ordered=ordered)
    arrivals = line.carry([WITH_FEC] * 400)
    buffer, _, _ = run(arrivals, seconds=12)
    counts = buffer.counts
    assert counts.received == len(arrivals)
    assert counts.received == counts.played + counts.skipped + counts.late + counts.dropped
    assert counts.fec <= counts.lost
    assert len(buffer) == 0
