"""`ml-connector po`: purchase orders and where they stand."""

import asyncio
from collections.abc import Mapping, Sequence

import typer
from rich.console import Group, RenderableType

from ml_connector.domain.stage import Stage
from ml_connector.store.findings import FindingRecord
from ml_connector.store.orders import OrderRow
from ml_connector.store.parcels import Parcel
from ml_connector.store.view import TenantView
from starter.context import Installation
from starter.groups import OneTenant, add_later, command_group
from starter.order_names import OrderName, find_order
from starter.output import AsJson, show, table
from starter.selection import Parked, Stages

app = command_group("po", "Purchase orders and where they stand.")


def register(root: typer.Typer) -> None:
    root.add_typer(app)


@app.command("list")
def list_(
    tenant: OneTenant = None,
    stage: Stages = None,
    parked: Parked = False,
    as_json: AsJson = False,
) -> None:
    """List purchase orders: stage, FedEx service, tracking numbers, cost, journal, receipts.

    \b
    Examples:
      ml-connector po list
      ml-connector po list --tenant nordic --stage in_transit --stage delivered
      ml-connector po list --attention --json
    """
    asyncio.run(_list(tenant, stage, parked, as_json))


async def _list(
    tenant: str | None, stages: list[Stage] | None, parked: bool, as_json: bool
) -> None:
    found: list[dict[str, object]] = []
    async with Installation.open() as here:
        store = await here.store()
        for name in await here.tenant_ids(tenant):
            async with store.read(name) as view:
                rows = await view.orders.list(stages=stages or None, parked=parked or None)
                found += [listed(name, row, await _parcels(view, row)) for row in rows]
    show(found, lambda: _list_table(found), as_json=as_json)


def listed(tenant: str, row: OrderRow, parcels: Sequence[Parcel]) -> dict[str, object]:
    """One order of `po list --json`. Scripts rely on this shape: keys are added, never changed."""
    return {
        "tenant": tenant,
        "order": row.order,
        "stage": row.stage,
        "attention": row.attention,
        "service": row.service,
        "tracking_numbers": _tracking_numbers(row, parcels),
        "cost": _cost(row),
        "journal_batch": row.journal_batch,
        "receipts": list(row.receipts),
    }


async def _parcels(view: TenantView, row: OrderRow) -> Sequence[Parcel]:
    """The pieces of the present shipment."""
    if row.master_tracking is None:
        return ()
    return await view.parcels.by_order(row.order, row.generation)


def _tracking_numbers(row: OrderRow, parcels: Sequence[Parcel]) -> list[str]:
    """The master number first, then the other pieces in their order."""
    numbers = [parcel.tracking_number for parcel in parcels]
    master = [row.master_tracking] if row.master_tracking else []
    return master + [number for number in numbers if number not in master]


def _cost(row: OrderRow) -> dict[str, object] | None:
    if row.cost_amount is None:
        return None
    return {"amount": row.cost_amount, "currency": row.cost_currency}


def _list_table(found: Sequence[Mapping[str, object]]) -> RenderableType:
    return table(
        "TENANT",
        "ORDER",
        "STAGE",
        "ATTENTION",
        "SERVICE",
        "TRACKING",
        "COST",
        "JOURNAL",
        "RECEIPTS",
        rows=[
            [_money_text(value) if key == "cost" else value for key, value in order.items()]
            for order in found
        ],
        empty="No purchase order here. A running worker discovers them; see: schedule list",
    )


def _money_text(cost: object) -> str | None:
    return f"{cost['amount']} {cost['currency']}" if isinstance(cost, Mapping) else None


@app.command("show")
def show_(order: OrderName, as_json: AsJson = False) -> None:
    """Show one purchase order: where it stands, why, its parcels and what a person should know.

    \b
    Examples:
      ml-connector po show nordic/PO000123
      ml-connector po show PO000123 --json
    """
    asyncio.run(_show(order, as_json))


async def _show(name: str, as_json: bool) -> None:
    async with Installation.open() as here:
        found = await find_order(here, name)
        row = found.row
        store = await here.store()
        async with store.read(found.tenant) as view:
            parcels = await _parcels(view, row)
            findings = await view.findings.open(row.order)
    value = _shown(found.tenant, row, parcels, findings)
    show(value, lambda: _show_table(value, parcels, findings), as_json=as_json)


def _shown(
    tenant: str, row: OrderRow, parcels: Sequence[Parcel], findings: Sequence[FindingRecord]
) -> dict[str, object]:
    return {
        **listed(tenant, row, parcels),
        "attention_detail": row.attention_detail,
        "attention_remedy": row.attention_remedy,
        "attention_since": row.attention_since,
        "skip_reason": row.skip_reason,
        "skip_detail": row.skip_detail,
        "generation": row.generation,
        "cost_source": row.cost_source,
        "first_scan_at": row.first_scan_at,
        "delivered_at": row.delivered_at,
        "quote_result": row.quote_result,
        "updated_at": row.updated_at,
        "parcels": [
            {
                "tracking_number": parcel.tracking_number,
                "state": parcel.state,
                "code": parcel.code or None,
                "first_scan_at": parcel.first_scan_at,
                "delivered_at": parcel.delivered_at,
                "next_look_at": None if parcel.finished_at else parcel.next_poll_at,
            }
            for parcel in parcels
        ],
        "findings": [
            {
                "code": finding.code,
                "message": finding.message,
                "remedy": finding.remedy,
                "since": finding.opened_at,
            }
            for finding in findings
        ],
    }


def _show_table(
    value: Mapping[str, object], parcels: Sequence[Parcel], findings: Sequence[FindingRecord]
) -> RenderableType:
    facts = [
        (key, _money_text(fact) if key == "cost" else fact)
        for key, fact in value.items()
        if key not in ("parcels", "findings") and fact not in (None, [], ())
    ]
    parts = [table("", "", rows=facts, empty="")]
    if parcels:
        parts += ["", _parcel_table(parcels)]
    for finding in findings:
        parts += ["", f"{finding.code}: {finding.message} {finding.remedy}"]
    return Group(*parts)


def _parcel_table(parcels: Sequence[Parcel]) -> RenderableType:
    return table(
        "PARCEL",
        "STATE",
        "FIRST SCAN",
        "DELIVERED",
        rows=[
            (parcel.tracking_number, parcel.state, parcel.first_scan_at, parcel.delivered_at)
            for parcel in parcels
        ],
        empty="",
    )


add_later(
    app, "plan", "starter.po_plan", "Show what would become of an order: shipment, price, journal."
)
add_later(
    app,
    "ship",
    "starter.po_ship",
    "Let an order ship that waits for a release, or whose shipment was cancelled.",
)
add_later(
    app,
    "cancel",
    "starter.po_ship",
    "Cancel an order's shipment, as long as FedEx does not hold the parcel.",
)
add_later(
    app,
    "replay",
    "starter.po_replay",
    "Do a step again, for one order or for all that the filters leave.",
)
