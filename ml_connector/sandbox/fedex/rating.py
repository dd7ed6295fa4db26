"""What a shipment costs: invented tariffs, but always the same for the same shipment.

base = tariff × zone × billing weight, in the account's currency; less the account's discount;
plus fuel and residential surcharges (`net_fedex_charge`); plus VAT (`net_charge`). So the two
totals that FedEx reports, without and with taxes, never agree for an account that pays VAT.
"""

from decimal import ROUND_CEILING, ROUND_HALF_UP, Decimal

from ml_connector.sandbox.fedex import catalogue
from ml_connector.sandbox.fedex.catalogue import Service
from ml_connector.sandbox.fedex.values import Account, Charge, Parcel, Rating

FUEL_PERCENT = Decimal("18.25")
DISCOUNT_PERCENT = Decimal(35)
RESIDENTIAL_EUR = Decimal("4.15")

_CENT = Decimal("0.01")
_DIVISOR_CM3_PER_KG = Decimal(5000)
_ZONE_FACTOR = {"1": Decimal(1), "2": Decimal("1.35"), "3": Decimal("2.40")}
_PER_EUR = {
    "EUR": Decimal(1),
    "NOK": Decimal("11.63"),
    "SEK": Decimal("11.28"),
    "DKK": Decimal("7.46"),
    "USD": Decimal("1.09"),
    "CAD": Decimal("1.49"),
    "UKL": Decimal("0.86"),
    "SFR": Decimal("0.95"),
    "JYE": Decimal("163.4"),
}
"""By FedEx's own currency codes."""

_ISO = {"GBP": "UKL", "CHF": "SFR", "JPY": "JYE"}


def known_currency(code: str) -> str | None:
    """FedEx's code for a currency named either way; None for one it does not know."""
    own = _ISO.get(code, code)
    return own if own in _PER_EUR else None


def rate(
    service: Service,
    parcels: tuple[Parcel, ...],
    account: Account,
    lane: tuple[str, str],
    *,
    residential: bool = False,
    discounted: bool = True,
) -> Rating:
    """The price over all parcels from country `lane[0]` to `lane[1]`.

    `discounted` false is the list price. An account currency without a known exchange rate is
    taken at par, so that made-up codes still rate.
    """
    zone = catalogue.rate_zone(*lane)
    weights = [_billing_weight(parcel) for parcel in parcels]
    billing = sum((weight for weight, _ in weights), Decimal(0))
    exchange = _PER_EUR.get(account.currency, Decimal(1))
    above_first = max(billing - 1, Decimal(0))
    tariff = (service.fixed + service.per_kg * above_first) * _ZONE_FACTOR[zone]
    base = _money(tariff * exchange)
    discount = _money(base * DISCOUNT_PERCENT / 100) if discounted else Decimal("0.00")
    surcharges = [
        Charge(
            kind="FUEL",
            description="Fuel Surcharge",
            amount=_money((base - discount) * FUEL_PERCENT / 100),
        )
    ]
    if residential:
        amount = _money(RESIDENTIAL_EUR * len(parcels) * exchange)
        surcharges.append(
            Charge(kind="RESIDENTIAL_DELIVERY", description="Residential", amount=amount)
        )
    net = base - discount + sum((charge.amount for charge in surcharges), Decimal(0))
    taxes = []
    if account.vat_percent:
        vat = _money(net * account.vat_percent / 100)
        taxes.append(Charge(kind="VALUE_ADDED_TAX", description="VAT", amount=vat))
    return Rating(
        currency=account.currency,
        zone=zone,
        billing_weight=billing,
        weight_method="DIM" if any(by_volume for _, by_volume in weights) else "ACTUAL",
        base=base,
        discount=discount,
        fuel_percent=FUEL_PERCENT,
        surcharges=tuple(surcharges),
        taxes=tuple(taxes),
    )


def _billing_weight(parcel: Parcel) -> tuple[Decimal, bool]:
    """The greater of weight and volume weight, up to the next half kilogram."""
    volume = Decimal(0)
    if parcel.dimensions is not None:
        length, width, height = parcel.dimensions
        volume = length * width * height / _DIVISOR_CM3_PER_KG
    halves = (max(parcel.weight, volume) * 2).to_integral_value(ROUND_CEILING)
    return halves / 2, volume > parcel.weight


def _money(amount: Decimal) -> Decimal:
    return amount.quantize(_CENT, ROUND_HALF_UP)
