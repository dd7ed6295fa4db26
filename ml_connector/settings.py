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
    ML_CONNECTOR_HTTP_TIMEOUT        how long one call to Visma or FedEx may take; default `30s`
    ML_CONNECTOR_EGRESS              name of the address FedEx sees; default `default`
"""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from ml_connector.domain.durations import parse_duration

PREFIX = "ML_CONNECTOR_"
DEFAULT_HOME = Path(".ml-connector")
DEFAULT_TOKEN_WINDOW = timedelta(seconds=5)
DEFAULT_HTTP_TIMEOUT = timedelta(seconds=30)
DEFAULT_EGRESS = "default"

# The egress name is part of a workflow id and of the lease's key, so it stays one plain word.
_EGRESS = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


class SettingsError(ValueError):
    """An environment variable cannot be used; the message names it and says what it should be."""


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
    http_timeout: timedelta = DEFAULT_HTTP_TIMEOUT
    """After it a call to Visma or FedEx counts as unanswered."""
    egress: str = DEFAULT_EGRESS
    """Names the address FedEx sees us from: all processes that share it share one token budget."""

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
            database_url=_database_url(environ) or f"sqlite+aiosqlite:///{home}/ml-connector.db",
            master_key=master_key,
            master_key_file=master_key_file,
            token_window=_duration(
                environ,
                "TOKEN_WINDOW",
                DEFAULT_TOKEN_WINDOW,
                "A window of nothing would lift FedEx's limit",
            ),
            http_timeout=_duration(
                environ,
                "HTTP_TIMEOUT",
                DEFAULT_HTTP_TIMEOUT,
                "No call would ever be given time for its answer",
            ),
            egress=_egress(environ),
        )


def _value(environ: Mapping[str, str], name: str) -> str | None:
    return environ.get(PREFIX + name, "").strip() or None


def _path(environ: Mapping[str, str], name: str) -> Path | None:
    value = _value(environ, name)
    return Path(value).expanduser().absolute() if value else None


def _database_url(environ: Mapping[str, str]) -> str | None:
    url, file = _value(environ, "DATABASE_URL"), _path(environ, "DATABASE_URL_FILE")
    if url and file:
        raise _both_set("DATABASE_URL", "DATABASE_URL_FILE")
    if file is None:
        return url
    try:
        content = file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(
            f"{PREFIX}DATABASE_URL_FILE names {file}, which cannot be read. "
            f"Name a readable file that holds the database URL."
        ) from error
    if not content:
        raise SettingsError(
            f"{PREFIX}DATABASE_URL_FILE names {file}, which is empty. Write the database URL to it."
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


def _both_set(one: str, other: str) -> SettingsError:
    return SettingsError(f"{PREFIX}{one} and {PREFIX}{other} are both set. Set one of them.")
