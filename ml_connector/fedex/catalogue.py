"""What FedEx's error and alert codes mean, and what to do next.

FedEx asks its clients to code to the codes and never to the messages ("messages are subject to
change dynamically", Integration Best Practices). It publishes some 1,700 codes; here are those
that this connector can meet. Any other code is shown raw, with FedEx's own words beside it.
"""

from dataclasses import dataclass
from enum import StrEnum


class Blame(StrEnum):
    """Who has to act, and so which error class a code becomes."""

    ORDER = "order"
    """Something in this shipment, query or quote: the order waits for its repair."""
    TENANT = "tenant"
    """Key, account or permission: the tenant waits for its credentials."""
    FEDEX = "fedex"
    """A fault behind FedEx's gateway, whatever the HTTP status: for a write it proves nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Advice:
    """A code in plain words."""

    blame: Blame
    meaning: str
    next_step: str


_CHECK_KEYS = "Check key and secret in FedEx's developer portal, then run `credentials set`."
_CHECK_ACCOUNT = (
    "Check `fedex.account_number` in the tenant file against the project in FedEx's portal."
)
_ASK_FEDEX = "Ask FedEx to enable it for the account and the project, then run `tenant ping`."
_REPAIR_ADDRESS = "Correct the address in Visma; the order is looked at again by itself."
_REPAIR_PARCEL = "Correct weight, size or packaging in Visma or in the tenant file."
_PICK_SERVICE = "Choose another service for this ship-via in `shipping.ship_via`."
_NOTHING = "Nothing to do."
_WAIT = "Nothing to do: the connector tries again."
_REPORT = "Report it with the request id: the connector sent something it should not send."
_LOOK_UP = "Look the number up on fedex.com."
_NARROW_DATES = "Search a range of at most 30 days, not older than two years, ending today."

_TENANT = {
    "NOT.AUTHORIZED.ERROR": ("FedEx does not accept the key, secret or token.", _CHECK_KEYS),
    "LOGIN.REAUTHENTICATE.ERROR": ("FedEx does not accept the token.", _CHECK_KEYS),
    "FORBIDDEN.ERROR": ("The credentials may not use this FedEx API.", _ASK_FEDEX),
    "UNAUTHORIZED.USAGE": ("The credentials may not use this FedEx API.", _ASK_FEDEX),
    "ACCOUNTNUMBER.REGISTRATION.REQUIRED": (
        "FedEx does not know the account number, or it is not registered for this project.",
        _CHECK_ACCOUNT,
    ),
    "SHIPMENT.USER.UNAUTHORIZED": (
        "The credentials may not use this account number.",
        _CHECK_ACCOUNT,
    ),
    "ACCOUNT.NUMBER.INVALID": ("The FedEx account number is not valid.", _CHECK_ACCOUNT),
    "ACCOUNT.NUMBERORKEY.INVALID": (
        "The FedEx account number and the key do not belong together.",
        _CHECK_ACCOUNT,
    ),
    "ACCOUNT.NUMBER.MISMATCH": (
        "The FedEx account number does not belong to the credentials.",
        _CHECK_ACCOUNT,
    ),
    "TRACKING.ACCOUNTNUMBER.EMPTY": (
        "FedEx asks for the account number to search by reference.",
        _CHECK_ACCOUNT,
    ),
}

_FEDEX = {
    "INTERNAL.SERVER.ERROR": ("FedEx had a fault of its own.", _WAIT),
    "SERVICE.UNAVAILABLE.ERROR": ("FedEx is not available at the moment.", _WAIT),
    "SYSTEM.UNEXPECTED.ERROR": ("A system behind FedEx's gateway failed.", _WAIT),
    "SYSTEM.UNAVAILABLE": ("A system behind FedEx's gateway is not available.", _WAIT),
}

_SHIP = {
    "SHIPPER.COUNTRY.INVALID": (
        "FedEx does not ship from the supplier's country on this account.",
        _REPAIR_ADDRESS,
    ),
    "SERVICE.PACKAGECOMBINATION.INVALID": (
        "The service cannot be combined with this packaging.",
        _PICK_SERVICE,
    ),
    "SERVICETYPE.NOT.ALLOWED": ("The service is not allowed between these places.", _PICK_SERVICE),
    "INCOUNTRY.SERVICES.NOTALLOWED": (
        "The service is not allowed inside this country.",
        _PICK_SERVICE,
    ),
    "PACKAGINGTYPE.MISSING.OR.INVALID": (
        "FedEx does not know the packaging.",
        "Correct `shipping.packaging` in the tenant file.",
    ),
    "PACKAGE.WEIGHT.INVALID": ("A package weight is not valid.", _REPAIR_PARCEL),
    "MAXIMUMWEIGHT.TYPE.ERROR": ("A package is too heavy for the service.", _REPAIR_PARCEL),
    "DIMENSIONS.EXCEEDS.LIMITS": ("A package is too large for the service.", _REPAIR_PARCEL),
    "MIXED.MEASURING.UNITS.INCLUDED": (
        "The shipment mixes kilograms and pounds, or centimetres and inches.",
        _REPAIR_PARCEL,
    ),
    "COUNTRY.POSTALCODEORZIP.INVALID": (
        "The postcode does not belong to the country.",
        _REPAIR_ADDRESS,
    ),
    "POSTALCODE.ZIPCODE.REQUIRED": ("A postcode is missing.", _REPAIR_ADDRESS),
    "CITY.REQUIRED": ("A town is missing.", _REPAIR_ADDRESS),
    "CURRENCY.TYPE.INVALID": (
        "FedEx does not know the currency of the customs value.",
        "Check the order's currency in Visma.",
    ),
    "CURRENCYTYPE.PACKAGES.MUST": (
        "All packages of a shipment must name the same currency.",
        _REPORT,
    ),
    "TRACKINGID.FORMID.REQUIRED": ("FedEx asks for the form id of the master number.", _REPORT),
    "SHIPMENT.JOBID.INVALID": (
        "FedEx does not know the job of this large shipment.",
        "Look the shipment up in FedEx Ship Manager, then run `po replay --from ship`.",
    ),
    "TRACKINGNUMBER.ENTERED.INVALID": ("FedEx does not accept the tracking number.", _LOOK_UP),
    "NOT.FOUND.ERROR": ("FedEx does not know what was asked for.", _REPORT),
    "REQUEST.MISMATCH": (
        "FedEx's sandbox only answers the exact requests of its sample collection.",
        "Use the connector's own sandbox, or FedEx production.",
    ),
}

_CANCEL = {
    "CANCELSHIPMENT.TRACKINGNUMBER.DELETED": ("The shipment was cancelled before.", _NOTHING),
    "MASTERTRACKINGID.TRACKINGNUMBER.CANCELLED": ("The shipment was cancelled before.", _NOTHING),
    "SHIPMENT.CANCELEDWITHOUTPICKUP.SUCCESS": ("The shipment is cancelled.", _NOTHING),
    "SHIPMENT.CANCELEDWITHOUTPICKUP.FAILURE": (
        "FedEx could not cancel the shipment.",
        "Cancel it in FedEx Ship Manager, or let FedEx know before the pickup.",
    ),
    "TRACKINGIDS.TRACKINGNUMBER.CLOSED": (
        "It is too late to cancel: the shipping day is closed.",
        "Stop the parcel with FedEx; a label that is never scanned is not billed.",
    ),
}

_TRACK = {
    "TRACKING.TRACKINGNUMBER.NOTFOUND": (
        "FedEx does not know the number; a fresh one can take a day.",
        _LOOK_UP,
    ),
    "TRACKING.TRACKINGNUMBER.EMPTY": ("The tracking number is missing.", _REPORT),
    "TRACKING.TRACKINGNUMBERS.LIMITEXCEEDED": ("More than 30 numbers in one call.", _REPORT),
    "TRACKING.REFERENCENUMBER.NOTFOUND": ("FedEx finds no shipment with the reference.", _LOOK_UP),
    "TRACKING.DATA.NOTUNIQUE": (
        "Several shipments carry the reference.",
        "Find them in FedEx Ship Manager and decide which one is meant.",
    ),
    "TRACKING.REFERENCEDATA.INCOMPLETE": ("The search by reference lacks data.", _REPORT),
    "TRACKING.REFERENCEVALUE.EMPTY": ("The search by reference lacks the reference.", _REPORT),
    "TRACKING.REFRENCEVALUE.INVALID": ("FedEx does not accept the reference.", _REPORT),
    "TRACKING.REFERENCETYPE.INVALID": ("FedEx does not know the reference type.", _REPORT),
    "TRACKING.POSTALCODE.INVALID": ("The destination's postcode is not valid.", _REPAIR_ADDRESS),
    "TRACKING.DESTINATIONCOUNTRYCODE.INVALID": (
        "The destination's country is not valid.",
        _REPAIR_ADDRESS,
    ),
    "TRACKING.SHIPDATERANGE.INVALID": ("The searched range is not valid.", _NARROW_DATES),
    "TRACKING.SHIPDATEEND.INVALID": ("The searched range has no valid end.", _NARROW_DATES),
    "TRACKING.SHIPDATERANGE.TOOLONG": ("The searched range is too long.", _NARROW_DATES),
    "TRACKING.SHIPDATEEND.FUTURE": ("The searched range ends in the future.", _NARROW_DATES),
    "TRACKING.SHIPDATEBEGIN.TOOOLD": ("The searched range begins too early.", _NARROW_DATES),
    "TRACKING.SHIPDATERANGE.ERROR": ("The searched range is not valid.", _NARROW_DATES),
    "REFERENCETRACKING.SHIPDATERANGE.INVALID": (
        "The searched range is not valid.",
        _NARROW_DATES,
    ),
    "TRACKING.SHIPDATE.ENDDATEBEFOREBEGINDATE": (
        "The searched range ends before it begins.",
        _NARROW_DATES,
    ),
}

_RATE = {
    "RATE.LOCATION.NOSERVICE": ("FedEx does not serve this route.", _PICK_SERVICE),
    "RATING.QUOTE.NOTAVAILABLE": ("FedEx has no price for this shipment.", _PICK_SERVICE),
    "EDT.DETAILS.MISSING": (
        "The estimate of duties lacks customs data.",
        "Complete commodity code and country of origin of the items in Visma.",
    ),
    "ORIGIN.POSTAL.REQUIRED": ("The shipper's postcode is missing.", _REPAIR_ADDRESS),
    "STANDARDIZED.ADDRESS.NOTFOUND": ("FedEx does not know the address.", _REPAIR_ADDRESS),
}

_ALERTS = {
    "RATING.IS.UNAVAILABLE": (
        "FedEx created the shipment without a price.",
        "The connector asks for a quote instead and marks the cost as estimated.",
    ),
    "SHIPMENT.VALIDATION.SUCCESS": ("FedEx found no fault in the shipment.", _NOTHING),
    "SHIPMENT.CHARGES.NOTE": ("Shipment charges stand on the first package.", _NOTHING),
    "MONEYBACKGUARANTEE.NOT.ELIGIBLE": ("FedEx's money-back guarantee does not apply.", _NOTHING),
    "ORIGIN.STATEORPROVINCECODE.CHANGED": (
        "FedEx corrected the shipper's state.",
        _REPAIR_ADDRESS,
    ),
    "SHIP.RECIPIENT.POSTALCITY.MISMATCH": (
        "The recipient's town does not belong to the postcode.",
        _REPAIR_ADDRESS,
    ),
    "RECIPIENTCONTACT.PHONENUMBER.INVALID": (
        "FedEx does not accept the recipient's telephone number.",
        _REPAIR_ADDRESS,
    ),
    "RECIPIENTCONTACT.PHONENUMBER.NOTSUPPORTED": (
        "FedEx does not support the recipient's telephone number.",
        _REPAIR_ADDRESS,
    ),
    "SHIPMENT.SHIPDATESTAMP.INVALID": ("FedEx moved the ship date to today.", _NOTHING),
    "COMMODITIES.CUSTOMSVALUE.LESSTHANREQUIRED": (
        "The customs value is below what the country requires.",
        "Check amounts of the order lines in Visma.",
    ),
    "EVENTNOTIFICATION.EMAILADDRESS.MISSING": ("A mail address for notices is missing.", _NOTHING),
    "VIRTUAL.RESPONSE": ("FedEx's sandbox gave a canned answer.", _NOTHING),
}

CATALOGUE: dict[str, Advice] = {
    code: Advice(blame=blame, meaning=meaning, next_step=next_step)
    for blame, chapters in (
        (Blame.TENANT, (_TENANT,)),
        (Blame.FEDEX, (_FEDEX,)),
        (Blame.ORDER, (_SHIP, _CANCEL, _TRACK, _RATE, _ALERTS)),
    )
    for chapter in chapters
    for code, (meaning, next_step) in chapter.items()
}


def advice_for(code: str) -> Advice | None:
    """What is known about a code; `None` means: show it raw."""
    return CATALOGUE.get(code)


def blame_for(code: str) -> Blame:
    """Who has to act. Every `SYSTEM.…` code is FedEx's own fault, listed or not."""
    advice = advice_for(code)
    if advice:
        return advice.blame
    return Blame.FEDEX if code.startswith("SYSTEM.") else Blame.ORDER
