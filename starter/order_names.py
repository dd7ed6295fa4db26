"""How a person names a purchase order: `TENANT/ORDER`, or its number where one tenant has it."""

from dataclasses import dataclass
from typing import Annotated

import typer

from ml_connector.store.orders import OrderRow
from starter.context import Installation
from starter.errors import Refused

OrderName = Annotated[
    str,
    typer.Argument(metavar="PO", help="TENANT/ORDER, or the number alone if one tenant has it."),
]


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundOrder:
    """An order and whose it is."""

    tenant: str
    row: OrderRow


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedOrder:
    """An order that the connector need not have met yet."""

    tenant: str
    number: str


async def name_order(here: Installation, name: str) -> NamedOrder:
    """The order that a person means; with its tenant before it, it need not be discovered yet.

    Raises:
        UnknownTenant: the part before the slash is no tenant.
        Refused: only a number, which nobody or several tenants have.
    """
    tenant, slash, number = name.rpartition("/")
    if slash:
        await here.records(tenant)
        return NamedOrder(tenant=tenant, number=number)
    found = await find_order(here, name)
    return NamedOrder(tenant=found.tenant, number=found.row.order)


async def find_order(here: Installation, name: str) -> FoundOrder:
    """The order that a person means.

    Raises:
        UnknownTenant: the part before the slash is no tenant.
        Refused: nobody has it, or several tenants do.
    """
    tenant, slash, number = name.rpartition("/")
    store = await here.store()
    found: list[FoundOrder] = []
    for candidate in await here.tenant_ids(tenant if slash else None):
        async with store.read(candidate) as view:
            row = await view.orders.get(number)
        if row is not None:
            found.append(FoundOrder(tenant=candidate, row=row))
    if not found:
        raise Refused(
            f"There is no purchase order {name}",
            why="It was not discovered yet, or its number is another",
            remedy="See ml-connector po list",
            code="unknown_order",
        )
    if len(found) > 1:
        names = ", ".join(f"{order.tenant}/{number}" for order in found)
        raise Refused(
            f"Several tenants have a purchase order {number}",
            remedy=f"Say which: {names}",
            code="ambiguous_order",
        )
    return found[0]
