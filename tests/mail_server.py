"""A real mail server on this machine, whose answers a test decides.

async with MailServer() as server:
    server.refuses["gone@supplier.example"] = "550 5.1.1 no such mailbox"
"""

import asyncio
import email
import email.policy
import ssl
import warnings
from dataclasses import dataclass, field
from email.message import EmailMessage
from types import TracebackType
from typing import Self

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

TAKEN = "250 2.0.0 queued as 4711"


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """A mail that the server took."""

    sender: str
    recipients: tuple[str, ...]
    message: EmailMessage
    size: int

    @property
    def text(self) -> str:
        body = self.message.get_body()
        assert body is not None
        return str(body.get_content())

    @property
    def files(self) -> dict[str, bytes]:
        """Attachments by name."""
        return {
            str(part.get_filename()): part.get_payload(decode=True)  # type: ignore[misc]
            for part in self.message.iter_attachments()
        }


@dataclass(slots=True, kw_only=True)
class MailServer:
    """What it was handed, and how it answers."""

    password: str = ""
    """Of the user `connector`; empty: nobody logs in."""
    received: list[Received] = field(default_factory=list)
    attempts: int = 0
    """Mails whose text came in, whatever became of them."""
    refuses: dict[str, str] = field(default_factory=dict)
    """Recipient → the answer to it."""
    answer: str = TAKEN
    """To a mail's text."""
    hangs_up: bool = False
    """Cuts the line when the text is in, after having taken the mail."""
    holds: asyncio.Event | None = None
    """Takes the mail, and answers only when this is set."""
    tls: ssl.SSLContext | None = None
    """Speaks TLS: from the start, or when asked to (STARTTLS)."""
    tls_from_start: bool = False
    port: int = 0
    _server: asyncio.Server | None = None
    _sessions: list[SMTP] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"smtp://127.0.0.1:{self.port}"

    @property
    def environment(self) -> dict[str, str]:
        """What an installation that sends through it is told."""
        return {
            "ML_CONNECTOR_SMTP_URL": self.url,
            "ML_CONNECTOR_SMTP_FROM": "Nordic labels <labels@nordic.example>",
            "ML_CONNECTOR_SMTP_TIMEOUT": "10s",
        }

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(
            self._session,
            "127.0.0.1",
            self.port,
            ssl=self.tls if self.tls_from_start else None,
        )
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._server is not None:
            self._server.close()
            for session in self._sessions:
                _cut(session)
            await self._server.wait_closed()

    def be_well(self) -> None:
        """Take everything from now on, and forget what was taken."""
        self.received.clear()
        self.refuses.clear()
        self.attempts, self.answer, self.hangs_up, self.holds = 0, TAKEN, False, None

    def _session(self) -> SMTP:
        with warnings.catch_warnings():
            # It warns of passwords without TLS, which here do not leave the machine.
            warnings.simplefilter("ignore")
            session = SMTP(
                self,
                enable_SMTPUTF8=False,
                data_size_limit=1_000_000,
                hostname="mail.test",
                authenticator=self._login if self.password else None,
                auth_required=bool(self.password),
                auth_require_tls=False,
                tls_context=None if self.tls_from_start else self.tls,
            )
        self._sessions.append(session)
        return session

    def _login(
        self, server: SMTP, session: Session, envelope: Envelope, mechanism: str, given: object
    ) -> AuthResult:
        assert isinstance(given, LoginPassword)
        right = (given.login, given.password) == (b"connector", self.password.encode())
        return AuthResult(success=right, handled=False)

    # -- aiosmtpd's hooks -------------------------------------------------------------------

    async def handle_RCPT(
        self,
        server: SMTP,
        session: Session,
        envelope: Envelope,
        address: str,
        options: list[str],
    ) -> str:
        if address in self.refuses:
            return self.refuses[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        self.attempts += 1
        if self.answer.startswith("250"):
            self.received.append(_read(envelope))
        if self.holds is not None:
            await self.holds.wait()
        if self.hangs_up:
            _cut(server)
        return self.answer


def _cut(session: SMTP) -> None:
    if isinstance(session.transport, asyncio.Transport):
        session.transport.abort()


def _read(envelope: Envelope) -> Received:
    content = envelope.content
    assert isinstance(content, bytes)
    message = email.message_from_bytes(content, policy=email.policy.default)
    assert isinstance(message, EmailMessage)
    return Received(
        sender=envelope.mail_from or "",
        recipients=tuple(envelope.rcpt_tos),
        message=message,
        size=len(content),
    )
