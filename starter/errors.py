"""What a command says when it cannot do what was asked, and the exit code it ends with.

    CommandError
    ├── Refused                 1  a finding or a refusal: the request was understood
    ├── WrongUsage              2  the command line, a file or the environment is wrong
    ├── CredentialsRefused      3  another system does not accept who we are
    ├── OtherSideUnavailable    4  another system, or the database, is down or throttling
    └── OurFault                5  a defect in this program

`explain` turns every other exception into one of these; a test keeps it complete. `ExitCode`
is the whole contract with scripts.
"""

from collections.abc import Iterable, Sequence
from enum import IntEnum
from typing import ClassVar

from alembic.util.exc import CommandError as MigrationError
from sqlalchemy.exc import InterfaceError, OperationalError, SQLAlchemyError
from temporalio.service import RPCError, RPCStatusCode
from typer import TyperException

from ml_connector.domain.errors import RuleError
from ml_connector.domain.tenant import TenantFileError
from ml_connector.http.faults import (
    CredentialsFault,
    Fault,
    RejectedFault,
)
from ml_connector.sandbox.errors import PortInUse as SandboxPortInUse
from ml_connector.security.keys import MasterKeyError
from ml_connector.settings import SettingsError
from ml_connector.store.errors import StoreError, UnknownTenant, UnsupportedDatabase
from ml_connector.store.rotation import MasterKeyInUse
from ml_connector.temporal.errors import PortInUse, TemporalSettingsWrong


class ExitCode(IntEnum):
    """How a command ends."""

    DONE = 0
    REFUSED = 1
    USAGE = 2
    CREDENTIALS = 3
    OTHER_SIDE = 4
    OUR_FAULT = 5


_CAUSES = (ExitCode.CREDENTIALS, ExitCode.OTHER_SIDE, ExitCode.OUR_FAULT, ExitCode.REFUSED)


def first_cause(codes: Iterable[ExitCode]) -> ExitCode:
    """Of several failures the one that explains the others; `DONE` when there is none."""
    known = set(codes)
    return next((code for code in _CAUSES if code in known), ExitCode.DONE)


class CommandError(Exception):
    """One clear message: what happened, why, what to do, and an id to look it up by."""

    exit_code: ClassVar[ExitCode] = ExitCode.OUR_FAULT

    def __init__(
        self,
        what: str,
        *,
        why: str = "",
        remedy: str = "",
        code: str,
        details: Sequence[str] = (),
    ) -> None:
        super().__init__(what)
        self.what = what
        self.why = why
        self.remedy = remedy
        self.code = code
        """The id in brackets: snake_case and stable, or unique where a log file belongs to it."""
        self.details = tuple(details)
        """One line for each of several problems found at once."""

    def __str__(self) -> str:
        sentences = " ".join(_sentence(part) for part in (self.what, self.why, self.remedy) if part)
        return "\n".join([f"{sentences} [{self.code}]", *(f"  - {line}" for line in self.details)])


class Refused(CommandError):
    """The request was understood and will not be done, or what was looked at is not well."""

    exit_code = ExitCode.REFUSED


class WrongUsage(CommandError):
    """The command line, a file it names or the environment cannot be used."""

    exit_code = ExitCode.USAGE


class CredentialsRefused(CommandError):
    """Another system does not accept our key, secret or certificate."""

    exit_code = ExitCode.CREDENTIALS


class OtherSideUnavailable(CommandError):
    """Another system or the database is down, or asks for patience."""

    exit_code = ExitCode.OTHER_SIDE


class OurFault(CommandError):
    """A defect of this program."""

    exit_code = ExitCode.OUR_FAULT


def explain(error: Exception) -> CommandError | None:
    """The message for an exception that we know, or None: then it is a defect of ours."""
    match error:
        case CommandError():
            return error
        case TyperException():
            return _usage(error)
        case SettingsError():
            return WrongUsage(str(error), code="settings")
        case TenantFileError():
            return WrongUsage(str(error), code="tenant_file")
        case MasterKeyInUse():
            return Refused(
                str(error),
                why="A process that does not know the new key has sealed something meanwhile",
                remedy="Run the command again; if it stays so, restart the workers first",
                code="key_in_use",
            )
        case MasterKeyError():
            return WrongUsage(str(error), code="master_key")
        case SandboxPortInUse():
            return WrongUsage(
                f"Port {error.port} on 127.0.0.1 is in use by another program.",
                remedy="Stop that program or choose another port; 0 takes any free one.",
                code="port_in_use",
            )
        case Fault():
            return _fault(error)
        case RuleError():
            return Refused(str(error), remedy=error.remedy, code=error.code)
        case MigrationError():
            return Refused(
                "The database was made by a newer version of this program",
                remedy="Install that version, or restore the backup from before the update",
                code="database_newer",
            )
        case ExceptionGroup() if len(error.exceptions) == 1:
            return explain(error.exceptions[0])
        case StoreError():
            return _store(error)
        case SQLAlchemyError():
            return _database(error)
        case RPCError():
            return _temporal(error)
    return None


def _usage(error: TyperException) -> CommandError:
    context = getattr(error, "ctx", None)
    command = context.command_path if context is not None else "ml-connector"
    # Where the value is a choice, the parser puts its own words before ours.
    what = error.format_message().replace("Value error, ", "")
    return WrongUsage(what, remedy=f"See {command} --help.", code="command_line")


def _fault(error: Fault) -> CommandError:
    kind: type[CommandError]
    match error:
        case PortInUse() | TemporalSettingsWrong():
            kind = WrongUsage
        case CredentialsFault():
            kind = CredentialsRefused
        case RejectedFault():
            kind = Refused
        case _:
            # Nobody answered, asks for patience, or the answer was lost: it may pass.
            kind = OtherSideUnavailable
    return kind(
        error.what, why=error.told, remedy=error.remedy, code=error.code or _snake(type(error))
    )


def _store(error: StoreError) -> CommandError | None:
    match error:
        case UnknownTenant():
            return Refused(str(error), code="unknown_tenant")
        case UnsupportedDatabase():
            return WrongUsage(str(error), code="database_url")
    # The others say that rows contradict each other or that code holds the store wrongly.
    return None


def _database(error: SQLAlchemyError) -> CommandError | None:
    if not isinstance(error, OperationalError | InterfaceError):
        return None
    # Only what the driver says: SQLAlchemy's own text would quote the statement.
    reason = str(error.orig).strip().partition("\n")[0]
    if reason.startswith(_SQLITE_DEFECTS):
        return None
    return OtherSideUnavailable(
        "The database does not answer",
        why=reason,
        remedy="Check ML_CONNECTOR_DATABASE_URL, and that the database runs and has room",
        code="database_unavailable",
    )


_SQLITE_DEFECTS = ("no such ", "near ")
"""SQLite calls a wrong statement an operational error too, and that is nobody's outage."""

_TEMPORAL_DOWN = frozenset(
    {
        RPCStatusCode.UNAVAILABLE,
        RPCStatusCode.DEADLINE_EXCEEDED,
        RPCStatusCode.RESOURCE_EXHAUSTED,
        RPCStatusCode.ABORTED,
        RPCStatusCode.CANCELLED,
    }
)


def _temporal(error: RPCError) -> CommandError | None:
    if error.status in _TEMPORAL_DOWN:
        return OtherSideUnavailable(
            "Temporal did not answer in time.",
            why=f"It said {error.status.name}.",
            remedy="Check that the server runs, then repeat the command.",
            code="temporal_unavailable",
        )
    if error.status in (RPCStatusCode.UNAUTHENTICATED, RPCStatusCode.PERMISSION_DENIED):
        return CredentialsRefused(
            "Temporal refuses us.",
            remedy="Check TEMPORAL_API_KEY or the client certificate of the profile.",
            code="temporal_refused",
        )
    if error.status is RPCStatusCode.NOT_FOUND:
        return Refused(
            "Temporal does not know that workflow or schedule.",
            why="It has ended and its retention is over, or it was never started.",
            remedy="See ml-connector po list and ml-connector schedule list.",
            code="temporal_not_found",
        )
    return None


def _sentence(text: str) -> str:
    text = text.strip()
    return text if text.endswith((".", "!", "?", ":", "\n")) else f"{text}."


def _snake(kind: type[Exception]) -> str:
    """`TemporalUnavailable` as `temporal_unavailable`."""
    name = kind.__name__
    return "".join(
        f"_{letter.lower()}" if letter.isupper() and position else letter.lower()
        for position, letter in enumerate(name)
    )
