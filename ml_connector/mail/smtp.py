"""Hand one mail to one server, and know exactly how it ended.

SMTP does not deduplicate, and it cannot be asked afterwards. So it matters where a conversation
breaks: until the text goes out (RFC 5321, DATA) the server has taken nothing; from then on only
its answer tells.
"""

import asyncio
import contextlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from email.message import EmailMessage

from aiosmtplib import (
    SMTP,
    SMTPAuthenticationError,
    SMTPException,
    SMTPRecipientRefused,
    SMTPResponseException,
)

from ml_connector.http.redaction import scrub
from ml_connector.mail.errors import (
    MailError,
    MailLoginRefused,
    MailNotSent,
    MailOutcomeUnknown,
    MailRefused,
)
from ml_connector.settings import SmtpServer, SmtpTls

_GOODBYE = 5.0
"""Seconds for QUIT: the mail is taken by then, so its answer does not matter."""
_LONGEST_REPLY = 200
_ANY_ADDRESS = re.compile(r"[^\s<>@,;:]+@[^\s<>@,;:]+")
_TEMPORARY, _PERMANENT = range(400, 500), range(500, 600)
_CLOSING = 421
"""The server goes away (RFC 5321, 4.2.3)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """The server took the mail."""

    reply: str
    """Its own words, usually with the number in its queue; no addresses."""
    refused: tuple[str, ...] = ()
    """Recipients that it did not take the mail for."""


async def deliver(server: SmtpServer, message: EmailMessage, recipients: Sequence[str]) -> Accepted:
    """Hand the mail over; within `server.timeout`, the whole conversation included.

    Raises MailNotSent, MailLoginRefused, MailRefused, MailOutcomeUnknown. When at least one
    recipient is accepted the mail goes out, and the others are in the answer.
    """
    content = message.as_bytes()
    text_went_out = False
    client = _client(server)
    try:
        async with asyncio.timeout(server.timeout.total_seconds()):
            await client.connect()
            refused = await _open_envelope(client, server.sender, recipients, len(content))
            text_went_out = True
            reply = await client.data(content)
            accepted = Accepted(reply=_words(reply.message, recipients), refused=refused)
        await _leave(client)
        return accepted
    except (SMTPException, OSError) as error:
        raise _outcome(error, recipients, text_went_out=text_went_out) from None
    finally:
        client.close()


async def greet(server: SmtpServer) -> None:
    """Connect and log in, and send nothing. Raises MailNotSent, MailLoginRefused, MailRefused."""
    client = _client(server)
    try:
        async with asyncio.timeout(server.timeout.total_seconds()):
            await client.connect()
            await client.noop()
        await _leave(client)
    except (SMTPException, OSError) as error:
        raise _outcome(error, (), text_went_out=False) from None
    finally:
        client.close()


def _client(server: SmtpServer) -> SMTP:
    return SMTP(
        hostname=server.host,
        port=server.port,
        username=server.username or None,
        password=server.password or None,
        use_tls=server.tls is SmtpTls.IMPLICIT,
        start_tls=server.tls is SmtpTls.STARTTLS,
        # The default would ask the resolver for this machine's name, and tell it to the server.
        local_hostname=server.sender.rpartition("@")[2],
        timeout=server.timeout.total_seconds(),
    )


async def _open_envelope(
    client: SMTP, sender: str, recipients: Sequence[str], size: int
) -> tuple[str, ...]:
    """Say from whom and to whom; who was refused. All of them refused is an error."""
    announced = [f"SIZE={size}"] if client.supports_extension("size") else []
    await client.mail(sender, options=announced)
    refusals: list[SMTPRecipientRefused] = []
    for recipient in recipients:
        try:
            await client.rcpt(recipient)
        except SMTPRecipientRefused as refusal:
            if refusal.code == _CLOSING:
                # It speaks of the server, not of this recipient, and ends the conversation.
                raise
            refusals.append(refusal)
    if len(refusals) == len(recipients):
        # One that may be accepted later is reason enough to try all of them again.
        raise min(refusals, key=lambda refusal: refusal.code)
    return tuple(refusal.recipient for refusal in refusals)


async def _leave(client: SMTP) -> None:
    with contextlib.suppress(SMTPException, OSError):
        await client.quit(timeout=_GOODBYE)


def _outcome(error: Exception, recipients: Sequence[str], *, text_went_out: bool) -> MailError:
    code = error.code if isinstance(error, SMTPResponseException) else 0
    said = _said(error, recipients)
    if isinstance(error, SMTPAuthenticationError) and code in _PERMANENT:
        return MailLoginRefused(
            "The mail server does not accept the login.",
            why=said,
            remedy="Check the user in ML_CONNECTOR_SMTP_URL and its password.",
        )
    if code in _PERMANENT:
        return MailRefused(
            "The mail server refused the mail.",
            why=said,
            remedy="Correct the address or the server's rules, then send the label again.",
        )
    if code in _TEMPORARY:
        return MailNotSent("The mail server does not take the mail now.", why=said)
    if text_went_out:
        return MailOutcomeUnknown(
            "The mail server gave no answer after the mail had gone out.", why=said
        )
    return MailNotSent(
        "The mail server cannot be used.",
        why=said,
        remedy="Check ML_CONNECTOR_SMTP_URL, and that the server runs and offers TLS.",
    )


def _said(error: Exception, recipients: Sequence[str]) -> str:
    if isinstance(error, SMTPResponseException):
        return f"It said {error.code} {_words(error.message, recipients)}."
    if isinstance(error, TimeoutError):
        return "It did not answer in time."
    # The texts of other errors may quote addresses of this network.
    return f"The connection failed ({type(error).__name__})."


def _words(reply: str, recipients: Sequence[str]) -> str:
    """What the server said, on one line and without the people it may name."""
    names = frozenset((*recipients, *(address.partition("@")[0] for address in recipients)))
    text = _ANY_ADDRESS.sub("***", scrub(" ".join(reply.split()), names))
    return text[:_LONGEST_REPLY].rstrip(" .")
