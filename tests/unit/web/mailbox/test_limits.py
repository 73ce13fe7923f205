"""How often links may be asked for, and what a flood of asks and challenges costs, in virtual time."""

import pytest

from hustings.base.errors import TryLater
from hustings.web.accounts.challenges import MOST, Challenges, Patience
from hustings.web.mailbox.limits import OF_ALL, OF_MAILBOX, OF_NETWORK, OF_SOURCE, Asking

TABLE = 65_536


def refusals(asking: Asking, asks: list[tuple[str, str, float]]) -> list[str]:
    """Codes of what was refused, "" for what was not: (address, source, second) each."""
    codes = []
    for address, source, now_s in asks:
        try:
            asking.charge(address, source, now_s)
        except TryLater as error:
            codes.append(error.code if error.delay_s > 0 else "at once?")
        else:
            codes.append("")
    return codes


@pytest.mark.parametrize(
    ("limit", "asks"),
    [
        (OF_MAILBOX, [("a@x.example", f"10.{n}.0.1", 0.0) for n in range(10)]),
        (OF_SOURCE, [(f"a{n}@x.example", "192.0.2.1", 0.0) for n in range(40)]),
        (OF_SOURCE, [(f"a{n}@x.example", f"2001:db8:1:1::{n:x}", 0.0) for n in range(40)]),
        (OF_NETWORK, [(f"a{n}@x.example", f"192.0.2.{n}", 0.0) for n in range(120)]),
    ],
)
def test_an_address_a_source_and_a_network_have_their_share(
    limit: tuple[float, float], asks: list[tuple[str, str, float]]
) -> None:
    codes = refusals(Asking(), asks)
    assert codes.count("") == limit[1]
    assert codes == [""] * int(limit[1]) + ["sign_in_rate"] * (len(asks) - int(limit[1]))


def test_what_was_refused_to_one_is_not_taken_from_others() -> None:
    asking = Asking()
    refusals(asking, [("a@x.example", "192.0.2.1", 0.0)] * 100)
    assert refusals(asking, [("b@x.example", "192.0.2.1", 0.0)]) == [""]
    assert refusals(asking, [("a@x.example", "198.51.100.1", 1 / OF_MAILBOX[0] + 1)]) == [""]


def test_a_thousand_asks_a_second_from_everywhere_cost_a_bounded_memory_and_few_mails() -> None:
    asking, granted = Asking(), 0
    for number in range(20_000):
        source = f"{number % 223 + 1}.{number // 223 % 256}.{number // 57_088 % 256}.1"
        granted += refusals(asking, [(f"a{number}@x.example", source, number / 1_000)]) == [""]
    assert granted <= OF_ALL[1] + 20 * OF_ALL[0] + 1
    assert len(asking) <= 3 * TABLE + 1


def test_a_flood_of_challenges_pushes_out_none_that_counts() -> None:
    challenges, patience, granted = Challenges(), Patience(), 0
    first = challenges.issue("sign in", 0.0)
    for number in range(30_000):  # 100 a second, for as long as a challenge is good
        source = f"{number % 223 + 1}.{number // 223 % 256}.{number // 57_088 % 256}.1"
        try:
            patience.charge(source, number / 100)
        except TryLater:
            continue
        challenges.issue("sign in", number / 100)
        granted += 1
    assert granted < MOST
    assert len(challenges) <= MOST
    assert challenges.take(first, "sign in", 299.0) == ""
