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

from typer import TyperException

from ml_connector.domain.errors import RuleError
from ml_connector.domain.tenant_problems import TenantFileError
from ml_connector.http.faults import (
    CredentialsFault,
    Fault,
    RejectedFault,
)
from ml_connector.sandbox.errors import PortInUse as SandboxPortInUse
from ml_connector.security.keys import MasterKeyError
from ml_connector.settings import SettingsError
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
    # Only who has raised it is asked, so that nothing is imported for errors that never came.
    if _comes_from(error, "ml_connector.store", "sqlalchemy", "alembic"):
        from starter import database_errors

        return database_errors.explain(error)
    if _comes_from(error, "temporalio"):
        from starter import temporal_errors

        return temporal_errors.explain(error)
    return _explain(error)


def _comes_from(error: Exception, *packages: str) -> bool:
    modules = [f"{kind.__module__}." for kind in type(error).__mro__]
    return any(module.startswith(f"{package}.") for module in modules for package in packages)


def _explain(error: Exception) -> CommandError | None:
    match error:
        case CommandError():
            return error
        case TyperException():
            return _usage(error)
        case SettingsError():
            return WrongUsage(str(error), code="settings")
        case TenantFileError():
            return WrongUsage(str(error), code="tenant_file")
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
        case ExceptionGroup() if len(error.exceptions) == 1:
            return explain(error.exceptions[0])
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
