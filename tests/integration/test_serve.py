"""`hustings serve` as a person starts it: all three services, the demo, and their ends."""

import contextlib
import os
import signal
import subprocess
import time

import httpx
import psutil
import pytest

from tests.fakes.certificates import certificate
from tests.support.house import SERVE, House


def until(wanted, what, limit_s=30.0):
    end = time.monotonic() + limit_s
    while not (value := wanted()):
        assert time.monotonic() < end, f"waited in vain for {what}"
        time.sleep(0.05)
    return value


def speaking(house, room="demo"):
    with contextlib.suppress(httpx.HTTPError, ValueError, KeyError):
        state = house.state(room)
        return state["source"] == "live" and {p["id"] for p in state["roster"]} >= {"ada", "ben"}
    return False


def by_name(url):
    """As the house calls itself where it listens for this machine alone."""
    return url.replace("127.0.0.1", "localhost")


@pytest.mark.slow
def test_the_demo_sounds_and_survives_its_services(tmp_path):
    with House(tmp_path, "--demo") as house:
        until(lambda: speaking(house), "two voices on stage")
        log = house.log.read_text()
        for word, url in (("stage", house.stage), ("edge", house.edge), ("web", house.web)):
            assert f"{word:<7} {by_name(url)}\n" in log
        assert f"listen  {by_name(house.edge)}/r/demo\n" in log
        assert f"speak   {by_name(house.stage)}/s/demo#i=" in log
        assert httpx.get(f"{house.edge}/r/demo").status_code == 200

        for service in ("web", "edge", "stage"):
            before = house.child(service).pid
            house.child(service).kill()
            until(lambda s=service, b=before: _other(house, s, b), f"a new {service}")
            until(lambda: speaking(house), f"the voices after the {service} had died")
            assert f"{service} ended (signal SIGKILL)" in house.log.read_text()


class TlsHouse(House):
    """The same behind a certificate of another name, from an authority nobody here knows."""

    def __init__(self, folder, *flags):
        cert, key = certificate(folder, "c", names=("debate.example",), authority=True)
        super().__init__(folder / "d", *flags, "--tls-cert", str(cert), "--tls-key", str(key))
        self.web, self.stage, self.edge = (
            url.replace("http:", "https:") for url in (self.web, self.stage, self.edge)
        )

    @staticmethod
    def ready(base):
        with contextlib.suppress(httpx.HTTPError):
            return httpx.get(f"{base}/readyz", timeout=2, verify=False).status_code == 200
        return False


@pytest.mark.slow
def test_the_services_find_each_other_under_tls(tmp_path):
    """The edge carries two voices: it reached the stage, and so did the demo and `say`."""
    with TlsHouse(tmp_path, "--demo") as house:

        def roster():
            answer = httpx.get(f"{house.edge}/live/demo/state.json", verify=False, timeout=5)
            return answer.status_code == 200 and len(answer.json()["roster"]) == 2

        until(roster, "two voices on stage")
        assert f"listen  {by_name(house.edge)}/r/demo\n" in house.log.read_text()


def _other(house, service, before):
    with contextlib.suppress(AssertionError):
        return house.child(service).pid != before
    return False


@pytest.mark.slow
def test_a_frozen_service_is_started_anew(tmp_path):
    with House(tmp_path, HUSTINGS_SERVE_WEB_FROZEN_S="1") as house:
        frozen = house.child("web")
        frozen.send_signal(signal.SIGSTOP)
        until(lambda: "web ended (its loop stood still" in house.log.read_text(), "the verdict")
        until(lambda: _other(house, "web", frozen.pid), "another web")
        until(lambda: house.ready(house.web), "its answer")


@pytest.mark.slow
def test_a_second_house_on_the_same_ports_says_who_has_them(tmp_path):
    with House(tmp_path / "one") as house:
        done = subprocess.run(
            [*SERVE, "--data", str(tmp_path / "two")],  # the ports stand in the environment
            env=house.environment,
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
        assert done.returncode == 1
        [line] = done.stderr.splitlines()
        assert f"Port {house.stage_port} for the stage is taken by" in line
        assert f"(process {house.child('stage').pid})" in line
        assert "--stage-port" in line


@pytest.mark.slow
def test_nothing_is_left_of_a_house_that_is_killed(tmp_path):
    house = House(tmp_path, "--demo")
    house.start()
    until(lambda: speaking(house), "two voices on stage")
    children = psutil.Process(house.process.pid).children(recursive=True)
    assert len(children) == 6  # stage, edge, web, who makes replays, two voices
    house.process.kill()
    house.process.wait()
    _, alive = psutil.wait_procs(children, 15)
    assert alive == []


@pytest.mark.slow
def test_ctrl_c_ends_the_house_without_a_word_of_python(tmp_path):
    with House(tmp_path) as house:
        until(lambda: any(house.children("replay")), "who makes replays")
        children = psutil.Process(house.process.pid).children(recursive=True)
        os.killpg(house.process.pid, signal.SIGINT)
        assert house.process.wait(20) == 0
        _, alive = psutil.wait_procs(children, 5)
        assert alive == []
        said = house.log.read_text()
        assert "stopping" in said
        for word in ("Traceback", "Exception ignored", "KeyboardInterrupt"):
            assert word not in said
