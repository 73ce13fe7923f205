"""Addresses and mails: one form, right headers, and nothing from outside makes a header."""

import email
from email.message import EmailMessage
from email.policy import SMTP

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hustings.base.errors import OperatorError, UserError
from hustings.web.post.addresses import Address, address_from_form
from hustings.web.post.message import Note, Sender, draft, message, sender_from_setting
from hustings.web.post.model import Letter

SENDER = sender_from_setting("Town Hall <no-reply@debate.example>")
ALLOWED = {
    "Message-ID",
    "Date",
    "From",
    "To",
    "Subject",
    "Content-Language",
    "Auto-Submitted",
    "List-Unsubscribe",
    "List-Unsubscribe-Post",
    "Content-Type",
    "Content-Transfer-Encoding",
    "MIME-Version",
}


def letter(recipient: str = "ada@example.org", key: str = "k") -> Letter:
    return Letter(1, key, "example.org", recipient, b"", 1_800_000_000_000, 0, 0)


def parsed(note: Note, sender: Sender = SENDER, to: str = "ada@example.org") -> EmailMessage:
    found = email.message_from_bytes(message(letter(to), note, sender), policy=SMTP)
    assert isinstance(found, EmailMessage)
    return found


def test_a_mail_says_who_to_whom_what_and_when() -> None:
    note = Note(
        "بدأ النقاش", "Größe: ½\n\nمرحبا", language="ar", unsubscribe="https://x.example/u/1"
    )
    mail = parsed(note)
    assert mail["From"] == "Town Hall <no-reply@debate.example>"
    assert mail["To"] == "ada@example.org"
    assert mail["Subject"] == "بدأ النقاش"
    assert mail["Date"].datetime.timestamp() == 1_800_000_000
    assert mail["Message-ID"].endswith("@debate.example>")
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["Content-Language"] == "ar"
    assert mail["List-Unsubscribe"] == "<https://x.example/u/1>"
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert mail.get_content() == "Größe: ½\r\n\r\nمرحبا\r\n"
    assert mail.get_content_type() == "text/plain"
    assert "List-Unsubscribe" not in parsed(Note("x", "y"))


def test_a_letter_is_the_same_mail_at_each_try_and_no_other_letters() -> None:
    note = Note("x", "y")
    assert message(letter(), note, SENDER) == message(letter(), note, SENDER)
    first, second = (parsed(note)["Message-ID"] for _ in range(2))
    assert first == second
    other = email.message_from_bytes(message(letter(key="other"), note, SENDER))
    assert other["Message-ID"] != first


@given(text=st.text(max_size=300), language=st.text(max_size=20), link=st.text(max_size=60))
def test_nothing_from_outside_makes_a_header_or_leaves_seven_bits(
    text: str, language: str, link: str
) -> None:
    usual = text.encode("utf-8", "replace").decode()  # what JSON can hold
    raw = message(letter(), Note(usual, usual, language, link), SENDER)
    mail = email.message_from_bytes(raw, policy=SMTP)
    assert set(mail.keys()) <= ALLOWED
    assert all(len(mail.get_all(name, [])) <= 1 for name in ALLOWED)
    assert all(byte < 128 for byte in raw)
    assert all(len(line) <= 998 for line in raw.split(b"\r\n"))


@given(name=st.text(max_size=60))
def test_a_senders_name_stays_a_name(name: str) -> None:
    mail = parsed(Note("x", "y"), Sender(name, SENDER.address))
    assert set(mail.keys()) <= ALLOWED
    assert [each.addr_spec for each in mail["From"].addresses] == ["no-reply@debate.example"]


@pytest.mark.parametrize(
    ("typed", "text", "host"),
    [
        (" Ada@Example.ORG ", "ada@example.org", "example.org"),
        ("a.b+c@münchen.example", "a.b+c@xn--mnchen-3ya.example", "xn--mnchen-3ya.example"),
    ],
)
def test_an_address_has_one_form(typed: str, text: str, host: str) -> None:
    assert address_from_form(typed) == Address(text, host)


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "ada",
        "@example.org",
        "ada@",
        "ada@localhost",
        "ada@1.2.3.4",
        "ada@[127.0.0.1]",
        "a b@example.org",
        "ada@exa mple.org",
        "ada@example.org\r\nBcc: eve@evil.example",
        "ada@example.org,eve@evil.example",
        "<ada@example.org>",
        "mıke@example.org",  # folds to i in upper case: a mailbox of somebody else
        "ada@@example.org",
        ".ada@example.org",
        "x" * 65 + "@example.org",
        "ada@" + "x." * 130 + "org",
    ],
)
def test_what_is_no_address_is_refused(typed: str) -> None:
    with pytest.raises(UserError) as caught:
        address_from_form(typed)
    assert caught.value.code == "address_bad"


@given(st.text(max_size=80))
def test_whatever_is_typed_is_an_address_or_refused(typed: str) -> None:
    try:
        found = address_from_form(typed)
    except UserError:
        return
    assert found == address_from_form(found.text)
    assert found.text.isascii()
    assert not set(found.text) & set(' \r\n<>,;:"()[]\\')
    assert parsed(Note("x", "y"), to=found.text)["To"].addresses[0].addr_spec == found.text


def test_a_sender_that_is_none_is_the_operators_to_mend() -> None:
    for text in ("", "nobody", "Town Hall"):
        with pytest.raises(OperatorError) as caught:
            sender_from_setting(text)
        assert caught.value.code == "mail_sender"


def test_a_draft_carries_what_the_queue_wants() -> None:
    made = draft(
        Address("ada@example.org", "example.org"), Note("x", "y"), key="k", batch="b", until_ms=5
    )
    assert (made.transport, made.host, made.recipient) == ("mail", "example.org", "ada@example.org")
