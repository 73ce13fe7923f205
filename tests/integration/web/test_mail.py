"""Mail through a real SMTP server: taken, refused, delayed, down, hanging, breaking off, over TLS."""

import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from hustings.base.clock import ManualClock
from hustings.base.errors import OperatorError
from hustings.settings import MailSettings
from hustings.web.post import mail as module
from hustings.web.post.addresses import address_from_form
from hustings.web.post.mail import USES, Mail
from hustings.web.post.message import SECRET, Note, draft, secret_of
from hustings.web.post.model import Letter, Outcome, Refused, Sent, TryAgain, Unsure
from hustings.wire.tokens import KeyRing
from tests.fakes.certificates import certificate
from tests.fakes.loopback import free_port
from tests.fakes.smtp import Postman, smtp_server

KEYS = KeyRing([b"k" * 32])
SENDER = "Town Hall <no-reply@debate.example>"


def letter(to: str = "ada@example.org", key: str = "k", text: str = "Hello.") -> Letter:
    made = draft(address_from_form(to), Note("Größe", text), key=key, batch="b", until_ms=0)
    return Letter(1, key, made.host, made.recipient, made.body, 1_800_000_000_000, 0, 0)


def settings(port: int, tls: str = "none", **more: str) -> MailSettings:
    return MailSettings(host="127.0.0.1", port=port, tls=tls, sender=SENDER, **more)


@pytest.fixture
async def server() -> AsyncIterator[Postman]:
    async with smtp_server() as postman:
        yield postman


@pytest.fixture
async def carrier(server: Postman) -> AsyncIterator[Mail]:
    mail = Mail(settings(server.port), ManualClock(), KEYS)
    yield mail
    server.let_go()
    await mail.close()


async def test_a_letter_arrives_as_it_was_written(server: Postman, carrier: Mail) -> None:
    assert await carrier.send(letter(text=".\n..\nمرحبا\n")) == Sent()
    [mail] = server.mails
    assert server.recipients == ["ada@example.org"]
    assert (mail["Subject"], mail["From"], mail["To"]) == ("Größe", SENDER, "ada@example.org")
    assert mail.get_content() == ".\r\n..\r\nمرحبا\r\n"


async def test_one_connection_carries_many_letters_but_not_for_ever(
    server: Postman, carrier: Mail
) -> None:
    for number in range(USES + 1):
        assert await carrier.send(letter(key=f"k{number}")) == Sent()
    assert (server.connections, len(server.mails)) == (2, USES + 1)
    assert len({mail["Message-ID"] for mail in server.mails}) == USES + 1


async def test_a_secret_is_put_in_when_a_letter_is_sent_and_is_the_same_at_each_try(
    server: Postman, carrier: Mail
) -> None:
    wanted = letter(key="random", text=f"https://x.example/#{SECRET}\n")
    assert SECRET.encode() in wanted.body
    for _ in range(2):
        await carrier.send(wanted)
    texts = {mail.get_content().strip() for mail in server.mails}
    assert texts == {f"https://x.example/#{secret_of(KEYS, 'random')}"}
    assert secret_of(KEYS, "random").encode() not in wanted.body


@pytest.mark.parametrize(
    ("said", "outcome"),
    [
        ("550 no such user", Refused("550 no such user")),
        ("452 mailbox full", TryAgain("452 mailbox full")),
        ("421 closing", TryAgain("421 closing", scope="transport")),
        ("drop", TryAgain),
        ("hang", TryAgain),
        ("lie", TryAgain),
    ],
)
async def test_a_recipients_trouble_is_one_letters(
    server: Postman,
    carrier: Mail,
    monkeypatch: pytest.MonkeyPatch,
    said: str,
    outcome: Outcome | type,
) -> None:
    monkeypatch.setattr(module, "STEP_S", 0.3)
    server.on_rcpt["ada@example.org"] = said
    found = await carrier.send(letter())
    assert found == outcome or (isinstance(outcome, type) and isinstance(found, outcome))
    assert await carrier.send(letter("bo@example.org")) == Sent()
    assert server.recipients == ["bo@example.org"]


@pytest.mark.parametrize(
    ("said", "outcome"),
    [
        ("554 spam", Refused("554 spam")),
        ("451 greylisted", TryAgain("451 greylisted")),
        ("421 closing", TryAgain("421 closing", scope="transport")),
        ("drop", Unsure),
        ("hang", Unsure),
        ("lie", Unsure),
    ],
)
async def test_a_line_that_breaks_after_the_text_leaves_a_letter_that_may_have_arrived(
    server: Postman,
    carrier: Mail,
    monkeypatch: pytest.MonkeyPatch,
    said: str,
    outcome: Outcome | type,
) -> None:
    monkeypatch.setattr(module, "TEXT_S", 0.3)
    server.on_data = said
    found = await carrier.send(letter())
    assert found == outcome or (isinstance(outcome, type) and isinstance(found, outcome))
    if isinstance(found, Unsure):
        assert found.scope == "transport"


async def test_before_the_text_no_line_that_breaks_costs_a_letter(
    server: Postman, carrier: Mail, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.on_text = "refuse"
    assert await carrier.send(letter()) == TryAgain("451 not now")
    server.on_text = (
        "drop"  # in the middle of it: the server may not take half a text, but who knows
    )
    found = await carrier.send(letter())
    assert isinstance(found, Unsure)
    server.on_text = ""
    assert await carrier.send(letter("bo@example.org")) == Sent()
    assert server.recipients == ["bo@example.org"]


async def test_a_server_that_is_slow_to_take_a_text_is_waited_for(
    server: Postman, carrier: Mail, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "STEP_S", 0.5)
    server.on_data, server.slow_s = "slow", 0.8
    assert await carrier.send(letter()) == Sent()
    assert module.TEXT_S >= 600  # RFC 5321 4.5.3.2.6: ten minutes


@pytest.mark.parametrize("said", ["550 not from you", "451 later", "drop", "hang", "lie"])
async def test_what_concerns_all_letters_is_the_transports_trouble(
    server: Postman, carrier: Mail, monkeypatch: pytest.MonkeyPatch, said: str
) -> None:
    monkeypatch.setattr(module, "STEP_S", 0.3)
    server.on_mail = said
    found = await carrier.send(letter())
    assert isinstance(found, TryAgain)
    assert found.scope == "transport"


async def test_a_server_that_is_away_is_nobodys_fault_and_comes_back() -> None:
    port = free_port()
    carrier = Mail(settings(port), ManualClock(), KEYS)
    found = await carrier.send(letter())
    assert isinstance(found, TryAgain)
    assert found.scope == "transport"
    async with smtp_server(port=port) as server:
        assert await carrier.send(letter()) == Sent()
        await carrier.close()
    assert len(server.mails) == 1


async def test_a_connection_that_was_closed_while_idle_costs_nothing() -> None:
    clock = ManualClock()
    async with smtp_server() as server:
        carrier = Mail(settings(server.port), clock, KEYS)
        assert await carrier.send(letter()) == Sent()
        server.on_mail = "421 idle for too long"
        found = await carrier.send(letter())
        assert (server.connections, isinstance(found, TryAgain)) == (2, True)
        server.on_mail = ""
        assert await carrier.send(letter()) == Sent()
        clock.advance(60)
        assert await carrier.send(letter()) == Sent()
        assert server.connections == 4
        await carrier.close()


async def test_over_starttls_with_a_password_and_never_without(tmp_path: Path) -> None:
    cert, key = certificate(tmp_path, "smtp", names=("127.0.0.1", "localhost"))
    served = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    served.load_cert_chain(cert, key)
    trusting = ssl.create_default_context(cafile=str(cert))
    async with smtp_server(tls=served, auth=True) as server:
        given = {"user": "house", "password": "secret"}
        named = MailSettings(host="localhost", port=server.port, sender=SENDER, **given)
        carrier = Mail(named, ManualClock(), KEYS, tls=trusting)
        assert await carrier.send(letter()) == Sent()
        assert server.over_tls == [True]
        await carrier.close()
        stranger = Mail(named, ManualClock(), KEYS)  # nobody vouches for that certificate
        found = await stranger.send(letter())
        assert isinstance(found, TryAgain)
        assert found.scope == "transport"
        server.password = "changed"
        found = await Mail(named, ManualClock(), KEYS, tls=trusting).send(letter())
        assert isinstance(found, TryAgain)
        assert "535" in found.reason
        assert "secret" not in found.reason
    async with smtp_server() as plain:  # offers no STARTTLS
        found = await Mail(settings(plain.port, "starttls"), ManualClock(), KEYS).send(letter())
        assert isinstance(found, TryAgain)
        assert plain.mails == []


async def test_what_is_no_letter_is_given_up(carrier: Mail) -> None:
    broken = Letter(1, "k", "x", "ada@example.org", b"not json", 0, 0, 0)
    assert isinstance(await carrier.send(broken), Refused)


def test_settings_that_cannot_work_are_the_operators_to_mend() -> None:
    for wrong, code in (
        (MailSettings(host="x.example"), "mail_sender"),
        (MailSettings(host="x.example", sender=SENDER, user="u", tls="none"), "mail_plain"),
    ):
        with pytest.raises(OperatorError) as caught:
            Mail(wrong, ManualClock(), KEYS)
        assert caught.value.code == code
