"""What a run has compared, and how it is shown."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table

MOST_SHOWN = 40
"""Differences printed; a broken run has one cause and hundreds of consequences."""

_WIDTH = 110


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One thing that was compared with the truth."""

    what: str
    compared: str
    """How much was looked at, in words."""
    differences: tuple[str, ...] = ()

    @property
    def right(self) -> bool:
        return not self.differences


def check(what: str, compared: object, differences: Iterable[str] = ()) -> Check:
    """A finished comparison."""
    return Check(what=what, compared=str(compared), differences=tuple(differences))


def exit_status(checks: Iterable[Check]) -> int:
    """0 when nothing differs."""
    return 0 if all(each.right for each in checks) else 1


def show(title: str, checks: Sequence[Check]) -> None:
    """The table, and the differences under it."""
    table = Table(title=title, title_justify="left")
    table.add_column("check")
    table.add_column("compared", justify="right")
    table.add_column("result")
    for each in checks:
        result = "ok" if each.right else f"{len(each.differences)} DIFFER"
        table.add_row(each.what, each.compared, result)
    console = _console()
    console.print(table)
    wrong = [f"{each.what}: {text}" for each in checks for text in each.differences]
    for text in wrong[:MOST_SHOWN]:
        console.print(text, markup=False)
    if len(wrong) > MOST_SHOWN:
        console.print(f"… and {len(wrong) - MOST_SHOWN} more")


def show_figures(title: str, rows: Iterable[Sequence[object]], columns: Sequence[str]) -> None:
    """A plain table of figures."""
    table = Table(title=title, title_justify="left")
    for at, column in enumerate(columns):
        table.add_column(column, justify="right" if at else "left")
    for row in rows:
        table.add_row(*(str(cell) for cell in row))
    _console().print(table)


def say(text: str) -> None:
    """Progress, on standard error: standard output is for the tables."""
    Console(stderr=True, width=_WIDTH, highlight=False).print(text, markup=False)


def _console() -> Console:
    return Console(width=_WIDTH, highlight=False)
