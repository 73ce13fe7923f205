"""What a person wishes to rehearse, and its shares for each process; pure.

Keeps true: every rehearsal is bounded in people and time, and ends by itself. Called by the
command and by `load.plan.calibrating`.
"""

import os
from typing import Final

import msgspec
import numpy as np

from hustings.base.errors import UserError
from hustings.load.rehearsal.arrivals import USUAL_S, Shape, arrivals
from hustings.load.rehearsal.orders import Orders, Target

LISTENERS: Final = 200_000  # more is for several machines
LONGEST_S: Final = 3_600.0
DECODERS: Final = 50  # who really decode: each takes 0.3 % of a core
_SETTLE_S: Final = 3.0  # after the last arrival, before a cut or a flood
_FINISH_S: Final = 2.0  # for the last visitor's first sound


class Wish(msgspec.Struct, frozen=True, kw_only=True):
    """One rehearsal."""

    target: Target
    shape: Shape = "ramp"
    listeners: int = 1_000
    over_s: float = 0.0  # they come within; 0: usual for the shape
    seconds: float = 30.0  # after all have come
    rude: float = 0.0
    slow: float = 0.0
    decode: float = 0.01
    processes: int = 0  # 0: one for each core
    seed: int = 1
    here: bool = True  # the target is this machine, so that people can have their own addresses
    addresses: int = 0  # that people share; 0: one each
    visits_a_second: float = 0.0  # the flood, of people who leave after the first sound

    @property
    def coming_s(self) -> float:
        """Over how many seconds the listeners come."""
        return self.over_s or USUAL_S[self.shape]

    @property
    def event_s(self) -> float:
        """When the flood begins, or every line is cut; 0 if neither is wished."""
        return self.coming_s + _SETTLE_S if self.shape in {"flood", "reconnect"} else 0.0

    @property
    def end_s(self) -> float:
        """When it ends."""
        finish_s = _FINISH_S if self.visits_a_second else 0.0
        return (self.event_s or self.coming_s) + self.seconds + finish_s

    @property
    def workers(self) -> int:
        """How many processes."""
        return self.processes or min(8, os.cpu_count() or 1)


def checked(wish: Wish) -> Wish:
    """The wish, if it is within bounds. Raises UserError `load_bounds`."""
    bounds = (
        ("listeners", wish.listeners, 1, LISTENERS),
        ("over", wish.coming_s, 0.1, LONGEST_S),
        ("seconds", wish.seconds, 1.0, LONGEST_S),
        ("rude", wish.rude, 0.0, 1.0),
        ("slow", wish.slow, 0.0, 1.0),
        ("decode", wish.decode, 0.0, 1.0),
        ("processes", wish.workers, 1, 64),
        ("addresses", wish.addresses, 0, LISTENERS),
    )
    for name, value, least, most in bounds:
        if not least <= value <= most:
            raise UserError("load_bounds", f"--{name} must be {least:g} to {most:g}.")
    return wish


def shares(wish: Wish, at: float) -> list[Orders]:
    """Each process's orders; `at` is the monotonic second of the common start."""
    moments = arrivals(wish.shape, wish.listeners, wish.coming_s, wish.seed)
    visits = np.zeros(0)
    if wish.visits_a_second:
        count = int(wish.visits_a_second * wish.seconds)
        visits = wish.event_s + arrivals("ramp", count, wish.seconds, wish.seed + 1)
    total = wish.workers
    decoders = min(DECODERS, round(wish.decode * wish.listeners + 0.49))
    return [
        Orders(
            target=wish.target,
            at=at,
            seed=wish.seed,
            first=number * 10_000_000 // total,
            listeners=tuple(moments[number::total].round(4).tolist()),
            visits=tuple(visits[number::total].round(4).tolist()),
            rude=wish.rude,
            slow=wish.slow,
            decoders=(decoders + total - 1 - number) // total,
            addresses=wish.addresses if wish.here else None,
            cut_s=wish.event_s if wish.shape == "reconnect" else 0.0,
            end_s=wish.end_s,
        )
        for number in range(total)
    ]
