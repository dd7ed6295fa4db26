"""How a delivery ends is told apart exactly: taken, not taken, refused, or nobody knows."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from ml_connector.mail.errors import (
    MailLoginRefused,
    MailNotSent,
    MailOutcomeUnknown,
    MailRefused,
)
from ml_connector.mail.message import Attachment, Letter, build_message
from ml_connector.mail.smtp import Accepted, deliver, greet
from ml_connector.settings import Settings, SmtpServer, SmtpTls
from ml_connector.temporal.ports import free_port
from tests.mail_server import MailServer

DISPATCH = "dispatch@supplier.example"
DEPOT = "depot@supplier.example"
LETTER = Letter(
    subject="FedEx label",
    text="Print it.\n.\nA line that begins with a dot is kept.\n",
    attachments=(Attachment(name="label.zpl", media="ZPLII", content=b"^XA\r\n.^FD\x00\xff^XZ"),),
)


@pytest.fixture
async def mailbox() -> AsyncIterator[MailServer]:
    async with MailServer() as server:
        yield server


def told(mailbox: MailServer, **changes: str) -> SmtpServer:
    """The server as an installation's settings describe it."""
    smtp = Settings.from_env({**mailbox.environment, **changes}).smtp
    assert smtp is not None
    return smtp


def mail(server: SmtpServer, *recipients: str) -> EmailMessage:
    return build_message(LETTER, server, recipients, key="nordic/PO1/label_mail/1", at=NOW)


NOW = datetime(2026, 11, 2, 8, tzinfo=UTC)


async def send(server: SmtpServer, *recipients: str) -> Accepted:
    recipients = recipients or (DISPATCH,)
    return await deliver(server, mail(server, *recipients), recipients)


async def test_what_the_server_takes_is_what_was_sent(mailbox: MailServer) -> None:
    accepted = await send(told(mailbox), DISPATCH, DEPOT)
    assert accepted == Accepted(reply="2.0.0 queued as 4711")
    [received] = mailbox.received
    assert received.sender == "labels@nordic.example"
    assert received.recipients == (DISPATCH, DEPOT)
    assert received.text.splitlines() == LETTER.text.splitlines()
    assert received.files == {"label.zpl": LETTER.attachments[0].content}


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        ("451 4.3.0 try later", MailNotSent),
        ("421 4.3.2 shutting down", MailNotSent),
        ("554 5.7.1 looks like spam", MailRefused),
        ("250", None),
    ],
)
async def test_the_answer_to_the_text_decides(
    mailbox: MailServer, answer: str, error: type[Exception] | None
) -> None:
    mailbox.answer = answer
    if error is None:
        await send(told(mailbox))
    else:
        with pytest.raises(error):
            await send(told(mailbox))
    assert mailbox.attempts == 1


async def test_an_answer_that_is_none_leaves_the_outcome_open(mailbox: MailServer) -> None:
    mailbox.answer = "299 hm"
    with pytest.raises(MailOutcomeUnknown):
        await send(told(mailbox))


async def test_a_line_cut_after_the_text_leaves_the_outcome_open(mailbox: MailServer) -> None:
    mailbox.hangs_up = True
    with pytest.raises(MailOutcomeUnknown):
        await send(told(mailbox))
    assert len(mailbox.received) == 1


async def test_silence_after_the_text_leaves_the_outcome_open(mailbox: MailServer) -> None:
    mailbox.holds = asyncio.Event()
    with pytest.raises(MailOutcomeUnknown) as caught:
        await send(replace(told(mailbox), timeout=timedelta(milliseconds=200)))
    assert caught.value.why == "It did not answer in time."
    mailbox.holds.set()


async def test_a_server_that_is_away_has_taken_nothing() -> None:
    nobody = SmtpServer(
        host="127.0.0.1", port=free_port(), tls=SmtpTls.NONE, sender="labels@nordic.example"
    )
    with pytest.raises(MailNotSent, match="SMTPConnectError"):
        await send(nobody)
    with pytest.raises(MailNotSent):
        await greet(nobody)


async def test_a_server_that_never_greets_has_taken_nothing() -> None:
    async def silent(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await done.wait()
        writer.close()

    done = asyncio.Event()
    listening = await asyncio.start_server(silent, "127.0.0.1", 0)
    async with listening:
        mute = SmtpServer(
            host="127.0.0.1",
            port=listening.sockets[0].getsockname()[1],
            tls=SmtpTls.NONE,
            sender="labels@nordic.example",
            timeout=timedelta(milliseconds=200),
        )
        with pytest.raises(MailNotSent):
            await send(mute)
        done.set()


async def test_some_refused_recipients_do_not_keep_the_others_from_it(mailbox: MailServer) -> None:
    mailbox.refuses[DEPOT] = "550 5.1.1 no such mailbox"
    accepted = await send(told(mailbox), DEPOT, DISPATCH)
    assert accepted.refused == (DEPOT,)
    assert [each.recipients for each in mailbox.received] == [(DISPATCH,)]


@pytest.mark.parametrize(
    ("answers", "error"),
    [
        (("550 5.1.1 gone", "553 5.1.3 bad"), MailRefused),
        (("550 5.1.1 gone", "450 4.2.0 come back"), MailNotSent),
    ],
)
async def test_all_recipients_refused(
    mailbox: MailServer, answers: tuple[str, str], error: type[Exception]
) -> None:
    mailbox.refuses = dict(zip((DISPATCH, DEPOT), answers, strict=True))
    with pytest.raises(error):
        await send(told(mailbox), DISPATCH, DEPOT)
    assert mailbox.attempts == 0


async def test_a_server_that_goes_away_between_two_recipients_has_taken_nothing(
    mailbox: MailServer,
) -> None:
    mailbox.refuses[DEPOT] = "421 4.3.2 shutting down"
    with pytest.raises(MailNotSent):
        await send(told(mailbox), DISPATCH, DEPOT)
    assert mailbox.attempts == 0


async def test_an_error_names_no_person(mailbox: MailServer) -> None:
    mailbox.refuses[DISPATCH] = f"550 5.1.1 <{DISPATCH}>: Dispatch unknown, ask boss@other.example"
    with pytest.raises(MailRefused) as caught:
        await send(told(mailbox))
    assert caught.value.why == "It said 550 5.1.1 <***>: *** unknown, ask ***."
    assert caught.value.__cause__ is None


async def test_a_mail_over_the_servers_limit_is_refused_before_it_is_sent(
    mailbox: MailServer,
) -> None:
    server = told(mailbox)
    big = Letter(
        subject="big",
        text="",
        attachments=(Attachment(name="a", media="PDF", content=b"x" * 10**6),),
    )
    message = build_message(big, server, [DISPATCH], key="k", at=NOW)
    with pytest.raises(MailRefused, match="552"):
        await deliver(server, message, [DISPATCH])
    assert mailbox.attempts == 0


async def test_login() -> None:
    async with MailServer(password="right") as mailbox:
        url = mailbox.url.replace("smtp://", "smtp://connector@")
        mailbox_settings = {"ML_CONNECTOR_SMTP_URL": url}
        good = told(mailbox, **mailbox_settings, ML_CONNECTOR_SMTP_PASSWORD="right")
        bad = told(mailbox, **mailbox_settings, ML_CONNECTOR_SMTP_PASSWORD="wrong")
        await send(good)
        await greet(good)
        with pytest.raises(MailLoginRefused):
            await send(bad)
        with pytest.raises(MailLoginRefused):
            await greet(bad)
        assert len(mailbox.received) == 1


async def test_beyond_this_machine_a_server_without_tls_gets_nothing(mailbox: MailServer) -> None:
    with pytest.raises(MailNotSent):
        await send(replace(told(mailbox), tls=SmtpTls.STARTTLS))
    assert mailbox.attempts == 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """Of a server at 127.0.0.1, by nobody but itself."""

    file: Path
    context: ssl.SSLContext


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    folder = tmp_path_factory.mktemp("certificate")
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "mail.test")])
    here = x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(here, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    file, key_file = folder / "cert.pem", folder / "key.pem"
    file.write_bytes(made.public_bytes(Encoding.PEM))
    key_file.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file, key_file)
    return Certificate(file=file, context=context)


@pytest.mark.parametrize("tls", [SmtpTls.IMPLICIT, SmtpTls.STARTTLS])
async def test_tls_and_whose_certificate_counts(
    certificate: Certificate, monkeypatch: pytest.MonkeyPatch, tls: SmtpTls
) -> None:
    from_start = tls is SmtpTls.IMPLICIT
    async with MailServer(tls=certificate.context, tls_from_start=from_start) as mailbox:
        server = replace(told(mailbox), tls=tls)
        with pytest.raises(MailNotSent):
            await send(server)
        assert mailbox.attempts == 0
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate.file))
        await send(server)
        assert len(mailbox.received) == 1


async def test_tls_from_the_start_speaks_tls(mailbox: MailServer) -> None:
    with pytest.raises(MailNotSent):
        await send(replace(told(mailbox), tls=SmtpTls.IMPLICIT))
    assert mailbox.attempts == 0
    assert issubclass(ssl.SSLError, OSError), "else it would not be told apart"
