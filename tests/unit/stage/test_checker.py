"""A checker hears everything from backstage, is never heard, and no listener learns of them."""

import pytest

from hustings.base.errors import Denied, UserError
from hustings.stage.commands import COMMANDS
from hustings.stage.evening import evening as evenings
from hustings.stage.room import HOSTS, ROLES, STEWARDS
from tests.unit.stage.test_room import Evening

MAY = {"rename", "leave"}
AT = {"participant": "k"}


@pytest.fixture
def evening() -> Evening:
    evening = Evening()
    for who, role in (("h", "host"), ("m", "moderator"), ("s", "speaker"), ("k", "checker")):
        evening.join(who, role)
    return evening


def test_they_come_muted_and_backstage_and_stay_so(evening: Evening) -> None:
    kay = evening.room.people["k"]
    assert (kay.place, kay.muted, kay.role) == ("backstage", True, "checker")
    evening.join("k", "checker")  # again, after a reload
    assert evening.room.people["k"].muted


@pytest.mark.parametrize("command", sorted(COMMANDS - MAY))
def test_they_press_nothing(evening: Evening, command: str) -> None:
    with pytest.raises(Denied) as refused:
        evening.do("k", command, **AT)
    assert refused.value.code == "role_denied"


def test_nor_anything_of_the_evening(evening: Evening) -> None:
    for command in evenings.COMMANDS:
        with pytest.raises(Denied) as refused:
            evenings.Evening().perform(evening.room, "k", command, {})
        assert refused.value.code == "role_denied"


@pytest.mark.parametrize("command", ["invite", "talk", "role"])
@pytest.mark.parametrize("role", ["speaker", "host"])
def test_nobody_makes_them_speak(evening: Evening, command: str, role: str) -> None:
    evening.take(evening.room.connection("k", connected=True))
    with pytest.raises(UserError) as refused:
        evening.do("h", command, role=role, **AT)
    assert refused.value.code == "checker_silent"
    with pytest.raises(UserError):
        evening.room.bring_on_stage(evening.room.people["k"])


def test_no_host_makes_a_checker(evening: Evening) -> None:
    for command in ("role", "link"):
        with pytest.raises(UserError) as refused:
            evening.do("h", command, participant="s", role="checker")
        assert refused.value.code == "role_unknown"


def test_a_panic_and_its_end_leave_them_where_they_are(evening: Evening) -> None:
    evening.do("h", "panic")
    evening.do("h", "calm")
    kay = evening.room.people["k"]
    assert (kay.place, kay.muted) == ("backstage", True)


def test_no_listener_learns_of_them(evening: Evening) -> None:
    evening.take(evening.room.connection("k", connected=True))
    evening.do("k", "rename", name="Kay")
    evening.do("h", "mute_other", **AT)
    evening.do("h", "backstage", **AT)
    evening.do("k", "leave")
    evening.join("k", "checker")
    evening.do("h", "remove", **AT)
    assert not [change for change in evening.changes if change.public]  # nobody is on stage
    assert "k" in evening.room.revoked


def test_the_roles_that_act_are_none_of_theirs() -> None:
    assert not {"checker"} & (HOSTS | STEWARDS | ROLES)
