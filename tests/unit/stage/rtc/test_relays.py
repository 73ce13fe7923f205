"""Passwords for relays: as coturn checks them, one for each page, none for the stage itself."""

import base64
import hashlib
import hmac

from hustings.settings import Rtc
from hustings.stage.rtc.relays import LASTS_S, ice_links, told_to_pages, used_by_stage

URLS = (
    "stun:stun.example:3478",
    "turn:relay.example:3478?transport=tcp",
    "turns:relay.example:443",
    "turn:ann:word@other.example",
)


def test_without_a_secret_servers_are_told_as_they_stand() -> None:
    settings = Rtc(ice_servers=URLS)
    assert told_to_pages(settings, 1_800_000_000) == used_by_stage(settings) == list(URLS)


def test_with_a_secret_a_relay_without_an_account_gets_one_that_runs_out() -> None:
    settings = Rtc(ice_servers=URLS, turn_secret="north")
    stun, turn, turns, named = told_to_pages(settings, 1_800_000_000)
    assert (stun, named) == (URLS[0], URLS[3])
    user = str(1_800_000_000 + LASTS_S)
    word = base64.b64encode(hmac.new(b"north", user.encode(), hashlib.sha1).digest()).decode()
    assert turn == f"turn:{user}:{word}@relay.example:3478?transport=tcp"
    assert turns == f"turns:{user}:{word}@relay.example:443"
    assert "north" not in turn + turns
    assert used_by_stage(settings) == [URLS[0], URLS[3]]


def test_encoders_are_told_by_links() -> None:
    stun, turn, turns, named = ice_links(Rtc(ice_servers=URLS, turn_secret='a"b'), 1_800_000_000)
    assert stun == '<stun:stun.example:3478>; rel="ice-server"'
    user = str(1_800_000_000 + LASTS_S)
    for link, server in (
        (turn, "turn:relay.example:3478?transport=tcp"),
        (turns, "turns:relay.example:443"),
    ):
        assert link.startswith(f'<{server}>; rel="ice-server"; username="{user}"; credential="')
        assert link.endswith('credential-type="password"')
    assert named == (
        '<turn:other.example>; rel="ice-server"; username="ann"; credential="word";'
        ' credential-type="password"'
    )
