"""The doctor on real files, sockets and certificates."""

import json
import os
import socket
from datetime import timedelta

import pytest

from hustings.base.clock import ManualClock, SystemClock
from hustings.cli.main import main
from hustings.loading import load
from hustings.serve import checkup
from hustings.serve.certificates import certificate_findings
from tests.fakes.certificates import certificate


def settings(**flags):
    return load(flags={k.replace("__", "."): ("test", v) for k, v in flags.items()}).settings


def states(findings):
    return {finding.name: finding.state for finding in findings}


def test_a_taken_port_is_told_with_its_remedy(tmp_path, capsys):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        words = ["--json", "--data", str(tmp_path), "--edge-port", str(port)]
        code = main(["doctor", *words, "--stage-port", "0", "--web-port", "0"])
    told = json.loads(capsys.readouterr().out)
    assert (code, told["ok"]) == (1, False)
    [finding] = [f for f in told["findings"] if f["state"] == "bad"]
    assert finding["name"] == f"port {port}"
    assert f"(process {os.getpid()})" in finding["said"]
    assert "--edge-port" in finding["mend"]


def test_every_trouble_comes_with_a_remedy(tmp_path, capsys):
    main(["doctor", "--json", "--data", str(tmp_path), "--host", "192.0.2.1"])
    told = json.loads(capsys.readouterr().out)["findings"]
    troubled = [f for f in told if f["state"] != "ok"]
    assert len(troubled) >= 5  # three ports, UDP, TLS
    assert all(f["mend"] for f in troubled)


def test_a_key_that_others_can_read(tmp_path):
    keys = tmp_path / "keys"
    keys.mkdir()
    (keys / "service.key").write_text("x")
    (keys / "journal.pub").write_text("x")
    (keys / "service.key").chmod(0o644)
    (keys / "journal.pub").chmod(0o644)
    first, *_ = checkup.key_files(tmp_path)
    assert first.state == "bad"
    assert f"chmod 600 {keys / 'service.key'}" in first.mend
    (keys / "service.key").chmod(0o600)
    assert states(checkup.key_files(tmp_path)) == {"keys": "ok"}


def test_a_clock_before_our_time():
    assert states(checkup.wall_clock(ManualClock(wall_ms=1_000))) == {"clock": "bad"}


def test_codecs_of_this_machine_work():
    assert states(checkup.codecs()) == {"codecs": "ok"}


def test_udp_ports_that_are_taken():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        port = sock.getsockname()[1]
        given = settings(stage__rtc__first_port=port, stage__rtc__last_port=port)
        [finding] = checkup.udp_ports(given)
    assert finding.state == "bad"


@pytest.mark.parametrize(
    ("begins", "ends", "state"),
    [(-1, 30, "ok"), (-1, 5, "warn"), (-9, -1, "bad"), (1, 30, "bad")],
)
def test_certificate_dates(tmp_path, begins, ends, state):
    cert, key = certificate(tmp_path, "c", begins=timedelta(days=begins), ends=timedelta(days=ends))
    given = settings(host="localhost", tls__cert=str(cert), tls__key=str(key))
    assert states(certificate_findings(given, SystemClock()))["certificate"] == state


@pytest.mark.parametrize(
    ("names", "url", "state"),
    [
        (("debate.example",), "https://debate.example", "ok"),
        (("*.debate.example",), "https://stage.debate.example/s", "ok"),
        (("*.debate.example",), "https://debate.example", "bad"),
        (("other.example",), "https://debate.example", "bad"),
    ],
)
def test_certificate_names(tmp_path, names, url, state):
    cert, key = certificate(tmp_path, "c", names=names)
    given = settings(tls__cert=str(cert), tls__key=str(key), public_url__stage=url)
    assert states(certificate_findings(given, SystemClock()))["certificate names"] == state


def test_no_tls_matters_only_off_this_machine():
    for host, url, state in (
        ("127.0.0.1", "", "ok"),
        ("0.0.0.0", "", "warn"),
        ("0.0.0.0", "https://debate.example", "ok"),
    ):
        given = settings(host=host, public_url__web=url, public_url__stage=url)
        assert states(certificate_findings(given, SystemClock())) == {"TLS": state}
