"""A real SMTP server on loopback that can be told to refuse, delay, hang, drop and lie."""

import asyncio
import contextlib
import email
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from email.message import EmailMessage
from email.policy import SMTP as POLICY
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult

from hustings.settings import MailSettings

SENDER = "Town Hall <no-reply@debate.example>"


class Postman:
    """What the server does; as a handler of aiosmtpd. Replies: a line, "hang", "drop", or "" for yes."""

    def __init__(self) -> None:
        self.port = 0
        self.mails: list[EmailMessage] = []
        self.recipients: list[str] = []
        self.connections = 0
        self.on_mail = ""
        self.on_rcpt: dict[str, str] = {}  # by recipient
        self.on_data = ""
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
        said = await self._reply(server, self.on_rcpt.get(address, ""))
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


@asynccontextmanager
async def smtp_server(
    *, tls: ssl.SSLContext | None = None, auth: bool = False, port: int = 0
) -> AsyncIterator[Postman]:
    """Serve on 127.0.0.1. tls: STARTTLS is offered, and needed before anything else."""
    postman = Postman()

    def connect() -> SMTP:
        postman.connections += 1
        return SMTP(
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
