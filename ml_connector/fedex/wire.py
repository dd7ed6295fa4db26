"""What FedEx's requests have in common, with its exact keys.

The models say what is sent; whether an address or a phone number is acceptable is checked by
the domain before a plan exists. Empty elements are left out (Integration Best Practices).
"""

from collections.abc import Iterable
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from typing import Annotated

from pydantic import BaseModel, ConfigDict, PlainSerializer
from pydantic.alias_generators import to_camel

from ml_connector.domain.measures import (
    Size,
    Weight,
    WeightUnit,
    converted,
    declared,
    magnitude,
)
from ml_connector.domain.money import Money, fedex_currency
from ml_connector.domain.party import Address, Party
from ml_connector.domain.shipment import Commodity, Package

WireDate = Annotated[date, PlainSerializer(date.isoformat, return_type=str)]
"""YYYY-MM-DD"""

_CENT = Decimal("0.01")


class Wire(BaseModel):
    """Part of a request. A mistake in it is ours, and its values stay out of the error text."""

    model_config = ConfigDict(
        alias_generator=to_camel,
        populate_by_name=True,
        extra="forbid",
        frozen=True,
        hide_input_in_errors=True,
    )

    def body(self) -> dict[str, object]:
        """The JSON body; decimals stay exact until the transport writes them."""
        return self.model_dump(by_alias=True, exclude_none=True)


class WireAccount(Wire):
    value: str


class WireAddress(Wire):
    street_lines: list[str] | None = None
    city: str | None = None
    state_or_province_code: str | None = None
    postal_code: str | None = None
    country_code: str

    @classmethod
    def of(cls, address: Address) -> "WireAddress":
        return cls(
            street_lines=[line for line in address.lines if line] or None,
            city=address.city or None,
            state_or_province_code=address.state or None,
            postal_code=address.postal_code or None,
            country_code=address.country,
        )

    @classmethod
    def place(cls, address: Address) -> "WireAddress":
        """Without streets: prices and transit times depend on the place only."""
        return cls.of(address).model_copy(update={"street_lines": None})


class WireContact(Wire):
    person_name: str | None = None
    company_name: str | None = None
    phone_number: str
    email_address: str | None = None

    @classmethod
    def of(cls, party: Party) -> "WireContact":
        return cls(
            person_name=party.person or None,
            company_name=party.company or None,
            phone_number=party.phone,
            email_address=party.email or None,
        )


class WireParty(Wire):
    address: WireAddress
    contact: WireContact

    @classmethod
    def of(cls, party: Party) -> "WireParty":
        return cls(address=WireAddress.of(party.address), contact=WireContact.of(party))


class WirePlace(Wire):
    address: WireAddress

    @classmethod
    def of(cls, address: Address) -> "WirePlace":
        return cls(address=WireAddress.place(address))


class WireWeight(Wire):
    units: WeightUnit
    value: Decimal

    @classmethod
    def of(cls, weight: Weight) -> "WireWeight":
        """With two decimals, rounded up, never zero."""
        shown = declared(magnitude(weight, weight.unit), weight.unit)
        return cls(units=shown.unit, value=shown.value)


class WireDimensions(Wire):
    length: int
    width: int
    height: int
    units: str

    @classmethod
    def of(cls, size: Size) -> "WireDimensions":
        return cls(length=size.length, width=size.width, height=size.height, units=size.unit)


class WireMoney(Wire):
    amount: Decimal
    currency: str

    @classmethod
    def of(cls, money: Money) -> "WireMoney":
        """With two decimals: FedEx takes no more. In FedEx's own currency codes."""
        return cls(
            amount=money.amount.quantize(_CENT, rounding=ROUND_HALF_UP),
            currency=fedex_currency(money.currency),
        )


class WireCommodity(Wire):
    description: str
    country_of_manufacture: str | None = None
    harmonized_code: str | None = None
    quantity: int
    quantity_units: str
    number_of_pieces: int = 1
    unit_price: WireMoney | None = None
    customs_value: WireMoney
    weight: WireWeight

    @classmethod
    def of(cls, commodity: Commodity, unit: WeightUnit) -> "WireCommodity":
        """`unit` is the packages' unit: FedEx refuses a shipment that mixes the two.

        A unit price below half a cent is left out, as the schema allows: 0.00 would be untrue, and
        the customs value says it all.
        """
        unit_price = WireMoney.of(commodity.unit_price)
        return cls(
            description=commodity.description,
            country_of_manufacture=commodity.country_of_manufacture or None,
            harmonized_code=commodity.harmonized_code or None,
            quantity=commodity.quantity,
            quantity_units=commodity.quantity_unit,
            unit_price=unit_price if unit_price.amount else None,
            customs_value=WireMoney.of(commodity.customs_value),
            weight=WireWeight.of(converted(commodity.weight, unit)),
        )


class WirePackage(Wire):
    """Weight and size of one package, or of several identical ones."""

    group_package_count: int = 1
    weight: WireWeight
    dimensions: WireDimensions | None = None

    @classmethod
    def of(cls, package: Package) -> "WirePackage":
        return cls(
            weight=WireWeight.of(package.weight),
            dimensions=WireDimensions.of(package.size) if package.size else None,
        )


def wire_commodities(
    commodities: Iterable[Commodity], packages: tuple[Package, ...]
) -> list[WireCommodity]:
    """Customs lines in the weight unit of the packages."""
    return [WireCommodity.of(commodity, packages[0].weight.unit) for commodity in commodities]
