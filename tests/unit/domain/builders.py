"""Ready-made domain values; a test names only what it is about."""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from ml_connector.domain.measures import Weight, WeightUnit
from ml_connector.domain.order import (
    Dimensions,
    Item,
    MasterData,
    OrderLine,
    PackagingType,
    PurchaseOrder,
)
from ml_connector.domain.party import Address, Party
from ml_connector.domain.shipment import ShippedLine
from ml_connector.domain.tenant import Tenant, load_tenant
from ml_connector.domain.tracking import ParcelReport, Scan

TENANT_FILE = """
id = "nordic"
name = "Nordic Distribusjon AS"

[visma]
tenant_id = "af1140c1-52e0-46c7-b684-df894d4b8a5a"
client_id = { env = "NORDIC_VISMA_ID" }
client_secret = { env = "NORDIC_VISMA_SECRET" }

[fedex]
account_number = { env = "NORDIC_FEDEX_ACCOUNT" }
client_id = { env = "NORDIC_FEDEX_KEY" }
client_secret = { file = "/run/secrets/fedex" }

[shipping]
ship_via = { FEDEX = "FEDEX_INTERNATIONAL_PRIORITY" }

[freight]
debit_account = "7140"
accrual_account = "2960"

[polling]
start_from = "now"
"""

OSLO = Address(lines=("Storgata 1",), city="Oslo", postal_code="0155", country="NO")
HAMBURG = Address(lines=("Hafenstrasse 5",), city="Hamburg", postal_code="20457", country="DE")


def tenant(**sections: Mapping[str, object]) -> Tenant:
    """The tenant of `TENANT_FILE`, with keys of its sections replaced."""
    loaded = load_tenant(TENANT_FILE)
    content = loaded.model_dump(mode="python")
    for name, changes in sections.items():
        content[name] = content[name] | changes
    return Tenant.model_validate(content)


def party(address: Address = OSLO, **changes: str) -> Party:
    values = {"company": "Nordic AS", "person": "Kari", "phone": "+47 22 00 00 00", "email": ""}
    values |= changes
    return Party(address=address, **values)


def line(number: int = 1, **changes: object) -> OrderLine:
    values: dict[str, object] = {
        "number": number,
        "line_type": "GoodsForInventory",
        "item": "PUMP",
        "description": "Pump",
        "uom": "STK",
        "quantity": Decimal(4),
        "base_quantity": Decimal(4),
        "quantity_on_receipts": Decimal(0),
        "amount": Decimal("400.00"),
        "canceled": False,
        "completed": False,
    }
    return OrderLine(**(values | changes))  # type: ignore[arg-type]


def order(*lines: OrderLine, **changes: object) -> PurchaseOrder:
    values: dict[str, object] = {
        "number": "500123",
        "order_type": "RegularOrder",
        "status": "Open",
        "on_hold": False,
        "ship_via": "FEDEX",
        "currency": "NOK",
        "supplier": "20001",
        "supplier_location": "1",
        "warehouse": "MAIN",
        "branch": "1",
        "ship_to": None,
        "supplier_email": "",
        "lines": lines or (line(),),
        "receipts": (),
        "custom": {},
        "last_modified": "2026-11-02T10:00:00",
        "version": "AAAAAE0YIiI=",
    }
    return PurchaseOrder(**(values | changes))  # type: ignore[arg-type]


def item(number: str = "PUMP", **changes: object) -> Item:
    values: dict[str, object] = {
        "number": number,
        "description": "Pump",
        "base_unit": "STK",
        "weight": kg("2.5"),
        "volume": None,
        "volume_unit": "",
        "country_of_origin": "DE",
    }
    return Item(**(values | changes))  # type: ignore[arg-type]


def master(
    *items: Item,
    supplier: Party | None = None,
    warehouse: Party | None = None,
    branch: Party | None = None,
    boxes: Sequence[PackagingType] = (),
) -> MasterData:
    return MasterData(
        supplier_party=supplier or party(company="Leverandør AS"),
        warehouse_party=warehouse or party(),
        branch_party=branch,
        items={each.number: each for each in items or (item(),)},
        packaging_types=tuple(boxes),
    )


def shipped(number: int = 1, **changes: object) -> ShippedLine:
    values: dict[str, object] = {
        "number": number,
        "description": "Pump",
        "amount": Decimal(100),
        "base_quantity": Decimal(4),
        "weight": kg("10"),
        "volume": None,
        "dimensions": Dimensions(),
    }
    return ShippedLine(**(values | changes))  # type: ignore[arg-type]


def kg(value: str) -> Weight:
    return Weight(Decimal(value), WeightUnit.KG)


def lb(value: str) -> Weight:
    return Weight(Decimal(value), WeightUnit.LB)


SHIPPED_ON = date(2026, 11, 2)
FIRST_SCAN = datetime(2026, 11, 2, 15, 0, tzinfo=UTC)


def scans(*codes: str) -> tuple[Scan, ...]:
    """One scan for each code, an hour apart, the first at `FIRST_SCAN`."""
    return tuple(
        Scan(at=FIRST_SCAN + timedelta(hours=hours), code=code, description="")
        for hours, code in enumerate(codes)
    )


def report(*codes: str, **changes: object) -> ParcelReport:
    """A parcel with these scans, the last of them its status."""
    values: dict[str, object] = {
        "tracking_number": "794791341818",
        "unique_id": "12028~794791341818~FDEG",
        "code": codes[-1] if codes else "",
        "derived_code": "",
        "description": "",
        "ship_date": datetime(2026, 11, 2, tzinfo=UTC),
        "actual_delivery": None,
        "scans": scans(*codes),
    }
    return ParcelReport(**(values | changes))  # type: ignore[arg-type]
