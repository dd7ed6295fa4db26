"""Parts that several read DTOs share. None means that Visma leaves the field out."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from ml_connector.sandbox.visma import wire
from ml_connector.sandbox.visma.company import NON_PROJECT, Company
from ml_connector.sandbox.visma.documents import CUSTOM_FIELDS, Address, Contact

Body = dict[str, Any]

COUNTRY_NAMES = {
    "CH": "Switzerland",
    "CN": "China",
    "DE": "Germany",
    "DK": "Denmark",
    "FI": "Finland",
    "GB": "United Kingdom",
    "NO": "Norway",
    "PL": "Poland",
    "SE": "Sweden",
    "US": "United States",
}


def address(value: Address | None, number: int = 0) -> Body | None:
    """An address; empty fields stay empty strings."""
    if value is None:
        return None
    return {
        "addressId": number,
        "addressLine1": value.line1,
        "addressLine2": value.line2,
        "addressLine3": value.line3,
        "postalCode": value.postal_code,
        "city": value.city,
        "country": {"id": value.country, "name": COUNTRY_NAMES.get(value.country, value.country)},
        "county": {"id": value.county, "name": value.county} if value.county else None,
    }


def contact(value: Contact | None, number: int = 0) -> Body | None:
    """A contact."""
    if value is None:
        return None
    return {
        "contactId": number,
        "name": value.name,
        "attention": value.attention,
        "email": value.email,
        "web": "",
        "phone1": value.phone1,
        "phone2": value.phone2,
        "fax": "",
    }


def supplier(company: Company, number: str) -> Body:
    """A document's supplier, whether the record exists or not."""
    found = company.suppliers.get(number)
    return {
        "internalId": found.internal_id if found else 0,
        "number": number,
        "name": found.name if found else "",
    }


def branch(company: Company, number: str) -> Body | None:
    """A branch by its number."""
    if not number:
        return None
    found = company.branches.get(number)
    return {"number": number, "name": found.name if found else ""}


def warehouse(company: Company, number: str | None) -> Body | None:
    """A warehouse by its id."""
    if number is None:
        return None
    found = company.warehouses.get(number)
    return {"id": number, "description": found.description if found else ""}


def item(company: Company, number: str | None) -> Body | None:
    """An inventory item by its number."""
    if number is None:
        return None
    found = company.items.get(number)
    return {"number": number, "description": found.description if found else ""}


def account(company: Company, number: str | None) -> Body | None:
    """An account by its number."""
    if number is None:
        return None
    found = company.accounts.get(number)
    return {
        "type": found.type if found else "Expense",
        "number": number,
        "description": found.description if found else "",
    }


def segments(company: Company, sub: Mapping[int, str]) -> list[Body]:
    """A subaccount's segments in order."""
    rows = []
    for segment_id, value_id in sorted(sub.items()):
        segment = company.segments.get(segment_id)
        value = segment.values.get(value_id) if segment else None
        rows.append(
            {
                "segmentId": segment_id,
                "segmentDescription": segment.description if segment else "",
                "segmentValue": value_id,
                "segmentValueDescription": value.description if value else "",
            }
        )
    return rows


def subaccount_number(sub: Mapping[int, str]) -> str:
    """The segments' values in order, with a dash between them."""
    return "-".join(value for _, value in sorted(sub.items()))


def subaccount(company: Company, sub: Mapping[int, str]) -> Body | None:
    """A subaccount with its segments."""
    if not sub:
        return None
    return {
        "subaccountNumber": subaccount_number(sub),
        "subaccountId": subaccount_id(company, sub),
        "description": " / ".join(row["segmentValueDescription"] for row in segments(company, sub)),
        "active": True,
        "segments": segments(company, sub),
    }


def subaccount_id(company: Company, sub: Mapping[int, str]) -> int:
    """A combination's number: its place among all combinations of the segments' values."""
    number = 0
    for segment_id, segment in sorted(company.segments.items()):
        places = list(segment.values)
        value = sub.get(segment_id, "")
        place = places.index(value) + 1 if value in places else 0
        number = number * (len(places) + 1) + place
    return number


def project(company: Company, number: str | None) -> Body | None:
    """A project by its id."""
    if not number:
        return None
    found = company.projects.get(number)
    text = "Non-project code" if number == NON_PROJECT else ""
    return {
        "internalId": found.internal_id if found else 0,
        "id": number,
        "description": found.description if found else text,
    }


def task(company: Company, project_id: str | None, number: str | None) -> Body | None:
    """A project's task by its id."""
    if not number:
        return None
    owner = company.projects.get(project_id or "")
    found = owner.tasks.get(number) if owner else None
    return {
        "internalId": found.internal_id if found else 0,
        "id": number,
        "description": found.description if found else "",
    }


def custom(values: Mapping[str, object]) -> Body:
    """The custom free fields that have a value."""
    body: Body = {}
    for name in CUSTOM_FIELDS:
        value = values.get(name)
        body[name] = wire.moment(value) if isinstance(value, datetime) else value
    return body
