"""When a message to the stage is tried again."""

from hypothesis import given
from hypothesis import strategies as st

from hustings.web.outbox.model import FIRST_RETRY_S, LAST_RETRY_S, retry_in_s


@given(st.integers(1, 10_000), st.floats(0, 1, exclude_max=True))
def test_waits_grow_and_stay_bounded(attempts: int, spread: float) -> None:
    wait = retry_in_s(attempts, spread)
    assert FIRST_RETRY_S / 2 <= wait <= LAST_RETRY_S
    assert retry_in_s(attempts + 1, spread) >= wait


def test_the_first_is_soon_and_the_last_is_the_limit() -> None:
    assert retry_in_s(1, 0.0) == FIRST_RETRY_S / 2
    assert retry_in_s(50, 0.999) > LAST_RETRY_S * 0.99
