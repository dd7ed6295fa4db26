"""`ml-connector`: puts the command groups together and turns every error into an exit code.

It imports what `--help` needs; the rest comes with the command that is called.
"""

import logging
import os
import secrets
import sys
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from ml_connector.settings import DEFAULT_HOME, Settings, SettingsError
from starter import errors
from starter.errors import CommandError, ExitCode, OurFault
from starter.groups import add_later, command_group, help_without_command

PROGRAM = "ml-connector"


def _show_version(wanted: bool) -> None:
    if wanted:
        from importlib import metadata

        typer.echo(f"{PROGRAM} {metadata.version(PROGRAM)}")
        raise typer.Exit


def _program(
    context: typer.Context,
    version: Annotated[
        bool,
        typer.Option(
            "--version", help="Show the version and exit.", callback=_show_version, is_eager=True
        ),
    ] = False,
) -> None:
    help_without_command(context)


app = command_group(
    PROGRAM,
    """Joins Visma.net and FedEx: orders become shipments, freight lands in the ledger.

\b
Exit codes: 0 done, 1 a finding or a refusal, 2 usage, 3 credentials,
4 the other side is down or throttling, 5 our fault.

\b
Begin with:
  ml-connector tenant apply examples/nordic.toml
  ml-connector up
""",
    callback=_program,
)

COMMANDS = {
    "demo": (
        "starter.demo",
        "Play eighteen purchase orders of two companies, from Visma to FedEx to the ledger.",
    ),
    "up": (
        "starter.up",
        "Start Temporal with its Web UI, the codec server and a worker, for real tenants.",
    ),
    "worker": ("starter.worker", "Run the workflows and activities of all tenants."),
    "codec-server": (
        "starter.codec_server",
        "Decrypt what the workflows say, for a Web UI or for the `temporal` command.",
    ),
    "sandbox": ("starter.sandbox", "Simulate FedEx and Visma.net on this machine, over real HTTP."),
    "doctor": (
        "starter.doctor",
        "Check keys, database, Temporal, search attributes, worker, clock and tenants.",
    ),
    "quote": (
        "starter.quote",
        "Ask FedEx for its prices: of an order as it stands, or between any two places.",
    ),
    "explain": (
        "starter.explain",
        "Explain a parcel, a journal or an order: "
        "order lines, shares, scans, rate, requests, audit.",
    ),
    "tenant": ("starter.tenant", "The companies whose Visma and FedEx are joined."),
    "credentials": (
        "starter.credentials",
        "A tenant's keys and secrets: set anew, tried, exchanged.",
    ),
    "schedule": (
        "starter.schedule",
        "The regular looks at Visma and FedEx: discovery, tracking, period cut-off.",
    ),
    "po": ("starter.po", "Purchase orders and where they stand."),
    "label": ("starter.label", "The labels of a shipment: written to a file, or sent by mail."),
    "attention": ("starter.attention", "What waits for a person, and letting it go on."),
    "audit": ("starter.audit", "Who did what, when and why; append-only, and every link provable."),
    "freight": ("starter.freight", "Freight in the ledger, and whether Visma agrees."),
    "token": (
        "starter.fedex_tokens",
        "FedEx's tokens, which are limited by address; never a token itself.",
    ),
    "keys": (
        "starter.keys",
        "The master keys that everything sealed hangs on; never their material.",
    ),
}
"""Module and first sentence of every command and group, in the order of the help."""

for _name, (_module, _help) in COMMANDS.items():
    add_later(app, _name, _module, _help)


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """The program's entry point; `arguments` in place of those of the command line."""
    # Libraries may log what only a log file should hold; commands that run on set up their own.
    logging.getLogger().addHandler(logging.NullHandler())
    _leave(run(sys.argv[1:] if arguments is None else arguments))


def _leave(code: int) -> NoReturn:
    """End without taking the interpreter down: everything of ours is closed by now.

    Threads of Temporal's native client may still ask for the interpreter at that moment, and
    then it aborts: a command that found no Temporal ended with SIGABRT, not 4, one time in three.
    """
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError):  # whoever read it may be gone
            stream.flush()
    os._exit(code)


def run(arguments: Sequence[str]) -> int:
    """Run one command line; the exit code. No exception leaves here, so no traceback either."""
    try:
        outcome = app(args=list(arguments), prog_name=PROGRAM, standalone_mode=False)
    except (typer.Abort, KeyboardInterrupt):
        return 130
    except Exception as error:
        from starter.output import talk

        problem = errors.explain(error) or _defect(error)
        talk(f"error: {problem}")
        return problem.exit_code
    return outcome if isinstance(outcome, int) else ExitCode.DONE


def _defect(error: Exception) -> CommandError:
    """Keep the traceback in a file of its own, and say which."""
    code = f"internal-{secrets.token_hex(4)}"
    try:
        remedy = f"Report it, with {_keep_traceback(error, code)}."
    except OSError as failure:
        remedy = f"Its details could not be kept: {failure.strerror}."
    return OurFault(
        f"Something went wrong inside {PROGRAM}",
        why=f"This is a defect ({type(error).__name__})",
        remedy=remedy,
        code=code,
    )


def _keep_traceback(error: Exception, code: str) -> Path:
    from ml_connector.security.logging import format_exception

    logs = _home() / "logs"
    logs.mkdir(mode=0o700, parents=True, exist_ok=True)
    file = logs / f"{code}.log"
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as stream:
        stream.write(f"{datetime.now(UTC).isoformat()} {code}\n{format_exception(error)}\n")
    return file


def _home() -> Path:
    try:
        return Settings.from_env().home
    except SettingsError:
        return DEFAULT_HOME.absolute()
