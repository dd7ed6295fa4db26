"""An installation in whose traces nothing private is found when it ends.

    async with searched(Stage(home=home)) as stage:
        ...                                 # any number of tests

Nobody keeps a list of what is private: it is what tenants were given, what the two other sides
issued and hold, and what lies in the vault. Searched are the databases, Temporal's too, and every
log, the worker's as an installation writes it.
"""

import logging
import re
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import fields, is_dataclass
from pathlib import Path

import psycopg

from ml_connector.sandbox.visma.documents import Address, Contact
from ml_connector.security.logging import line_format
from tests import installation
from tests.leaks import SHORTEST, Leaks, places_in, rows_in
from tests.stage import Stage

_LOGGERS = ("activities", "ml_connector", "starter", "temporalio", "worker", "workflows")
ROWS = "postgresql, row by row"
_WORKER_LOG = "worker-inside.log"


@asynccontextmanager
async def searched(stage: Stage) -> AsyncIterator[Stage]:
    """The stage, opened. Its end fails when anything private is found."""
    with _logging_to(stage.home / _WORKER_LOG):
        async with stage:
            yield stage
            private = {**secrets_of(stage), **await _vault(stage), **people_of(stage)}
            # A tenant's own name is shown on purpose, and its company often bears it, too.
            public = {tenant.name for tenant in await stage.store.tenants.list()}
    private |= tokens_of(stage)
    leaks = Leaks(
        {
            f"{what} {text}": text
            for text, what in private.items()
            if len(text) >= SHORTEST and text not in public
        }
    )
    found = leaks.found_in_places(written_by(stage))
    if found:
        raise AssertionError(f"given away: {found}")


def written_by(stage: Stage) -> dict[str, bytes]:
    """All that an installation has written, as `places_in` says, whatever its database."""
    places = places_in(stage.home)
    server = installation.POSTGRES
    if server is None or stage.database_url.startswith("sqlite"):
        return places
    with psycopg.connect(stage.database_url.replace("+psycopg", "")) as connection:
        rows = rows_in(connection)
    return {**places, ROWS: rows, "postgresql.log": server.log.read_bytes()}


def secrets_of(stage: Stage) -> dict[str, str]:
    """Everything that opens a door, by itself, with what it is."""
    fedex, visma = stage.sandbox.fedex, stage.sandbox.visma
    found = dict.fromkeys(stage.secrets, "a tenant's secret")
    found |= dict.fromkeys(fedex.accounts, "FedEx account")
    for credential in fedex.credentials.values():
        found |= {credential.client_id: "FedEx id", credential.client_secret: "FedEx secret"}
        for child in credential.children:
            found |= {child.key: "FedEx child key", child.secret: "FedEx child secret"}
    for client in visma.clients.values():
        found |= {client.id: "Visma id", client.secret: "Visma secret"}
    server = installation.POSTGRES
    return found | ({server.password: "the database's password"} if server else {})


def tokens_of(stage: Stage) -> dict[str, str]:
    """Every token that was issued."""
    return {
        **dict.fromkeys(stage.sandbox.fedex.tokens, "FedEx token"),
        **dict.fromkeys(stage.sandbox.visma.tokens, "Visma token"),
    }


def people_of(stage: Stage) -> dict[str, str]:
    """Names, streets, mail addresses and telephone numbers that Visma holds, wherever."""
    found: dict[str, str] = {}
    for each in _parties(stage.sandbox.visma.companies):
        if isinstance(each, Address):
            found |= dict.fromkeys((each.line1, each.line2, each.line3), "street")
            continue
        found |= {each.name: "name", each.attention: "name", each.email: "mail address"}
        for phone in (each.phone1, each.phone2):
            found |= dict.fromkeys(_dialled(phone), "phone")
    # A single short word is no person and no street, but "Dispatch" or "Oslo".
    return {text: what for text, what in found.items() if _tells(text)}


async def _vault(stage: Stage) -> dict[str, str]:
    found = {}
    for tenant in await stage.store.tenants.list():
        async with stage.store.read(tenant.id) as view:
            for name in await view.secrets.names():
                found[await view.secrets.get(name)] = f"{tenant.id}'s {name}"
    return found


def _parties(value: object) -> Iterator[Address | Contact]:
    if isinstance(value, Address | Contact):
        yield value
    elif is_dataclass(value):
        for field in fields(value):
            yield from _parties(getattr(value, field.name))
    elif isinstance(value, Mapping):
        for each in value.values():
            yield from _parties(each)
    elif isinstance(value, list | tuple):
        for each in value:
            yield from _parties(each)


def _dialled(phone: str) -> tuple[str, str]:
    """With the country's code, which has two digits or one, and without."""
    digits = re.sub(r"\D", "", phone)
    return digits, digits[2:]


def _tells(text: str) -> bool:
    return len(text) >= SHORTEST and (" " in text or "@" in text or text.isdigit())


@contextmanager
def _logging_to(file: Path) -> Iterator[None]:
    """What a worker in this process says, in the form and with the redaction of any other."""
    handler = logging.FileHandler(file, encoding="utf-8")
    handler.setFormatter(line_format(as_json=True))
    loggers = [logging.getLogger(name) for name in _LOGGERS]
    levels = [logger.level for logger in loggers]
    logging.getLogger().addHandler(handler)
    for logger in loggers:
        logger.setLevel(logging.INFO)
    try:
        yield
    finally:
        logging.getLogger().removeHandler(handler)
        handler.close()
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
