"""`ml-connector`: puts the command groups together and turns every error into an exit code."""

import logging
import os
import secrets
import sys
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import NoReturn

import structlog
import typer

from ml_connector.security.logging import format_exception
from ml_connector.settings import DEFAULT_HOME, Settings, SettingsError
from starter import (
    attention,
    audit,
    codec_server,
    credentials,
    demo,
    doctor,
    errors,
    explain,
    fedex_tokens,
    freight,
    keys,
    label,
    ping,
    po,
    po_plan,
    po_replay,
    po_ship,
    quote,
    sandbox,
    schedule,
    tenant,
    up,
    worker,
)
from starter.errors import CommandError, ExitCode, OurFault
from starter.groups import command_group
from starter.output import talk

PROGRAM = "ml-connector"

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
)

for single in (demo, up, worker, codec_server, sandbox, doctor, quote, explain):
    single.register(app)
for of_order in (po_plan, po_ship, po_replay):
    of_order.register(po.app)
ping.register(tenant.app)
for group in (
    tenant,
    credentials,
    schedule,
    po,
    label,
    attention,
    audit,
    freight,
    fedex_tokens,
    keys,
):
    app.add_typer(group.app)


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """The program's entry point; `arguments` in place of those of the command line."""
    # Libraries may log what only a log file should hold; commands that run on set up their own.
    logging.getLogger().addHandler(logging.NullHandler())
    # Ours would print on standard output, which belongs to a command's data.
    structlog.configure(
        logger_factory=structlog.stdlib.LoggerFactory(), wrapper_class=structlog.stdlib.BoundLogger
    )
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
