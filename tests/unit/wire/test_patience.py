"""What an answer asks for: seconds or a date, within bounds, and nothing by nonsense."""

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hustings.client.http import _retry_after_s
from hustings.wire.patience import LONGEST_ASKED_S, asked_s

NOW = "Mon, 30 Nov 2026 14:00:00 GMT"


@pytest.mark.parametrize(
    ("retry_after", "date", "seconds"),
    [
        ("120", "", 120),
        (" 7 ", "", 7),
        ("0", "", 0),
        ("000000000000000012", "", 12),
        ("99999999999999999999999999", "", LONGEST_ASKED_S),
        ("Mon, 30 Nov 2026 14:01:30 GMT", NOW, 90),
        ("Monday, 30-Nov-26 14:01:30 GMT", NOW, 90),  # RFC 850
        ("Mon Nov 30 14:01:30 2026", NOW, 90),  # asctime
        ("Mon, 30 Nov 2026 15:01:30 +0100", NOW, 90),
        ("Mon, 30 Nov 2026 13:59:00 GMT", NOW, 0),  # it is over
        ("Wed, 01 Jan 2200 00:00:00 GMT", NOW, LONGEST_ASKED_S),
        ("Mon, 30 Nov 2026 14:01:30 GMT", "", 0),  # whose clock?
        ("Mon, 30 Nov 2026 14:01:30 GMT", "now", 0),
        ("", NOW, 0),
        ("-5", NOW, 0),
        ("1.5", NOW, 0),
        ("1e3", NOW, 0),
        ("²", NOW, 0),
        ("٣", NOW, 0),
        ("soon", NOW, 0),
        ("Mon, 99 Nov 2026 14:01:30 GMT", NOW, 0),
        ("Mon, 30 Nov 99999 14:01:30 GMT", NOW, 0),
    ],
)
def test_a_wait_is_read_as_it_was_meant(retry_after: str, date: str, seconds: float) -> None:
    assert asked_s(retry_after, date) == seconds


@given(st.text(max_size=80), st.one_of(st.just(NOW), st.text(max_size=80)), st.floats(1, 1e5))
def test_no_header_breaks_it_or_asks_for_more_than_its_reader_gives(
    retry_after: str, date: str, most_s: float
) -> None:
    assert 0 <= asked_s(retry_after, date, most_s=most_s) <= most_s


@pytest.mark.parametrize("text", ["120", "0", "", "-5", "1.5", "soon", "\u00b2"])
def test_the_client_that_stands_alone_reads_seconds_the_same(text: str) -> None:
    answer = httpx.Response(503, headers=[(b"retry-after", text.encode("latin-1"))])
    assert _retry_after_s(answer) == asked_s(text)
