"""A real SMTP server on loopback that can be told to refuse, delay, hang, drop and lie."""

import asyncio
import contextlib
import email
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from email.message import EmailMessage
from email.policy import SMTP as POLICY
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult

from hustings.settings import MailSettings

SENDER = "Town Hall <no-reply@debate.example>"


class Postman:
    """What the server does; as a handler of aiosmtpd.

    Replies: a line, "hang", "slow" (yes, after `slow_s`), "drop", "lie" (a line that is no reply), or
    "" for yes.
    """

    def __init__(self) -> None:
        self.port = 0
        self.mails: list[EmailMessage] = []
        self.recipients: list[str] = []
        self.connections = 0
        self.on_mail = ""
        self.on_rcpt: dict[str, str] = {}  # by recipient
        self.on_any_rcpt = ""
        self.on_data = ""  # after the text
        self.on_text = ""  # "drop": in the middle of it; "refuse": before it
        self.slow_s = 0.0
        self.tries = 0  # recipients that were named
        self.plan: Callable[[int], dict[str, str]] = lambda _: {}  # try -> replies of that one
        self.over_tls: list[bool] = []
        self.password = "secret"
        self._held = asyncio.Event()

    @property
    def settings(self) -> MailSettings:
        """What a house that sends through this server is told."""
        return MailSettings(host="127.0.0.1", port=self.port, tls="none", sender=SENDER)

    async def handle_EHLO(
        self, server: Any, session: Any, _envelope: Any, hostname: str, responses: list[str]
    ) -> list[str]:
        session.host_name = hostname
        return responses

    async def handle_MAIL(
        self, server: Any, _session: Any, envelope: Any, address: str, options: list[str]
    ) -> str:
        envelope.mail_from = address
        return await self._reply(server, self.on_mail)

    async def handle_RCPT(
        self, server: Any, _session: Any, envelope: Any, address: str, options: list[str]
    ) -> str:
        for name, said in self.plan(self.tries).items():
            setattr(self, name, said)
        self.tries += 1
        said = await self._reply(server, self.on_rcpt.get(address, self.on_any_rcpt))
        if said.startswith("2"):
            envelope.rcpt_tos.append(address)
        return said

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        said = await self._reply(server, self.on_data)
        if said.startswith("2"):
            mail = email.message_from_bytes(envelope.original_content, policy=POLICY)
            assert isinstance(mail, EmailMessage)
            self.mails.append(mail)
            self.recipients += envelope.rcpt_tos
            self.over_tls.append(session.ssl is not None)
        return said

    async def _reply(self, server: Any, said: str) -> str:
        if said == "hang":
            await self._held.wait()
        elif said == "slow":
            await asyncio.sleep(self.slow_s)
        elif said == "lie":
            return "HTTP/1.1 200 OK"
        elif said == "drop":
            server.transport.abort()
        return said if said[:1].isdigit() else "250 OK"

    def let_go(self) -> None:
        self._held.set()

    def check(
        self, _server: Any, _session: Any, _envelope: Any, _how: str, given: Any
    ) -> AuthResult:
        good = given.password == self.password.encode()
        return AuthResult(success=good, handled=good)


class Server(SMTP):
    """Breaks off where the postman says."""

    async def smtp_DATA(self, arg: str) -> None:
        postman = self.event_handler
        if postman.on_text == "refuse":
            await self.push("451 not now")
        elif postman.on_text == "drop":
            await self.push("354 go on")
            await self._reader.readline()
            self.transport.abort()
        else:
            await super().smtp_DATA(arg)


@asynccontextmanager
async def smtp_server(
    *, tls: ssl.SSLContext | None = None, auth: bool = False, port: int = 0
) -> AsyncIterator[Postman]:
    """Serve on 127.0.0.1. tls: STARTTLS is offered, and needed before anything else."""
    postman = Postman()

    def connect() -> SMTP:
        postman.connections += 1
        return Server(
            postman,
            hostname="fake",
            tls_context=tls,
            require_starttls=tls is not None,
            auth_required=auth,
            auth_require_tls=tls is not None,
            authenticator=postman.check,
            loop=asyncio.get_running_loop(),
        )

    server = await asyncio.get_running_loop().create_server(connect, "127.0.0.1", port)
    postman.port = server.sockets[0].getsockname()[1]
    try:
        yield postman
    finally:
        postman.let_go()
        server.close()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(1):
                await server.wait_closed()
