"""How groups of commands are made, so that all of them behave alike."""

from typing import Annotated, Any, ClassVar

import typer
from typer.core import TyperGroup

from starter.errors import ExitCode

OneTenant = Annotated[
    str | None, typer.Option("--tenant", metavar="ID", help="Only this tenant; else all of them.")
]
Reason = Annotated[
    str, typer.Option("--reason", metavar="TEXT", help="Why; the audit trail keeps it.")
]


class _WithDefault(TyperGroup):
    """A group whose command named `default` is also meant where none is named."""

    default: ClassVar[str]

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if args and args[0] not in (*self.commands, "--help"):
            args = [self.default, *args]
        return super().parse_args(ctx, args)


def command_group(name: str, help: str, *, default: str | None = None) -> typer.Typer:
    """A group that, called without anything, says which commands there are.

    With `default` whatever is no command's name is an argument of that command.
    """
    kind = type("Group", (_WithDefault,), {"default": default}) if default else TyperGroup
    return typer.Typer(
        name=name,
        cls=kind,
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
