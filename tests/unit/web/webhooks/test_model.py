"""What an answer of a receiver means, and which form makes a hook."""

import pytest

from hustings.base.errors import UserError
from hustings.web.post.model import REASON_CHARS, Refused, Sent, TryAgain
from hustings.web.webhooks.events import EVENTS
from hustings.web.webhooks.model import Delivery, Hook, events_from_form, judged

HOOK = Hook("a", "https://x.example/", EVENTS, 2, 1_000, 0, "on", "", 0)


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
def test_any_two_hundred_is_good(status):
    assert judged(status, {}, b"").outcome == Sent()


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504, 599])
def test_an_overloaded_host_rests_as_long_as_it_asks_but_not_for_ever(status):
    outcome = judged(status, {"retry-after": "120"}, b"").outcome
    assert isinstance(outcome, TryAgain)
    assert (outcome.scope, outcome.delay_s) == ("host", 120.0)
    date = "Mon, 30 Nov 2026 14:00:00 GMT"
    for text, delay_s in (
        ("1000000", 900.0),
        ("Mon, 30 Nov 2026 14:01:00 GMT", 60.0),
        ("-1", 0.0),
        ("٣", 0.0),
    ):
        outcome = judged(status, {"retry-after": text, "date": date}, b"").outcome
        assert isinstance(outcome, TryAgain)
        assert outcome.delay_s == delay_s


@pytest.mark.parametrize("status", [301, 302, 307, 308, 400, 401, 403, 404, 405, 422])
def test_all_else_is_this_messages_own_trouble(status):
    outcome = judged(status, {"location": "http://10.0.0.1/"}, b"").outcome
    assert isinstance(outcome, TryAgain)
    assert outcome.scope == "letter"
    assert ("redirects" in outcome.reason) == (status < 400)


def test_gone_is_for_ever():
    tried = judged(410, {}, b"")
    assert isinstance(tried.outcome, Refused)
    assert tried.gone
    assert not judged(404, {}, b"").gone


def test_of_an_answer_a_short_plain_text_is_kept():
    said = judged(200, {}, b"\xff\x00 <b>\r\n\x1b[31m" + b"x" * 100_000).answer
    assert len(said) <= REASON_CHARS
    assert said.isprintable()
    assert said.startswith("\ufffd <b> [31m")


def test_two_secrets_sign_while_they_overlap():
    assert HOOK.generations(999) == [2, 1]
    assert HOOK.generations(1_000) == [2]


def test_a_message_that_was_not_sent_in_time_is_given_up():
    delivery = Delivery("d", "a", "ping", b"", 0, 1_000, 1, 0, 0, 0, "", "waiting")
    assert (delivery.outlook(1_000), delivery.outlook(1_001)) == ("waiting", "failed")


def test_a_hook_wants_at_least_one_event_and_no_unknown_one():
    assert events_from_form({"room.live": "on", "room.bogus": "on"}) == ("room.live",)
    with pytest.raises(UserError) as refused:
        events_from_form({"room.bogus": "on"})
    assert refused.value.code == "hook_events"
