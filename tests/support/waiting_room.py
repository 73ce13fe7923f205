"""A stage's queue, edges' queues and a crowd, in virtual time: one `second` after the other.

The crowd behaves as the page does: it shows its ticket again when the published number has
passed its place, stays for a while, and leaves.
"""

import random
from dataclasses import dataclass, field

import msgspec

from hustings.edge.waiting.queue import Queue, Verdict
from hustings.edge.waiting.seats import Seats
from hustings.settings import EdgeSettings
from hustings.stage.queue import RoomQueue, drawn
from hustings.wire.kinds import Room
from hustings.wire.places import draw_of, place
from hustings.wire.queues import read_heard
from hustings.wire.tickets import Ticket

EPOCH_S = 1_800_000_000
MASTER = b"m" * 32


@dataclass
class Person:
    came_s: float
    edge: "SimEdge"
    ticket: Ticket
    first: Verdict  # what they were told at first
    patient: bool = True  # comes when called
    asks_s: float = 0.0
    place: float | None = None
    in_s: float | None = None
    by_call: bool = False
    leaves_s: float = float("inf")

    @property
    def waited_s(self) -> float:
        assert self.in_s is not None
        return self.in_s - self.came_s


class SimEdge:
    def __init__(self, name: str, seats: int, pace: float = 500) -> None:
        settings = EdgeSettings(listeners=seats, waiting_share=0, joins_per_s=pace, join_share=1)
        self.name = name
        self.most = seats
        self.seats = Seats(settings)
        self.queue = Queue("r", pace=pace)
        self.near = True
        self.servings = [0.0]


@dataclass
class House:
    """Edges, a stage, and people, at `now_s`."""

    edges: list[SimEdge]
    doors: str = "lobby"
    loss: float = 0.0  # of batches, and of the stage's words
    stays_s: float = 600.0
    seed: int = 1
    now_s: float = float(EPOCH_S)
    people: list[Person] = field(default_factory=list)
    waiting: list[Person] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.random = random.Random(self.seed)
        self.stage: RoomQueue | None = RoomQueue("r")
        self.room = Room("r", "R")
        self.state("scheduled")

    def state(self, state: str) -> None:
        """The host opens the lobby, or goes live."""
        room = msgspec.structs.replace(self.room, state=state, epoch_ms=EPOCH_S * 1_000)
        self.room = drawn(room, MASTER, int((self.now_s - EPOCH_S) * 48_000), doors=self.doors)
        self.draw = draw_of(msgspec.to_builtins(self.room))

    def restart_stage(self) -> None:
        self.stage = RoomQueue("r")
        for edge in self.edges:
            edge.queue.anew()

    # ------------------------------------------------------------ people

    def arrive(self, count: int, *, patient: float = 1.0, early: bool = False) -> None:
        for _ in range(count):
            edge = self.random.choice(self.edges)
            number = self.random.getrandbits(64)
            if early:
                edge.queue.arrive(0)
                ticket = Ticket("r", 0, number, "wait", 2**32 - 1)
                verdict = Verdict(ticket)
            else:
                verdict = self._ask(edge, None, number)
            person = Person(self.now_s, edge, verdict.ticket, verdict)
            person.patient = self.random.random() < patient
            self.people.append(person)
            if verdict.seated:
                self._seat(person)
            else:
                self.waiting.append(person)

    def _ask(self, edge: SimEdge, ticket: Ticket | None, number: int = 0) -> Verdict:
        free = edge.seats.free
        return edge.queue.admit(ticket, self.now_s, number=number, free=free)

    def _seat(self, person: Person) -> None:
        person.edge.seats.take("opus")
        assert person.edge.seats.taken["opus"] <= person.edge.most
        person.in_s = self.now_s
        person.leaves_s = self.now_s + self.random.expovariate(1 / self.stays_s)

    def _crowd(self) -> None:
        for person in self.people:
            if person.in_s is not None and person.leaves_s <= self.now_s:
                person.leaves_s = float("inf")
                person.edge.seats.leave("opus")
        still = []
        for person in self.waiting:
            queue = person.edge.queue
            if person.place is None:
                person.place = place(person.ticket, self.draw)
            called = person.place is not None and person.place <= queue.serving
            turn = called or queue.open(person.edge.seats.free)
            if turn and not person.patient:
                continue  # gone long ago
            if turn and person.asks_s <= self.now_s:
                verdict = self._ask(person.edge, person.ticket)
                if verdict.seated:
                    person.by_call = called
                    self._seat(person)
                    continue
                person.asks_s = self.now_s + verdict.retry_s * (1 + self.random.random())
                person.edge = self.random.choice(self.edges)  # a new connection
            elif not turn:
                person.asks_s = self.now_s + 1 + self.random.random() * 3  # the page's own pace
            still.append(person)
        self.waiting = still

    # ------------------------------------------------------------ time

    def second(self) -> None:
        """Batches up, the stage's step, its word down, and what people do upon it."""
        self.now_s += 1.0
        for edge in self.edges:
            said = edge.queue.said(free=edge.seats.free)
            reached = self.stage is not None and edge.near and self.random.random() >= self.loss
            if reached and edge.queue.busy and self.stage is not None:
                self.stage.hear(edge.name, said, self.now_s)
                if (
                    self.random.random() >= self.loss
                ):  # else the answer is lost, and all comes twice
                    edge.queue.taken(said)
        line = self.stage.step(self.now_s, self.draw) if self.stage else None
        for edge in self.edges:
            if line and edge.near and self.random.random() >= self.loss:
                edge.queue.hear(read_heard(msgspec.json.decode(msgspec.json.encode(line))))
            edge.queue.turn(1.0, self.draw)
            if self.stage is None or not edge.near:
                edge.queue.go_on(1.0, self.now_s, free=edge.seats.free)
            edge.servings.append(edge.queue.serving)
        self._crowd()

    def seconds(self, count: int, *, arrivals: float = 0.0) -> None:
        for _ in range(count):
            whole, part = divmod(arrivals, 1)
            self.arrive(int(whole) + (self.random.random() < part))
            self.second()
