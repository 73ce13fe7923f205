"""A mail as bytes: its headers, and plain text; pure.

Keeps true: nothing that comes from outside can end a header line; the same letter has the same
Message-ID at each try, so that receivers and people can tell a second copy.
"""

import hashlib
from datetime import UTC, datetime
from email.headerregistry import Address as Mailbox
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, parseaddr
from typing import Final

import msgspec

from hustings.base.errors import OperatorError, UserError
from hustings.web.post.addresses import Address, address_from_form
from hustings.web.post.model import Draft, Letter
from hustings.wire.tokens import KeyRing

SUBJECT_CHARS: Final = 200
SECRET: Final = "{secret}"  # noqa: S105 - the place for it in a text
_POLICY: Final = SMTP.clone(cte_type="7bit")  # every server takes that


class Note(msgspec.Struct, frozen=True):
    """What a mail says; it is a letter's body, as JSON."""

    subject: str
    text: str  # lines end in \n; `SECRET` in it becomes `secret_of` its key when it is sent
    language: str = "en"
    unsubscribe: str = ""  # an address that a POST ends these mails at (RFC 8058); "": none


class Sender(msgspec.Struct, frozen=True):
    """Who the house's mail is from."""

    name: str
    address: Address


def draft(
    to: Address,
    note: Note,
    *,
    key: str,
    batch: str,
    until_ms: int,
    not_before_ms: int = 0,
    urgent: bool = False,
) -> Draft:
    """A mail to be queued by `post.queries.add`."""
    return Draft(
        transport="mail",
        key=key,
        batch=batch,
        host=to.host,
        recipient=to.text,
        body=msgspec.json.encode(note),
        until_ms=until_ms,
        not_before_ms=not_before_ms,
        urgent=urgent,
    )


def sender_from_setting(text: str) -> Sender:
    """`Town Hall <no-reply@example.org>`, or the address alone. Raises OperatorError("mail_sender")."""
    name, address = parseaddr(text)
    try:
        return Sender(name, address_from_form(address))
    except UserError:
        raise OperatorError(
            "mail_sender", "`mail.sender` must be an address, or Name <address>."
        ) from None


def message(letter: Letter, note: Note, sender: Sender, *, secret: str = "") -> bytes:
    """The whole mail, lines ending in CRLF, 7 bit. Raises ValueError for a recipient that is none."""
    local, _, domain = letter.recipient.rpartition("@")
    mail = EmailMessage(policy=_POLICY)
    mail["Message-ID"] = f"<{_id(letter.key)}@{sender.address.host}>"
    mail["Date"] = format_datetime(datetime.fromtimestamp(letter.made_ms / 1_000, UTC))
    mail["From"] = _mailbox(sender)
    mail["To"] = Mailbox(username=local, domain=domain)
    mail["Subject"] = one_line(note.subject)[:SUBJECT_CHARS]
    mail["Auto-Submitted"] = "auto-generated"  # RFC 3834: no holiday notes, please
    if note.unsubscribe:
        mail["List-Unsubscribe"] = f"<{one_line(note.unsubscribe)}>"
        mail["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    mail.set_content(note.text.replace(SECRET, secret), charset="utf-8")
    mail["Content-Language"] = one_line(
        note.language
    )  # after the text, which takes such headers away
    return mail.as_bytes()


def secret_of(keys: KeyRing, letter_key: str) -> str:
    """What a link in a letter with this key ends in: 192 bits that are in no table and no backup.

    Tables hold its SHA-256, the queue a place for it; it is made again at each try.
    letter_key: random, so that nobody has had it before.
    """
    return keys.code_for(f"letter\0{letter_key}")


def one_line(text: str) -> str:
    """Printable characters only, runs of white space as one space; lone surrogates are no characters."""
    printable = "".join(each if each.isprintable() else " " for each in text)
    return " ".join(printable.split())


def _mailbox(sender: Sender) -> Mailbox:
    local, _, domain = sender.address.text.rpartition("@")
    return Mailbox(display_name=one_line(sender.name), username=local, domain=domain)


def _id(key: str) -> str:
    return hashlib.sha256(key.encode(errors="replace")).hexdigest()[:32]
