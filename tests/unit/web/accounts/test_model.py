"""Names, recovery codes, browsers."""

import re

import pytest

from hustings.base.errors import UserError
from hustings.web.accounts.browsers import browser_of
from hustings.web.accounts.model import name_from_form, new_codes, plain_code, to_the_day


def test_recovery_codes_are_ten_that_differ_and_carry_99_bits() -> None:
    codes = new_codes()
    assert len(set(codes)) == 10
    assert all(re.fullmatch(r"([a-hj-km-np-z2-9]{5}-){3}[a-hj-km-np-z2-9]{5}", c) for c in codes)


def test_a_code_may_be_typed_as_it_comes() -> None:
    code = new_codes()[0]
    for typed in (code.upper(), f"  {code}\n", code.replace("-", " "), code.replace("-", "")):
        assert plain_code(typed) == plain_code(code)
    assert len(plain_code("x" * 10_000)) == 200


@pytest.mark.parametrize("text", ["", "  ", "\u202e\u200b", "\n"])
def test_a_name_is_something_to_read(text: str) -> None:
    with pytest.raises(UserError) as refused:
        name_from_form(text)
    assert refused.value.code == "name_missing"


def test_days_have_no_hours() -> None:
    assert to_the_day(1_800_000_000_123) == 1_799_971_200_000
    assert to_the_day(to_the_day(1_800_000_000_123)) == to_the_day(1_800_000_000_123)


@pytest.mark.parametrize(
    ("agent", "said"),
    [
        ("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Firefox/140.0", "Firefox · Linux"),
        (
            "Mozilla/5.0 (Linux; Android 14) Chrome/140.0.0.0 Mobile Safari/537.36",
            "Chrome · Android",
        ),
        (
            "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Version/18.0 Safari/604.1",
            "Safari · iPhone",
        ),
        (
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64) Chrome/140.0.0.0 Safari/537.36 Edg/140.0",
            "Edge · Windows",
        ),
        ("curl/8.0", ""),
        ("", ""),
        ("Linux" * 10_000, "Linux"),
    ],
)
def test_a_browser_is_family_and_system_and_no_more(agent: str, said: str) -> None:
    assert browser_of(agent) == said
    assert len(browser_of(agent)) <= 40
