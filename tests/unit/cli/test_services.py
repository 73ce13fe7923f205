"""`hustings edge`: whom it follows, and how it is given its secret."""

import io

import pytest

from hustings.base.errors import UserError
from hustings.cli import services
from hustings.cli.main import COMMANDS, parser_for
from hustings.cli.options import settings_from

EDGE = next(command for command in COMMANDS if command.name == "edge")


def test_flags_say_whom_it_follows(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    args = parser_for(EDGE).parse_args(["--origin", "https://stage.example", "--token", "t"])
    edge = settings_from(args).edge
    assert (edge.origin, edge.token) == ("https://stage.example", "t")


def test_a_secret_comes_from_a_file_or_standard_input(tmp_path, monkeypatch):
    (tmp_path / "token").write_text("secret\n")
    assert services.read_secret(str(tmp_path / "token")) == "secret"
    monkeypatch.setattr("sys.stdin", io.StringIO("other\n"))
    assert services.read_secret("-") == "other"
    for path in ("/dev/null", str(tmp_path / "none")):
        with pytest.raises(UserError) as refused:
            services.read_secret(path)
        assert refused.value.code == "setting_file"


def test_an_origin_that_can_never_answer_is_refused_at_once():
    for good in ("", "http://127.0.0.1:8001", "https://stage.example/"):
        services.check_origin(good)
    for bad in ("stage.example", "ftp://stage.example", "https://", "not-a-url"):
        with pytest.raises(UserError) as refused:
            services.check_origin(bad)
        assert refused.value.code == "setting_value"


def test_only_an_edge_has_an_origin():
    stage = next(command for command in COMMANDS if command.name == "stage")
    with pytest.raises(SystemExit):
        parser_for(stage).parse_args(["--origin", "x"])


def test_its_help_warns_of_ps(capsys):
    with pytest.raises(SystemExit):
        parser_for(EDGE).parse_args(["--help"])
    assert "all users of this machine can" in " ".join(capsys.readouterr().out.split())
