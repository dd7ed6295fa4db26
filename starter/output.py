"""The one place that prints: data on stdout, talk on stderr.

With `--json` data is one JSON document; without, a table for people. Talk is for people in
either case, so that a script may read stdout and a person still sees what happens.
"""

import dataclasses
import json
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import Enum
from pathlib import PurePath
from typing import Annotated, TypeVar

import typer
from pydantic import BaseModel
from rich.console import Console, RenderableType
from rich.progress import track
from rich.table import Table

from ml_connector.domain.durations import format_duration

T = TypeVar("T")

AsJson = Annotated[
    bool,
    typer.Option(
        "--json", help="Print data as JSON on stdout, for scripts. Never asks a question."
    ),
]
"""The `--json` option of every command that prints data."""

_PIPE_WIDTH = 240
"""Columns for a table that no terminal shows: wide, so that `grep` finds a row on one line."""


def show(value: object, table: Callable[[], RenderableType], *, as_json: bool) -> None:
    """Print a command's data: `value` as JSON, or what `table` draws of it."""
    if as_json:
        print(to_json(value, indent=2), flush=True)
    else:
        stdout().print(table())


def show_line(value: object) -> None:
    """Print one JSON document on one line, at once: for commands that go on running."""
    print(to_json(value), flush=True)


def talk(text: str) -> None:
    """Say something to the person: progress, warnings, what to do next."""
    stderr().print(text)


def progress(items: Sequence[T], what: str) -> Iterable[T]:
    """The items one by one; on a terminal a bar shows how far it has come."""
    return track(
        items,
        description=what,
        console=stderr(),
        transient=True,
        disable=not sys.stderr.isatty(),
    )


def stdout() -> Console:
    """A console for data. Made when it is needed, since a test or a shell may redirect."""
    return _console(stderr=False)


def stderr() -> Console:
    """A console for talk."""
    return _console(stderr=True)


def _console(*, stderr: bool) -> Console:
    stream = sys.stderr if stderr else sys.stdout
    # Values are shown as they are: a bracket in a tenant's name is no style.
    return Console(
        file=stream,
        markup=False,
        highlight=False,
        emoji=False,
        soft_wrap=stderr,
        width=None if stream.isatty() else _PIPE_WIDTH,
    )


def table(*columns: str, rows: Sequence[Sequence[object]], empty: str) -> RenderableType:
    """A plain table; `empty` is what to say when there is nothing to list."""
    if not rows:
        return empty
    drawn = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for column in columns:
        drawn.add_column(column, overflow="fold")
    for row in rows:
        drawn.add_row(*(_cell(value) for value in row))
    return drawn


def _cell(value: object) -> str:
    match value:
        case None:
            return "-"
        case bool():
            return "yes" if value else "no"
        case datetime():
            return value.isoformat(timespec="seconds")
        case timedelta():
            return format_duration(value)
        case str():
            return value or "-"
        case Sequence():
            return ", ".join(str(item) for item in value) or "-"
    return str(value)


def to_json(value: object, *, indent: int | None = None) -> str:
    """JSON text: exact numbers as strings, times in ISO 8601 with their offset."""
    return json.dumps(jsonable(value), indent=indent, ensure_ascii=False, allow_nan=False)


def jsonable(value: object) -> object:
    """The value in JSON's own types.

    Raises:
        ValueError: a time without offset, which would mean another instant to every reader.
        TypeError: a kind of value that has no agreed form.
    """
    match value:
        case Enum():
            return jsonable(value.value)
        case None | bool() | int() | str():
            return value
        case Decimal() | PurePath():
            return str(value)
        case datetime():
            if value.utcoffset() is None:
                raise ValueError(f"{value!r} has no offset")
            return value.isoformat()
        case date():
            return value.isoformat()
        case timedelta():
            return format_duration(value)
        case BaseModel():
            return jsonable(value.model_dump())
        case Mapping():
            return {str(jsonable(key)): jsonable(item) for key, item in value.items()}
        case Set():
            return sorted(str(jsonable(item)) for item in value)
        case Sequence() if not isinstance(value, bytes | bytearray):
            return [jsonable(item) for item in value]
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {
            field.name: jsonable(getattr(value, field.name)) for field in dataclasses.fields(value)
        }
    raise TypeError(f"{type(value).__name__} has no JSON form here")
