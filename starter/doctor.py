"""`ml-connector doctor`: what is well, what is not, and the next step."""

import asyncio
from typing import Annotated

import typer

from starter.checks import CheckName, Finding, Status, examine
from starter.context import Installation
from starter.errors import first_cause
from starter.output import AsJson, show, table


def register(app: typer.Typer) -> None:
    app.command("doctor")(doctor)


def doctor(
    only: Annotated[
        list[CheckName] | None, typer.Option("--only", help="Just this check; may be repeated.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Check keys, database, Temporal, search attributes, worker, clock and tenants.

    Each line says ok, warn or FAIL, and the next step. It changes nothing. It ends with 0 unless
    something FAILs; then with 3, 4, 5 or 1, the first of them that is a cause.

    \b
    Examples:
      ml-connector doctor
      ml-connector doctor --only database --only temporal --json
    """
    raise typer.Exit(asyncio.run(_doctor(only or list(CheckName), as_json)))


async def _doctor(names: list[CheckName], as_json: bool) -> int:
    async with Installation.open() as here:
        findings = await examine(here, names)
    show(
        findings,
        lambda: table(
            "",
            "CHECK",
            "",
            "NEXT STEP",
            rows=[(item.status, item.check, item.message, item.next_step) for item in findings],
            empty="",
        ),
        as_json=as_json,
    )
    return exit_code(findings)


def exit_code(findings: list[Finding]) -> int:
    """0, or the first cause among those that failed."""
    return first_cause(item.exit_code for item in findings if item.status is Status.FAIL)
