"""From a purchase order to everything FedEx needs to ship it.

A plan is a snapshot: what it says of lines, weights, amounts and dimensions is what freight
is posted by later, however the order is edited meanwhile.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from fractions import Fraction

from ml_connector.domain.customs import NOTHING, Declaration, declare
from ml_connector.domain.eligibility import Eligible, assess, open_share
from ml_connector.domain.findings import Finding
from ml_connector.domain.freight import Basis
from ml_connector.domain.loads import Goods, Load, item_volume, shipment_unit, weigh
from ml_connector.domain.measures import Weight, WeightUnit, decimal_of, magnitude
from ml_connector.domain.order import Item, MasterData, OrderLine, PurchaseOrder
from ml_connector.domain.packing import Packing, pack
from ml_connector.domain.party import Party
from ml_connector.domain.preflight import Role, check_party, is_blank, prepared
from ml_connector.domain.shipment import (
    LabelSpec,
    ShipmentPlan,
    ShippedLine,
    shipment_reference,
)
from ml_connector.domain.tenant import Tenant

ORDER_NUMBER_LIMIT = 30
"""P_O_NUMBER of FedEx's customer references."""

Cargo = tuple[tuple[ShippedLine, Item], ...]
"""What ships, with the items it is made of."""

_OWN_PACKAGING = "YOUR_PACKAGING"
_UNKNOWN_WEIGHT = Weight(Decimal(0), WeightUnit.KG)


def plan_shipment(
    order: PurchaseOrder, master: MasterData, tenant: Tenant, generation: int, today: date
) -> ShipmentPlan | tuple[Finding, ...]:
    """The shipment of what is left of an order, or everything that stands in its way.

    `today` is the ship date, in the tenant's zone. The plan's own `findings` say what was
    assumed on the way; they do not keep the order from shipping.
    """
    eligible = assess(order, tenant)
    if not isinstance(eligible, Eligible):
        return (_not_eligible(eligible.code, eligible.message),)
    shipper, shipper_findings = _party(Role.SHIPPER, (master.supplier_party,), tenant)
    recipient, recipient_findings = _party(
        Role.RECIPIENT, (order.ship_to, master.warehouse_party, master.branch_party), tenant
    )
    goods, cargo = _cargo(eligible.lines, master.items, tenant)
    lines = tuple(line for line, _ in cargo)
    unweighed = _unweighed(eligible.lines, master.items, lines)
    packing = _pack(goods, master, tenant)
    customs = _customs(order, shipper, recipient, cargo, unweighed)
    blocking = (
        *_check_order_number(order),
        *shipper_findings,
        *recipient_findings,
        *goods.missing,
        *_check_volumes((*lines, *unweighed), tenant),
        *packing.findings,
        *customs.missing,
    )
    if shipper is None or recipient is None or blocking:
        return blocking
    return ShipmentPlan(
        tenant=tenant.id,
        order=order.number,
        generation=generation,
        reference=shipment_reference(tenant.id, order.number, generation),
        shipper=shipper,
        recipient=recipient,
        service=eligible.service,
        packaging=tenant.shipping.packaging,
        pickup=tenant.shipping.pickup,
        payment=tenant.payment_for(shipper.address.country),
        label=LabelSpec(image_type=tenant.shipping.label.format, stock=tenant.shipping.label.stock),
        ship_date=today,
        packages=packing.packages,
        lines=lines,
        branch=order.branch,
        commodities=customs.commodities,
        findings=(*goods.assumed, *customs.assumed),
    )


def _customs(
    order: PurchaseOrder,
    shipper: Party | None,
    recipient: Party | None,
    cargo: Cargo,
    unweighed: Sequence[ShippedLine],
) -> Declaration:
    """What is declared when the goods cross a border between two known countries."""
    if shipper is None or recipient is None:
        return NOTHING
    origin, destination = shipper.address.country, recipient.address.country
    if not origin or not destination or origin == destination:
        return NOTHING
    return declare(cargo, currency=order.currency, origin=origin, unweighed=unweighed)


def _party(
    role: Role, sources: Iterable[Party | None], tenant: Tenant
) -> tuple[Party | None, tuple[Finding, ...]]:
    """The first source that says where it is, as it will be sent, and what is wrong with it."""
    found = next((each for each in sources if each is not None and not is_blank(each)), None)
    if found is None:
        return None, (_no_party(role),)
    party = prepared(found, tenant.shipping.default_phone)
    return party, check_party(role, party)


def _cargo(
    order_lines: tuple[OrderLine, ...], items: Mapping[str, Item], tenant: Tenant
) -> tuple[Goods, Cargo]:
    """The open part of each line, weighed; lines without a weight are left out of the cargo."""
    goods = weigh(
        ((line.number, line.item, _open_part(line.base_quantity, line)) for line in order_lines),
        items,
        tenant.shipping.default_item_weight,
    )
    unit = shipment_unit(goods.loads)
    by_number = {line.number: line for line in order_lines}
    cargo = []
    for load in goods.loads:
        line = by_number[load.line]
        item = items[line.item or ""]
        cargo.append((_shipped_line(line, item, load.quantity, _weight_of(load, unit)), item))
    return goods, tuple(cargo)


def _unweighed(
    order_lines: Iterable[OrderLine], items: Mapping[str, Item], cargo: Iterable[ShippedLine]
) -> tuple[ShippedLine, ...]:
    """The lines that are no cargo for want of a weight, so that whatever else is wrong with them is
    said at once."""
    weighed = {line.number for line in cargo}
    return tuple(
        _shipped_line(line, item, quantity, _UNKNOWN_WEIGHT)
        for line in order_lines
        if line.number not in weighed
        and (item := items.get(line.item or "")) is not None
        and (quantity := _open_part(line.base_quantity, line)) > 0
    )


def _weight_of(load: Load, unit: WeightUnit) -> Weight:
    return Weight(decimal_of(Fraction(load.quantity) * magnitude(load.unit_weight, unit)), unit)


def _shipped_line(line: OrderLine, item: Item, quantity: Decimal, weight: Weight) -> ShippedLine:
    volume = item_volume(item)
    return ShippedLine(
        number=line.number,
        description=line.description.strip() or item.description.strip(),
        amount=_open_part(line.amount, line),
        base_quantity=quantity,
        weight=weight,
        volume=None if volume is None else quantity * volume,
        dimensions=line.dimensions,
    )


def _open_part(whole: Decimal, line: OrderLine) -> Decimal:
    """What is left of a line's quantity or amount, to a millionth."""
    share = open_share(line)
    return whole if share == 1 else decimal_of(Fraction(whole) * share)


def _pack(goods: Goods, master: MasterData, tenant: Tenant) -> Packing:
    """Visma's boxes are the company's own; FedEx's packaging brings its own size."""
    own = tenant.shipping.packaging == _OWN_PACKAGING
    return pack(
        goods.loads,
        max_weight=tenant.shipping.max_package_weight,
        boxes=master.packaging_types if own else (),
    )


def _check_order_number(order: PurchaseOrder) -> tuple[Finding, ...]:
    if len(order.number) <= ORDER_NUMBER_LIMIT:
        return ()
    finding = Finding(
        code="order_number_too_long",
        message=f"The order number has {len(order.number)} characters; "
        f"FedEx takes {ORDER_NUMBER_LIMIT} as P_O_NUMBER.",
        remedy="Shorten the number series of purchase orders in Visma.",
    )
    return (finding,)


def _check_volumes(lines: Iterable[ShippedLine], tenant: Tenant) -> tuple[Finding, ...]:
    """Freight by volume needs every volume now: the snapshot cannot be repaired later."""
    if tenant.freight.allocate_by is not Basis.VOLUME:
        return ()
    return tuple(
        Finding(
            code="item_volume_missing",
            message=f"The item on line {line.number} has no volume in a known unit, "
            "and freight is shared by volume.",
            remedy="Enter volume and unit under the item's packaging in Visma, "
            "or choose another freight.allocate_by in the tenant file.",
        )
        for line in lines
        if not line.volume
    )


def _not_eligible(code: str, message: str) -> Finding:
    return Finding(
        code=code,
        message=message,
        remedy="Change the order in Visma or the tenant file; it then ships by itself.",
    )


def _no_party(role: Role) -> Finding:
    places = {
        Role.SHIPPER: "the supplier's location, or the supplier's main address",
        Role.RECIPIENT: "the order's shipping address, its warehouse, or its branch",
    }
    return Finding(
        code=f"{role}_missing",
        message=f"There is no address of the {role}.",
        remedy=f"Enter one in Visma for {places[role]}; the order then ships by itself.",
    )
