"""Mail through one SMTP server, over a few connections that are kept while there is something to send.

The server's word decides: 5xx on a recipient or its text is for good, 4xx is the letter's own
trouble; anything that concerns all letters (no connection, TLS, password, sender, a reply that is
none) rests the whole transport and costs no letter an attempt. A line that breaks after the text
began to go leaves a letter that may have arrived. A server that is slow costs time and no letter:
it is waited for as long as servers are used to. Source: RFC 5321, 4.2, 4.5.2 and 4.5.3.2.
"""

import asyncio
import contextlib
import re
import ssl
from collections.abc import Awaitable
from typing import Final

import aiosmtplib
import msgspec
from aiosmtplib import SMTP

from hustings.base.clock import Clock
from hustings.base.errors import OperatorError
from hustings.settings import MailSettings
from hustings.web.post.message import Note, message, secret_of, sender_from_setting
from hustings.web.post.model import (
    Letter,
    Outcome,
    Refused,
    Sent,
    TransportName,
    TryAgain,
    Unsure,
)
from hustings.wire.tokens import KeyRing

STEP_S: Final = 60.0  # longest answer to one command; busy servers take their time
TEXT_S: Final = (
    600.0  # ... to the text: it may have been taken already, so giving up costs a letter
)
IDLE_S: Final = 5.0  # a connection that nobody uses is closed
_DOT: Final = re.compile(rb"^\.", re.MULTILINE)
USES: Final = 100  # letters over one connection: servers have limits of their own


class _Line:
    """One connection."""

    def __init__(self, smtp: SMTP) -> None:
        self.smtp = smtp
        self.uses = 0
        self.idle_since_s = 0.0


class Mail:
    """Keeps `ports.Transport`."""

    name: TransportName = "mail"
    host_rest_s = 60.0  # not used: a trouble here is a letter's or the server's
    again_if_unsure = False

    def __init__(
        self,
        settings: MailSettings,
        clock: Clock,
        keys: KeyRing,
        *,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        """Raises OperatorError: mail_sender, mail_plain. tls: whom to trust; None: the system's authorities."""
        self.most = self.most_of_host = settings.connections  # it is one server that we talk to
        self._settings = settings
        self._clock = clock
        self._keys = keys
        self._tls = tls
        self._sender = sender_from_setting(settings.sender)
        self._idle: list[_Line] = []  # at most `most`
        if settings.user and settings.tls == "none" and not _near(settings.host):
            raise OperatorError(
                "mail_plain", "`mail.tls` is none: the password would go over the network as it is."
            )

    async def send(self, letter: Letter) -> Outcome:
        """One letter: over a line that is open, else a new one."""
        try:
            note = msgspec.json.decode(letter.body, type=Note)
            body = message(letter, note, self._sender, secret=secret_of(self._keys, letter.key))
        except (ValueError, msgspec.MsgspecError) as error:
            return Refused(f"This is no letter: {error}")
        try:
            line = await self._begun()
        except (aiosmtplib.SMTPException, OSError, ValueError) as error:
            return TryAgain(_words(error), scope="transport")
        return await self._hand_over(line, letter, body)

    async def close(self) -> None:
        """Say good-bye on all lines."""
        await asyncio.gather(*(_quit(line) for line in self._idle))
        self._idle.clear()

    def _open_line(self) -> _Line | None:
        now_s = self._clock.monotonic()
        while self._idle:
            line = self._idle.pop()
            if line.smtp.is_connected and now_s - line.idle_since_s < IDLE_S:
                return line
            line.smtp.close()
        return None

    async def _connect(self) -> _Line:
        settings = self._settings
        smtp = SMTP(
            hostname=settings.host,
            port=settings.port,
            use_tls=settings.tls == "tls",
            start_tls=settings.tls == "starttls",
            tls_context=self._tls,
            username=settings.user or None,
            password=settings.password or None,
            local_hostname=self._sender.address.host,
            timeout=STEP_S,
        )
        await smtp.connect()
        return _Line(smtp)

    async def _begun(self) -> _Line:
        """A line that has taken the envelope's first half; what is refused here concerns all letters."""
        line = self._open_line()
        if line is not None:
            with contextlib.suppress(aiosmtplib.SMTPException, OSError):
                return await self._begin(line)
        return await self._begin(await self._connect())  # or it was closed while nobody used it

    async def _begin(self, line: _Line) -> _Line:
        try:
            await line.smtp.mail(self._sender.address.text)
        except BaseException:
            line.smtp.close()
            raise
        return line

    async def _hand_over(self, line: _Line, letter: Letter, body: bytes) -> Outcome:
        text_went = False
        try:
            await line.smtp.rcpt(letter.recipient)
            await _expect(line.smtp.execute_command(b"DATA"), 354)
            text_went = True
            await _expect(_say(line.smtp, body), 250)
        except aiosmtplib.SMTPResponseException as error:
            if 400 <= error.code < 600 and error.code != 421:
                await self._keep(line, reset=True)
                return Refused(_words(error)) if error.code >= 500 else TryAgain(_words(error))
            line.smtp.close()
            if text_went and error.code != 421:  # neither yes nor no
                return Unsure(_words(error), scope="transport")
            return TryAgain(_words(error), scope="transport")  # 421: it ends, whatever it was told
        except (aiosmtplib.SMTPException, OSError) as error:
            line.smtp.close()
            if text_went:
                return Unsure(_words(error), scope="transport")
            return TryAgain(_words(error), scope="transport")
        except BaseException:
            line.smtp.close()
            raise
        await self._keep(line)
        return Sent()

    async def _keep(self, line: _Line, *, reset: bool = False) -> None:
        line.uses += 1
        try:
            if reset:
                await line.smtp.rset()
            if line.uses >= USES or len(self._idle) >= self.most:
                await _quit(line)
                return
        except (aiosmtplib.SMTPException, OSError):
            line.smtp.close()
            return
        line.idle_since_s = self._clock.monotonic()
        self._idle.append(line)


async def _expect(reply: Awaitable[aiosmtplib.SMTPResponse], code: int) -> None:
    said = await reply
    if said.code != code:
        raise aiosmtplib.SMTPResponseException(said.code, said.message)


async def _say(smtp: SMTP, body: bytes) -> aiosmtplib.SMTPResponse:
    """The text, whose lines end in CRLF; a line that begins with a dot gets one more."""
    line = smtp.protocol
    if line is None:
        raise aiosmtplib.SMTPServerDisconnected("Connection lost")
    line.write(_DOT.sub(b"..", body) + b".\r\n")
    return await line.read_response(timeout=TEXT_S)


async def _quit(line: _Line) -> None:
    with contextlib.suppress(aiosmtplib.SMTPException, OSError):
        await line.smtp.quit(timeout=1.0)
    line.smtp.close()


def _near(host: str) -> bool:
    return host in {"localhost", "127.0.0.1", "::1"}


def _words(error: Exception) -> str:
    """What the server said, or what befell us."""
    if isinstance(error, aiosmtplib.SMTPResponseException):
        return f"{error.code} {error.message}"
    return str(error) or type(error).__name__
