"""`ml-connector po replay`: do a step of an order's chain again. What was done is found."""

import asyncio
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated

import typer
from rich.console import RenderableType

from activities.news import signal_order
from activities.recovery import NOTHING_THERE, settled_note
from activities.shipped import freight_journal, is_alive, ship_key
from activities.shipping import IN_DOUBT
from ml_connector.store.shipments import Shipment
from ml_connector.store.states import JournalState, ShipmentState
from ml_connector.store.view import TenantView
from ml_connector.temporal.ids import ScheduleKind
from ml_connector.temporal.order_messages import Replay
from ml_connector.temporal.schedules import trigger_schedule
from starter.context import Installation
from starter.errors import Refused, WrongUsage
from starter.groups import OneTenant, Reason
from starter.order_names import FoundOrder
from starter.output import AsJson, progress, show, table
from starter.selection import Cause, Filters, ManyOrders, Parked, Stages, select_orders

_TRACKING_NUMBER = re.compile(r"\d{10,34}")


class Step(StrEnum):
    """Where to begin again."""

    SHIP = "ship"
    TRACK = "track"
    POST_FREIGHT = "post_freight"


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """Whether a step can be done again for one order."""

    order: FoundOrder
    generation: int = 0
    """Of the shipment that it is about."""
    refusal: str = ""
    """Why not; empty where it can."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What is to be done again, and why."""

    step: Step
    reason: str
    settled: str | None
    """What a person has found at FedEx; None: look it up."""


def register(group: typer.Typer) -> None:
    """Add `replay` to the `po` group."""
    group.command("replay")(replay)


def replay(
    step: Annotated[Step, typer.Option("--from", help="The step to begin with.")],
    reason: Reason,
    order: ManyOrders = None,
    tenant: OneTenant = None,
    stage: Stages = None,
    parked: Parked = False,
    cause: Cause = None,
    settled: Annotated[
        str | None,
        typer.Option(
            "--settled",
            metavar="absent|TRACKING",
            help="What you have found at FedEx, where the connector's own look-up stays unclear.",
        ),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say what would be done; Temporal need not run.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Do a step again, for one order or for all that the filters leave.

    It never buys a second label and never posts a second journal: what was done is found. ship
    looks the shipment up and goes on with it, or plans it anew where there is none; track asks
    FedEx about the parcels now, delivered ones too; post_freight posts what FedEx has scanned
    and nobody has posted, without waiting for delivery. It ends with 1 if a named order is
    refused; of many, the refused ones are listed.

    Where a Ship answer was lost and FedEx's search does not say clearly what became of it, the
    order waits for a person, who looks in FedEx Ship Manager and says what is there with
    --settled: absent ships the order anew, a tracking number is the parcel that goes.

    \b
    Examples:
      ml-connector po replay nordic/500123 --from post_freight --reason "account 7140 opened"
      ml-connector po replay --from ship --attention --tenant nordic --reason "outage over"
      ml-connector po replay nordic/500123 --from ship --settled absent --reason "none there"
      ml-connector po replay --from post_freight --stage in_transit --reason "year end" --dry-run
    """
    if settled is not None:
        _check_settled(settled, step, order)
    filters = Filters(tenant=tenant, stages=tuple(stage or ()), parked=parked, cause=cause)
    wish = Wish(step=step, reason=reason, settled=settled)
    asyncio.run(_replay(wish, order, filters, dry_run, as_json))


def _check_settled(settled: str, step: Step, order: str | None) -> None:
    if step is not Step.SHIP or order is None:
        raise WrongUsage(
            "--settled speaks of one order's shipment",
            remedy="Name the order, and write --from ship",
            code="settled_without_order",
        )
    if settled != NOTHING_THERE and not _TRACKING_NUMBER.fullmatch(settled):
        raise WrongUsage(
            f"--settled {settled!r} is neither absent nor a tracking number",
            remedy="Write the parcel's number as FedEx shows it, digits only",
            code="no_tracking_number",
        )


async def _replay(
    wish: Wish, name: str | None, filters: Filters, dry_run: bool, as_json: bool
) -> None:
    async with Installation.open() as here:
        chosen = await select_orders(here, name, filters)
        verdicts = [await _judge(here, wish, order) for order in chosen]
        if name and verdicts[0].refusal:
            raise _refused(wish.step, verdicts[0])
        if not dry_run:
            await _do_again(here, wish, [each for each in verdicts if not each.refusal])
    rows = [_row(wish.step, verdict, dry_run) for verdict in verdicts]
    show(rows, lambda: _table(rows), as_json=as_json)


async def _judge(here: Installation, wish: Wish, order: FoundOrder) -> Verdict:
    number, step = order.row.order, wish.step
    async with (await here.store()).read(order.tenant) as view:
        shipment = await view.shipments.current(number)
        if wish.settled is not None:
            refusal = await _why_not_settle(view, order, shipment, wish.settled)
            generation = shipment.generation if shipment else 0
            return Verdict(order=order, generation=generation, refusal=refusal)
        if step is Step.SHIP:
            return Verdict(order=order, refusal=_why_not_ship(shipment))
        if shipment is None or not is_alive(shipment):
            return Verdict(order=order, refusal="It has no shipment.")
        refusal = ""
        if step is Step.POST_FREIGHT:
            journal = await freight_journal(view, number, shipment.generation)
            if journal is not None and journal.state is JournalState.REVERSED:
                refusal = f"A person has taken its freight, batch {journal.batch}, back."
            elif journal is not None and journal.state is JournalState.RELEASED:
                refusal = f"Its freight is posted as batch {journal.batch}."
            elif order.row.first_scan_at is None:
                refusal = "FedEx has not scanned its parcel, so there is no freight yet."
    return Verdict(order=order, generation=shipment.generation, refusal=refusal)


def _why_not_ship(shipment: Shipment | None) -> str:
    if shipment is None or shipment.state is ShipmentState.PLANNED:
        return ""
    if is_alive(shipment):
        return f"It is shipped as {shipment.master_tracking}; once more: po ship --again."
    if shipment.state is ShipmentState.WITHDRAWN:
        return "A person has cancelled its shipment; to ship it anew: po ship."
    return ""


async def _why_not_settle(
    view: TenantView, order: FoundOrder, shipment: Shipment | None, settled: str
) -> str:
    number = order.row.order
    operation = None
    if shipment is not None:
        key = ship_key(order.tenant, number, shipment.generation)
        operation = await view.operations.get(key)
    if operation is None or operation.state not in IN_DOUBT:
        return "No answer of FedEx about it is open, so there is nothing to settle."
    other = None if settled == NOTHING_THERE else await view.parcels.get(settled)
    if other is not None:
        return f"{settled} is the parcel of order {other.order}."
    return ""


def _refused(step: Step, verdict: Verdict) -> Refused:
    order = verdict.order
    return Refused(
        f"{order.tenant}/{order.row.order} is not replayed from {step}",
        why=verdict.refusal,
        remedy=f"See ml-connector po show {order.tenant}/{order.row.order}",
        code="nothing_to_replay",
    )


async def _do_again(here: Installation, wish: Wish, verdicts: Sequence[Verdict]) -> None:
    temporal = await here.temporal()
    settings = {tenant.id: tenant for tenant in await here.tenants()}
    message = Replay(step=wish.step.value, by=here.actor, reason=wish.reason)
    for verdict in progress(verdicts, "Replaying"):
        order = verdict.order
        await _write_down(here, wish, verdict)
        await signal_order(temporal, settings[order.tenant], order.row.order, "replay", message)
    if wish.step is Step.TRACK:
        for tenant in {verdict.order.tenant for verdict in verdicts}:
            await trigger_schedule(temporal, ScheduleKind.TRACKING, tenant)


async def _write_down(here: Installation, wish: Wish, verdict: Verdict) -> None:
    tenant, number = verdict.order.tenant, verdict.order.row.order
    detail = {"step": wish.step.value, "reason": wish.reason}
    async with (await here.store()).write(tenant) as view:
        if wish.step is Step.TRACK:
            await view.parcels.ask_again(number, verdict.generation, datetime.now(UTC))
        if wish.settled is not None:
            key = ship_key(tenant, number, verdict.generation)
            await view.operations.annotate(key, settled_note(wish.settled))
            detail |= {"settled": wish.settled, "operation": key}
        view.audit.append("order:replay", actor=here.actor, order=number, detail=detail)


def _row(step: Step, verdict: Verdict, dry_run: bool) -> dict[str, object]:
    done = "would_replay" if dry_run else "replayed"
    return {
        "tenant": verdict.order.tenant,
        "order": verdict.order.row.order,
        "stage": verdict.order.row.stage,
        "step": step,
        "outcome": "refused" if verdict.refusal else done,
        "why": verdict.refusal or None,
    }


def _table(rows: Sequence[dict[str, object]]) -> RenderableType:
    keys = ("tenant", "order", "stage", "step", "outcome", "why")
    return table(
        *(key.upper() for key in keys),
        rows=[[row[key] for key in keys] for row in rows],
        empty="No order matches.",
    )
