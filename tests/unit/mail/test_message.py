"""A mail as it goes out."""

import email
import email.policy
from datetime import UTC, datetime

from ml_connector.mail.message import Attachment, Letter, build_message, message_id
from ml_connector.settings import SmtpServer, SmtpTls

SERVER = SmtpServer(
    host="mail.example",
    port=587,
    tls=SmtpTls.STARTTLS,
    sender="labels@nordic.example",
    sender_name="Nordic Distribusjon, varemottak",
)
KEY = "nordic/PO000123/label_mail/1"
LETTER = Letter(
    subject="FedEx label for purchase order PO000123",
    text="Føler, 4 stk.\n",
    attachments=(
        Attachment(name="a.pdf", media="PDF", content=b"%PDF"),
        Attachment(name="b.png", media="PNG", content=b"\x89PNG"),
        Attachment(name="c.zpl", media="ZPLII", content=b"^XA"),
    ),
)
AT = datetime(2026, 11, 2, 8, tzinfo=UTC)


def sent(letter: Letter = LETTER, key: str = KEY) -> email.message.EmailMessage:
    """The mail as a receiver reads it."""
    raw = build_message(letter, SERVER, ["a@x.example", "b@y.example"], key=key, at=AT).as_bytes()
    assert raw.isascii()
    message = email.message_from_bytes(raw, policy=email.policy.default)
    assert isinstance(message, email.message.EmailMessage)
    return message


def test_headers() -> None:
    message = sent()
    assert message["From"] == '"Nordic Distribusjon, varemottak" <labels@nordic.example>'
    assert message["To"] == "a@x.example, b@y.example"
    assert message["Subject"] == LETTER.subject
    assert message["Date"].datetime == AT
    assert message["Auto-Submitted"] == "auto-generated"


def test_it_is_plain_text_with_attachments() -> None:
    message = sent()
    body = message.get_body()
    assert body is not None
    assert body.get_content_type() == "text/plain"
    assert body.get_content().splitlines() == LETTER.text.splitlines()
    assert [
        (part.get_filename(), part.get_content_type(), part.get_payload(decode=True))
        for part in message.iter_attachments()
    ] == [
        ("a.pdf", "application/pdf", b"%PDF"),
        ("b.png", "image/png", b"\x89PNG"),
        ("c.zpl", "application/octet-stream", b"^XA"),
    ]
    assert "text/html" not in {part.get_content_type() for part in message.walk()}


def test_the_message_id_follows_from_the_operation_and_tells_nothing() -> None:
    assert sent()["Message-ID"] == sent()["Message-ID"] == message_id(KEY, SERVER)
    assert sent(key=f"{KEY}/2")["Message-ID"] != sent()["Message-ID"]
    assert "PO000123" not in message_id(KEY, SERVER)
    assert "nordic/" not in message_id(KEY, SERVER)
    assert message_id(KEY, SERVER).endswith("@nordic.example>")


def test_the_digest_covers_everything_a_letter_says() -> None:
    def digest(**changes: object) -> str:
        values = {"subject": "s", "text": "t", "attachments": LETTER.attachments, **changes}
        return Letter(**values).digest  # type: ignore[arg-type]

    others = [
        digest(subject="x"),
        digest(text="x"),
        digest(subject="st", text=""),
        digest(attachments=LETTER.attachments[:2]),
        digest(attachments=LETTER.attachments[::-1]),
    ]
    assert digest() == digest()
    assert digest() not in others
    assert len(set(others)) == len(others)


def test_what_a_letter_holds_is_not_in_its_representation() -> None:
    assert "a.pdf" in repr(LETTER)
    assert "%PDF" not in repr(LETTER)
