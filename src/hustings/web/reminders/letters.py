"""Subscriptions to letters: one mail or push each, in its reader's language and time; pure.

Texts are made once for each language and zone of a batch.
"""

import base64
import hashlib
from collections.abc import Callable, Collection, Sequence
from functools import lru_cache
from typing import Final
from urllib.parse import urlsplit

from hustings.web.post import message
from hustings.web.post.addresses import Address
from hustings.web.post.model import Draft
from hustings.web.push import transport as push
from hustings.web.push.subscription import with_keys
from hustings.web.reminders import words
from hustings.web.reminders.links import ReminderLinks
from hustings.web.reminders.model import Channel, Occasion, Sending, Subscription
from hustings.web.reminders.words import Event

TOPIC_CHARS: Final = 32  # RFC 8030 5.4
_TEXTS: Final = 2_000  # languages times zones, of some rooms


class Letters:
    """Makes the drafts of one house."""

    def __init__(self, links: ReminderLinks, channels: Collection[Channel]) -> None:
        """channels: those whose transport is set up."""
        self._links = links
        self._channels = frozenset(channels)

    def carries(self, channel: Channel) -> bool:
        """Whether letters of this channel leave the house."""
        return channel in self._channels

    def drafts(
        self, sending: Sending, event: Callable[[str], Event], who: Sequence[Subscription]
    ) -> list[Draft]:
        """A letter for each, due at its place, under a key that no other has.

        event: as readers of a language are told of it.
        """
        make = self._mail if sending.channel == "mail" else self._push
        events = {language: event(language) for language in {each.language for each in who}}
        return [make(sending, events[each.language], each) for each in who]

    def _mail(self, sending: Sending, event: Event, to: Subscription) -> Draft:
        stop = self._links.act("stop", to.room, to.subscription, to.language)
        subject, text = _mail_words(event, sending.occasion, to.language, to.zone)
        note = message.Note(subject, f"{text}\n{stop}\n", to.language, stop)
        return message.draft(
            Address(to.address, to.address.rpartition("@")[2]),
            note,
            key=sending.key(to.subscription),
            batch=sending.batch,
            until_ms=sending.spread.ends_ms,
            not_before_ms=sending.spread.due_ms(to.place),
        )

    def _push(self, sending: Sending, event: Event, to: Subscription) -> Draft:
        return push.draft(
            with_keys(to.address, to.keys),
            urlsplit(to.address).hostname or "",
            _push_words(event, sending.occasion, to.language, to.zone),
            topic=topic(to.room),
            key=sending.key(to.subscription),
            batch=sending.batch,
            until_ms=sending.spread.ends_ms,
            not_before_ms=sending.spread.due_ms(to.place),
        )


def topic(room: str) -> str:
    """One for each room: a notice of another time takes the reminder's place."""
    digest = hashlib.sha256(f"hustings {room}".encode()).digest()
    return base64.urlsafe_b64encode(digest).decode()[:TOPIC_CHARS]


@lru_cache(_TEXTS)
def _mail_words(event: Event, occasion: Occasion, language: str, zone: str) -> tuple[str, str]:
    said = words.words("body", event, occasion, language, zone)
    subject = words.words("subject", event, occasion, language, zone)
    return subject, words.words("text", event, occasion, language, zone, said=said)


@lru_cache(_TEXTS)
def _push_words(event: Event, occasion: Occasion, language: str, zone: str) -> bytes:
    return words.push_message(event, occasion, language, zone)
