"""Strangers at a port: many broken requests, and connections that never come to the point."""

import contextlib
import random
import socket
from collections.abc import Iterator


@contextlib.contextmanager
def slow_connections(port: int, count: int) -> Iterator[list[socket.socket]]:
    """A third silent, the rest in the middle of their headers."""
    slow = []
    try:
        for number in range(count):
            with contextlib.suppress(OSError):  # refused is also an answer
                each = socket.create_connection(("127.0.0.1", port), timeout=5)
                slow.append(each)
                each.send(b"" if number % 3 == 0 else b"GET / HTTP/1.1\r\nHost: x\r\nX: ")
        yield slow
    finally:
        for each in slow:
            each.close()


def flood(port: int, count: int) -> None:
    """Random requests, many in one write, over connections that the stage may close at any time."""
    chance = random.Random(7)
    paths = [
        "/",
        "/feed",
        "/rooms/r/rtc",
        "/rooms/%00/join",
        "/s/" + "x" * 300,
        "/static/../..",
        "*",
    ]
    sent = 0
    while sent < count:
        batch = b"".join(
            b"%s %s HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s"
            % (
                chance.choice([b"GET", b"POST", b"PUT", b"BREW"]),
                chance.choice(paths).encode(),
                3,
                b"\xff{}",
            )
            for _ in range(20)
        )
        sent += 20
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=2) as each:
                each.sendall(batch)
                each.settimeout(0.2)
                while each.recv(65_536):
                    pass
        except OSError:
            continue
