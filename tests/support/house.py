"""A real house for tests: `hustings serve` as a person starts it, on free ports, in a folder of its own."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx
import psutil

from hustings.base.ids import new_id
from hustings.base.keyfiles import participant_key, service_key
from hustings.wire.tokens import Claims, KeyRing

ROOT = Path(__file__).parents[2]
PROGRAM = (sys.executable, "-m", "hustings")
SERVE = (*PROGRAM, "serve")
LANES = 4  # edges of a test's house, at most
START_S = 60.0  # a busy machine


def free_range(count: int) -> int:
    """The first of `count` free TCP ports in a row."""
    while True:
        [first] = free_ports(1)
        with contextlib.ExitStack() as stack, contextlib.suppress(OSError, OverflowError):
            for port in range(first, first + count):
                stack.enter_context(socket.create_server(("127.0.0.1", port)))
            return first


def free_ports(count: int, *, kind: int = socket.SOCK_STREAM) -> list[int]:
    """Ports that nobody uses now."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket(socket.AF_INET, kind)) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]


class House:
    """`with House(tmp_path) as house:` starts all three services and stops them at the end."""

    def __init__(
        self, data: Path, *flags: str, udp: int = 60, supervised: bool = True, **environment: str
    ) -> None:
        """supervised: by `serve`; else three services that nobody restarts."""
        self.data = data
        self.web_port, self.stage_port, self.edge_port = free_ports(3)
        self.lane_port = free_range(LANES)
        first = free_ports(1, kind=socket.SOCK_DGRAM)[0]
        first = min(first, 65_000 - udp)
        self.web = f"http://127.0.0.1:{self.web_port}"
        self.stage = f"http://127.0.0.1:{self.stage_port}"
        self.edge = f"http://127.0.0.1:{self.edge_port}"
        self.log = data / "serve.log"
        self._flags = flags
        self.edges = int(flags[flags.index("--edges") + 1]) if "--edges" in flags else 1
        self.environment = {
            **os.environ,
            "PYTHONPATH": str(ROOT / "src"),
            "HUSTINGS_DATA": str(data),
            "HUSTINGS_WEB_PORT": str(self.web_port),
            "HUSTINGS_STAGE_PORT": str(self.stage_port),
            "HUSTINGS_EDGE_PORT": str(self.edge_port),
            "HUSTINGS_EDGE_LANE_PORT": str(self.lane_port),
            "HUSTINGS_EDGE_COUNT": "1",
            "HUSTINGS_STAGE_RTC_FIRST_PORT": str(first),
            "HUSTINGS_STAGE_RTC_LAST_PORT": str(first + udp),
            **environment,
        }
        self._supervised = supervised
        self._processes: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Start and wait until all of them answer /readyz: with several edges, each one."""
        self.data.mkdir(parents=True, exist_ok=True)
        if self._supervised:
            self._spawn([*SERVE, *self._flags], {})
        else:
            for service in ("stage", "edge", "web"):
                self._spawn([*PROGRAM, service], self._alone(service))
        until = time.monotonic() + START_S
        lanes = (self.lane(number) for number in range(self.edges)) if self.edges > 1 else ()
        for base in (self.stage, self.edge, self.web, *lanes):
            while not self.ready(base):
                gone = any(each.poll() is not None for each in self._processes)
                if gone or time.monotonic() > until:
                    raise AssertionError(f"{base} did not start:\n{self.log.read_text()}")
                time.sleep(0.05)

    def _spawn(self, command: list[str], more: dict[str, str]) -> None:
        with self.log.open("ab") as log:
            environment = {**self.environment, **more}
            self._processes.append(
                subprocess.Popen(
                    command,
                    stdout=log,
                    stderr=log,
                    env=environment,
                    cwd=self.data,
                    process_group=0,  # as a shell does, so that a test can press Ctrl-C
                )
            )

    def _alone(self, service: str) -> dict[str, str]:
        """What `serve` would tell a service."""
        token = self._services().sign(
            Claims(typ="edge", jti=new_id(), iat=int(time.time()), exp=int(time.time()) + 86_400)
        )
        return {"HUSTINGS_EDGE_TOKEN": token} if service == "edge" else {}

    def stop(self) -> None:
        """Stop cleanly; all children must be gone."""
        children = [
            child
            for each in self._processes
            if each.poll() is None
            for child in psutil.Process(each.pid).children(recursive=True)
        ]
        for each in self._processes:
            each.send_signal(signal.SIGTERM)
        for each in self._processes:
            try:
                each.wait(20)
            except subprocess.TimeoutExpired:
                each.kill()
                each.wait(5)
        self._processes.clear()
        _, alive = psutil.wait_procs(children, 5)
        for child in alive:
            child.kill()
        assert not alive, f"left behind: {alive}"

    @property
    def process(self) -> subprocess.Popen[bytes]:
        """`serve` itself."""
        return self._processes[0]

    def child(self, service: str) -> psutil.Process:
        """The process of `stage`, `edge` or `web` as it is now."""
        for process in self.children(service):
            return process
        raise AssertionError(f"no {service} among the children:\n{self.log.read_text()}")

    def children(self, service: str) -> Iterator[psutil.Process]:
        """All processes of a service."""
        for each in self._processes:
            found = psutil.Process(each.pid)
            for process in (found, *found.children(recursive=True)):
                with contextlib.suppress(psutil.Error):
                    if service in process.cmdline():
                        yield process

    def lane(self, number: int = 0) -> str:
        """Where the operator's lane of an edge answers."""
        return f"http://127.0.0.1:{self.lane_port + number}"

    @staticmethod
    def ready(base: str) -> bool:
        with contextlib.suppress(httpx.HTTPError):
            return httpx.get(f"{base}/readyz", timeout=2).status_code == 200
        return False

    def _services(self) -> KeyRing:
        return KeyRing([service_key(self.data)])

    # --- what web would do -----------------------------------------------------------------------

    def put(self, room: str, **facts: Any) -> dict[str, Any]:
        """Create or change a room on the stage, as web does."""
        now_s = int(time.time())
        token = self._services().sign(
            Claims(typ="service", jti=new_id(), iat=now_s, exp=now_s + 60)
        )
        headers = {"Authorization": f"Bearer {token}"}
        answer = httpx.put(f"{self.stage}/rooms/{room}", json=facts, headers=headers, timeout=10)
        answer.raise_for_status()
        body: dict[str, Any] = answer.json()
        return body

    def invite(self, room: str, role: str, name: str = "", *, kind: str = "invite") -> str:
        """An invitation (or, with kind `whip`, an encoder's token)."""
        seat = new_id()
        claims = Claims(
            typ=kind,
            jti=seat,
            iat=int(time.time()),
            room=room,
            sub=seat,
            role=role,
            name=name,  # type: ignore[arg-type]
        )
        return KeyRing([participant_key(self.data)]).sign(claims)

    def seat_url(self, room: str, role: str, name: str = "") -> str:
        """A link that an invited person opens."""
        return f"{self.stage}/s/{room}#i={self.invite(room, role, name)}"

    def metric(self, service: str, name: str) -> float:
        """One figure of a service's /metrics."""
        text = httpx.get(f"{getattr(self, service)}/metrics", timeout=20).text
        return next(float(x.split()[-1]) for x in text.splitlines() if x.startswith(name))

    def state(self, room: str) -> dict[str, Any]:
        """`state.json` of the edge."""
        body: dict[str, Any] = httpx.get(f"{self.edge}/live/{room}/state.json", timeout=5).json()
        return body
