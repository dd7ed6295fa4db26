"""Shipments to send, and a client to send them with."""

from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal

import httpx

from ml_connector.domain.measures import Size, Weight, WeightUnit
from ml_connector.domain.money import Money
from ml_connector.domain.party import Address, Party
from ml_connector.domain.shipment import Commodity, LabelSpec, Package, ShipmentPlan
from ml_connector.fedex.client import FedExClient
from ml_connector.fedex.tokens import Token
from ml_connector.http.transport import Recorder, Transport

ACCOUNT = "740561073"
KEY = "nordic/PO000017/ship/1"
REFERENCE = "PO000017-1f2e3d-1"

SUPPLIER = Party(
    company="Elektro Grossist AS",
    person="Kari Nordmann",
    phone="+4722334455",
    email="kari@elektro.example",
    address=Address(
        lines=("Storgata 12", "Oppgang B"), city="Oslo", postal_code="0155", country="NO"
    ),
)
WAREHOUSE = Party(
    company="Nordic Distribusjon AS",
    person="",
    phone="+4755667788",
    email="",
    address=Address(lines=("Havnegata 1",), city="Bergen", postal_code="5003", country="NO"),
)
IN_TEXAS = Party(
    company="Lone Star Tools",
    person="John Taylor",
    phone="9012635656",
    email="john@tools.example",
    address=Address(
        lines=("10 FedEx Pkwy",), city="Irving", postal_code="75063", country="US", state="TX"
    ),
)


def packages(count: int, unit: WeightUnit = WeightUnit.KG) -> tuple[Package, ...]:
    """Packages that all differ in weight."""
    return tuple(
        Package(
            sequence=number,
            weight=Weight(Decimal("10.125") + number, unit),
            size=Size(length=40, width=30, height=20, unit="CM"),
        )
        for number in range(1, count + 1)
    )


def identical(count: int) -> tuple[Package, ...]:
    return tuple(
        Package(sequence=number, weight=Weight(Decimal("5.5"), WeightUnit.KG))
        for number in range(1, count + 1)
    )


DOMESTIC = ShipmentPlan(
    tenant="nordic",
    order="PO000017",
    generation=1,
    reference=REFERENCE,
    shipper=SUPPLIER,
    recipient=WAREHOUSE,
    service="FEDEX_PRIORITY",
    packaging="YOUR_PACKAGING",
    pickup="USE_SCHEDULED_PICKUP",
    payment="SENDER",
    label=LabelSpec(image_type="PDF", stock="PAPER_85X11_TOP_HALF_LABEL"),
    ship_date=date(2026, 11, 23),
    packages=packages(1),
    lines=(),
)

COMMODITY = Commodity(
    description="Circuit breaker 16 A",
    quantity=3,
    quantity_unit="EA",
    weight=Weight(Decimal("4.4091"), WeightUnit.LB),
    unit_price=Money(Decimal("33.3333"), "NOK"),
    customs_value=Money(Decimal("100.005"), "NOK"),
    country_of_manufacture="DE",
    harmonized_code="853620",
)

INTERNATIONAL = replace(
    DOMESTIC,
    shipper=IN_TEXAS,
    service="FEDEX_INTERNATIONAL_PRIORITY",
    payment="THIRD_PARTY",
    commodities=(COMMODITY, replace(COMMODITY, quantity=1, harmonized_code="")),
)


@dataclass(slots=True)
class Tokens:
    """A token source that counts what it is asked for."""

    stale: list[int | None] = field(default_factory=list)

    async def token(self, *, stale: int | None = None) -> Token:
        self.stale.append(stale)
        version = 1 if stale is None else stale + 1
        return Token(value=f"T0P-SECRET-{version}", version=version)


def client_for(
    url: str,
    pool: httpx.AsyncClient,
    *,
    tokens: Tokens | None = None,
    track_tokens: Tokens | None = None,
    recorder: Recorder | None = None,
) -> FedExClient:
    return FedExClient(
        Transport("FedEx", url, client=pool, recorder=recorder),
        account_number=ACCOUNT,
        tokens=tokens or Tokens(),
        track_tokens=track_tokens,
    )
