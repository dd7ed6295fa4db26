"""Process settings: what one installation is told by its environment.

Tenants have their own file (`ml_connector.domain.tenant`); this is the little that must be known
before a tenant can be read: where data lives, which master key opens it, and how this machine
shares FedEx's limits with others. Temporal's address comes from Temporal's own variables.

    ML_CONNECTOR_HOME                directory of the embedded files; default `.ml-connector`
    ML_CONNECTOR_DATABASE_URL        SQLAlchemy URL; default an SQLite file under home
    ML_CONNECTOR_DATABASE_URL_FILE   the same URL, in a file (container secrets)
    ML_CONNECTOR_MASTER_KEY          the keys themselves, or
    ML_CONNECTOR_MASTER_KEY_FILE     a file of mode 0600 that holds them
    ML_CONNECTOR_TOKEN_WINDOW        how long FedEx's token budget window is; default `5s`
    ML_CONNECTOR_TOKEN_BLOCK         how long FedEx blocks an address that asked too often; default
                                     `10m`
    ML_CONNECTOR_HTTP_TIMEOUT        how long one call to Visma or FedEx may take; default `30s`
    ML_CONNECTOR_EGRESS              name of the address FedEx sees; default `default`
    ML_CONNECTOR_SMTP_URL            mail server for labels: `smtp://[user@]host[:port]` (STARTTLS)
                                     or `smtps://…` (TLS from the start); default none
    ML_CONNECTOR_SMTP_PASSWORD       the user's password, or
    ML_CONNECTOR_SMTP_PASSWORD_FILE  a file that holds it
    ML_CONNECTOR_SMTP_FROM           sender: `labels@company.example`, or `Name <address>`
    ML_CONNECTOR_SMTP_TIMEOUT        how long handing over one mail may take; default `1m`
"""

import ipaddress
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from email.utils import parseaddr
from enum import StrEnum
from pathlib import Path
from urllib.parse import SplitResult, unquote, urlsplit

from ml_connector.domain.durations import parse_duration
from ml_connector.domain.mail_address import is_mail_address

PREFIX = "ML_CONNECTOR_"
DEFAULT_HOME = Path(".ml-connector")
DEFAULT_TOKEN_WINDOW = timedelta(seconds=5)
DEFAULT_TOKEN_BLOCK = timedelta(minutes=10)
DEFAULT_HTTP_TIMEOUT = timedelta(seconds=30)
DEFAULT_EGRESS = "default"
DEFAULT_SMTP_TIMEOUT = timedelta(minutes=1)
LONGEST_SMTP_TIMEOUT = timedelta(minutes=4)
"""An attempt of an activity ends after five; the mail's outcome must be known before."""

# The egress name is part of a workflow id and of the lease's key, so it stays one plain word.
_EGRESS = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


class SettingsError(ValueError):
    """An environment variable cannot be used; the message names it and says what it should be."""


class SmtpTls(StrEnum):
    """How the way to the mail server is protected."""

    IMPLICIT = "implicit"
    """TLS from the first byte (`smtps://`)."""
    STARTTLS = "starttls"
    """The server must offer it: labels carry names and addresses."""
    NONE = "none"
    """On this machine only."""


_SMTP_PORTS = {"smtp": 587, "smtps": 465}
"""Of message submission, with STARTTLS (RFC 6409) and with TLS (RFC 8314)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SmtpServer:
    """The mail server that labels are handed to."""

    host: str
    port: int
    tls: SmtpTls
    sender: str
    """The address mails come from."""
    sender_name: str = ""
    username: str = ""
    """Empty: the server asks for no login."""
    password: str = field(default="", repr=False)
    timeout: timedelta = DEFAULT_SMTP_TIMEOUT
    """Of one whole conversation."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Everything a process needs to know about its installation. Paths are absolute."""

    home: Path
    database_url: str = field(repr=False)
    """May hold a password, so it is kept out of `repr`."""
    master_key: str | None = field(default=None, repr=False)
    master_key_file: Path | None = None
    token_window: timedelta = DEFAULT_TOKEN_WINDOW
    """The window in which FedEx counts token requests of one egress address."""
    token_block: timedelta = DEFAULT_TOKEN_BLOCK
    """How long FedEx refuses tokens to an address that asked too often; a sandbox's is shorter."""
    http_timeout: timedelta = DEFAULT_HTTP_TIMEOUT
    """After it a call to Visma or FedEx counts as unanswered."""
    egress: str = DEFAULT_EGRESS
    """Names the address FedEx sees us from: all processes that share it share one token budget."""
    smtp: SmtpServer | None = None
    """`None`: this installation sends no mail."""

    @classmethod
    def from_env(cls, environ: Mapping[str, str] = os.environ) -> "Settings":
        """Read the settings. A variable set to nothing counts as not set.

        Raises:
            SettingsError: a value cannot be read, or two variables contradict each other.
        """
        home = _path(environ, "HOME") or DEFAULT_HOME.absolute()
        master_key, master_key_file = (
            _value(environ, "MASTER_KEY"),
            _path(environ, "MASTER_KEY_FILE"),
        )
        if master_key and master_key_file:
            raise _both_set("MASTER_KEY", "MASTER_KEY_FILE")
        return cls(
            home=home,
            database_url=_database_url(environ) or f"sqlite:///{home}/ml-connector.db",
            master_key=master_key,
            master_key_file=master_key_file,
            token_window=_duration(
                environ,
                "TOKEN_WINDOW",
                DEFAULT_TOKEN_WINDOW,
                "A window of nothing would lift FedEx's limit",
            ),
            token_block=_duration(
                environ,
                "TOKEN_BLOCK",
                DEFAULT_TOKEN_BLOCK,
                "To ask again at once would prolong FedEx's block",
            ),
            http_timeout=_duration(
                environ,
                "HTTP_TIMEOUT",
                DEFAULT_HTTP_TIMEOUT,
                "No call would ever be given time for its answer",
            ),
            egress=_egress(environ),
            smtp=_smtp(environ),
        )


def _value(environ: Mapping[str, str], name: str) -> str | None:
    return environ.get(PREFIX + name, "").strip() or None


def _path(environ: Mapping[str, str], name: str) -> Path | None:
    value = _value(environ, name)
    return Path(value).expanduser().absolute() if value else None


def _database_url(environ: Mapping[str, str]) -> str | None:
    return _value_or_file(environ, "DATABASE_URL", "the database URL")


def _value_or_file(environ: Mapping[str, str], name: str, what: str) -> str | None:
    """A value, or the content of the file that `name_FILE` names."""
    value, file = _value(environ, name), _path(environ, f"{name}_FILE")
    if value and file:
        raise _both_set(name, f"{name}_FILE")
    if file is None:
        return value
    try:
        content = file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(
            f"{PREFIX}{name}_FILE names {file}, which cannot be read. "
            f"Name a readable file that holds {what}."
        ) from error
    if not content:
        raise SettingsError(
            f"{PREFIX}{name}_FILE names {file}, which is empty. Write {what} to it."
        )
    return content


def _duration(
    environ: Mapping[str, str], name: str, default: timedelta, if_nothing: str
) -> timedelta:
    """A duration above zero; `if_nothing` says why zero is refused."""
    value = _value(environ, name)
    if value is None:
        return default
    try:
        duration = parse_duration(value)
    except ValueError as error:
        raise SettingsError(
            f"{PREFIX}{name} is {value!r}, which is no duration. Write it as 500ms or 5s."
        ) from error
    if not duration:
        raise SettingsError(
            f"{PREFIX}{name} is {value!r}. {if_nothing}: write a positive duration such as 5s."
        )
    return duration


def _egress(environ: Mapping[str, str]) -> str:
    value = _value(environ, "EGRESS") or DEFAULT_EGRESS
    if not _EGRESS.fullmatch(value):
        raise SettingsError(
            f"{PREFIX}EGRESS is {value!r}. Use letters, digits, dot, dash and underscore, "
            f"64 at most: it is part of a workflow's id."
        )
    return value


def _smtp(environ: Mapping[str, str]) -> SmtpServer | None:
    url, sender = _value(environ, "SMTP_URL"), _value(environ, "SMTP_FROM")
    password = _value_or_file(environ, "SMTP_PASSWORD", "the mail server's password")
    if url is None:
        if sender or password:
            raise SettingsError(
                f"{PREFIX}SMTP_FROM or a password is set, but no {PREFIX}SMTP_URL. "
                f"Name the server, or take the others away."
            )
        return None
    parts, port = _smtp_parts(url)
    name, address = _smtp_sender(sender)
    username = unquote(parts.username or "")
    if bool(username) != bool(password):
        raise SettingsError(
            f"{PREFIX}SMTP_URL names {'a' if username else 'no'} user, and a password is "
            f"{'not ' if username else ''}set. A login needs both, an open server neither."
        )
    return SmtpServer(
        host=parts.hostname or "",
        port=port,
        tls=_smtp_tls(parts),
        sender=address,
        sender_name=name,
        username=username,
        password=password or "",
        timeout=_smtp_timeout(environ),
    )


def _smtp_parts(url: str) -> tuple[SplitResult, int]:
    """The URL's parts and port. The URL is never quoted: it may hold a password after all."""
    form = f"Write {PREFIX}SMTP_URL as smtp://user@host:587 or smtps://user@host:465"
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise SettingsError(f"{PREFIX}SMTP_URL is no URL. {form}.") from error
    if parts.scheme not in _SMTP_PORTS or not parts.hostname:
        raise SettingsError(f"{PREFIX}SMTP_URL names no mail server. {form}.")
    if parts.path.strip("/") or parts.query or parts.fragment:
        raise SettingsError(f"{PREFIX}SMTP_URL has something behind the host. {form}.")
    if parts.password is not None:
        raise SettingsError(
            f"{PREFIX}SMTP_URL holds a password, and URLs get printed. Put it into a file and "
            f"name that in {PREFIX}SMTP_PASSWORD_FILE."
        )
    return parts, port or _SMTP_PORTS[parts.scheme]


def _smtp_tls(parts: SplitResult) -> SmtpTls:
    if parts.scheme == "smtps":
        return SmtpTls.IMPLICIT
    return SmtpTls.NONE if _is_loopback(parts.hostname or "") else SmtpTls.STARTTLS


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _smtp_sender(sender: str | None) -> tuple[str, str]:
    """(name, address) of the sender."""
    name, address = parseaddr(sender or "")
    if not is_mail_address(address):
        raise SettingsError(
            f"{PREFIX}SMTP_FROM is no sender. Write an address such as labels@company.example, "
            f"or a name and an address: Goods in <labels@company.example>."
        )
    return name, address


def _smtp_timeout(environ: Mapping[str, str]) -> timedelta:
    timeout = _duration(
        environ, "SMTP_TIMEOUT", DEFAULT_SMTP_TIMEOUT, "No server could answer in it"
    )
    if timeout > LONGEST_SMTP_TIMEOUT:
        raise SettingsError(f"{PREFIX}SMTP_TIMEOUT is too long. Write at most 4m.")
    return timeout


def _both_set(one: str, other: str) -> SettingsError:
    return SettingsError(f"{PREFIX}{one} and {PREFIX}{other} are both set. Set one of them.")
