"""The command line itself: help, exit codes, errors in words."""

import json

import pytest

from hustings.base.clock import SystemClock
from hustings.base.keyfiles import edges_key
from hustings.base.revocations import Revocations
from hustings.cli.main import COMMANDS, main
from hustings.wire.credentials import EdgeCheck, EdgeSigner


def test_help_lists_every_command(capsys):
    assert main(["--help"]) == 0
    out = capsys.readouterr().out
    assert all(f"  {c.name} " in out for c in COMMANDS)


@pytest.mark.parametrize("words", [[], ["nosuch"], ["settings", "--nosuch"]])
def test_wrong_use_is_2(words, capsys):
    assert main(words) == 2
    capsys.readouterr()


def test_an_error_is_one_line(capsys, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    assert main(["settings", "--json", "--set", "stage.prot=1"]) == 2
    out, err = capsys.readouterr()
    assert err == (
        "hustings: There is no setting stage.prot (in --set). The nearest is stage.port.\n"
    )
    assert json.loads(out)["type"] == "urn:hustings:error:setting_unknown"


def test_secrets_are_masked(capsys, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HUSTINGS_EDGE_TOKEN", "s3cret")
    for form in ([], ["--json"], ["--toml"]):
        assert main(["settings", *form]) == 0
        out = capsys.readouterr().out
        assert "s3cret" not in out
        assert "********" in out


def test_the_file_is_found_beside_us_or_by_name(capsys, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "hustings.toml").write_text("[edge]\nport = 1234\n")
    assert main(["settings"]) == 0
    assert "hustings.toml" in capsys.readouterr().out
    assert main(["settings", "--config", "none.toml"]) == 2
    assert "Cannot read none.toml" in capsys.readouterr().err


def test_an_edge_token_is_good_and_can_be_ended(capsys, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    assert main(["edge-token", "--json", "--name", "paris", "--days", "2"]) == 0
    made = json.loads(capsys.readouterr().out)
    data = tmp_path / "hustings-data"
    now_s = SystemClock().wall_ms() / 1_000
    check = EdgeCheck(EdgeSigner(edges_key(data)).public)
    claims = check.check(made["token"], now_s=now_s)
    assert (claims.name, claims.jti) == ("paris", made["id"])
    assert main(["edge-token", "--revoke", made["id"]]) == 0
    assert claims.jti in Revocations(data)
    assert main(["edge-token"]) == 0  # where no stage has run: its edge would be refused
    assert "no stage has run with the data folder hustings-data" in capsys.readouterr().err
    assert main(["edge-token", "--days", "0"]) == 2
    assert main(["edge-token", "--days", "x"]) == 2
    assert capsys.readouterr().err.count("a whole number of days, at least 1") == 2


def test_a_host_link_needs_a_house(capsys, tmp_path):
    assert main(["host-link", "--data", str(tmp_path / "mistyped")]) == 1
    assert "There is no house in" in capsys.readouterr().err
    assert not (tmp_path / "mistyped").exists()
