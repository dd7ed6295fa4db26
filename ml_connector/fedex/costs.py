"""What FedEx says something costs: from a Ship reply, or from a quote.

Both are estimates until the invoice. Nothing is ever summed up from the pieces: a live reply
repeats the shipment's total on each of its 21 pieces. A price that cannot be read is no price.
"""

from decimal import Decimal

from ml_connector.domain.money import UnknownCurrency, iso_currency
from ml_connector.domain.shipment import Charge, CostSource, ShipmentCost
from ml_connector.fedex.reading import Part

CURRENCY_UNKNOWN = "COST.CURRENCY.UNKNOWN"
RATE_UNREADABLE = "COST.RATE.UNREADABLE"
"""Our own alert codes, beside FedEx's, for a price that is there and cannot be used."""

_QUOTE_PREFERENCE = ("PREFERRED_CURRENCY", "ACCOUNT")
"""PREFERRED_CURRENCY only exists where it was asked for. Another type (LIST) is the last resort;
the cost names its rate type."""


def shipment_cost(shipment: Part) -> tuple[ShipmentCost | None, tuple[str, ...]]:
    """Cost of a created shipment, and alerts about a price that could not be used.

    The rate that applies to the payer is the one whose `rateType` equals `actualRateType`.
    """
    rating = shipment["completedShipmentDetail"]["shipmentRating"]
    if not rating:
        return None, ()
    actual = rating["actualRateType"].text
    for rate in rating["shipmentRateDetails"]:
        if actual and rate["rateType"].text == actual:
            return _cost(rate, rate, CostSource.SHIP_REPLY)
    return None, (RATE_UNREADABLE,)


def quoted_cost(quoted: Part) -> tuple[ShipmentCost | None, tuple[str, ...]]:
    """Cost of one quoted service (`rateReplyDetails[]`), and alerts as above."""
    rates = list(quoted["ratedShipmentDetails"])
    if not rates:
        return None, ()
    rate = min(rates, key=lambda rate: _preference(rate["rateType"].text))
    return _cost(rate, rate["shipmentRateDetail"], CostSource.QUOTE)


def _preference(rate_type: str) -> int:
    if rate_type in _QUOTE_PREFERENCE:
        return _QUOTE_PREFERENCE.index(rate_type)
    return len(_QUOTE_PREFERENCE)


def _cost(
    rate: Part, detail: Part, source: CostSource
) -> tuple[ShipmentCost | None, tuple[str, ...]]:
    """`detail` holds the surcharges and taxes: the rate itself in Ship, a part of it in Rate."""
    net = rate["totalNetCharge"].number
    raw = (rate["currency"] or detail["currency"]).text
    charges = (*_charges("surcharge", detail), *_charges("tax", detail))
    if net is None or not raw:
        return None, (RATE_UNREADABLE,)
    try:
        currency = iso_currency(raw)
    except UnknownCurrency:
        return None, (f"{CURRENCY_UNKNOWN}: {raw}",)
    without_tax = rate["totalNetFedExCharge"].number
    cost = ShipmentCost(
        net_charge=net,
        net_fedex_charge=net - _taxes(rate, charges) if without_tax is None else without_tax,
        currency=currency,
        raw_currency=raw,
        rate_type=rate["rateType"].text,
        source=source,
        charges=charges,
    )
    return cost, ()


def _taxes(rate: Part, charges: tuple[Charge, ...]) -> Decimal:
    """FedEx: `totalNetFedExCharge` + `totalTaxes` = `totalNetCharge`."""
    total = rate["totalTaxes"].number
    if total is not None:
        return total
    return sum((charge.amount for charge in charges if charge.kind == "tax"), Decimal(0))


def _charges(kind: str, detail: Part) -> tuple[Charge, ...]:
    """Ship spells `surcharges`/`surchargeType`, Rate `surCharges`/`type`; keys ignore case."""
    listed = detail["surcharges"] if kind == "surcharge" else detail["taxes"]
    return tuple(
        Charge(
            kind=kind,
            code=charge.first("surchargeType", "taxType", "type").text,
            description=charge["description"].text,
            amount=amount,
        )
        for charge in listed
        if (amount := charge["amount"].number) is not None
    )
