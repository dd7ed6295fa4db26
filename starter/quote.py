"""`ml-connector quote`: what FedEx would charge, for an order or for any two places."""

import asyncio
import re
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal, InvalidOperation
from typing import Annotated, Any

import typer
from rich.console import Group, RenderableType
from temporalio.client import WithStartWorkflowOperation, WorkflowUpdateFailedError
from temporalio.common import WorkflowIDConflictPolicy

from activities.services import policy_of
from activities.trail import current_trail
from ml_connector.domain.errors import RuleError
from ml_connector.domain.measures import Weight, parse_weight
from ml_connector.domain.money import Money, iso_currency
from ml_connector.domain.party import Address
from ml_connector.domain.quotes import QuoteOption, cheapest, fastest
from ml_connector.domain.shipment import Commodity, Package
from ml_connector.domain.tenant import Tenant
from ml_connector.fedex.client import RateRequest
from ml_connector.store.states import TenantState
from ml_connector.temporal.ids import TaskQueue, order_workflow_id
from ml_connector.temporal.order_messages import OrderInput, QuoteAnswer, QuoteRequest
from ml_connector.temporal.priorities import Urgency, priority_of
from ml_connector.temporal.search_attributes import of_order
from starter.context import Installation
from starter.desks import desk_of
from starter.errors import CredentialsRefused, OtherSideUnavailable, Refused, WrongUsage
from starter.money import money, money_text
from starter.order_names import FoundOrder, find_order
from starter.output import AsJson, show, table

PATIENCE = timedelta(seconds=60)
"""A quote takes seconds; this is for a worker that is not there."""
_PLACE = re.compile(r"([A-Z]{2})[-: ]\s*([^,]+?)\s*(?:,\s*(.+?)\s*)?")
_MONEY = re.compile(r"([0-9.]+)\s*([A-Z]{3})")


def register(app: typer.Typer) -> None:
    app.command("quote")(quote)


def quote(
    order: Annotated[
        str | None, typer.Argument(metavar="PO", help="TENANT/ORDER or a number.")
    ] = None,
    origin: Annotated[
        str | None,
        typer.Option("--from", metavar="PLACE", help='Such as DE-10115 or "NO-0150, Oslo".'),
    ] = None,
    goal: Annotated[str | None, typer.Option("--to", metavar="PLACE", help="The same.")] = None,
    weight: Annotated[
        list[str] | None,
        typer.Option(
            "--weight", metavar="WEIGHT", help='Of one package, such as "12.5 kg"; may be repeated.'
        ),
    ] = None,
    value: Annotated[
        str | None,
        typer.Option("--value", metavar="MONEY", help='For customs, such as "900 EUR".'),
    ] = None,
    tenant: Annotated[
        str | None, typer.Option("--tenant", metavar="ID", help="Whose account; if there are many.")
    ] = None,
    in_visma: Annotated[
        bool, typer.Option("--in-visma", help="Write the answer to the order in Visma, too.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Ask FedEx for its prices: of an order as it stands, or between any two places.

    An order's quote goes through its workflow, before background work, and is kept with it.
    Prices are the tenant's own account rates, cheapest first; they are estimates. Ends with 1
    when FedEx offers nothing, with its reason.

    \b
    Examples:
      ml-connector quote nordic/500123
      ml-connector quote --from DE-10115 --to NO-0150 --weight "12.5 kg" --value "900 EUR"
      ml-connector quote --from "SE-41103" --to "SE-11122" --weight "3 kg" --tenant nordic --json
    """
    route = origin or goal or weight or value
    if bool(order) == bool(route):
        raise WrongUsage(
            "Name an order, or give --from, --to and --weight",
            remedy="See ml-connector quote --help",
            code="command_line",
        )
    if order:
        asyncio.run(_of_order(order, in_visma, as_json))
        return
    parcel = _parcel(origin, goal, weight or [], value)
    asyncio.run(_of_parcel(parcel, tenant, as_json))


# -- of an order ----------------------------------------------------------------------------


async def _of_order(name: str, in_visma: bool, as_json: bool) -> None:
    async with Installation.open() as here:
        found = await find_order(here, name)
        [record] = await here.records(found.tenant)
        if record.state is not TenantState.ACTIVE:
            raise CredentialsRefused(
                f"Tenant {record.id} is {record.state.value}",
                why=record.state_reason,
                remedy=f"Set working credentials: credentials set {record.id}",
                code=record.state.value,
            )
        [tenant] = await here.tenants(found.tenant)
        answer = await _ask_workflow(here, tenant, found, in_visma)
    if not answer.lines:
        raise Refused(
            f"There is no quote for {found.tenant}/{found.row.order}",
            why=answer.failure,
            remedy="See ml-connector po plan for the whole order",
            code="no_quote",
        )
    options = [
        QuoteOption(
            service=line.service,
            amount=Money(Decimal(line.amount), line.currency),
            transit_days=line.transit_days,
        )
        for line in answer.lines
    ]
    _show(found.tenant, found.row.order, options, as_json)


async def _ask_workflow(
    here: Installation, tenant: Tenant, found: FoundOrder, in_visma: bool
) -> QuoteAnswer:
    """The order's workflow answers; it is started if none runs, and asks FedEx once."""
    client, number, request = await here.temporal(), found.row.order, f"cli-{uuid.uuid4()}"
    start: WithStartWorkflowOperation[Any, Any] = WithStartWorkflowOperation(
        "PurchaseOrderWorkflow",
        OrderInput(tenant=tenant.id, order=number, policy=policy_of(tenant)),
        id=order_workflow_id(tenant.id, number),
        task_queue=TaskQueue.MAIN,
        id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
        search_attributes=of_order(tenant.id, number),
        static_summary=f"{tenant.name}: purchase order {number}",
        priority=priority_of(tenant.id, Urgency.QUOTE),
    )
    try:
        async with asyncio.timeout(PATIENCE.total_seconds()):
            answer: QuoteAnswer = await client.execute_update_with_start_workflow(
                "quote",
                QuoteRequest(tenant=tenant.id, order=number, id=request, in_visma=in_visma),
                start_workflow_operation=start,
                id=request,
                result_type=QuoteAnswer,
            )
            return answer
    except TimeoutError as nobody:
        raise OtherSideUnavailable(
            "Nobody answered the request for a quote",
            why=f"No worker took it within {PATIENCE.total_seconds():.0f} s",
            remedy="See that a worker runs: ml-connector doctor",
            code="no_worker",
        ) from nobody
    except WorkflowUpdateFailedError as failed:
        raise Refused(
            f"The workflow of {tenant.id}/{number} did not answer",
            why=str(failed.cause),
            remedy="Try again; if it stays so, see the workflow in the Web UI",
            code="quote_failed",
        ) from failed


# -- of a parcel ----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Parcel:
    """What is to be priced without an order."""

    origin: Address
    goal: Address
    weights: tuple[Weight, ...]
    value: Money | None

    def request(self, tenant: Tenant) -> RateRequest:
        """FedEx wants the goods declared where they cross a border."""
        return RateRequest(
            shipper=self.origin,
            recipient=self.goal,
            packages=tuple(
                Package(sequence=number, weight=weight)
                for number, weight in enumerate(self.weights, start=1)
            ),
            packaging=tenant.shipping.packaging,
            pickup=tenant.shipping.pickup,
            commodities=() if self.value is None else (self._goods(self.value),),
        )

    def _goods(self, value: Money) -> Commodity:
        first = self.weights[0]
        return Commodity(
            description="Goods",
            quantity=1,
            quantity_unit="PCS",
            weight=first,
            unit_price=value,
            customs_value=value,
            country_of_manufacture=self.origin.country,
        )


async def _of_parcel(parcel: Parcel, tenant: str | None, as_json: bool) -> None:
    async with Installation.open() as here:
        whose = await _one_tenant(here, tenant)
        async with desk_of(here, whose) as desk:
            quotes = await desk.fedex.quote(
                parcel.request(desk.tenant), service=None, transaction_id=f"cli-{uuid.uuid4()}"
            )
            options = [
                QuoteOption(
                    service=each.service,
                    amount=Money(each.cost.net_charge, each.cost.currency),
                    transit_days=each.transit_days,
                )
                for each in quotes
                if each.cost is not None
            ]
            async with (await here.store()).write(whose) as view:
                await view.quotes.add(
                    None,
                    request={
                        "from": _place_text(parcel.origin),
                        "to": _place_text(parcel.goal),
                        "weights": [str(weight) for weight in parcel.weights],
                        "by": here.actor,
                    },
                    offers=[_offer(option) for option in options],
                )
                current_trail().note(view, "quote:asked", offers=len(options))
    if not options:
        raise Refused("FedEx offers no service for this parcel", code="no_quote")
    _show(whose, None, options, as_json)


async def _one_tenant(here: Installation, tenant: str | None) -> str:
    known = await here.tenant_ids(tenant)
    if len(known) == 1:
        return known[0]
    raise WrongUsage(
        "There is no tenant yet" if not known else f"There are {len(known)} tenants",
        remedy="Say whose account: --tenant ID",
        code="which_tenant",
    )


def _parcel(
    origin: str | None, goal: str | None, weights: Sequence[str], value: str | None
) -> Parcel:
    """Raises WrongUsage."""
    if not (origin and goal and weights):
        raise WrongUsage(
            "A quote without an order needs --from, --to and --weight",
            remedy="See ml-connector quote --help",
            code="command_line",
        )
    parcel = Parcel(
        origin=_address("--from", origin),
        goal=_address("--to", goal),
        weights=tuple(_weight(weight) for weight in weights),
        value=_money("--value", value) if value else None,
    )
    if parcel.value is None and parcel.origin.country != parcel.goal.country:
        raise WrongUsage(
            "A parcel that crosses a border needs --value",
            why="FedEx does not price it without a value for customs",
            remedy='Add such as --value "900 EUR"',
            code="command_line",
        )
    return parcel


def _weight(text: str) -> Weight:
    try:
        weight = parse_weight(text)
    except RuleError as error:
        raise WrongUsage(
            f"--weight: {error}", remedy='Write such as "12.5 kg"', code="command_line"
        ) from error
    if not weight.value:
        raise WrongUsage("--weight is zero", remedy="Say what it weighs", code="command_line")
    return weight


def _address(option: str, text: str) -> Address:
    found = _PLACE.fullmatch(text.strip())
    if found is None:
        raise WrongUsage(
            f"{option} {text!r} is no place",
            remedy='Write country and postcode, such as DE-10115 or "NO-0150, Oslo"',
            code="command_line",
        )
    country, postal_code, city = found.groups()
    return Address(lines=(), city=city or "", postal_code=postal_code, country=country)


def _money(option: str, text: str) -> Money:
    found = _MONEY.fullmatch(text.strip().upper())
    try:
        if found is not None and Decimal(found[1]) > 0:
            return Money(Decimal(found[1]), iso_currency(found[2]))
    except (InvalidOperation, RuleError):
        pass
    raise WrongUsage(
        f"{option} {text!r} is no amount above zero",
        remedy='Write amount and currency, such as "900 EUR"',
        code="command_line",
    )


def _place_text(address: Address) -> str:
    return f"{address.country}-{address.postal_code}"


# -- what is shown --------------------------------------------------------------------------


def _offer(option: QuoteOption) -> dict[str, str]:
    return {
        "service": option.service,
        "amount": str(option.amount.amount),
        "currency": option.amount.currency,
    }


def _show(tenant: str, order: str | None, options: list[QuoteOption], as_json: bool) -> None:
    options = sorted(options, key=lambda option: option.amount.amount)
    low, quick = cheapest(options), fastest(options)
    value = {
        "tenant": tenant,
        "order": order,
        "offers": [
            {
                "service": option.service,
                "cost": money(option.amount.amount, option.amount.currency),
                "transit_days": option.transit_days,
            }
            for option in options
        ],
        "cheapest": low.service,
        "fastest": quick.service if quick else None,
    }
    show(value, lambda: _table(options, low, quick), as_json=as_json)


def _table(
    options: list[QuoteOption], low: QuoteOption, quick: QuoteOption | None
) -> RenderableType:
    return Group(
        table(
            "SERVICE",
            "PRICE",
            "DAYS",
            "",
            rows=[
                (
                    option.service,
                    money_text(option.amount.amount, option.amount.currency),
                    option.transit_days,
                    ", ".join(["cheapest"] * (option == low) + ["fastest"] * (option == quick)),
                )
                for option in options
            ],
            empty="",
        ),
        "Account rates with taxes; estimates until FedEx's invoice.",
    )
