"""What a listener and a join cost an edge on some machine; pure.

Fitted from the seconds of any rehearsal in which the edge's own CPU time was seen (loopback), by
least squares: cpu = idle + a × listeners + b × joins. `hustings plan` stands on it; every
figure is printed there.
"""

import itertools
from collections.abc import Mapping, Sequence
from typing import Final

import msgspec
import numpy as np

from hustings.base.errors import UserError
from hustings.load.rehearsal.report import Rehearsed

CPU: Final = "edge_cpu_s"
"""Series: CPU seconds that the target's edges used in each second."""
LEAST_SECONDS: Final = 8
LEAST_LISTENERS: Final = 100


class Calibration(msgspec.Struct, frozen=True, kw_only=True):
    """One core's worth."""

    machine: str
    listeners: int  # with how many it was measured
    idle_cpu: float  # share of a core with nobody there
    listener_us: float  # CPU of a listener-second
    join_us: float  # CPU of a join
    joins_a_second: float  # that were seen to be served, with first sound p99 within 250 ms
    listener_bit_s: float  # bytes of HTTP body and framing, as bit/s
    listener_bytes: float  # user memory
    joined: float = 1.0  # parts in a send, while it was measured
    fit: float  # R²: 1: the line explains every second


def calibration_of(done: Rehearsed) -> Calibration:
    """The costs in a rehearsal. Raises UserError `plan_calibration` if it does not show them."""
    summary = done.summary
    cpu = done.seconds.get(CPU, [])
    hearing, joins = done.seconds.get("hearing", []), done.seconds.get("first_sounds", [])
    length = min(len(cpu), len(hearing))
    if length < LEAST_SECONDS or summary.peak_hearing < LEAST_LISTENERS:
        raise UserError(
            "plan_calibration",
            "This rehearsal does not show what a listener costs: it must be of this machine's own "
            f"edge, last {LEAST_SECONDS} s or more and have {LEAST_LISTENERS} listeners.",
        )
    bit_s = round(_bit_s(done.seconds, hearing))
    if not bit_s:
        raise UserError(
            "plan_calibration",
            "This rehearsal had no second in which all were there and heard sound: let it last longer.",
        )
    memory = summary.edges.memory_bytes if summary.edges else 0.0
    # News of second k tells who hears then; CPU of k and joins of k - 1 lie before it.
    during = [(before + after) / 2 for before, after in itertools.pairwise(hearing[:length])]
    idle, each, join, fit = fitted(cpu[1:length], during, _padded(joins, length - 1))
    return Calibration(
        machine=done.machine,
        listeners=summary.peak_hearing,
        idle_cpu=round(idle, 4),
        listener_us=round(each * 1e6, 2),
        join_us=round(join * 1e6, 1),
        joins_a_second=done.flood.capacity if done.flood else summary.peak_joins,
        listener_bit_s=bit_s,
        listener_bytes=round(memory / summary.peak_hearing),
        joined=summary.joined,
        fit=round(fit, 3),
    )


def fitted(
    cpu: Sequence[float], hearing: Sequence[float], joins: Sequence[float]
) -> tuple[float, float, float, float]:
    """Idle, one listener's and one join's share of a core, none negative; and R²."""
    columns = np.array([np.ones(len(cpu)), hearing, joins]).T
    wanted = np.asarray(cpu)
    used = [0, 1, 2]
    while True:
        found, *_ = np.linalg.lstsq(columns[:, used], wanted, rcond=None)
        if (found >= 0).all() or len(used) == 1:
            break
        used.pop(int(found.argmin()))
    cost = dict(zip(used, found.clip(0.0).tolist(), strict=True))
    rest = float(((columns[:, used] @ found - wanted) ** 2).sum())
    spread = float(((wanted - wanted.mean()) ** 2).sum())
    fit = 1.0 - rest / spread if spread else 0.0
    return cost.get(0, 0.0), cost.get(1, 0.0), cost.get(2, 0.0), fit


def read_calibration(data: bytes) -> Calibration:
    """From `hustings loadtest --json` or `hustings plan --json`. Raises UserError `plan_calibration`."""
    try:
        document = msgspec.json.decode(data)
        if isinstance(document, dict) and "calibration" in document:
            return msgspec.convert(document["calibration"], Calibration)
        return calibration_of(msgspec.convert(document, Rehearsed))
    except msgspec.MsgspecError as error:
        raise UserError(
            "plan_calibration", f"This is no report of `hustings loadtest --json`: {error}."
        ) from error


def _bit_s(seconds: Mapping[str, Sequence[float]], hearing: Sequence[float]) -> float:
    """Of one listener, over the seconds in which everybody was there and nobody joined.

    The mean, not the median: where parts are joined (up to 2.56 s) most seconds may carry nothing.
    """
    joins = _padded(seconds.get("first_sounds", []), len(hearing))
    calm = [
        (received, present)
        for received, present, joined in zip(seconds["bytes"], hearing, joins, strict=False)
        if present > 0.9 * max(hearing) and joined == 0
    ]
    received, present = np.sum(calm, axis=0) if calm else (0.0, 1.0)
    return float(received * 8 / present)


def _padded(values: Sequence[float], length: int) -> list[float]:
    return [*values[:length], *([0.0] * (length - len(values)))]
