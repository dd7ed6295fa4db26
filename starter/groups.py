"""How groups of commands are made, so that all of them behave alike."""

from typing import Annotated

import typer

from starter.errors import ExitCode

OneTenant = Annotated[
    str | None, typer.Option("--tenant", metavar="ID", help="Only this tenant; else all of them.")
]
Reason = Annotated[str, typer.Option("--reason", help="Why; the audit trail keeps it.")]


def command_group(name: str, help: str) -> typer.Typer:
    """A group that, called without a command, says which there are."""
    return typer.Typer(
        name=name,
        help=help,
        callback=_help_without_command,
        invoke_without_command=True,
        # Plain help: the reference page is made from it, and it reads the same in a log.
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
    )


def _help_without_command(context: typer.Context) -> None:
    if context.invoked_subcommand is None:
        typer.echo(context.get_help(), err=True)
        raise typer.Exit(ExitCode.USAGE)
