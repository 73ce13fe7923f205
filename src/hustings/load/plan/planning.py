"""From what a listener costs to how many machines an evening needs, and what gives out first. Pure.

No figure is hidden: whatever is not measured is an `Assumption` with its value and reason, and is printed.
Prices come from the caller only.
"""

import math
import re
from typing import Final, Literal

import msgspec

from hustings.base.errors import UserError
from hustings.load.plan.calibration import Calibration
from hustings.wire.names import PART_SECONDS

Resource = Literal["processor", "connections", "line", "memory"]

BUSY: Final = 0.7  # of a core or a line: beyond, waiting grows faster than use
RESERVED: Final = 0.2  # of the connections: for those who wait and hear the slower stream
PACKET_BYTES: Final = 78  # Ethernet 38 with gap and preamble, IPv4 20, TCP 20: of each packet
ACK_SHARE: Final = 0.5  # acknowledgements for each packet, on the way back
TLS_BYTES: Final = 22  # of each record: header and tag (TLS 1.3)
PACKET_PAYLOAD: Final = 1_448
KERNEL_BYTES: Final = 16_384  # of one quiet TCP connection, with what is sent and unacknowledged
TREE_FROM: Final = 50  # edges that follow one stage directly
FEED_BIT_S: Final = 130_000  # of one room's journal: three renditions and its frames
JOINED: Final = (1, 2, 4, 8)  # the ladder


class Assumption(msgspec.Struct, frozen=True):
    """What was not measured."""

    what: str
    value: str
    why: str


class Machine(msgspec.Struct, frozen=True, kw_only=True):
    """What an edge's machine is like."""

    cores: int
    memory_bytes: float
    link_bit_s: float
    connections: int = 20_000  # of one edge: `edge.listeners`

    @property
    def edges(self) -> int:
        """Edges on it: a core each, and one core for the kernel's network work."""
        return max(1, self.cores - 1)


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """The evening."""

    listeners: int
    hours: float = 2.0
    over_s: float = 60.0  # those who are not in the lobby come within
    lobby: float = 0.3  # share that is there before
    spare: float = 0.2  # more machines than are needed: so many may die or be busy
    tls: bool = True
    machine_hour: float | None = None  # price
    gigabyte: float | None = None  # price of what is sent


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What it takes."""

    listeners: int
    edges: int
    machines: int
    cores: int
    spare_machines: int
    per_edge: int  # listeners, parts one by one
    per_machine: int
    first: Resource  # what gives out first
    limits: dict[Resource, int]  # listeners of one machine that each would allow
    joined: dict[int, int]  # parts in a send -> listeners of one machine
    listener_bit_s: float  # on the wire
    edge_mbit: float  # sent by one edge at its share
    machine_mbit: float
    total_gbit: float
    gigabytes: float
    joins_a_second: float  # all edges together, beside their listeners
    seats: int
    parents: int  # edges between the stage and the others
    stage_mbit: float  # that the stage sends to whom follows it
    price: float | None
    assumptions: tuple[Assumption, ...]


def plan(wanted: Wanted, machine: Machine, cost: Calibration) -> Plan:
    """Size the house. Raises UserError `plan_impossible` if one listener is too much for it."""
    wire = wire_bit_s(cost, tls=wanted.tls)
    limits = limits_of(machine, cost, wire)
    first: Resource = min(limits, key=lambda each: limits[each])
    per_machine = limits[first]
    if per_machine < 1:
        raise UserError(
            "plan_impossible", f"Such a machine carries nobody: its {first} is too little."
        )
    needed = math.ceil(wanted.listeners / per_machine)
    machines = max(2, math.ceil(needed * (1 + wanted.spare)))
    edges = machines * machine.edges
    parents = math.ceil(edges / TREE_FROM) if edges > TREE_FROM else 0
    sent_bits = wanted.listeners * wire
    gigabytes = sent_bits / 8 * wanted.hours * 3_600 / 1e9
    load = min(per_machine, math.ceil(wanted.listeners / machines))
    return Plan(
        listeners=wanted.listeners,
        edges=edges,
        machines=machines,
        cores=machines * machine.cores,
        spare_machines=machines - needed,
        per_edge=per_machine // machine.edges,
        per_machine=per_machine,
        first=first,
        limits=limits,
        joined={k: min(limits_of(machine, cost, wire, joined=k).values()) for k in JOINED},
        listener_bit_s=round(wire),
        edge_mbit=round(load / machine.edges * wire / 1e6, 1),
        machine_mbit=round(load * wire / 1e6, 1),
        total_gbit=round(sent_bits / 1e9, 3),
        gigabytes=round(gigabytes, 1),
        joins_a_second=round(edges * _joins(cost, load / machine.edges)),
        seats=machines * per_machine,
        parents=parents,
        stage_mbit=round((parents or edges) * FEED_BIT_S / 1e6, 1),
        price=_price(wanted, machines, gigabytes),
        assumptions=assumptions(wanted, machine, cost),
    )


def wire_bit_s(cost: Calibration, *, tls: bool) -> float:
    """What one listener takes of the line, with the frames of packets and TLS."""
    sends = 1 / (PART_SECONDS * cost.joined)  # of a listener and second
    send = cost.listener_bit_s / 8 / sends
    framed = send + TLS_BYTES * tls
    return (framed + PACKET_BYTES * math.ceil(framed / PACKET_PAYLOAD)) * 8 * sends


def limits_of(
    machine: Machine, cost: Calibration, wire: float, *, joined: int = 1
) -> dict[Resource, int]:
    """Listeners of one machine that each resource allows; `joined` parts in a send."""
    each_cpu = cost.listener_us / 1e6 * cost.joined / joined
    core = max(0.0, BUSY - cost.idle_cpu) / each_cpu if each_cpu else math.inf
    usable = machine.connections * (1 - RESERVED)
    most: dict[Resource, float] = {
        "processor": core * machine.edges,
        "connections": usable * machine.edges,
        "line": BUSY * machine.link_bit_s / wire if wire else math.inf,
        "memory": BUSY * machine.memory_bytes / (cost.listener_bytes + KERNEL_BYTES),
    }
    return {name: int(min(each, 1e12)) for name, each in most.items()}


def read_rate(text: str) -> float:
    """`10Gbit`, `2.5 Gbit/s`, `100M` as bit/s. Raises UserError `plan_link`."""
    found = re.fullmatch(r"\s*([0-9]+(?:\.[0-9]+)?)\s*([kMGT]?)(?:bit|b)?(?:/s|ps)?\s*", text)
    if found is None or not float(found[1]):
        raise UserError("plan_link", f"{text!r} is no line's rate: say 10Gbit, or 100Mbit.")
    return float(found[1]) * {"": 1.0, "k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12}[found[2]]


def _joins(cost: Calibration, present: float) -> float:
    """Joins a second that one edge serves while so many listen: what the listeners leave of it."""
    used = cost.idle_cpu + present * cost.listener_us / 1e6
    return cost.joins_a_second * max(0.0, 1.0 - used)


def _price(wanted: Wanted, machines: int, gigabytes: float) -> float | None:
    if wanted.machine_hour is None and wanted.gigabyte is None:
        return None
    hours = machines * wanted.hours * (wanted.machine_hour or 0.0)
    return round(hours + gigabytes * (wanted.gigabyte or 0.0), 2)


def assumptions(wanted: Wanted, machine: Machine, cost: Calibration) -> tuple[Assumption, ...]:
    """Everything that the plan believes without having seen it."""
    tls = "22 bytes a record; its CPU is not in the calibration" if wanted.tls else "none"
    return (
        Assumption("an edge machine is like the calibrated one", cost.machine, "a core is a core"),
        Assumption("cores of an edge machine", str(machine.cores), "one for the kernel, an edge each for the others"),
        Assumption("line of a machine", f"{machine.link_bit_s / 1e9:g} Gbit/s", "given, or what its interface says"),
        Assumption("memory of a machine", f"{machine.memory_bytes / 2**30:.1f} GiB", "given, or this machine's"),
        Assumption("use of core and line at the most", f"{BUSY:.0%}", "beyond, waiting grows faster than use"),
        Assumption("connections of an edge", f"{machine.connections:,}", f"`edge.listeners`; {RESERVED:.0%} are kept for those who wait"),
        Assumption("framing of a packet", f"{PACKET_BYTES} bytes", "Ethernet, IPv4, TCP; 1,448 bytes of payload"),
        Assumption("TLS", tls, 'measured handshakes: docs/operations.md "TLS"'),
        Assumption("kernel memory of a connection", f"{KERNEL_BYTES // 1024} KiB", "a quiet socket with one unacknowledged part"),
        Assumption("joined parts", "a send costs the same", f"calibrated with {cost.joined:g}; the ladder's other rungs are computed"),
        Assumption("spare machines", f"{wanted.spare:.0%}, two at least", "so many may die, or be busy"),
        Assumption("edges behind one parent", str(TREE_FROM), "beyond, edges feed on edges"),
        Assumption("a room's feed", f"{FEED_BIT_S // 1000} kbit/s", "three renditions and the journal's frames"),
        Assumption("people spread evenly over machines", "yes", "by the proxy or DNS in front"),
    )  # fmt: skip
