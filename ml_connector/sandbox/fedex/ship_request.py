"""Validation of Ship requests: what FedEx documents, plus what it is known to let pass.

Codes that FedEx publishes are used where one is known (`facts`: Ship error codes); every other
complaint is `INVALID.INPUT.EXCEPTION` with the field in its parameter list.
"""

from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal

from ml_connector.sandbox.fedex import catalogue
from ml_connector.sandbox.fedex.fields import Fields
from ml_connector.sandbox.fedex.values import (
    Address,
    LabelWish,
    Parcel,
    Problem,
    Reference,
    ShipOrder,
)

MAX_LINE_ITEMS = 30
MAX_PIECES = 200
FURTHEST_SHIP_DATE = timedelta(days=10)

_NO_LABEL = LabelWish(image="", stock="", by_url=True)
_DATE_NOTE = Problem(
    code="SHIPMENT.SHIPDATESTAMP.INVALID",
    message="The ship date has passed; today is used instead.",
)


def read_ship_order(body: Fields, now: datetime, *, with_label: bool) -> ShipOrder:
    """Check a create or validate request. The caller settles the report before using the result.

    `now` is the carrier's instant, read as a date at the shipper; `with_label` is false for the
    validate call.
    """
    account = body.child("accountNumber", code="ACCOUNTNUMBER.REGISTRATION.REQUIRED").text(
        "value", longest=9, code="ACCOUNT.NUMBER.INVALID"
    )
    wanted = body.child("requestedShipment")
    shipper = read_party(wanted.child("shipper"), "SHIPPER")
    recipients = wanted.children("recipients")
    recipient = read_party(recipients[0], "RECIPIENT") if recipients else Address()
    service = wanted.choice("serviceType", catalogue.SERVICES, code="SERVICETYPE.NOT.ALLOWED")
    packaging = wanted.choice(
        "packagingType", catalogue.PACKAGINGS, code="PACKAGINGTYPE.MISSING.OR.INVALID"
    )
    wanted.choice("pickupType", catalogue.PICKUP_TYPES)
    _check_lane(wanted, service, packaging, shipper, recipient)
    _check_customs(wanted, shipper, recipient)
    today = now.astimezone(catalogue.zone_of(shipper.country)).date()
    wished = wanted.day("shipDatestamp", code="SHIPMENT.SHIPDATESTAMP.INVALID") or today
    if wished > today + FURTHEST_SHIP_DATE:
        message = "The ship date is more than ten days ahead."
        wanted.complain("shipDatestamp", message, "SHIPMENT.SHIPDATESTAMP.INVALID")
    return ShipOrder(
        account=account,
        shipper=shipper,
        recipient=recipient,
        service=service,
        packaging=packaging,
        ship_date=max(wished, today),
        wished_date=wished,
        payer=_read_payment(wanted, account),
        parcels=read_parcels(wanted, service),
        label=_read_label(body, wanted) if with_label else _NO_LABEL,
        asynchronous=_read_processing(body),
        alerts=(_DATE_NOTE,) if wished < today else (),
    )


def read_party(party: Fields, role: str) -> Address:
    """Shipper or recipient with a contact, as Ship wants them."""
    contact = party.child("contact")
    contact.text("personName", required=False, longest=70)
    contact.text("companyName", required=False, longest=35)
    contact.text("emailAddress", required=False, longest=80)
    contact.text("phoneExtension", required=False, longest=6)
    if not contact.has("personName") and not contact.has("companyName"):
        contact.complain("personName", "personName or companyName is required")
    address = read_address(party.child("address"), role)
    _check_phone(contact, role, address.country)
    return address


def read_address(address: Fields, role: str) -> Address:
    """A full address: lines, city, postal code and state by country."""
    lines = address.texts("streetLines")
    for index, line in enumerate(lines):
        if len(line) > 35:
            address.complain(f"streetLines[{index}]", "a street line has at most 35 characters")
    place = read_place(address, role)
    if place.country in catalogue.STATE_COUNTRIES and not place.state:
        address.complain("stateOrProvinceCode", f"a state is required in {place.country}")
    city = address.text("city", longest=35, code="CITY.REQUIRED")
    return replace(place, lines=lines[:3], city=city)


def read_place(address: Fields, role: str) -> Address:
    """Country, postal code and state: all that Rate needs. A wrong country is left empty."""
    code = f"{role}.COUNTRY.INVALID"
    country = address.text("countryCode", code=code)
    if country and not (len(country) == 2 and country.isalpha() and country.isupper()):
        address.complain("countryCode", "a country has two capital letters", code)
        country = ""
    postal = address.text("postalCode", required=False, longest=10)
    if country and not catalogue.postal_code_fits(country, postal):
        message = f"the postal code does not fit {country}"
        address.complain("postalCode", message, "COUNTRY.POSTALCODEORZIP.INVALID")
    state = address.text("stateOrProvinceCode", required=False)
    if len(state) > 2:
        address.complain("stateOrProvinceCode", "a state has two characters")
    return Address(
        postal_code=postal,
        state=state,
        country=country,
        residential=address.flag("residential"),
    )


def read_parcels(wanted: Fields, service: str) -> tuple[Parcel, ...]:
    """The packages, a group of identical ones as often as its count says."""
    items = wanted.children("requestedPackageLineItems", most=MAX_LINE_ITEMS)
    parcels: list[Parcel] = []
    units: set[str] = set()
    for item in items:
        units.add(item.child("weight", required=False).text("units", required=False))
        parcels += [_read_parcel(item, service)] * _group_count(item)
    if len(units) > 1:
        message = "all packages must use one unit of weight"
        wanted.complain("requestedPackageLineItems", message, "MIXED.MEASURING.UNITS.INCLUDED")
    if len(parcels) > MAX_PIECES:
        wanted.complain("requestedPackageLineItems", f"more than {MAX_PIECES} packages")
    return tuple(parcels)


def _group_count(item: Fields) -> int:
    count = item.number("groupPackageCount", required=False)
    if count is None:
        return 1
    if count != int(count) or not 1 <= count <= MAX_PIECES:
        item.complain("groupPackageCount", f"must be a whole number from 1 to {MAX_PIECES}")
        return 1
    return int(count)


def _read_parcel(item: Fields, service: str) -> Parcel:
    return Parcel(
        weight=read_weight(item.child("weight", code="PACKAGE.WEIGHT.INVALID")),
        dimensions=_read_dimensions(item),
        references=_read_references(item, service),
        retrievable=item.has("groupPackageCount"),
    )


def read_weight(weight: Fields) -> Decimal:
    """A package's weight in kg; zero when it is wrong."""
    units = weight.choice("units", {"KG", "LB"}, code="PACKAGE.WEIGHT.INVALID")
    value = weight.number("value", code="PACKAGE.WEIGHT.INVALID")
    if value is None or not units:
        return Decimal(0)
    if value <= 0:
        weight.complain("value", "a weight is more than zero", "PACKAGE.WEIGHT.INVALID")
    if value != round(value, 2):
        weight.report.let_pass(weight.where("value"), "more than two decimals")
    kilograms = value * catalogue.KG_PER_LB if units == "LB" else value
    if round(kilograms, 1) > catalogue.MAXIMUM_WEIGHT_KG:
        message = "a package weighs at most 68 kg (150 lb)"
        weight.complain("value", message, "MAXIMUMWEIGHT.TYPE.ERROR")
    return kilograms


def _read_dimensions(item: Fields) -> tuple[Decimal, Decimal, Decimal] | None:
    if not item.has("dimensions"):
        return None
    box = item.child("dimensions")
    units = box.text("units", required=False)
    if units != "CM" and units != "IN":
        box.report.let_pass(box.where("units"), "anything but CM is read as inches")
    scale = Decimal(1) if units == "CM" else catalogue.CM_PER_IN
    sides: list[Decimal] = []
    for key in ("length", "width", "height"):
        side = box.number(key)
        if side is None:
            return None
        if side != int(side) or not 1 <= side <= 999:
            box.complain(key, "a dimension is a whole number from 1 to 999")
        sides.append(side * scale)
    length, *rest = sorted(sides, reverse=True)
    if length > catalogue.MAXIMUM_LENGTH_CM or (
        length + 2 * sum(rest) > catalogue.MAXIMUM_GIRTH_CM
    ):
        message = "length at most 274 cm, length and girth at most 330 cm"
        item.complain("dimensions", message, "DIMENSIONS.EXCEEDS.LIMITS")
    return sides[0], sides[1], sides[2]


def _read_references(item: Fields, service: str) -> tuple[Reference, ...]:
    found: list[Reference] = []
    for entry in item.children("customerReferences", required=False):
        kind = entry.choice("customerReferenceType", catalogue.REFERENCE_LENGTHS)
        if not kind:
            continue
        longest = catalogue.REFERENCE_LENGTHS[kind]
        known = catalogue.SERVICES.get(service)
        if kind == "CUSTOMER_REFERENCE" and known is not None and known.carrier == "FDXG":
            longest = catalogue.GROUND_CUSTOMER_REFERENCE_LENGTH
        found.append(Reference(kind=kind, value=entry.text("value", longest=longest)))
    return tuple(found)


def _check_phone(contact: Fields, role: str, country: str) -> None:
    code = f"{role}CONTACT.PHONENUMBER.INVALID"
    phone = contact.text("phoneNumber", code=code)
    digits = sum(character.isdigit() for character in phone)
    if not phone:
        return
    if any(not (c.isdigit() or c in "+-() .") for c in phone) or not 10 <= digits <= 15:
        contact.complain("phoneNumber", "a phone number has 10 to 15 digits", code)
    elif country in ("US", "CA") and digits != 10:
        contact.complain("phoneNumber", "a US or CA phone number has 10 digits", code)


def _check_lane(
    wanted: Fields, service: str, packaging: str, shipper: Address, recipient: Address
) -> None:
    known = catalogue.SERVICES.get(service)
    if known is None or not shipper.country or not recipient.country:
        return
    if not catalogue.serves(known, shipper.country, recipient.country):
        domestic = shipper.country == recipient.country
        code = "INCOUNTRY.SERVICES.NOTALLOWED" if domestic else "SERVICETYPE.NOT.ALLOWED"
        lane = f"{shipper.country} to {recipient.country}"
        wanted.complain("serviceType", f"{service} does not go from {lane}", code)
    if known.carrier == "FDXG" and packaging not in ("", "YOUR_PACKAGING"):
        message = "Ground takes YOUR_PACKAGING only"
        wanted.complain("packagingType", message, "SERVICE.PACKAGECOMBINATION.INVALID")


def _check_customs(wanted: Fields, shipper: Address, recipient: Address) -> None:
    if not shipper.country or not recipient.country:
        return
    if not catalogue.needs_customs(shipper.country, recipient.country):
        return
    customs = wanted.child("customsClearanceDetail")
    for commodity in customs.children("commodities"):
        commodity.text("description", longest=450)
        commodity.text("countryOfManufacture")
        commodity.number("quantity")
        commodity.text("quantityUnits")
        read_weight_only(commodity.child("weight"))
        _read_money(commodity.child("customsValue"))
        if commodity.has("unitPrice"):
            _read_money(commodity.child("unitPrice"))


def _read_money(money: Fields) -> None:
    """A positive amount; FedEx takes its own code of a currency where it has one, not ISO's."""
    amount = money.number("amount")
    if amount is not None and amount <= 0:
        money.complain("amount", "a value is more than zero")
    currency = money.text("currency", longest=3, code="CURRENCY.TYPE.INVALID")
    if currency in catalogue.NOT_TAKEN_CURRENCIES:
        message = f"{currency} is not a currency code of FedEx"
        money.complain("currency", message, "CURRENCY.TYPE.INVALID")


def read_weight_only(weight: Fields) -> None:
    """A commodity's weight: any positive number, without the limit of a package."""
    weight.choice("units", {"KG", "LB"})
    value = weight.number("value")
    if value is not None and value < 0:
        weight.complain("value", "a weight is not negative")


def _read_payment(wanted: Fields, account: str) -> str:
    """The paying account, or an empty string for the sender's own."""
    payment = wanted.child("shippingChargesPayment")
    kind = payment.choice("paymentType", catalogue.PAYMENT_TYPES)
    must = kind not in ("", "SENDER")
    payor = payment.child("payor", required=must)
    party = payor.child("responsibleParty", required=must)
    number = party.child("accountNumber", required=must).text("value", required=must)
    if kind == "SENDER" and number not in ("", account):
        message = "a paying sender's account is the shipper's"
        payment.complain("payor", message, "ACCOUNT.NUMBER.MISMATCH")
    return number if must else ""


def _read_label(body: Fields, wanted: Fields) -> LabelWish:
    answer = body.choice("labelResponseOptions", {"LABEL", "URL_ONLY"})
    specification = wanted.child("labelSpecification")
    image = specification.choice("imageType", catalogue.LABEL_IMAGES)
    stock = specification.choice("labelStockType", catalogue.LABEL_STOCKS)
    if image in ("ZPLII", "EPL2") and stock.startswith("PAPER"):
        where = specification.where("labelStockType")
        specification.report.let_pass(where, "paper stock for a thermal printer's label")
    return LabelWish(image=image, stock=stock, by_url=answer == "URL_ONLY")


def _read_processing(body: Fields) -> bool:
    option = body.choice(
        "processingOptionType", {"SYNCHRONOUS_ONLY", "ALLOW_ASYNCHRONOUS"}, required=False
    )
    return option == "ALLOW_ASYNCHRONOUS"
