"""`POST /address/v1/addresses/resolve`: FedEx's opinion of an address, never more than that."""

from ml_connector.sandbox.fedex.errors import refuse
from ml_connector.sandbox.fedex.fields import Fields
from ml_connector.sandbox.fedex.gateway import Call
from ml_connector.sandbox.fedex.values import Json

MAX_ADDRESSES = 100
UNKNOWN_STREET = "NOWHERE"
"""A street line with this word cannot be resolved."""


def resolve(call: Call) -> Json:
    """Standardise up to 100 addresses."""
    entries = call.body.children("addressesToValidate", most=MAX_ADDRESSES)
    resolved = [_resolve(entry) for entry in entries]
    call.settle()
    if any(UNKNOWN_STREET in line for entry in resolved for line in entry["streetLinesToken"]):
        raise refuse("STANDARDIZED.ADDRESS.NOTFOUND", "Standardized address is not found.")
    return {"alerts": [], "resolvedAddresses": resolved}


def _resolve(entry: Fields) -> Json:
    """`attributes` are the strings "true" and "false", and `customerMessages` is plural: live
    replies differ from the specification in both."""
    address = entry.child("address")
    lines = address.texts("streetLines")
    country = address.text("countryCode", longest=2)
    city = address.text("city", required=False)
    state = address.text("stateOrProvinceCode", required=False)
    postal = address.text("postalCode", required=False)
    base, _, add_on = postal.partition("-")
    body: Json = {
        "streetLinesToken": [line.upper() for line in lines],
        "city": city.upper(),
        "stateOrProvinceCode": state,
        "postalCode": postal,
        "countryCode": country,
        "parsedPostalCode": {"base": base, "addOn": add_on, "deliveryPoint": ""},
        "classification": "BUSINESS",
        "customerMessages": [],
        "normalizedStatusNameDPV": bool(postal),
        "resolutionMethodName": "GENERIC_VALIDATION",
        "attributes": {
            "Matched": "true" if postal and city else "false",
            "Resolved": "true" if postal else "false",
            "POBox": "false",
            "CountrySupported": "true",
        },
    }
    if entry.has("clientReferenceId"):
        body["clientReferenceId"] = entry.text("clientReferenceId")
    return body
