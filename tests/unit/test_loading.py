"""The four layers of settings, and what a person reads when one of them is wrong."""

import msgspec
import pytest

from hustings.base.errors import HustingsError, OperatorError
from hustings.loading import environment, leaves, load, read_toml
from hustings.settings import Settings


def test_layers_lie_over_each_other_and_name_their_origin():
    loaded = load(
        toml={"stage": {"port": 1, "rooms": 2, "seats": 3}},
        toml_name="here.toml",
        environ={"HUSTINGS_STAGE_ROOMS": "20", "HUSTINGS_STAGE_SEATS": "30", "HOME": "/root"},
        flags={"stage.seats": ("--set", "12")},
    )
    stage = loaded.settings.stage
    assert (stage.port, stage.rooms, stage.seats, stage.people) == (1, 20, 12, 50)
    assert loaded.origins == {
        "stage.port": "here.toml",
        "stage.rooms": "HUSTINGS_STAGE_ROOMS",
        "stage.seats": "--set",
    }


@pytest.mark.parametrize(
    ("layers", "code", "said"),
    [
        ({"toml": {"stage": {"prot": 1}}}, "setting_unknown", "nearest is stage.port"),
        ({"toml": {"stag": {"port": 1}}}, "setting_unknown", "nearest is stage.port"),
        ({"toml": {"stage": 7}}, "setting_unknown", "There is no setting stage"),
        (
            {"environ": {"HUSTINGS_EDGE_PROT": "1"}},
            "setting_unknown",
            "nearest is HUSTINGS_EDGE_PORT",
        ),
        (
            {"toml": {"stage": {"port": "8001"}}},
            "setting_value",
            "a whole number, 0 to 65535, not '8001' (from hustings.toml)",
        ),
        (
            {"environ": {"HUSTINGS_EDGE_PORT": "99999"}},
            "setting_value",
            "(from HUSTINGS_EDGE_PORT)",
        ),
        (
            {"flags": {"edge.backlog_s": ("--set", "soon")}},
            "setting_value",
            "a number, above 0, not 'soon'",
        ),
        ({"flags": {"log": ("--set", "loud")}}, "setting_value", "debug, info, warning, error"),
    ],
)
def test_wrong_settings_say_what_and_where(layers, code, said):
    with pytest.raises(HustingsError) as caught:
        load(**layers)
    assert caught.value.code == code
    assert said in caught.value.title


def test_a_secret_is_not_repeated_in_the_error():
    with pytest.raises(HustingsError) as caught:
        load(toml={"edge": {"token": ["s3cret"]}})
    assert "s3cret" not in str(caught.value.problem())


def test_the_environment_carries_the_whole_tree_to_a_child():
    settings = load(
        toml={
            "host": "::1",
            "stage": {"rtc": {"ice_servers": ["stun:a", "turn:b"]}},
            "edge": {"backlog_s": 31.5},
        }
    ).settings
    assert load(environ=environment(settings)).settings == settings


def test_every_setting_has_a_variable_of_its_own():
    variables = [leaf.variable for leaf in leaves()]
    assert len(set(variables)) == len(variables)


def test_defaults_are_the_tree_itself():
    assert load().settings == Settings() == msgspec.convert({}, Settings)


def test_a_file_that_is_not_toml_says_so(tmp_path):
    path = tmp_path / "x.toml"
    path.write_text("port = = 1")
    with pytest.raises(OperatorError, match="is not TOML"):
        read_toml(path)
    with pytest.raises(OperatorError, match="No such file"):
        read_toml(tmp_path / "none.toml")
