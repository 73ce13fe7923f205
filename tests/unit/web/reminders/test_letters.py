"""Letters and the links in them."""

from typing import get_args

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hustings.base.errors import Denied
from hustings.base.ids import RoomId
from hustings.web.push.transport import PushBody
from hustings.web.reminders.letters import Letters, topic
from hustings.web.reminders.links import ReminderLinks
from hustings.web.reminders.model import Occasion, Sending, Subscription
from hustings.web.reminders.spread import Spread, place_of
from hustings.web.reminders.words import Event

HALL = RoomId("hall")
LINKS = ReminderLinks(b"k" * 32, "https://h")
SPREAD = Spread(1_000_000, 2_000_000, 3_000_000)
EVENT = Event(HALL, "Town hall", "Ada", 3_000_000, "", "https://h/r/hall", "", "https://h")


def sending(channel: str) -> Sending:
    return Sending(
        7,
        HALL,
        "reminder",
        channel,
        3_000_000,
        0,
        SPREAD,
        "open",
        0,
        0,
        0,
        0,
        0,
        None,  # type: ignore[arg-type]
    )


def to(channel: str, address: str) -> Subscription:
    return Subscription("sub", HALL, channel, address, b"\x04" * 81, "en", "", place_of("sub"))  # type: ignore[arg-type]


def test_a_mail_is_due_at_its_place_and_can_be_ended_by_one_click() -> None:
    letters = Letters(LINKS, ["mail"])
    [draft] = letters.drafts(sending("mail"), lambda _: EVENT, [to("mail", "ada@example.org")])
    assert (draft.transport, draft.host, draft.recipient) == (
        "mail",
        "example.org",
        "ada@example.org",
    )
    assert draft.key == "remind:hall:7:sub"
    assert draft.batch == "remind:hall:7"
    assert draft.until_ms == SPREAD.ends_ms
    assert draft.not_before_ms == SPREAD.due_ms(place_of("sub"))
    note = msgspec.json.decode(draft.body)
    assert note["unsubscribe"] == LINKS.act("stop", HALL, "sub", "en")
    assert note["text"].endswith(f"\n{note['unsubscribe']}\n")
    assert note["subject"] == "Soon: Town hall"
    assert letters.carries("mail")
    assert not letters.carries("push")


def test_a_push_goes_to_its_service_under_the_rooms_topic() -> None:
    [draft] = Letters(LINKS, ["push"]).drafts(
        sending("push"), lambda _: EVENT, [to("push", "https://push.example:8443/abc")]
    )
    assert (draft.transport, draft.host) == ("push", "push.example")
    body = msgspec.json.decode(draft.body, type=PushBody)
    assert body.topic == topic("hall") != topic("hall2")
    assert len(body.topic) == 32
    assert body.keys == b"\x04" * 81


@pytest.mark.parametrize("occasion", get_args(Occasion))
def test_each_reader_is_told_in_their_language(occasion: Occasion) -> None:
    titles = {"en": "Town hall", "ar": "القاعة"}

    def told(language: str) -> Event:
        return msgspec.structs.replace(EVENT, title=titles[language])

    for channel, address in (("mail", "ada@example.org"), ("push", "https://push.example/abc")):
        who = [msgspec.structs.replace(to(channel, address), language=each) for each in titles]
        batch = msgspec.structs.replace(sending(channel), occasion=occasion)
        drafts = Letters(LINKS, [batch.channel]).drafts(batch, told, who)
        for draft, (language, title) in zip(drafts, titles.items(), strict=True):
            if channel == "mail":
                note = msgspec.json.decode(draft.body)
                assert title in note["subject"]
                assert title in note["text"]
                assert f"?lang={language}&t=" in note["unsubscribe"]
            else:
                payload = msgspec.json.decode(draft.body, type=PushBody).message
                assert msgspec.json.decode(payload)["notification"]["title"] == title


def test_a_link_acts_as_it_says_for_whom_it_was_made() -> None:
    token = LINKS.token("yes", "sub")
    assert LINKS.subscription("yes", token) == "sub"
    other = ReminderLinks(b"o" * 32, "https://h")
    for reader, act, text in (
        (LINKS, "stop", token),
        (other, "yes", token),
        (LINKS, "yes", token.replace("sub", "sab")),
        (LINKS, "yes", token[:-1]),
    ):
        with pytest.raises(Denied) as refused:
            reader.subscription(act, text)  # type: ignore[arg-type]
        assert refused.value.code == "reminder_link"


@given(text=st.text(max_size=300))
def test_no_text_is_a_link_by_chance(text: str) -> None:
    with pytest.raises(Denied):
        LINKS.subscription("yes", text)
