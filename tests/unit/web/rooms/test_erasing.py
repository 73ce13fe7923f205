"""How hosts write a second, and what they must say to have a stretch erased."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hustings.base.errors import UserError
from hustings.web.rooms.erasing import Stretch, second, stretch_from_form


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("3723", 3_723),
        (" 62:03 ", 3_723),
        ("1:02:03", 3_723),
        ("0:00", 0),
        ("https://square.example/r/hall?t=754", 754),
        ("https://square.example/r/hall?lang=de&t=754#x", 754),
    ],
)
def test_a_second_is_a_link_or_a_clock(text: str, seconds: int) -> None:
    assert second(text) == seconds


@given(st.text(max_size=40))
def test_anything_else_is_refused_with_a_reason(text: str) -> None:
    try:
        assert second(text) >= 0
    except UserError as refused:
        assert refused.code == "stretch_bad"  # noqa: PT017 - both ends are right


def test_a_stretch_has_an_order_and_a_reason() -> None:
    said = {"from": "1:00", "to": "1:30", "reason": " A private\u202e name "}
    assert stretch_from_form(said) == Stretch(60, 90, "A private name")
    for wrong, code in (
        (said | {"to": "0:59"}, "stretch_bad"),
        (said | {"to": "1:00"}, "stretch_bad"),
        (said | {"from": ""}, "stretch_bad"),
        (said | {"reason": " \u202e "}, "reason_missing"),
    ):
        with pytest.raises(UserError) as refused:
            stretch_from_form(wrong)
        assert refused.value.code == code
