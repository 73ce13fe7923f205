"""Idempotency keys: remembered through a restart, and never more than a bound."""

from hustings.stage.keys import REMEMBERED, Keys


def test_a_key_is_known_until_many_newer_ones_came() -> None:
    keys = Keys()
    for n in range(2 * REMEMBERED + 1):
        keys.add(f"k{n}", n)
    assert keys.get("k0") is None
    assert keys.get(f"k{2 * REMEMBERED}") == 2 * REMEMBERED
    assert len(keys.state()) == REMEMBERED


def test_what_was_remembered_is_known_after_a_restart() -> None:
    keys, again = Keys(), Keys()
    keys.add("a", 0)
    again.restore(keys.state())
    assert again.get("a") == 0
    assert again.get("b") is None
