"""The scenario as the simulators get it, through their control routes."""

import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ml_connector.domain.tenant import Tenant
from starter.demonstration.scenario import Company, Line, Order, Scenario
from starter.demonstration.world import World


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """A tenant's secrets of this run. Nobody outside this machine knows what they open."""

    account: str
    fedex_id: str
    fedex_secret: str
    visma_id: str
    visma_secret: str

    @classmethod
    def invent(cls) -> "Access":
        return cls(
            account="".join(secrets.choice("123456789") for _ in range(9)),
            fedex_id=f"l7{secrets.token_hex(16)}",
            fedex_secret=secrets.token_hex(16),
            visma_id=f"isv_{secrets.token_hex(8)}",
            visma_secret=secrets.token_urlsafe(32),
        )

    def environment(self, tenant: str) -> dict[str, str]:
        """Under the names that the example tenant files refer to."""
        values = {
            "VISMA_ID": self.visma_id,
            "VISMA_SECRET": self.visma_secret,
            "FEDEX_ACCOUNT": self.account,
            "FEDEX_KEY": self.fedex_id,
            "FEDEX_SECRET": self.fedex_secret,
        }
        return {f"{tenant.upper()}_{name}": value for name, value in values.items()}


async def seed_company(world: World, company: Company, tenant: Tenant, access: Access) -> None:
    """The company in Visma, its account at FedEx, and who may use them."""
    place = f"companies/{tenant.visma.tenant_id}"
    await world.tell_visma(
        "companies",
        {
            "tenant_id": tenant.visma.tenant_id,
            "base_currency": company.currency,
            "name": tenant.name,
            "timezone": tenant.timezone,
            "first_receipt": company.first_receipt,
        },
    )
    if company.warehouse is not None:
        for record in ("warehouses/1", "branches/1"):
            await world.tell_visma(f"{place}/master/{record}", company.warehouse, method="PATCH")
    for account in company.accounts:
        fields = {name: value for name, value in account.items() if name != "id"}
        await world.tell_visma(f"{place}/master/accounts/{account['id']}", fields, method="PATCH")
    await world.tell_visma(
        "clients",
        {
            "client_id": access.visma_id,
            "client_secret": access.visma_secret,
            "tenants": [tenant.visma.tenant_id],
        },
    )
    await world.tell_fedex(
        "credentials",
        {
            "client_id": access.fedex_id,
            "client_secret": access.fedex_secret,
            "accounts": [{"number": access.account, "currency": company.currency}],
        },
    )


async def seed_orders(world: World, scenario: Scenario, tenant: Tenant) -> None:
    """The company's orders, and what FedEx will do with their parcels."""
    orders = scenario.orders_of(tenant.id)
    for order in orders:
        for path, body in _carriage(order):
            await world.tell_fedex(path, body)
    await world.tell_visma(
        f"companies/{tenant.visma.tenant_id}/orders", [_order(order) for order in orders]
    )


def fault_of(order: Order) -> str:
    """The id of the rule that loses the answer to an order's first shipment."""
    return f"lost-answer-{order.number}"


def _carriage(order: Order) -> Iterator[tuple[str, dict[str, Any]]]:
    delays = {}
    if order.pickup_delay is not None:
        delays = dict.fromkeys(range(1, order.packages + 1), order.pickup_delay)
    if delays or order.journey != "normal":
        yield (
            "journeys",
            {"pattern": f"^{order.number}$", "script": order.journey, "delays": delays},
        )
    if order.loses_answer:
        yield (
            "faults",
            {
                "id": fault_of(order),
                "match": {
                    "method": "POST",
                    "path": "/ship/v1/shipments$",
                    "body": f'"{order.number}"',
                },
                "action": {"kind": "reset_after"},
                "times": 1,
            },
        )


def _order(order: Order) -> dict[str, Any]:
    return {
        "orderNumber": order.number,
        "description": order.story,
        "supplier": order.supplier,
        "shipVia": order.ship_via,
        "lines": [_line(line) for line in order.lines],
        **order.more,
    }


def _line(line: Line) -> dict[str, Any]:
    values: dict[str, Any] = {
        "inventory": line.item,
        "orderQty": line.quantity,
        "unitCost": str(line.cost),
        "account": line.account,
        "canceled": line.canceled,
    }
    if line.subaccount is not None:
        values["sub"] = dict(enumerate(line.subaccount, start=1))
    if line.project is not None:
        values |= {"project": line.project, "projectTask": line.task}
    return values
