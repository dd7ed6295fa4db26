"""The orders' stages while they change: a table that redraws itself, or lines for a log."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from rich.console import RenderableType
from rich.live import Live
from rich.table import Table

from ml_connector.store.orders import OrderRow
from starter.demonstration.scenario import Order, Scenario
from starter.demonstration.watch import OrderKey, Sight
from starter.output import stderr, talk

UNKNOWN = "-"


class View(Protocol):
    """Shows one look after another."""

    def show(self, sight: Sight) -> None: ...


@contextmanager
def progress(scenario: Scenario) -> Iterator[View]:
    """What suits stderr: a terminal gets a table, anything else gets lines."""
    console = stderr()
    if not console.is_terminal:
        yield _Lines(scenario)
        return
    board = _Board(scenario)
    with Live(
        get_renderable=board.draw,
        console=console,
        refresh_per_second=4,
        transient=True,
    ):
        yield board


def stage_text(row: OrderRow | None) -> str:
    """The stage, and in brackets what the order waits for or needs."""
    if row is None:
        return UNKNOWN
    why = row.attention or row.skip_reason
    return f"{row.stage} ({why})" if why else row.stage


class _Clock:
    """Seconds since the orders were there."""

    def __init__(self) -> None:
        self._started = time.monotonic()

    def __str__(self) -> str:
        return f"{time.monotonic() - self._started:4.0f} s"


class _Lines:
    """One line whenever an order's stage has changed."""

    def __init__(self, scenario: Scenario) -> None:
        self._scenario = scenario
        self._clock = _Clock()
        self._shown: dict[OrderKey, str] = {}

    def show(self, sight: Sight) -> None:
        for order in self._scenario.orders:
            row = sight.rows.get(order.key)
            stage = stage_text(row)
            if stage != self._shown.get(order.key, UNKNOWN):
                self._shown[order.key] = stage
                number = f"  {row.master_tracking}" if row and row.master_tracking else ""
                talk(f"{self._clock}  {order.name}  {stage}{number}")


class _Board:
    """All orders, redrawn."""

    def __init__(self, scenario: Scenario) -> None:
        self._scenario = scenario
        self._clock = _Clock()
        self._sight: Sight | None = None

    def show(self, sight: Sight) -> None:
        self._sight = sight

    def draw(self) -> RenderableType:
        drawn = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), caption=str(self._clock))
        for column in ("ORDER", "STORY", "STAGE", "TRACKING", "PARCEL"):
            drawn.add_column(column, header_style="bold", no_wrap=True)
        for order in self._scenario.orders:
            drawn.add_row(*self._cells(order))
        return drawn

    def _cells(self, order: Order) -> tuple[str, ...]:
        row = self._sight.rows.get(order.key) if self._sight else None
        tracking = (row.master_tracking if row else None) or UNKNOWN
        parcel = (row.tracking_state if row else None) or UNKNOWN
        return (order.name, order.story, stage_text(row), tracking, parcel)
