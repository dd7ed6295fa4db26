"""`POST /availability/v1/transittimes`: which services go there, and how long they take."""

from datetime import date, timedelta

from ml_connector.sandbox.fedex import catalogue
from ml_connector.sandbox.fedex.catalogue import Service
from ml_connector.sandbox.fedex.errors import refuse
from ml_connector.sandbox.fedex.gateway import Call
from ml_connector.sandbox.fedex.ship_request import read_parcels, read_place
from ml_connector.sandbox.fedex.values import Json

_CARRIERS = frozenset({"FDXE", "FDXG", "FXSP"})
_DAYS = {1: "ONE_DAY", 2: "TWO_DAYS", 3: "THREE_DAYS", 4: "FOUR_DAYS"}


def transit_times(call: Call) -> Json:
    """The services of a lane with the day they arrive; `carrierCodes` narrows them."""
    wanted = call.body.child("requestedShipment")
    shipper = wanted.child("shipper").child("address")
    if not shipper.has("postalCode"):
        raise refuse("ORIGIN.POSTAL.REQUIRED", "Postal code/ZIP is required")
    origin = read_place(shipper, "SHIPPER")
    recipients = wanted.children("recipients")
    destination = read_place(recipients[0].child("address"), "RECIPIENT") if recipients else origin
    wanted.choice("packagingType", catalogue.PACKAGINGS, code="PACKAGINGTYPE.MISSING.OR.INVALID")
    service = wanted.choice(
        "serviceType", catalogue.SERVICES, required=False, code="SERVICETYPE.NOT.ALLOWED"
    )
    read_parcels(wanted, service)
    carriers = call.body.texts("carrierCodes", required=False)
    if set(carriers) - _CARRIERS or len(carriers) > 1:
        call.body.complain("carrierCodes", "one of FDXE, FDXG, FXSP, or none")
    day = wanted.day("shipDatestamp") or call.now.date()
    call.settle()
    details = [
        _detail(known, day)
        for code, known in catalogue.SERVICES.items()
        if service in ("", code)
        and (not carriers or known.carrier in carriers)
        and catalogue.serves(known, origin.country, destination.country)
    ]
    return {"alerts": [], "transitTimes": [{"transitTimeDetails": details}], "encoded": False}


def _detail(service: Service, day: date) -> Json:
    arrival = day + timedelta(days=service.days)
    return {
        "serviceType": service.code,
        "serviceName": service.name,
        "commit": {
            "dateDetail": {
                "dayOfWeek": arrival.strftime("%a").upper(),
                "day": arrival.strftime("%b-%d-%Y"),
                "time": "12:00:00",
            },
            "transitDays": {"minimumTransitTime": _DAYS[service.days]},
        },
        "customerMessages": [],
    }
