"""The keys an edge holds: the last good ones, whatever comes."""

from hypothesis import given
from hypothesis import strategies as st

from hustings.edge.metrics import Counts
from hustings.edge.waiting.keys import HeldKeys
from hustings.wire.tickets import PERIOD_S, Ticket, keys_of

NOW = 1_800_000_000
plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=50),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=8,
)


@given(poison=plain | st.fixed_dictionaries({"current": plain, "keys": plain}))
def test_F31_poisoned_ticket_keys_are_rejected_and_the_last_good_ones_kept(poison: object) -> None:
    counts = Counts()
    keys = HeldKeys(counts)
    good = keys_of(b"m" * 32, NOW)
    keys.take(good.line())
    text = good.sign(Ticket("r", NOW, 1, "seat", NOW + 600))
    keys.take(poison)
    assert keys.now is not None
    assert keys.now.check(text, room="r", now_s=NOW).id == 1  # who was let in stays let in
    assert counts.bad_lines == 1  # and the operator can see it


def test_new_keys_replace_the_old() -> None:
    keys = HeldKeys(Counts())
    assert keys.now is None
    for at_s in (NOW, NOW + PERIOD_S):
        keys.take(keys_of(b"m" * 32, at_s).line())
        assert keys.now == keys_of(b"m" * 32, at_s)
