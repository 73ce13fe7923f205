"""What `serve` says before it starts, on real sockets and files."""

import os
import socket

import pytest

from hustings.base.errors import OperatorError
from hustings.loading import load
from hustings.serve import preflight
from tests.fakes.certificates import certificate


def settings(**flags):
    return load(flags={k.replace("__", "."): ("test", v) for k, v in flags.items()}).settings


def refusal(given):
    with pytest.raises(OperatorError) as caught:
        preflight.check(given)
    return caught.value


def test_a_taken_port_names_its_holder_and_the_flag(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        error = refusal(settings(data=str(tmp_path), stage__port=0, edge__port=0, web__port=port))
    assert error.code == "port_taken"
    assert f"(process {os.getpid()})" in error.title
    assert "--web-port" in error.title


def test_two_services_on_one_port(tmp_path):
    error = refusal(settings(data=str(tmp_path), stage__port=0, edge__port=45123, web__port=45123))
    assert error.title == "Port 45123 is given to both edge and web: move one with --web-port."


def test_an_address_that_is_not_ours(tmp_path):
    error = refusal(settings(data=str(tmp_path), host="192.0.2.1"))
    assert error.code == "port_denied"


def test_a_folder_that_is_a_file(tmp_path):
    (tmp_path / "file").write_text("")
    error = refusal(settings(data=str(tmp_path / "file" / "data")))
    assert error.code == "data_folder"
    assert "--data" in error.title


def test_certificate_and_key_belong_together(tmp_path):
    cert, key = certificate(tmp_path, "one")
    _, other = certificate(tmp_path, "two")
    good = settings(data=str(tmp_path), tls__cert=str(cert), tls__key=str(key))
    preflight.check_tls(good)
    for wrong in (
        settings(tls__cert=str(cert)),
        settings(tls__cert=str(cert), tls__key=str(other)),
        settings(tls__cert=str(cert), tls__key=str(tmp_path / "none")),
    ):
        with pytest.raises(OperatorError) as caught:
            preflight.check_tls(wrong)
        assert caught.value.code == "tls_pair"


def test_a_udp_range_upside_down(tmp_path):
    error = refusal(
        settings(
            data=str(tmp_path),
            stage__port=0,
            edge__port=0,
            web__port=0,
            stage__rtc__first_port=5,
            stage__rtc__last_port=4,
        )
    )
    assert error.code == "port_range"
