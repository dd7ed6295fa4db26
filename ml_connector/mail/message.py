"""A mail as it goes out: plain text with attachments."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP

from ml_connector.settings import SmtpServer

_POLICY = SMTP.clone(cte_type="7bit")
"""Not every server takes 8-bit text; what is not ASCII is encoded."""

_MIME_TYPES = {"PDF": ("application", "pdf"), "PNG": ("image", "png")}
_OTHER = ("application", "octet-stream")
"""Printer languages (ZPL II, EPL2): nothing on the way may touch the bytes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attachment:
    """A file of a mail."""

    name: str
    media: str
    """PDF, PNG, ZPLII or EPL2."""
    content: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """What a mail says, whoever it goes to."""

    subject: str
    text: str
    attachments: tuple[Attachment, ...]

    @property
    def digest(self) -> str:
        """Of everything in it (SHA-256, hex)."""
        total = hashlib.sha256()
        for part in (self.subject, self.text):
            total.update(hashlib.sha256(part.encode()).digest())
        for attachment in self.attachments:
            total.update(hashlib.sha256(attachment.name.encode()).digest())
            total.update(hashlib.sha256(attachment.content).digest())
        return total.hexdigest()


def build_message(
    letter: Letter, server: SmtpServer, recipients: Sequence[str], *, key: str, at: datetime
) -> EmailMessage:
    """The mail of the operation `key`; the same key always has the same Message-ID."""
    message = EmailMessage(policy=_POLICY)
    message["Message-ID"] = message_id(key, server)
    message["Date"] = at
    message["From"] = Address(display_name=server.sender_name, addr_spec=server.sender)
    message["To"] = [Address(addr_spec=recipient) for recipient in recipients]
    message["Subject"] = letter.subject
    # Nobody's absence note should answer a machine (RFC 3834).
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(letter.text)
    for attachment in letter.attachments:
        maintype, subtype = _MIME_TYPES.get(attachment.media, _OTHER)
        message.add_attachment(
            attachment.content, maintype=maintype, subtype=subtype, filename=attachment.name
        )
    return message


def message_id(key: str, server: SmtpServer) -> str:
    """Derived from the operation, so that a receiving server can drop a second copy.

    A digest, because tenant and order number are no business of the servers on the way.
    """
    digest = hashlib.sha256(key.encode()).hexdigest()[:40]
    return f"<{digest}@{server.sender.rpartition('@')[2]}>"
