"""`ml-connector explain`: every cent, from the journal line back to the request."""

import asyncio
from collections.abc import Iterator
from typing import Annotated, Any

import typer
from rich.console import Group, RenderableType

from starter.context import Installation
from starter.errors import Refused
from starter.explanation import explain_order, subjects_of
from starter.groups import OneTenant
from starter.output import AsJson, show, table

Story = dict[str, Any]


def register(app: typer.Typer) -> None:
    app.command("explain")(explain)


def explain(
    name: Annotated[
        str,
        typer.Argument(
            metavar="TRACKING|BATCH|PO",
            help="A tracking number, a journal's batch number, an order's number or TENANT/ORDER.",
        ),
    ],
    tenant: OneTenant = None,
    as_json: AsJson = False,
) -> None:
    """Explain a parcel, a journal or an order: order lines, shares, scans, rate, requests, audit.

    Each journal line names the order lines it was made of, what each counted on the basis, and
    the amount that came of it; then follow the shipment, its cost and scans, the operations with
    the ids that FedEx and Visma know, and the audit events. It reads the database only.

    \b
    Examples:
      ml-connector explain GL004711
      ml-connector explain 794600000001 --tenant nordic
      ml-connector explain nordic/500123 --json
    """
    asyncio.run(_explain(name, tenant, as_json))


async def _explain(name: str, tenant: str | None, as_json: bool) -> None:
    async with Installation.open() as here:
        store = await here.store()
        stories: list[Story] = []
        for subject in await subjects_of(here, name, tenant):
            async with store.read(subject.tenant) as view:
                stories.append(await explain_order(view, subject))
    if not stories:
        raise Refused(
            f"Nothing here is called {name}",
            why="It is no order, tracking number or journal batch of this connector",
            remedy="See ml-connector po list",
            code="unknown_name",
        )
    show(stories, lambda: Group(*_drawn(stories)), as_json=as_json)


def _drawn(stories: list[Story]) -> Iterator[RenderableType]:
    for story in stories:
        yield f"Order {story['tenant']}/{story['order']}: {story['stage']}"
        for shipment in story["shipments"]:
            yield from _shipment(shipment)
        for finding in story["findings"]:
            yield f"\n{finding['code']}: {finding['message']}"
        yield f"\nAudit: {len(story['audit'])} events"
        yield _audit(story)
        yield ""


def _shipment(shipment: Story) -> Iterator[RenderableType]:
    yield (
        f"\nShipment {shipment['tracking_number'] or '-'} (generation {shipment['generation']}, "
        f"{shipment['state']}): {shipment['service']}, {shipment['ship_date']}, "
        f"reference {shipment['reference']}"
    )
    cost = shipment["cost"]
    if cost is not None:
        paid = cost["net_fedex_charge"]
        yield (
            f"  cost {paid['amount']} {paid['currency']} without taxes, rate {cost['rate_type']}, "
            f"from the {cost['source'].replace('_', ' ')}"
        )
    for parcel in shipment["parcels"]:
        yield f"  parcel {parcel['tracking_number']}: {parcel['state']}"
        for scan in parcel["scans"]:
            at = scan["at"].isoformat()
            yield f"    {at} {scan['code']} {scan['description']} {scan['place']}"
    for journal in shipment["journals"]:
        yield from _journal(journal)
    yield ""
    yield table(
        "OPERATION",
        "STATE",
        "SENT",
        "TIMES",
        "THEIR IDS",
        rows=[
            (each["key"], each["state"], each["sent_at"], each["attempts"], _ids(each["result"]))
            for each in shipment["operations"]
        ],
        empty="No operation.",
    )


def _ids(result: Story | None) -> str:
    return " ".join(f"{key}={value}" for key, value in (result or {}).items())


def _journal(journal: Story) -> Iterator[RenderableType]:
    total = journal["total"]
    rate = f", rate {journal['exchange_rate']}" if journal["exchange_rate"] else ""
    branch = journal["lines"][0]["branch"]
    yield (
        f"\nJournal {journal['reference']}, batch {journal['batch'] or '-'} ({journal['kind']}, "
        f"{journal['state']}): {total['amount']} {total['currency']}{rate}, "
        f"{journal['posting_date']}, period {journal['period']}, "
        f"{f'branch {branch}, ' if branch else ''}"
        f"shared by {journal['allocated_by']} (rule {journal['rule_version']})"
    )
    yield table(
        "LINE",
        "ACCOUNT",
        "PROJECT",
        "TASK",
        "DEBIT",
        "CREDIT",
        "MADE OF",
        rows=[
            (
                line["line"],
                line["account"],
                line["project"],
                line["task"],
                line["debit"] or None,
                line["credit"] or None,
                "; ".join(_share(share) for share in line["shares"]),
            )
            for line in journal["lines"]
        ],
        empty="",
    )


def _share(share: Story) -> str:
    return f"order line {share['order_line']} ({share['measure']} → {share['amount']})"


def _audit(story: Story) -> RenderableType:
    return table(
        "NO",
        "AT",
        "ACTION",
        "ACTOR",
        "OPERATION",
        rows=[
            (each["seq"], each["at"], each["action"], each["actor"], each["operation"])
            for each in story["audit"]
        ],
        empty="No event.",
    )
