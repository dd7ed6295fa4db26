from dataclasses import replace
from decimal import Decimal

import pytest

from ml_connector.domain.findings import Finding
from ml_connector.domain.measures import Size, Weight, WeightUnit
from ml_connector.domain.money import Money
from ml_connector.domain.order import Dimensions, MasterData, PackagingType, PurchaseOrder
from ml_connector.domain.planning import plan_shipment
from ml_connector.domain.shipment import LabelSpec, ShipmentPlan, shipment_reference
from ml_connector.domain.tenant import Tenant
from tests.unit.domain.builders import (
    HAMBURG,
    OSLO,
    SHIPPED_ON,
    item,
    kg,
    line,
    master,
    order,
    party,
    tenant,
)

ABROAD = party(HAMBURG, company="Pumpen GmbH", phone="+49 40 1234567")


def planned(
    of: PurchaseOrder | None = None,
    data: MasterData | None = None,
    by: Tenant | None = None,
    generation: int = 1,
) -> ShipmentPlan:
    plan = plan_shipment(of or order(), data or master(), by or tenant(), generation, SHIPPED_ON)
    assert isinstance(plan, ShipmentPlan), plan
    return plan


def refused(
    of: PurchaseOrder | None = None, data: MasterData | None = None, by: Tenant | None = None
) -> list[str]:
    findings = plan_shipment(of or order(), data or master(), by or tenant(), 1, SHIPPED_ON)
    assert isinstance(findings, tuple)
    assert all(isinstance(finding, Finding) and finding.remedy for finding in findings)
    return [finding.code for finding in findings]


def test_a_domestic_plan() -> None:
    plan = planned(generation=2)
    assert (plan.tenant, plan.order, plan.generation) == ("nordic", "500123", 2)
    assert plan.reference == shipment_reference("nordic", "500123", 2)
    assert (plan.service, plan.packaging) == ("FEDEX_INTERNATIONAL_PRIORITY", "YOUR_PACKAGING")
    assert (plan.pickup, plan.payment) == ("USE_SCHEDULED_PICKUP", "SENDER")
    assert plan.label == LabelSpec(image_type="PDF", stock="PAPER_85X11_TOP_HALF_LABEL")
    assert plan.ship_date == SHIPPED_ON
    assert (plan.shipper.company, plan.recipient.company) == ("Leverandør AS", "Nordic AS")
    assert [str(package.weight.value) for package in plan.packages] == ["10.00"]
    assert not plan.international
    assert plan.commodities == ()
    assert plan.findings == ()


def test_the_snapshot_keeps_what_posting_needs() -> None:
    dimensions = Dimensions(project="P1", task="T1", subaccount=((1, "100"),))
    plan = planned(
        order(line(dimensions=dimensions)), master(item(volume=Decimal(2), volume_unit="L"))
    )
    (shipped,) = plan.lines
    assert shipped.dimensions == dimensions
    assert (shipped.amount, shipped.base_quantity) == (Decimal("400.00"), Decimal(4))
    assert shipped.weight == kg("10")
    assert shipped.volume == Decimal("0.008")


def test_a_partly_received_order_ships_what_is_left() -> None:
    plan = planned(
        order(
            line(
                quantity=Decimal(3),
                base_quantity=Decimal(36),
                quantity_on_receipts=Decimal(1),
                amount=Decimal("100.00"),
            )
        )
    )
    (shipped,) = plan.lines
    assert shipped.base_quantity == Decimal(24)
    assert shipped.amount == Decimal("66.666667")
    assert shipped.weight == kg("60")
    assert sum(package.weight.value for package in plan.packages) == Decimal(60)


def test_lines_that_do_not_travel_are_not_in_the_plan() -> None:
    plan = planned(
        order(
            line(1),
            line(2, canceled=True, completed=True),
            line(3, line_type="Service", item=None),
            line(4, quantity_on_receipts=Decimal(4)),
        )
    )
    assert [shipped.number for shipped in plan.lines] == [1]


def test_the_orders_own_address_comes_first_then_warehouse_then_branch() -> None:
    own, blank = party(company="Site"), party(replace(OSLO, lines=(), city="", postal_code=""))
    branch = party(company="Branch")
    assert planned(order(ship_to=own)).recipient.company == "Site"
    assert planned(order(ship_to=blank)).recipient.company == "Nordic AS"
    data = replace(master(branch=branch), warehouse_party=None)
    assert planned(data=data).recipient.company == "Branch"


def test_a_half_written_address_is_reported_not_replaced() -> None:
    half = party(replace(OSLO, postal_code=""))
    assert refused(order(ship_to=half)) == ["recipient_postal_code_missing"]


def test_missing_parties_are_findings() -> None:
    data = replace(master(), supplier_party=None, warehouse_party=None)
    assert refused(data=data) == ["shipper_missing", "recipient_missing"]


@pytest.mark.parametrize(
    ("changes", "code"),
    [({"on_hold": True}, "on_hold"), ({"ship_via": "DHL"}, "carrier_not_mapped")],
)
def test_an_order_that_is_not_eligible_has_no_plan(changes: dict[str, object], code: str) -> None:
    assert refused(order(**changes)) == [code]


def test_everything_in_the_way_comes_at_once() -> None:
    data = master(
        item(weight=None),
        supplier=party(replace(HAMBURG, postal_code=""), phone="+49 40 1234567"),
        warehouse=party(replace(OSLO, city="x" * 36)),
    )
    of = order(line(1), line(2, item="GONE"), number="P" * 31)
    assert refused(of, data) == [
        "order_number_too_long",
        "shipper_postal_code_missing",
        "recipient_city_too_long",
        "item_weight_missing",
        "item_unknown",
    ]


def test_a_line_without_weight_has_its_other_faults_named_too() -> None:
    data = master(item(weight=None), item("BOX"), supplier=ABROAD)
    of = order(line(1, amount=Decimal(0)), line(2, item="BOX", description="x" * 451))
    by_volume = tenant(freight={"allocate_by": "volume"})
    assert refused(of, data, by_volume) == [
        "item_weight_missing",
        "item_volume_missing",
        "item_volume_missing",
        "customs_value_missing",
        "commodity_description_too_long",
    ]


def test_a_default_weight_ships_and_is_said() -> None:
    plan = planned(
        data=master(item(weight=None)), by=tenant(shipping={"default_item_weight": "1 kg"})
    )
    assert [str(package.weight.value) for package in plan.packages] == ["4.00"]
    assert [finding.code for finding in plan.findings] == ["item_weight_assumed"]


def test_a_unit_above_the_maximum_needs_attention() -> None:
    assert refused(data=master(item(weight=kg("31")))) == ["item_too_heavy"]


def test_freight_by_volume_needs_the_volumes_before_shipping() -> None:
    by_volume = tenant(freight={"allocate_by": "volume"})
    assert refused(by=by_volume) == ["item_volume_missing"]
    assert planned(data=master(item(volume=Decimal(1), volume_unit="L")), by=by_volume)


def test_boxes_belong_to_the_companys_own_packaging() -> None:
    size = Size(length=40, width=30, height=20, unit="CM")
    box = PackagingType(code="M", own_weight=kg("0.5"), max_weight=kg("20"), size=size)
    data = master(boxes=[box])
    (own,) = planned(data=data).packages
    assert (str(own.weight.value), own.size) == ("10.50", size)
    (fedex,) = planned(data=data, by=tenant(shipping={"packaging": "FEDEX_25KG_BOX"})).packages
    assert (str(fedex.weight.value), fedex.size) == ("10.00", None)


def test_pounds_stay_pounds() -> None:
    plan = planned(data=master(item(weight=Weight(Decimal(5), WeightUnit.LB))))
    assert plan.packages[0].weight == Weight(Decimal("20.00"), WeightUnit.LB)
    assert plan.lines[0].weight == Weight(Decimal(20), WeightUnit.LB)


def test_payment_follows_the_shippers_country() -> None:
    by = tenant(shipping={"payment": {"DE": "THIRD_PARTY", "*": "SENDER"}})
    assert planned(by=by).payment == "SENDER"
    assert planned(data=master(supplier=ABROAD), by=by).payment == "THIRD_PARTY"


def test_goods_that_cross_a_border_are_declared() -> None:
    known = item(country_of_origin="cn", commodity_code="8413.70")
    plan = planned(order(currency="EUR"), master(known, supplier=ABROAD))
    assert plan.international
    (commodity,) = plan.commodities
    assert (commodity.description, commodity.quantity) == ("Pump", 4)
    assert commodity.quantity_unit == "PCS"
    assert str(commodity.weight.value) == "10.00"
    assert commodity.customs_value == Money(Decimal("400.00"), "EUR")
    assert commodity.unit_price == Money(Decimal(100), "EUR")
    assert (commodity.country_of_manufacture, commodity.harmonized_code) == ("CN", "8413.70")
    assert plan.findings == ()


def test_an_unknown_origin_is_the_shippers_country_and_said() -> None:
    plan = planned(data=master(item(country_of_origin=""), supplier=ABROAD))
    assert plan.commodities[0].country_of_manufacture == "DE"
    assert [finding.code for finding in plan.findings] == ["country_of_manufacture_assumed"]


def test_goods_by_the_metre_are_declared_as_one_piece() -> None:
    of = order(line(base_quantity=Decimal("12.5"), amount=Decimal("99.99")))
    (commodity,) = planned(of, master(supplier=ABROAD)).commodities
    assert (commodity.quantity, commodity.unit_price.amount) == (1, Decimal("99.99"))


def test_customs_rounds_the_open_share_to_the_currency() -> None:
    of = order(line(quantity=Decimal(3), quantity_on_receipts=Decimal(1), amount=Decimal(100)))
    (commodity,) = planned(of, master(supplier=ABROAD)).commodities
    assert commodity.customs_value == Money(Decimal("66.67"), "NOK")


@pytest.mark.parametrize(
    ("of", "codes"),
    [
        (order(line(amount=Decimal(0))), ["customs_value_missing"]),
        (order(line(description="x" * 451)), ["commodity_description_too_long"]),
        (order(currency="XXX"), ["unknown_currency"]),
        (
            order(line(amount=Decimal(0)), line(2, description="x" * 451)),
            ["customs_value_missing", "commodity_description_too_long"],
        ),
    ],
)
def test_what_customs_would_refuse(of: PurchaseOrder, codes: list[str]) -> None:
    assert refused(of, master(supplier=ABROAD)) == codes


def test_at_home_customs_does_not_matter() -> None:
    assert planned(order(line(amount=Decimal(0)), currency="XXX")).commodities == ()


def test_a_line_without_description_takes_the_items() -> None:
    data = master(item(description="Pump, 40 mm"), supplier=ABROAD)
    assert planned(order(line(description=" ")), data).commodities[0].description == "Pump, 40 mm"
    nameless = master(item(description=""), supplier=ABROAD)
    assert refused(order(line(description="")), nameless) == ["commodity_description_missing"]
