"""Which orders a command for many is about: one by its name, or all that some filters leave."""

from dataclasses import dataclass
from typing import Annotated

import typer

from ml_connector.domain.stage import Stage
from starter.context import Installation
from starter.errors import WrongUsage
from starter.order_names import FoundOrder, find_order

ManyOrders = Annotated[
    str | None,
    typer.Argument(metavar="PO", help="TENANT/ORDER or a number; without it, filters."),
]
Stages = Annotated[
    list[Stage] | None,
    typer.Option(
        "--stage",
        metavar="STAGE",
        help=f"Only in this stage; may be repeated. One of {', '.join(Stage)}.",
    ),
]
Cause = Annotated[
    str | None,
    typer.Option("--cause", metavar="CODE", help="Only for this reason, such as postcode_missing."),
]
Parked = Annotated[bool, typer.Option("--attention", help="Only those that need a person.")]


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """What the orders have in common; every filter given must hold."""

    tenant: str | None = None
    stages: tuple[Stage, ...] = ()
    parked: bool = False
    cause: str | None = None

    def __bool__(self) -> bool:
        return bool(self.tenant or self.stages or self.parked or self.cause)


async def select_orders(
    here: Installation, name: str | None, filters: Filters, *, only_parked: bool = False
) -> list[FoundOrder]:
    """The orders meant; `only_parked` goes without saying in some commands.

    Raises:
        WrongUsage: a name and filters, or neither: nobody means every order there is.
        UnknownTenant, Refused: see `find_order`.
    """
    if name and filters:
        raise _usage("Name one order or give filters, not both")
    if name:
        return [await find_order(here, name)]
    if not filters:
        raise _usage("Name one order, or give filters")
    store = await here.store()
    found: list[FoundOrder] = []
    for tenant in await here.tenant_ids(filters.tenant):
        async with store.read(tenant) as view:
            rows = await view.orders.list(
                stages=filters.stages or None,
                parked=(filters.parked or only_parked) or None,
                attention=filters.cause,
            )
        found += [FoundOrder(tenant=tenant, row=row) for row in rows]
    return found


def _usage(what: str) -> WrongUsage:
    return WrongUsage(what, remedy="See the command's --help for its filters", code="command_line")
