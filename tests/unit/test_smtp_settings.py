"""The mail server is named by the environment, strictly, and without showing its password."""

from datetime import timedelta
from pathlib import Path

import pytest

from ml_connector.settings import Settings, SettingsError, SmtpServer, SmtpTls


def read(**values: str) -> SmtpServer | None:
    return Settings.from_env(
        {f"ML_CONNECTOR_SMTP_{name}": text for name, text in values.items()}
    ).smtp


def test_without_a_url_no_mail_is_sent() -> None:
    assert read() is None


@pytest.mark.parametrize(
    ("url", "host", "port", "tls"),
    [
        ("smtp://mail.example", "mail.example", 587, SmtpTls.STARTTLS),
        ("smtp://mail.example:25/", "mail.example", 25, SmtpTls.STARTTLS),
        ("smtps://mail.example", "mail.example", 465, SmtpTls.IMPLICIT),
        ("smtp://127.0.0.1:1025", "127.0.0.1", 1025, SmtpTls.NONE),
        ("smtp://localhost:1025", "localhost", 1025, SmtpTls.NONE),
        ("smtp://[::1]:1025", "::1", 1025, SmtpTls.NONE),
        ("smtps://127.0.0.1:1465", "127.0.0.1", 1465, SmtpTls.IMPLICIT),
    ],
)
def test_tls_is_left_out_on_this_machine_only(url: str, host: str, port: int, tls: SmtpTls) -> None:
    assert read(URL=url, FROM="labels@nordic.example") == SmtpServer(
        host=host, port=port, tls=tls, sender="labels@nordic.example"
    )


def test_login_sender_and_timeout(tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text("very secret\n")
    server = read(
        URL="smtp://labels%40nordic.example@mail.example",
        PASSWORD_FILE=str(file),
        FROM="Nordic goods in <labels@nordic.example>",
        TIMEOUT="90s",
    )
    assert server == SmtpServer(
        host="mail.example",
        port=587,
        tls=SmtpTls.STARTTLS,
        sender="labels@nordic.example",
        sender_name="Nordic goods in",
        username="labels@nordic.example",
        password="very secret",
        timeout=timedelta(seconds=90),
    )
    assert "very secret" not in repr(server)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"URL": "mail.example", "FROM": "a@b.example"}, "names no mail server"),
        ({"URL": "http://mail.example", "FROM": "a@b.example"}, "names no mail server"),
        ({"URL": "smtp://", "FROM": "a@b.example"}, "names no mail server"),
        ({"URL": "smtp://mail.example:port", "FROM": "a@b.example"}, "is no URL"),
        ({"URL": "smtp://mail.example/inbox", "FROM": "a@b.example"}, "behind the host"),
        ({"URL": "smtp://mail.example?a=b", "FROM": "a@b.example"}, "behind the host"),
        ({"URL": "smtp://u:hush@mail.example", "FROM": "a@b.example"}, "SMTP_PASSWORD_FILE"),
        ({"URL": "smtp://u@mail.example", "FROM": "a@b.example"}, "password is not set"),
        ({"URL": "smtp://m.example", "PASSWORD": "p", "FROM": "a@b.example"}, "names no user"),
        ({"URL": "smtp://mail.example"}, "SMTP_FROM is no sender"),
        ({"URL": "smtp://mail.example", "FROM": "Nordic"}, "SMTP_FROM is no sender"),
        ({"FROM": "a@b.example"}, "no ML_CONNECTOR_SMTP_URL"),
        ({"URL": "smtp://m.example", "FROM": "a@b.example", "TIMEOUT": "5m"}, "at most 4m"),
        ({"URL": "smtp://m.example", "FROM": "a@b.example", "TIMEOUT": "0s"}, "SMTP_TIMEOUT"),
    ],
)
def test_what_cannot_be_used_is_said(values: dict[str, str], said: str) -> None:
    with pytest.raises(SettingsError, match=said) as caught:
        read(**values)
    assert "hush" not in str(caught.value)


def test_a_password_is_given_in_one_place(tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text("p")
    with pytest.raises(SettingsError, match="both set"):
        read(
            URL="smtp://u@mail.example",
            PASSWORD="p",
            PASSWORD_FILE=str(file),
            FROM="a@b.example",
        )
