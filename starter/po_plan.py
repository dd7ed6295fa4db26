"""`ml-connector po plan`: what would be shipped, quoted and posted. Nothing is."""

import asyncio
from collections.abc import Iterator

import typer
from rich.console import Group, RenderableType

from ml_connector.domain.freight import Journal
from ml_connector.domain.shipment import ShipmentPlan
from ml_connector.fedex.client import RateQuote
from starter.context import Installation
from starter.desks import desk_of
from starter.errors import CommandError, ExitCode, first_cause
from starter.money import money, money_text
from starter.order_names import OrderName, name_order
from starter.output import AsJson, show, table
from starter.planning import BLOCKED, DryRun, Planner


def register(group: typer.Typer) -> None:
    """Add `plan` to the `po` group."""
    group.command("plan")(plan)


def plan(order: OrderName, as_json: AsJson = False) -> None:
    """Show what would become of an order: shipment, price, journal. Nothing is sent or changed.

    Visma is only read. FedEx is asked to validate the shipment, where it has a single package,
    and to quote it; the answer says which calls were made. An order that was not discovered yet
    is named TENANT/ORDER. It ends with 0 if the order ships or is shipped, with 1 if something
    stands in its way.

    \b
    Examples:
      ml-connector po plan nordic/500123
      ml-connector po plan 500123 --json
    """
    raise typer.Exit(asyncio.run(_plan(order, as_json)))


async def _plan(name: str, as_json: bool) -> int:
    async with Installation.open() as here:
        named = await name_order(here, name)
        async with desk_of(here, named.tenant, order=named.number) as desk:
            run = await Planner(await here.store(), desk).dry_run(named.number)
    show(planned(run), lambda: _drawn(run), as_json=as_json)
    return _exit_code(run)


def _exit_code(run: DryRun) -> int:
    codes = [problem.exit_code for problem in run.problems]
    if run.outcome == BLOCKED or run.skipped is not None:
        codes.append(ExitCode.REFUSED)
    return first_cause(codes)


def planned(run: DryRun) -> dict[str, object]:
    """One `po plan --json`."""
    return {
        "tenant": run.tenant,
        "order": run.order,
        "outcome": run.outcome,
        "skipped": run.skipped,
        "findings": run.findings,
        "shipment": _shipment(run.plan, run.tracking_number) if run.plan else None,
        "validation": {"not_asked": run.not_validated or None, "alerts": run.alerts}
        if run.plan
        else None,
        "quote": _quote(run.quote) if run.quote else None,
        "cost": money(run.allocation.total, run.allocation.currency) if run.allocation else None,
        "journal": _journal(run.journal) if run.journal else None,
        "allocation": run.allocation,
        "journal_batch": run.journal_batch or None,
        "problems": [_problem(problem) for problem in run.problems],
        "calls": run.calls,
    }


def _shipment(plan: ShipmentPlan, tracking_number: str) -> dict[str, object]:
    """Towns and countries, no names and streets: this may end up in a ticket."""
    return {
        "generation": plan.generation,
        "reference": plan.reference,
        "tracking_number": tracking_number or None,
        "service": plan.service,
        "packaging": plan.packaging,
        "payment": plan.payment,
        "ship_date": plan.ship_date,
        "from": _place(plan, "shipper"),
        "to": _place(plan, "recipient"),
        "packages": [
            {"sequence": each.sequence, "weight": str(each.weight), "size": each.size}
            for each in plan.packages
        ],
        "lines": [
            {
                "line": line.number,
                "description": line.description,
                "base_quantity": line.base_quantity,
                "weight": str(line.weight),
                "amount": line.amount,
                "dimensions": line.dimensions,
            }
            for line in plan.lines
        ],
        "customs_lines": len(plan.commodities),
    }


def _place(plan: ShipmentPlan, role: str) -> dict[str, str]:
    address = (plan.shipper if role == "shipper" else plan.recipient).address
    return {
        "country": address.country,
        "postal_code": address.postal_code,
        "city": address.city,
    }


def _quote(quote: RateQuote) -> dict[str, object]:
    cost = quote.cost
    return {
        "service": quote.service,
        "net_charge": money(cost.net_charge, cost.currency) if cost else None,
        "net_fedex_charge": money(cost.net_fedex_charge, cost.currency) if cost else None,
        "rate_type": cost.rate_type if cost else None,
        "charges": cost.charges if cost else [],
        "transit_days": quote.transit_days,
        "alerts": quote.alerts,
    }


def _journal(journal: Journal) -> dict[str, object]:
    return {
        "reference": journal.reference,
        "posting_date": journal.posting_date,
        "period": journal.period,
        "currency": journal.currency,
        "exchange_rate": journal.exchange_rate,
        "description": journal.description,
        "hold": journal.hold,
        "lines": [
            {
                "account": line.account,
                "subaccount": dict(line.dimensions.subaccount),
                "project": line.dimensions.project,
                "task": line.dimensions.task,
                "branch": line.branch,
                "debit": line.debit,
                "credit": line.credit,
                "order_lines": line.order_lines,
            }
            for line in journal.lines
        ],
    }


def _problem(problem: CommandError) -> dict[str, object]:
    return {
        "code": problem.code,
        "what": problem.what,
        "why": problem.why or None,
        "remedy": problem.remedy or None,
    }


def _drawn(run: DryRun) -> RenderableType:
    return Group(*_parts(run))


def _parts(run: DryRun) -> Iterator[RenderableType]:
    yield f"{run.tenant}/{run.order}: {run.outcome.replace('_', ' ')}"
    if run.skipped is not None:
        yield f"  {run.skipped.code}: {run.skipped.message}"
    for finding in run.findings:
        yield f"  {finding.code}: {finding.message} {finding.remedy}"
    if run.plan is not None:
        yield ""
        yield from _shipment_parts(run.plan, run)
    if run.journal is not None:
        yield ""
        yield from _journal_parts(run.journal)
    if run.journal_batch:
        yield f"Journal: posted as batch {run.journal_batch}"
    for problem in run.problems:
        yield f"\n{problem}"
    yield "\nCalls made:" if run.calls else "\nNo call was made."
    yield from (f"  {call}" for call in run.calls)


def _shipment_parts(plan: ShipmentPlan, run: DryRun) -> Iterator[RenderableType]:
    origin, goal = plan.shipper.address, plan.recipient.address
    yield (
        f"Shipment: {plan.service}, {origin.postal_code} {origin.city} ({origin.country}) → "
        f"{goal.postal_code} {goal.city} ({goal.country}), {plan.ship_date}, "
        f"paid by {plan.payment}, reference {plan.reference}"
    )
    for package in plan.packages:
        yield f"  package {package.sequence}: {package.weight}"
    if run.not_validated:
        yield f"Not validated: {run.not_validated}"
    for alert in run.alerts:
        yield f"  FedEx: {alert.code} {alert.message}"
    if run.allocation is not None:
        days = f", {run.quote.transit_days} days" if run.quote and run.quote.transit_days else ""
        total = run.allocation
        yield f"Freight: {money_text(total.total, total.currency)}{days}"


def _journal_parts(journal: Journal) -> Iterator[RenderableType]:
    rate = f", rate {journal.exchange_rate}" if journal.exchange_rate else ""
    branch = f", branch {journal.lines[0].branch}" if journal.lines[0].branch else ""
    yield (
        f"Journal: {journal.reference}, {journal.posting_date}, period {journal.period}, "
        f"{journal.currency}{rate}{branch}"
    )
    yield table(
        "ACCOUNT",
        "SUBACCOUNT",
        "PROJECT",
        "TASK",
        "DEBIT",
        "CREDIT",
        "ORDER LINES",
        rows=[
            (
                line.account,
                "-".join(value for _, value in line.dimensions.subaccount),
                line.dimensions.project,
                line.dimensions.task,
                line.debit or None,
                line.credit or None,
                line.order_lines,
            )
            for line in journal.lines
        ],
        empty="",
    )
