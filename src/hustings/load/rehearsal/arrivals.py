"""When the people of a rehearsal come; pure, seeded.

Open loop: everybody's moment is drawn before the first one comes, and is kept whatever the
server does. A crowd does not wait for the server to be ready, so neither may its model:
otherwise a server that stands still would be measured as one that nobody asked.
"""

from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

Shape = Literal["ramp", "stampede", "reconnect", "flood"]
SHAPES: Final[tuple[Shape, ...]] = ("ramp", "stampede", "reconnect", "flood")

USUAL_S: Final[dict[Shape, float]] = {
    "ramp": 30.0,
    "stampede": 3.0,
    "reconnect": 10.0,
    "flood": 10.0,
}
"""Over how many seconds the listeners of a rehearsal come, unless its caller says otherwise."""


def arrivals(shape: Shape, count: int, over_s: float, seed: int) -> NDArray[np.float64]:
    """Seconds after the start at which each of `count` people comes, sorted, in [0, over_s].

    `stampede`: most at once and ever fewer, as after a notice to all telephones: the first
    moment's rate is twice the mean. The others: evenly, with the unevenness of chance.
    """
    chance = np.random.default_rng(seed)
    drawn = chance.random(count)
    if shape == "stampede":
        drawn = 1.0 - np.sqrt(drawn)
    return np.sort(drawn * over_s)
