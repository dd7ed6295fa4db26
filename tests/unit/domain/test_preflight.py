from dataclasses import replace

import pytest

from ml_connector.domain.party import Address, Party
from ml_connector.domain.preflight import Role, check_party, is_blank, phone_digits, prepared
from tests.unit.domain.builders import OSLO, party

DEFAULT_PHONE = "+4722000000"
NEW_YORK = Address(
    lines=("5 Water St",), city="New York", postal_code="10004", country="US", state="NY"
)


def codes(address: Address = OSLO, **changes: str) -> list[str]:
    checked = prepared(party(address, **changes), DEFAULT_PHONE)
    return [finding.code for finding in check_party(Role.RECIPIENT, checked)]


def test_a_good_address_has_no_findings() -> None:
    assert codes() == []
    assert codes(NEW_YORK, phone="+1 212 555 0100") == []


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"lines": ()}, "recipient_street_missing"),
        ({"lines": (" ", "")}, "recipient_street_missing"),
        ({"lines": ("x" * 36,)}, "recipient_street_too_long"),
        ({"lines": ("a", "b", "c", "d")}, "recipient_street_too_many_lines"),
        ({"city": ""}, "recipient_city_missing"),
        ({"city": "x" * 36}, "recipient_city_too_long"),
        ({"postal_code": ""}, "recipient_postal_code_missing"),
        ({"postal_code": "1" * 11}, "recipient_postal_code_too_long"),
        ({"country": ""}, "recipient_country_invalid"),
        ({"country": "NOR"}, "recipient_country_invalid"),
        ({"country": "4N"}, "recipient_country_invalid"),
    ],
)
def test_address_limits(changes: dict[str, object], code: str) -> None:
    assert codes(replace(OSLO, **changes)) == [code]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "address",
    [
        replace(OSLO, lines=("x" * 35,) * 3),
        replace(OSLO, city="x" * 35),
        replace(OSLO, postal_code="1" * 10),
        replace(OSLO, country="no"),
        replace(OSLO, country="HK", postal_code=""),
        replace(OSLO, state="far too long, but not needed"),
    ],
)
def test_what_is_just_within_the_limits(address: Address) -> None:
    assert codes(address, phone="+4722000000") == []


@pytest.mark.parametrize("country", ["US", "CA", "PR"])
@pytest.mark.parametrize("state", ["", "N", "New York"])
def test_some_countries_need_a_state(country: str, state: str) -> None:
    address = replace(NEW_YORK, country=country, state=state)
    assert codes(address, phone="2125550100") == ["recipient_state_invalid"]


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"company": "x" * 36}, "recipient_company_too_long"),
        ({"person": "x" * 71}, "recipient_person_too_long"),
        ({"email": "x" * 81}, "recipient_email_too_long"),
        ({"company": "", "person": " "}, "recipient_name_missing"),
        ({"phone": "call Kari"}, "recipient_phone_invalid"),
        ({"phone": "+471234567"}, "recipient_phone_invalid"),
        ({"phone": "+4712345678901234"}, "recipient_phone_invalid"),
    ],
)
def test_contact_limits(changes: dict[str, str], code: str) -> None:
    assert codes(OSLO, **changes) == [code]


def test_american_phones_have_ten_digits() -> None:
    assert codes(NEW_YORK, phone="+44 20 7946 0018") == ["recipient_phone_invalid"]
    assert codes(NEW_YORK, phone="555 0100") == ["recipient_phone_invalid"]


@pytest.mark.parametrize("phone", ["+47 22 00 00 00", "0047 22000000", ""])
def test_ten_digits_of_another_country_are_no_american_phone(phone: str) -> None:
    """Nor are the tenant's own, where Visma has none: FedEx would call 472 200 0000."""
    assert codes(NEW_YORK, phone=phone) == ["recipient_phone_invalid"]


@pytest.mark.parametrize(
    ("country", "county", "sent"),
    [("NO", "OSLO", ""), ("GB", "Kent", ""), ("IT", "mi", "MI"), ("US", "ny", "NY")],
)
def test_a_county_is_sent_where_fedex_takes_it_for_a_state(
    country: str, county: str, sent: str
) -> None:
    checked = prepared(party(replace(OSLO, country=country, state=county)), DEFAULT_PHONE)
    assert checked.address.state == sent


def test_one_name_is_enough() -> None:
    assert codes(company="") == codes(person="") == []


def test_all_findings_come_at_once_and_quote_no_one() -> None:
    secret = "Kari Nordmann " * 6
    checked = prepared(
        Party(
            company=secret,
            person=secret,
            phone="unknown",
            email="",
            address=Address(lines=(secret,), city=secret, postal_code="", country="US"),
        ),
        DEFAULT_PHONE,
    )
    findings = check_party(Role.SHIPPER, checked)
    assert [finding.code for finding in findings] == [
        "shipper_company_too_long",
        "shipper_person_too_long",
        "shipper_street_too_long",
        "shipper_city_too_long",
        "shipper_postal_code_missing",
        "shipper_state_invalid",
        "shipper_phone_invalid",
    ]
    assert not any("Kari" in finding.message + finding.remedy for finding in findings)


@pytest.mark.parametrize(
    ("text", "country", "digits"),
    [
        ("+47 22 00 00 00", "NO", "4722000000"),
        ("22 00 00 00", "NO", "4722000000"),
        ("0047 22000000", "NO", "4722000000"),
        ("+44 (0)20 7946 0018", "GB", "442079460018"),
        ("0044 (0) 20 7946 0018", "GB", "442079460018"),
        ("+39 (0)6 1234567", "IT", "39061234567"),
        ("001 212 555 0100", "US", "2125550100"),
        ("08-123 456", "SE", "468123456"),
        ("040/1234567", "DE", "0401234567"),
        ("06 1234567", "IT", "39061234567"[:11]),
        ("(212) 555-0100", "US", "2125550100"),
        ("+1 (212) 555-0100", "CA", "2125550100"),
        ("555 0100", "US", "5550100"),
        ("1234567", "CN", "1234567"),
        ("ask at the desk", "NO", "ask at the desk"),
    ],
)
def test_phones_in_digits(text: str, country: str, digits: str) -> None:
    assert phone_digits(text, country) == digits


def test_an_empty_phone_takes_the_companys() -> None:
    assert prepared(party(phone="  "), DEFAULT_PHONE).phone == "4722000000"


def test_preparing_trims_but_never_cuts() -> None:
    address = Address(
        lines=(" Storgata 1 ", "", "x" * 40), city=" Oslo ", postal_code=" 0155", country=" no "
    )
    found = prepared(party(address, company=" Nordic AS "), DEFAULT_PHONE)
    assert found.company == "Nordic AS"
    assert found.address == Address(
        lines=("Storgata 1", "x" * 40), city="Oslo", postal_code="0155", country="NO"
    )


def test_a_party_without_a_place_is_blank() -> None:
    nowhere = Address(lines=("", " "), city="", postal_code="", country="NO")
    assert is_blank(party(nowhere))
    assert not is_blank(party(replace(nowhere, city="Oslo")))
