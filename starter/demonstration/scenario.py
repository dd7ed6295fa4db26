"""The demo's story: two companies, eighteen purchase orders, and the end each must reach.

Amounts are in the order's own currency, weights in kilograms. Suppliers, items and projects are
those of the sandbox's standard company (docs/sandbox-visma.md).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from typing import Any

PRIORITY = "FEDEX_INTERNATIONAL_PRIORITY"
ECONOMY = "INTERNATIONAL_ECONOMY"

ITEM_WEIGHTS = {
    "PUMP-200": Decimal("14.5"),
    "FRAME-01": Decimal("28"),
    "CABLE-50": Decimal("6.2"),
    "SENSOR-9": Decimal("0.35"),
}
"""Of one piece, as the sandbox's items weigh."""

_COSTS = {
    "PUMP-200": Decimal(4200),
    "FRAME-01": Decimal(1850),
    "CABLE-50": Decimal(640),
    "SENSOR-9": Decimal("915.50"),
}

EAST_SALES = ("100", "10")
WEST_SERVICE = ("200", "20")
STORES = ("300", "00")
"""Subaccounts: department and region."""


class End(StrEnum):
    """How an order ends; the value is the stage that the connector shows then."""

    COMPLETED = "completed"
    RETURNED = "returned"
    CANCELLED = "cancelled"
    """A user cancels it in Visma as soon as its label is made."""
    LEFT_ALONE = "discovered"


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A line of a purchase order."""

    item: str
    quantity: int = 1
    unit_cost: Decimal | None = None
    """The item's usual price, unless given."""
    goods: bool = True
    canceled: bool = False
    account: str | None = None
    subaccount: tuple[str, str] | None = None
    project: str | None = None
    task: str = "10"

    @property
    def travels(self) -> bool:
        """Whether a parcel carries it, so that it bears freight."""
        return self.goods and not self.canceled

    @property
    def cost(self) -> Decimal:
        return self.unit_cost if self.unit_cost is not None else _COSTS.get(self.item, Decimal(950))

    @property
    def amount(self) -> Decimal:
        return self.quantity * self.cost

    @property
    def weight(self) -> Decimal:
        return self.quantity * ITEM_WEIGHTS[self.item]


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """A purchase order and what must become of it."""

    tenant: str
    number: str
    story: str
    lines: tuple[Line, ...]
    end: End = End.COMPLETED
    supplier: str = "SUP-DE"
    ship_via: str | None = "FEDEX"
    service: str = PRIORITY
    packages: int = 1
    more: Mapping[str, Any] = field(default_factory=dict)
    """Further values of the order in Visma, by their wire names."""
    journey: str = "normal"
    pickup_delay: str | None = None
    """How much later than usual the courier comes, on the carrier's clock."""
    loses_answer: bool = False
    """FedEx makes the first shipment, and its answer never arrives."""
    quoted: bool = False
    """A user asks for a quote."""
    repair: Mapping[str, Any] | None = None
    """What a user changes in Visma once the order says that it needs attention."""

    @property
    def key(self) -> tuple[str, str]:
        return (self.tenant, self.number)

    @property
    def name(self) -> str:
        return f"{self.tenant}/{self.number}"

    @property
    def ships(self) -> bool:
        """A shipment of it is alive at the end."""
        return self.end in (End.COMPLETED, End.RETURNED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Company:
    """A tenant's company at the start of the demo. Its tenant file is `examples/{tenant}.toml`."""

    tenant: str
    currency: str
    """Of its books and of its FedEx account."""
    first_receipt: int
    warehouse: Mapping[str, Mapping[str, str]] | None = None
    """Its address and contact, where they are not the sandbox's own."""
    accounts: tuple[Mapping[str, str], ...] = ()
    """What its tenant file names beyond the standard chart of accounts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """Orders of one supplier that the warehouse books on one receipt once they are delivered."""

    tenant: str
    orders: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """Everything the demo plays."""

    companies: tuple[Company, ...]
    orders: tuple[Order, ...]
    arrivals: tuple[Arrival, ...]

    def orders_of(self, tenant: str) -> tuple[Order, ...]:
        return tuple(order for order in self.orders if order.tenant == tenant)

    def arrival_of(self, order: Order) -> Arrival | None:
        return next(
            (
                arrival
                for arrival in self.arrivals
                if arrival.tenant == order.tenant and order.number in arrival.orders
            ),
            None,
        )


NORDIC = Company(tenant="nordic", currency="NOK", first_receipt=310_001)
IBERIA = Company(
    tenant="iberia",
    currency="EUR",
    first_receipt=720_001,
    warehouse={
        "address": {
            "line1": "Calle de la Forja 14",
            "postal_code": "28850",
            "city": "Torrejón de Ardoz",
            "country": "ES",
        },
        "contact": {
            "name": "Iberia Componentes S.L.",
            "attention": "Recepción",
            "email": "almacen@iberia.example",
            "phone1": "+34910000000",
        },
    },
    accounts=(
        {"id": "624000", "description": "Transportes", "account_group": "FREIGHT"},
        {"id": "600000", "description": "Compras de mercaderías", "account_group": "MATERIAL"},
        {"id": "602000", "description": "Compras de repuestos", "account_group": "MATERIAL"},
        {"id": "410900", "description": "Acreedores, pendientes", "type": "Liability"},
    ),
)

_REFIT = Line(item="SENSOR-9", quantity=4, subaccount=EAST_SALES, project="P100")
_STATION = Line(item="PUMP-200", subaccount=WEST_SERVICE, project="P200")

_NORDIC_ORDERS = (
    Order(tenant="nordic", number="500101", story="one line, nothing special", lines=(_REFIT,)),
    Order(
        tenant="nordic",
        number="500102",
        story="three equal lines, two projects, three subaccounts",
        lines=(
            Line(item="SENSOR-9", subaccount=EAST_SALES, project="P100"),
            Line(item="SENSOR-9", subaccount=WEST_SERVICE, project="P200", task="20"),
            Line(item="SENSOR-9", subaccount=STORES),
        ),
    ),
    Order(
        tenant="nordic",
        number="500103",
        story="two packages",
        lines=(Line(item="PUMP-200", quantity=3, subaccount=WEST_SERVICE, project="P200"),),
        packages=2,
    ),
    Order(
        tenant="nordic",
        number="500104",
        story="on hold",
        lines=(_REFIT,),
        end=End.LEFT_ALONE,
        more={"hold": True},
    ),
    Order(
        tenant="nordic",
        number="500105",
        story="one line cancelled",
        lines=(
            Line(item="CABLE-50", quantity=2, subaccount=EAST_SALES, project="P100"),
            Line(item="FRAME-01", subaccount=STORES, canceled=True),
        ),
        ship_via="FEDEXECO",
        service=ECONOMY,
        supplier="SUP-SE",
    ),
    Order(
        tenant="nordic",
        number="500106",
        story="goods and a service",
        lines=(
            _STATION,
            Line(item="SRV-INST", quantity=6, goods=False, subaccount=WEST_SERVICE, project="P200"),
        ),
        supplier="SUP-DK",
    ),
    Order(
        tenant="nordic",
        number="500107",
        story="postcode missing, a user adds it",
        lines=(_REFIT,),
        more={
            "shippingAddress": {
                "addressLine1": "Havnegata 9",
                "postalCode": "",
                "city": "Trondheim",
                "countryId": "NO",
            }
        },
        repair={"shippingAddress": {"postalCode": "7010"}},
    ),
    Order(
        tenant="nordic",
        number="500108",
        story="a carrier that is not FedEx",
        lines=(_REFIT,),
        end=End.LEFT_ALONE,
        ship_via="POSTNORD",
    ),
    Order(
        tenant="nordic",
        number="500109",
        story="cancelled in Visma after its label",
        lines=(_STATION,),
        end=End.CANCELLED,
        journey="label_only",
    ),
    Order(
        tenant="nordic",
        number="500110",
        story="arrives with 500111 on one receipt",
        lines=(Line(item="CABLE-50", quantity=3, subaccount=STORES, project="P100"),),
        supplier="SUP-PL",
    ),
    Order(
        tenant="nordic",
        number="500111",
        story="arrives with 500110 on one receipt",
        lines=(Line(item="FRAME-01", subaccount=EAST_SALES, project="P200"),),
        supplier="SUP-PL",
    ),
    Order(
        tenant="nordic",
        number="500112",
        story="FedEx's answer is lost",
        lines=(_REFIT, _STATION),
        pickup_delay="30h",
        loses_answer=True,
    ),
    Order(
        tenant="nordic",
        number="500113",
        story="a quote, though it is on hold",
        lines=(_STATION,),
        end=End.LEFT_ALONE,
        more={"hold": True},
        quoted=True,
    ),
)

_STOCK = Line(item="SENSOR-9", quantity=7, account="600000", subaccount=EAST_SALES)

_IBERIA_ORDERS = (
    Order(
        tenant="iberia",
        number="700201",
        story="euro, posted at pickup",
        lines=(_STOCK,),
        supplier="SUP-PL",
    ),
    Order(
        tenant="iberia",
        number="700202",
        story="by weight, onto the lines' own accounts",
        lines=(
            Line(
                item="CABLE-50",
                quantity=2,
                account="600000",
                subaccount=EAST_SALES,
                project="P100",
                unit_cost=Decimal("33.33"),
            ),
            Line(
                item="SENSOR-9",
                quantity=3,
                account="602000",
                subaccount=WEST_SERVICE,
                project="P200",
                unit_cost=Decimal("66.67"),
            ),
            Line(item="SENSOR-9", quantity=4, subaccount=STORES),
        ),
    ),
    Order(
        tenant="iberia",
        number="700203",
        story="returned to the supplier",
        lines=(_STOCK,),
        end=End.RETURNED,
        supplier="SUP-SE",
        journey="returned",
    ),
    Order(
        tenant="iberia",
        number="700204",
        story="nobody at home, delivered later",
        lines=(_STOCK, Line(item="CABLE-50", account="602000", subaccount=STORES)),
        journey="exception",
    ),
    Order(
        tenant="iberia",
        number="700205",
        story="no carrier, so by economy",
        lines=(_STOCK,),
        ship_via=None,
        service=ECONOMY,
        supplier="SUP-DK",
    ),
)

_TOGETHER = ("500110", "500111")


def _arrivals(orders: tuple[Order, ...]) -> tuple[Arrival, ...]:
    """Every delivered order has a receipt of its own, except for the two that share one."""
    alone = tuple(
        Arrival(tenant=order.tenant, orders=(order.number,))
        for order in orders
        if order.end is End.COMPLETED and order.number not in _TOGETHER
    )
    return (*alone, Arrival(tenant=NORDIC.tenant, orders=_TOGETHER))


_ORDERS = (*_NORDIC_ORDERS, *_IBERIA_ORDERS)

SCENARIO = Scenario(companies=(NORDIC, IBERIA), orders=_ORDERS, arrivals=_arrivals(_ORDERS))
