"""When a child counts as frozen, and how soon it may start again."""

import pytest

from hustings.serve.health import LONGEST_WAIT_S, Health, Restarts


def health():
    return Health(started_s=100.0, frozen_after_s=3.0, ready_within_s=30.0)


def test_a_slow_start_is_no_trouble_but_an_endless_one_is():
    child = health()
    assert child.trouble(129.0) == ""
    assert "not ready" in child.trouble(131.0)
    child.heard("ready http://127.0.0.1:8001", 131.0)
    assert child.ready_url == "http://127.0.0.1:8001"
    assert child.trouble(1_000.0) == ""  # a service that never beat is not judged by beats


def test_each_loop_must_go_on_beating():
    child = health()
    child.heard("ready x", 100.5)
    child.heard("beat http", 101.0)
    child.heard("beat mixer", 101.0)
    child.heard("beat http", 103.5)
    assert child.trouble(104.0) == ""
    assert child.trouble(104.1) == "its mixer stood still for 3.1 s"


def test_a_starved_machine_grants_patience():
    child = health()
    child.heard("beat loop", 101.0)
    assert child.trouble(105.0) != ""
    assert child.trouble(105.0, own_delay_s=1.0) == ""


def test_a_child_without_a_core_is_not_frozen():
    child = health()
    child.starved_s = 1.0
    child.heard("beat loop", 101.0)
    child.starved_s = 4.0  # of the next 5 s it waited 3 for its turn
    assert child.trouble(106.0) == ""
    assert child.trouble(107.1) != ""


def test_other_lines_are_ignored():
    child = health()
    child.heard("\x00garbage", 101.0)
    child.heard("", 101.0)
    assert child.trouble(110.0) == ""


def test_the_first_restart_is_at_once_and_a_row_of_them_slows_down():
    restarts = Restarts()
    assert restarts.after(ran_s=600.0, ready=True) == 0.0
    waits = [restarts.after(ran_s=0.5, ready=True) for _ in range(10)]
    assert waits[:5] == [0.0, 0.25, 0.5, 1.0, 2.0]
    assert waits[-1] == LONGEST_WAIT_S
    assert restarts.after(ran_s=31.0, ready=True) == 0.0


@pytest.mark.parametrize("ready", [True, False])
def test_only_what_never_worked_is_given_up(ready):
    restarts = Restarts()
    waits = [restarts.after(ran_s=0.5, ready=ready) for _ in range(3)]
    assert (waits[-1] is None) is not ready
