"""Exact money: a decimal amount that always carries its currency."""

from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Context, Decimal
from fractions import Fraction

from ml_connector.domain.errors import RuleError

_TWO_DECIMALS = """
    AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BOV BRL BSD BTN BWP BYN BZD
    CAD CDF CHE CHF CHW CNY COP COU CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL
    GHS GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR
    LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MXV MYR MZN NAD NGN NIO NOK NPR NZD
    PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC
    SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD USN UYU UZS VED VES WST XCD XCG YER ZAR ZMW
    ZWG
"""
_NO_DECIMALS = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF"
_THREE_DECIMALS = "BHD IQD JOD KWD LYD OMR TND"
_FOUR_DECIMALS = "CLF UYW"
_DECIMALS = {
    code: places
    for places, codes in (
        (0, _NO_DECIMALS),
        (2, _TWO_DECIMALS),
        (3, _THREE_DECIMALS),
        (4, _FOUR_DECIMALS),
    )
    for code in codes.split()
}
"""Digits of the minor unit, ISO 4217 list one."""

_FEDEX_TO_ISO = {
    "UKL": "GBP",
    "NMP": "MXN",
    "JYE": "JPY",
    "SID": "SGD",
    "SFR": "CHF",
    "NTD": "TWD",
    "WON": "KRW",
    "DHS": "AED",
    "CHP": "CLP",
    "KUD": "KWD",
    "ARN": "ARS",
    "RDD": "DOP",
    "JAD": "JMD",
    "ECD": "XCD",
    "CID": "KYD",
}
"""FedEx API Reference Guide, "Currency Codes": the ones that are not ISO 4217."""

_ISO_TO_FEDEX = {iso: own for own, iso in _FEDEX_TO_ISO.items()}

_WIDE = Context(prec=60, rounding=ROUND_HALF_UP)
"""Wider than any amount, so that only the quantum asked for rounds."""


class UnknownCurrency(RuleError):
    """A currency that neither ISO 4217 nor FedEx's own list knows."""

    code = "unknown_currency"
    remedy = "Check the currency at its source; report the code if it is a valid one."


class NotRepresentable(RuleError):
    """An amount that is no whole number of its currency's minor units."""

    code = "amount_not_representable"
    remedy = "Round the amount to the currency's minor unit where it is entered."


@dataclass(frozen=True, slots=True)
class Money:
    """An amount in major units of an ISO 4217 currency."""

    amount: Decimal
    currency: str

    def __str__(self) -> str:
        return f"{self.amount} {self.currency}"


def iso_currency(raw: str) -> str:
    """The ISO 4217 code of a currency as FedEx or Visma spells it.

    Raises `UnknownCurrency`.
    """
    code = raw.strip().upper()
    code = _FEDEX_TO_ISO.get(code, code)
    decimals(code)
    return code


def fedex_currency(iso: str) -> str:
    """FedEx's code of an ISO 4217 currency: its requests take `UKL` for pounds, not `GBP`.

    FedEx API Reference Guide, "Currency Codes": where it has a code of its own, the ISO code is
    understood as the preferred currency of a rate request and nowhere else.
    """
    return _ISO_TO_FEDEX.get(iso, iso)


def decimals(currency: str) -> int:
    """Digits of the currency's minor unit: 0, 2, 3 or 4.

    Raises `UnknownCurrency`; the code has to be ISO 4217, in capitals.
    """
    try:
        return _DECIMALS[currency]
    except KeyError:
        raise UnknownCurrency(f"Currency {currency!r} is not known.") from None


def to_minor(money: Money) -> int:
    """The amount as a whole number of minor units (cents, øre, yen).

    Raises `UnknownCurrency`, and `NotRepresentable` where rounding would be needed.
    """
    places = decimals(money.currency)
    if not money.amount.is_finite():
        raise NotRepresentable(f"{money} is not a number.")
    units = Fraction(money.amount) * Fraction(10) ** places
    if units.denominator != 1:
        raise NotRepresentable(f"{money} has more than {places} decimals.")
    return units.numerator


def from_minor(units: int, currency: str) -> Money:
    """Money from minor units, written with all of the currency's decimals.

    Raises `UnknownCurrency`.
    """
    digits = tuple(int(digit) for digit in str(abs(units)))
    amount = Decimal((int(units < 0), digits, -decimals(currency)))
    return Money(amount, currency)


def rounded(money: Money) -> Money:
    """The amount to the nearest minor unit, halves away from zero.

    For the one place where another system's amount enters the ledger; shares are never
    rounded, they are allocated. Raises `UnknownCurrency`, `NotRepresentable` for NaN.
    """
    places = decimals(money.currency)
    if not money.amount.is_finite():
        raise NotRepresentable(f"{money} is not a number.")
    quantum = Decimal((0, (1,), -places))
    return Money(money.amount.quantize(quantum, context=_WIDE), money.currency)
