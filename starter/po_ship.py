"""`ml-connector po ship` and `po cancel`: let an order ship, once more on purpose, or take it back.

Neither talks to FedEx. They write down what the person wants, with the reason, and tell the
order's workflow; what is bought or cancelled is decided there, once.
"""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer

from activities.findings import CHANGED_AFTER_PICKUP
from activities.news import signal_order
from activities.shipped import freight_journal, is_alive, is_posted
from ml_connector.domain.eligibility import Skipped
from ml_connector.domain.shipment import ShipmentPlan
from ml_connector.domain.tracking import ParcelState
from ml_connector.store.errors import IllegalTransition
from ml_connector.store.orders import OrderRow
from ml_connector.store.shipments import Shipment
from ml_connector.store.states import ShipmentState
from ml_connector.store.view import TenantView
from ml_connector.temporal.order_messages import Command, Replay
from starter.context import Installation
from starter.desks import desk_of
from starter.errors import Refused, WrongUsage
from starter.groups import Reason
from starter.order_names import FoundOrder, OrderName, find_order
from starter.output import AsJson, show
from starter.planning import Planner

PATIENCE = timedelta(seconds=20)
"""How long `po cancel` waits for what became of it: a person waits with it."""
BREATH = timedelta(milliseconds=200)


def register(group: typer.Typer) -> None:
    """Add `ship` and `cancel` to the `po` group."""
    group.command("ship")(ship)
    group.command("cancel")(cancel)


def ship(
    order: OrderName,
    again: Annotated[
        bool,
        typer.Option(
            "--again", help="Ship once more what has been shipped before. Costs once more."
        ),
    ] = False,
    reason: Annotated[
        str,
        typer.Option(
            "--reason", metavar="TEXT", help="Why; the audit trail keeps it. Needed by --again."
        ),
    ] = "",
    as_json: AsJson = False,
) -> None:
    """Let an order ship that waits for a release, or whose shipment was cancelled.

    An order that is not eligible yet ships once it is. With --again an order that was delivered,
    sent back or lost is shipped once more, as it stands in Visma now: a second shipment and a
    second journal. Its first freight must be posted; a label that was never used is cancelled
    first. See before with: po plan.

    \b
    Examples:
      ml-connector po ship nordic/500123
      ml-connector po ship nordic/500123 --again --reason "parcel lost, FedEx claim 4711"
    """
    if again and not reason:
        raise WrongUsage(
            "--again needs --reason",
            why="It buys a second shipment, and the audit trail keeps why",
            remedy="See ml-connector po ship --help",
            code="command_line",
        )
    asyncio.run(_again(order, reason, as_json) if again else _release(order, reason, as_json))


async def _release(name: str, reason: str, as_json: bool) -> None:
    async with Installation.open() as here:
        found = await find_order(here, name)
        temporal = await here.temporal()
        [tenant] = await here.tenants(found.tenant)
        store = await here.store()
        async with store.write(found.tenant) as view:
            shipment = await view.shipments.current(found.row.order)
            if shipment is not None and (is_alive(shipment) or _is_over(shipment)):
                raise _shipped_already(found, shipment)
            await view.orders.save(found.row.order, released=True)
            view.audit.append(
                "order:release", actor=here.actor, order=found.row.order, detail={"reason": reason}
            )
        command = Command(by=here.actor, reason=reason)
        await signal_order(temporal, tenant, found.row.order, "release", command)
    waits = f" It ships once it is eligible: {found.row.skip_reason}." * bool(found.row.skip_reason)
    _say(found, "released", f"released.{waits}", as_json)


def _is_over(shipment: Shipment) -> bool:
    return shipment.state is ShipmentState.SUPERSEDED


def _shipped_already(found: FoundOrder, shipment: Shipment) -> Refused:
    return Refused(
        f"{_title(found)} is shipped already, as {shipment.master_tracking}",
        remedy="To buy a second shipment: po ship --again --reason …",
        code="already_shipped",
    )


# -- once more ------------------------------------------------------------------------------


async def _again(name: str, reason: str, as_json: bool) -> None:
    async with Installation.open() as here:
        found = await find_order(here, name)
        temporal = await here.temporal()
        await _check_it_can_ship(here, found)
        number = found.row.order
        async with (
            desk_of(here, found.tenant) as desk,
            (await here.store()).write(found.tenant) as view,
        ):
            row, shipment = await view.orders.get(number), await view.shipments.current(number)
            assert row is not None
            if shipment is not None and is_alive(shipment):
                journal = await freight_journal(view, number, shipment.generation)
                posted = journal is not None and is_posted(desk.tenant, journal)
                _check_it_is_settled(found, row, posted=posted)
                shipment = await superseded(view, here.actor, shipment, reason)
            # Superseded before: the command is repeated, and only the workflow is told again.
            if shipment is None or not _is_over(shipment):
                raise _never_shipped(found)
        replay = Replay(step="ship", by=here.actor, reason=reason)
        await signal_order(temporal, desk.tenant, number, "replay", replay)
    text = f"ships again; {shipment.master_tracking} is generation {shipment.generation}."
    _say(found, "ships_again", text, as_json)


async def _check_it_can_ship(here: Installation, found: FoundOrder) -> None:
    """Nothing is given up for a shipment that cannot be made. Raises Refused."""
    async with desk_of(here, found.tenant, order=found.row.order) as desk:
        planned = await Planner(await here.store(), desk).next_plan(found.row.order, None)
    if isinstance(planned, ShipmentPlan):
        return
    if isinstance(planned, Skipped):
        details = [f"{planned.code}: {planned.message}"]
    else:
        details = [f"{each.code}: {each.message} {each.remedy}" for each in planned]
    raise Refused(
        f"{_title(found)} cannot ship as it stands in Visma",
        remedy="Repair what is named, then repeat the command",
        code="cannot_ship",
        details=details,
    )


def _never_shipped(found: FoundOrder) -> Refused:
    return Refused(
        f"{_title(found)} has no shipment that could be repeated",
        why="It was never shipped, or its shipment was cancelled",
        remedy="Without --again it ships for the first time: po ship",
        code="not_shipped",
    )


def _check_it_is_settled(found: FoundOrder, row: OrderRow, *, posted: bool) -> None:
    """A shipment may be left behind only when nothing is open about it. Raises Refused."""
    if posted:
        return
    if row.first_scan_at is not None:
        raise Refused(
            f"The freight of {_title(found)} is not posted yet",
            why="FedEx has scanned the parcel and will bill it, whatever is shipped next",
            remedy="Post it first: po replay --from post_freight --reason …; then repeat",
            code="freight_not_posted",
        )
    if row.tracking_state != ParcelState.CANCELLED:
        raise Refused(
            f"{_title(found)} has a label that was not used",
            why="FedEx has not scanned its parcel, and two labels for one parcel cost twice",
            remedy="Use it (label), or cancel it first: po cancel --reason …; then po ship",
            code="label_not_used",
        )


async def superseded(
    view: TenantView, actor: str, shipment: Shipment, reason: str
) -> Shipment | None:
    """The one step that lets a further generation be bought; guarded by the shipment's state.

    When somebody else was faster, nothing is done, and the shipment is given as it is now.
    """
    order, generation = shipment.order, shipment.generation
    try:
        over = await view.shipments.set_state(order, generation, ShipmentState.SUPERSEDED)
    except IllegalTransition:
        return await view.shipments.get(order, generation)
    await view.orders.save(order, released=True)
    view.audit.append(
        "order:ship_again",
        actor=actor,
        order=order,
        detail={
            "reason": reason,
            "generation": generation,
            "tracking_number": shipment.master_tracking,
        },
    )
    return over


# -- cancel ---------------------------------------------------------------------------------


def cancel(order: OrderName, reason: Reason, as_json: AsJson = False) -> None:
    """Cancel an order's shipment, as long as FedEx does not hold the parcel.

    Freight that was posted is reversed. The order then ships again only by po ship, whatever
    is edited in Visma.

    \b
    Examples:
      ml-connector po cancel nordic/500123 --reason "supplier out of stock"
    """
    asyncio.run(_cancel(order, reason, as_json))


async def _cancel(name: str, reason: str, as_json: bool) -> None:
    async with Installation.open() as here:
        found = await find_order(here, name)
        temporal = await here.temporal()
        [tenant] = await here.tenants(found.tenant)
        store = await here.store()
        asked_at = datetime.now(UTC)
        async with store.write(found.tenant) as view:
            shipment = await view.shipments.current(found.row.order)
            _check_it_can_be_cancelled(found, shipment)
            view.audit.append(
                "order:cancel", actor=here.actor, order=found.row.order, detail={"reason": reason}
            )
        assert shipment is not None
        command = Command(by=here.actor, reason=reason)
        await signal_order(temporal, tenant, found.row.order, "cancel", command)
        outcome = await _outcome(here, found, shipment, asked_at)
    if outcome == "too_late":
        raise _too_late(found)
    texts = {
        "cancelled": "its shipment is cancelled.",
        "asked": "FedEx is asked to cancel; see po show for what became of it.",
    }
    _say(found, outcome, texts[outcome], as_json)


def _check_it_can_be_cancelled(found: FoundOrder, shipment: Shipment | None) -> None:
    if shipment is None or not is_alive(shipment):
        raise Refused(
            f"{_title(found)} has no shipment to cancel",
            remedy="To keep it from shipping, put it on hold in Visma",
            code="not_shipped",
        )
    if found.row.first_scan_at is not None:
        raise _too_late(found)


def _too_late(found: FoundOrder) -> Refused:
    return Refused(
        f"The shipment of {_title(found)} cannot be cancelled any more",
        why=f"FedEx holds the parcel {found.row.master_tracking}",
        remedy="Agree with FedEx or the supplier what to do with it",
        code="too_late_to_cancel",
    )


async def _outcome(
    here: Installation, found: FoundOrder, shipment: Shipment, asked_at: datetime
) -> str:
    """What became of it, as soon as the store knows; `asked` when that takes too long."""
    store = await here.store()
    until = asked_at + PATIENCE
    while datetime.now(UTC) < until:
        async with store.read(found.tenant) as view:
            row = await view.orders.get(found.row.order)
            now = await view.shipments.get(found.row.order, shipment.generation)
        if now is not None and not is_alive(now):
            return "cancelled"
        if (
            row is not None
            and row.attention == CHANGED_AFTER_PICKUP.code
            and _since(row) >= asked_at
        ):
            return "too_late"
        await asyncio.sleep(BREATH.total_seconds())
    return "asked"


def _since(row: OrderRow) -> datetime:
    return row.attention_since or datetime.min.replace(tzinfo=UTC)


def _say(found: FoundOrder, outcome: str, text: str, as_json: bool) -> None:
    value = {"tenant": found.tenant, "order": found.row.order, "outcome": outcome}
    show(value, lambda: f"{_title(found)}: {text}", as_json=as_json)


def _title(found: FoundOrder) -> str:
    return f"{found.tenant}/{found.row.order}"
