"""`ml-connector attention`: what waits for a person, over all tenants, and letting it go on."""

import asyncio
from collections.abc import Sequence

import typer
from rich.console import Group, RenderableType

from activities.news import signal_order
from ml_connector.domain.stage import Stage
from ml_connector.store.orders import OrderRow
from ml_connector.store.states import TenantState
from ml_connector.store.tenants import TenantRecord
from ml_connector.temporal.order_messages import Command
from starter.context import Installation
from starter.errors import Refused
from starter.groups import OneTenant, Reason, command_group
from starter.order_names import FoundOrder
from starter.output import AsJson, progress, show, table
from starter.selection import Cause, Filters, ManyOrders, Parked, Stages, select_orders

app = command_group("attention", "What waits for a person, and letting it go on.")


def register(root: typer.Typer) -> None:
    root.add_typer(app)


RELEASE = "waits_for_release"


@app.command("list")
def list_(tenant: OneTenant = None, cause: Cause = None, as_json: AsJson = False) -> None:
    """List what waits for a person: what, why, since when, and what to do.

    Over all tenants: parked orders, orders that wait for a release, and tenants whose
    credentials are refused. The longest waiting come first.

    \b
    Examples:
      ml-connector attention list
      ml-connector attention list --tenant nordic --cause postcode_missing --json
    """
    asyncio.run(_list(tenant, cause, as_json))


async def _list(tenant: str | None, cause: str | None, as_json: bool) -> None:
    async with Installation.open() as here:
        store = await here.store()
        found: list[dict[str, object]] = []
        for record in await here.records(tenant):
            found += _of_tenant(record)
            async with store.read(record.id) as view:
                parked = await view.orders.list(parked=True)
                waiting = await view.orders.list(stages=[Stage.WAITING_RELEASE])
            found += [_parked(record.id, row) for row in parked]
            found += [_waiting(record.id, row) for row in waiting if not row.attention]
    rows = [row for row in found if cause in (None, row["reason"])]
    rows.sort(key=lambda row: str(row["since"]))
    show(rows, lambda: _drawn(rows), as_json=as_json)


def _of_tenant(record: TenantRecord) -> list[dict[str, object]]:
    if record.state is not TenantState.NEEDS_REAUTH:
        return []
    return [
        {
            "tenant": record.id,
            "order": None,
            "stage": None,
            "reason": record.state.value,
            "what": record.state_reason,
            "remedy": f"Set working credentials: ml-connector credentials set {record.id}",
            "since": record.state_since,
        }
    ]


def _parked(tenant: str, row: OrderRow) -> dict[str, object]:
    return {
        "tenant": tenant,
        "order": row.order,
        "stage": row.stage,
        "reason": row.attention,
        "what": row.attention_detail,
        "remedy": row.attention_remedy,
        "since": row.attention_since or row.updated_at,
    }


def _waiting(tenant: str, row: OrderRow) -> dict[str, object]:
    return {
        "tenant": tenant,
        "order": row.order,
        "stage": row.stage,
        "reason": RELEASE,
        "what": "The order is ready to ship and waits for a release.",
        "remedy": f"See it: po plan {tenant}/{row.order}; let it go: po ship {tenant}/{row.order}",
        "since": row.updated_at,
    }


def _drawn(rows: Sequence[dict[str, object]]) -> RenderableType:
    if not rows:
        return "Nothing waits for a person."
    head = table(
        "TENANT",
        "ORDER",
        "REASON",
        "SINCE",
        rows=[[row[key] for key in ("tenant", "order", "reason", "since")] for row in rows],
        empty="",
    )
    return Group(head, *(f"\n{_name(row)}: {row['what']}\n  → {row['remedy']}" for row in rows))


def _name(row: dict[str, object]) -> str:
    return f"{row['tenant']}/{row['order']}" if row["order"] else str(row["tenant"])


@app.command()
def resume(
    reason: Reason,
    order: ManyOrders = None,
    tenant: OneTenant = None,
    stage: Stages = None,
    parked: Parked = False,
    cause: Cause = None,
    as_json: AsJson = False,
) -> None:
    """Let parked orders try again, once what they name is repaired.

    One order, or all that the filters leave. Orders also look again by themselves every
    polling.recheck; this is for those who do not want to wait.

    \b
    Examples:
      ml-connector attention resume nordic/500123 --reason "postcode entered"
      ml-connector attention resume --cause postcode_missing --reason "suppliers repaired"
      ml-connector attention resume --attention --reason "FedEx is back"
    """
    filters = Filters(tenant=tenant, stages=tuple(stage or ()), parked=parked, cause=cause)
    asyncio.run(_resume(reason, order, filters, as_json))


async def _resume(reason: str, name: str | None, filters: Filters, as_json: bool) -> None:
    async with Installation.open() as here:
        chosen = await select_orders(here, name, filters, only_parked=True)
        if name and not chosen[0].row.attention:
            raise _not_parked(chosen[0])
        temporal = await here.temporal()
        settings = {each.id: each for each in await here.tenants()}
        for order in progress(chosen, "Resuming"):
            await _write_down(here, order, reason)
            command = Command(by=here.actor, reason=reason)
            await signal_order(temporal, settings[order.tenant], order.row.order, "resume", command)
    rows = [
        {"tenant": order.tenant, "order": order.row.order, "reason": order.row.attention}
        for order in chosen
    ]
    show(
        rows,
        lambda: table(
            "RESUMED",
            "WAS PARKED FOR",
            rows=[(f"{row['tenant']}/{row['order']}", row["reason"]) for row in rows],
            empty="No parked order matches.",
        ),
        as_json=as_json,
    )


def _not_parked(order: FoundOrder) -> Refused:
    where = order.row.stage.replace("_", " ")
    return Refused(
        f"{order.tenant}/{order.row.order} does not need a person; it is {where}",
        remedy="To do a step again: po replay --from STEP --reason …",
        code="not_parked",
    )


async def _write_down(here: Installation, order: FoundOrder, reason: str) -> None:
    async with (await here.store()).write(order.tenant) as view:
        view.audit.append(
            "order:resume",
            actor=here.actor,
            order=order.row.order,
            detail={"reason": reason, "parked_for": order.row.attention},
        )
