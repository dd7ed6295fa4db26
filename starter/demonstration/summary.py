"""The demo's result: a table for people, a document for scripts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import RenderableType

from ml_connector.store.orders import OrderRow
from ml_connector.store.view import TenantView
from starter.context import Installation
from starter.demonstration.scenario import Order, Scenario
from starter.demonstration.verdict import Mismatch
from starter.output import table
from starter.po import listed


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """One order as the connector shows it at the end."""

    order: Order
    listed: Mapping[str, object] | None
    """As `po list --json` has it; None for an order that was never discovered."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """How a demo ended."""

    outcomes: Sequence[Outcome]
    mismatches: Sequence[Mismatch]
    finished: bool
    """All ends were reached in time."""
    seconds: float
    """From the first order to the verdict, set-up not counted."""
    setup_seconds: float
    worker_pid: int | None
    worker_restarts: int
    web_ui: str
    temporal: str
    home: Path

    @property
    def ok(self) -> bool:
        return self.finished and not self.mismatches


async def outcomes_of(scenario: Scenario, here: Installation) -> list[Outcome]:
    """Every order of the scenario, as the read model has it."""
    store = await here.store()
    found = []
    for order in scenario.orders:
        async with store.read(order.tenant) as view:
            row = await view.orders.get(order.number)
            shown = None if row is None else await _listed(view, order.tenant, row)
        found.append(Outcome(order=order, listed=shown))
    return found


async def _listed(view: TenantView, tenant: str, row: OrderRow) -> dict[str, object]:
    parcels = await view.parcels.by_order(row.order, row.generation)
    return listed(tenant, row, parcels)


def document(result: Result) -> dict[str, object]:
    """What `demo --json` prints."""
    return {
        "ok": result.ok,
        "finished": result.finished,
        "seconds": round(result.seconds),
        "setup_seconds": round(result.setup_seconds),
        "web_ui": result.web_ui,
        "temporal": result.temporal,
        "home": result.home,
        "worker": {"pid": result.worker_pid, "restarts": result.worker_restarts},
        "mismatches": [str(mismatch) for mismatch in result.mismatches],
        "orders": [
            {
                **(outcome.listed or {"tenant": outcome.order.tenant, "stage": None}),
                "order": outcome.order.number,
                "story": outcome.order.story,
                "expected_stage": outcome.order.end,
            }
            for outcome in result.outcomes
        ],
    }


def result_table(result: Result) -> RenderableType:
    """One line an order."""
    return table(
        "ORDER",
        "STORY",
        "STAGE",
        "SERVICE",
        "TRACKING",
        "COST",
        "JOURNAL",
        "RECEIPT",
        rows=[_row(outcome) for outcome in result.outcomes],
        empty="",
    )


def _row(outcome: Outcome) -> list[object]:
    known = outcome.listed or {}
    cost = known.get("cost")
    money = f"{cost['amount']} {cost['currency']}" if isinstance(cost, Mapping) else None
    return [
        outcome.order.name,
        outcome.order.story,
        known.get("stage"),
        known.get("service"),
        known.get("tracking_numbers"),
        money,
        known.get("journal_batch"),
        known.get("receipts"),
    ]
