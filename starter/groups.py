"""How groups of commands are made, so that all of them behave alike.

A command's module is imported when the command is called: the clients, the store and Temporal
take seconds, and most commands need only some of them.
"""

import gc
import importlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property, partial
from typing import Annotated, Any, ClassVar

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_group

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


class Deferred(TyperCommand):
    """Stands for a command, or a group of them, whose module is not imported yet."""

    def __init__(self, *, module: str, **attributes: Any) -> None:
        super().__init__(**attributes)
        self._module = module

    @cached_property
    def real(self) -> Any:
        """What it stands for, which its module's `register` adds to a group."""
        with _without_collector():
            module = importlib.import_module(self._module)
        _log_apart_from_data()
        holder = typer.Typer(rich_markup_mode=None, pretty_exceptions_enable=False)
        module.register(holder)
        return get_group(holder).commands[str(self.name)]

    def make_context(self, *arguments: Any, **more: Any) -> Any:
        # The context is the real command's, and so is all that happens from here on.
        return self.real.make_context(*arguments, **more)


@contextmanager
def _without_collector() -> Iterator[None]:
    """What is imported stays to the end. To look through it for garbage again and again, while it
    grows, took a sixth of a command's start."""
    collects = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collects:
            gc.enable()


def _log_apart_from_data() -> None:
    """Unasked, structlog prints on standard output, which belongs to a command's data."""
    import structlog

    if not structlog.is_configured():
        structlog.configure(
            logger_factory=structlog.stdlib.LoggerFactory(),
            wrapper_class=structlog.stdlib.BoundLogger,
        )


def add_later(group: typer.Typer, name: str, module: str, help: str) -> None:
    """Add a command, or a group of them, that `module` registers under this name.

    `help` is the first sentence of its own help; a test compares them.
    """
    stand_in: Any = partial(Deferred, module=module)
    group.command(name, cls=stand_in, help=help)(lambda: None)


def commands_of(group: Any) -> Mapping[str, Any]:
    """The commands of a group, by name and all imported; none where it is no group."""
    found: Mapping[str, Any] = getattr(group, "commands", {})
    return {
        name: command.real if isinstance(command, Deferred) else command
        for name, command in found.items()
    }


def help_without_command(context: typer.Context) -> None:
    """A group called without anything says which commands there are."""
    if context.invoked_subcommand is None:
        typer.echo(context.get_help(), err=True)
        raise typer.Exit(ExitCode.USAGE)


def command_group(
    name: str,
    help: str,
    *,
    default: str | None = None,
    callback: Callable[..., None] = help_without_command,
) -> typer.Typer:
    """A group that, called without anything, says which commands there are.

    With `default` whatever is no command's name is an argument of that command. `callback` is
    called before each command, and has the group's own options.
    """
    kind = type("Group", (_WithDefault,), {"default": default}) if default else TyperGroup
    return typer.Typer(
        name=name,
        cls=kind,
        help=help,
        callback=callback,
        invoke_without_command=True,
        # Plain help: the reference page is made from it, and it reads the same in a log.
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
    )
