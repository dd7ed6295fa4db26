"""FedEx's limits on addresses and contacts, checked before anything is sent.

Source: FedEx Ship API, `Full_Schema_Ship` (address and contact of shipper and recipient).
Every breach is reported, all at once; nothing is ever cut to fit. Findings name the field
and its limit, never its content.
"""

from collections.abc import Iterator
from dataclasses import replace
from enum import StrEnum

from ml_connector.domain.findings import Finding
from ml_connector.domain.party import Address, Party

STREET_LIMIT = 35
STREET_LINES_LIMIT = 3
"""FedEx silently ignores a fourth line."""
CITY_LIMIT = 35
POSTAL_CODE_LIMIT = 10
COMPANY_LIMIT = 35
PERSON_LIMIT = 70
EMAIL_LIMIT = 80
PHONE_DIGITS = range(10, 16)
NATIONAL_PHONE_DIGITS = 10
"""US and Canada: exactly ten, without the leading 1."""

_STATE_LENGTH = 2
_WITH_STATE = frozenset({"US", "CA", "PR"})
_TEN_DIGIT_PHONES = frozenset({"US", "CA"})

_NO_POSTCODES = """
    AE AG AO AW BF BI BJ BS BW BZ CD CF CG CI CK CM CW DJ DM ER FJ GA GD GH GM GQ GY HK JM KI KM
    KN KP LY ML MO MR MW NR NU QA RW SB SC SL SR ST SX SY TD TG TK TL TO TV TZ UG VU YE ZW
"""
_WITHOUT_POSTCODE = frozenset(_NO_POSTCODES.split())
"""Countries whose addresses have no postcode (Universal Postal Union, addressing systems)."""

_CALLING_CODES = {
    "AT": "43",
    "BE": "32",
    "CH": "41",
    "CZ": "420",
    "DE": "49",
    "DK": "45",
    "EE": "372",
    "ES": "34",
    "FI": "358",
    "FR": "33",
    "GB": "44",
    "IE": "353",
    "IS": "354",
    "IT": "39",
    "LT": "370",
    "LV": "371",
    "NL": "31",
    "NO": "47",
    "PL": "48",
    "PT": "351",
    "SE": "46",
}
"""ITU-T E.164 codes of countries where people write numbers too short for FedEx."""

_NORTH_AMERICA = "1"
_KEEPS_LEADING_ZERO = frozenset({"IT"})
_PHONE_PUNCTUATION = str.maketrans("", "", " \t\u00a0()[]./-+")


class Role(StrEnum):
    """Whose address it is; findings begin with it."""

    SHIPPER = "shipper"
    RECIPIENT = "recipient"


def prepared(party: Party, default_phone: str) -> Party:
    """The party as it will be sent: trimmed, without blank lines, the phone in digits.

    An empty phone becomes `default_phone`. A county that FedEx has no use for is left out
    (`_state`). Nothing else is added and nothing is cut.
    """
    address = party.address
    country = address.country.strip().upper()
    return replace(
        party,
        company=party.company.strip(),
        person=party.person.strip(),
        email=party.email.strip(),
        phone=phone_digits(party.phone.strip() or default_phone, country),
        address=Address(
            lines=tuple(line.strip() for line in address.lines if line.strip()),
            city=address.city.strip(),
            postal_code=address.postal_code.strip(),
            country=country,
            state=_state(address.state.strip().upper(), country),
        ),
    )


def _state(text: str, country: str) -> str:
    """FedEx's states have two characters; "not required for other countries" than US, CA and PR.

    Visma's counties are longer there (`OSLO`), are no part of the postal address, and would have
    the shipment refused.
    """
    return text if country in _WITH_STATE or len(text) == _STATE_LENGTH else ""


def phone_digits(text: str, country: str) -> str:
    """A phone number in the digits FedEx takes; text that is no number comes back unchanged.

    A national number that is too short for FedEx (ten digits) gets its country's calling
    code in place of the trunk zero, as in Norway, where eight digits are the whole number.
    The trunk zero of `+44 (0)20 …` is dialled within the country only. For the US and Canada a
    number of another country comes back unchanged: ten digits of it would be somebody else's.
    """
    abroad = text.lstrip().startswith(("+", "00"))
    dialled = text
    if abroad and country not in _KEEPS_LEADING_ZERO:
        dialled = text.replace("(0)", "")
    bare = dialled.translate(_PHONE_PUNCTUATION)
    if not (bare.isascii() and bare.isdecimal()):
        return text
    if country in _TEN_DIGIT_PHONES:
        if abroad and not bare.removeprefix("00").startswith(_NORTH_AMERICA):
            return text
        bare = bare.removeprefix("00")
        return bare[1:] if len(bare) == NATIONAL_PHONE_DIGITS + 1 and bare[0] == "1" else bare
    if text.lstrip().startswith("+"):
        return bare
    if bare.startswith("00"):
        return bare[2:]
    code = _CALLING_CODES.get(country)
    if code is None or len(bare) >= PHONE_DIGITS.start:
        return bare
    return code + (bare if country in _KEEPS_LEADING_ZERO else bare.removeprefix("0"))


def is_blank(party: Party) -> bool:
    """Whether the party says nothing of where it is, so that the next source is asked."""
    address = party.address
    fields = (*address.lines, address.city, address.postal_code)
    return not any(field.strip() for field in fields)


def check_party(role: Role, party: Party) -> tuple[Finding, ...]:
    """Everything FedEx would refuse or cut about a prepared party."""
    return (
        *_check_names(role, party),
        *_check_street(role, party.address),
        *_check_place(role, party.address),
        *_check_phone(role, party),
    )


def _check_names(role: Role, party: Party) -> Iterator[Finding]:
    if not party.company and not party.person:
        yield _missing(role, "name", "has neither company nor person")
    yield from _too_long(role, "company", party.company, COMPANY_LIMIT)
    yield from _too_long(role, "person", party.person, PERSON_LIMIT)
    yield from _too_long(role, "email", party.email, EMAIL_LIMIT)


def _check_street(role: Role, address: Address) -> Iterator[Finding]:
    if not address.lines:
        yield _missing(role, "street", "has no street")
    if len(address.lines) > STREET_LINES_LIMIT:
        yield _finding(
            role,
            "street_too_many_lines",
            f"has {len(address.lines)} street lines; FedEx prints {STREET_LINES_LIMIT}",
        )
    for number, line in enumerate(address.lines, start=1):
        if len(line) > STREET_LIMIT:
            yield _finding(
                role,
                "street_too_long",
                f"has {len(line)} characters in street line {number}; FedEx takes {STREET_LIMIT}",
            )


def _check_place(role: Role, address: Address) -> Iterator[Finding]:
    if not address.city:
        yield _missing(role, "city", "has no city")
    yield from _too_long(role, "city", address.city, CITY_LIMIT)
    country = address.country
    if len(country) != 2 or not (country.isascii() and country.isalpha()):
        yield _finding(role, "country_invalid", "has no two-letter country code")
    elif not address.postal_code and country not in _WITHOUT_POSTCODE:
        yield _missing(role, "postal_code", "has no postcode")
    yield from _too_long(role, "postal_code", address.postal_code, POSTAL_CODE_LIMIT)
    if country in _WITH_STATE and len(address.state) != _STATE_LENGTH:
        yield _finding(role, "state_invalid", f"has no two-letter state, as {country} needs")


def _check_phone(role: Role, party: Party) -> Iterator[Finding]:
    phone, country = party.phone, party.address.country
    if not (phone.isascii() and phone.isdecimal()):
        yield _finding(role, "phone_invalid", "has a phone number with other signs than digits")
    elif country in _TEN_DIGIT_PHONES and len(phone) != NATIONAL_PHONE_DIGITS:
        yield _finding(
            role, "phone_invalid", f"has no phone number of ten digits, as {country} needs"
        )
    elif len(phone) not in PHONE_DIGITS:
        yield _finding(role, "phone_invalid", "has no phone number of 10 to 15 digits")


def _too_long(role: Role, field: str, value: str, limit: int) -> Iterator[Finding]:
    if len(value) > limit:
        name = field.replace("_", " ")
        yield _finding(
            role, f"{field}_too_long", f"has {len(value)} characters in {name}; FedEx takes {limit}"
        )


def _missing(role: Role, field: str, what: str) -> Finding:
    return _finding(role, f"{field}_missing", what)


def _finding(role: Role, code: str, what: str) -> Finding:
    source = {
        Role.SHIPPER: "the supplier's location, or the supplier's main address,",
        Role.RECIPIENT: "the order's shipping address, or the warehouse or branch it comes from,",
    }[role]
    return Finding(
        code=f"{role}_{code}",
        message=f"The {role} {what}.",
        remedy=f"Correct {source} in Visma; the order then ships by itself.",
    )
