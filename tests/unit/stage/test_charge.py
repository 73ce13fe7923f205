"""Who runs the room, in virtual time."""

from hypothesis import given
from hypothesis import strategies as st

from hustings.stage.charge import TAKEOVER_S, in_charge
from hustings.stage.watchers import Absences
from hustings.wire.kinds import Participant

HOST = Participant("h", "Ada", "host")
SECOND = Participant("h2", "Bo", "host")
COHOST = Participant("c", "Cem", "cohost")
SPEAKER = Participant("s", "Dot", "speaker")
LONG = 10 * TAKEOVER_S


def people(*who: Participant) -> dict[str, Participant]:
    return {each.id: each for each in who}


def test_a_host_runs_it_and_a_cohost_only_while_no_host_is_there() -> None:
    house = people(COHOST, SPEAKER, HOST)
    assert in_charge(house, {}, "") == "h"
    assert in_charge(house, {"h": LONG}, "h") == "c"
    assert in_charge(house, {}, "c") == "h"  # back in the seat, at once


def test_a_page_that_reloads_is_not_gone() -> None:
    house = people(HOST, COHOST)
    assert in_charge(house, {"h": TAKEOVER_S - 0.1}, "h") == "h"
    assert in_charge(house, {"h": TAKEOVER_S}, "h") == "c"


def test_of_two_hosts_the_one_who_has_it_keeps_it() -> None:
    house = people(HOST, SECOND, COHOST)
    assert in_charge(house, {}, "h2") == "h2"
    assert in_charge(house, {"h2": LONG}, "h2") == "h"


def test_with_nobody_there_it_stays_and_a_speaker_never_gets_it() -> None:
    assert in_charge(people(HOST, SPEAKER), {"h": LONG}, "h") == "h"
    assert in_charge(people(SPEAKER), {}, "") == ""
    assert in_charge(people(SPEAKER), {}, "h") == ""  # the host left


def test_absence_begins_when_the_page_goes_and_ends_when_it_comes() -> None:
    absences = Absences()
    assert absences.turn("hc", {"h", "c"}, 10.0) == {}
    assert absences.turn("hc", {"c"}, 11.0) == {"h": 0.0}
    assert absences.turn("hc", {"c"}, 13.0) == {"h": 2.0}
    assert absences.turn("hc", {"h", "c"}, 14.0) == {}
    assert absences.turn("hc", {"c"}, 15.0) == {"h": 0.0}


@given(
    st.lists(st.sampled_from([HOST, SECOND, COHOST, SPEAKER]), unique=True),
    st.dictionaries(st.sampled_from(["h", "h2", "c"]), st.floats(0, LONG)),
    st.sampled_from(["", "h", "h2", "c", "s"]),
)
def test_whoever_is_there_and_may_run_it_does(
    house: list[Participant], away: dict[str, float], holder: str
) -> None:
    holder = in_charge(people(*house), away, holder)
    there = [who.role for who in house if who.id not in away and who.role != "speaker"]
    if there:
        new = people(*house)[holder]
        assert new.role != "speaker"
        assert new.role == "host" or "host" not in there
    assert in_charge(people(*house), away, holder) == holder  # and it rests there
