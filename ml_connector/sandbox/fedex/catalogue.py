"""What the simulator knows of FedEx's offer: services, packagings, label stocks, countries.

Names are those of the Ship and Rate specifications and of the API Reference Guide.
"""

import re
from dataclasses import dataclass
from decimal import Decimal
from zoneinfo import ZoneInfo


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """A service: its carrier, its reach, what it costs and how many days it takes."""

    code: str
    name: str
    carrier: str = "FDXE"
    international: bool = False
    fixed: Decimal
    """EUR for the first kilogram, zone 1."""
    per_kg: Decimal
    days: int


def _service(
    code: str, name: str, fixed: str, per_kg: str, days: int, *, ground: bool = False
) -> Service:
    return Service(
        code=code,
        name=name,
        carrier="FDXG" if ground else "FDXE",
        fixed=Decimal(fixed),
        per_kg=Decimal(per_kg),
        days=days,
    )


def _abroad(code: str, name: str, fixed: str, per_kg: str, days: int) -> Service:
    return Service(
        code=code,
        name=name,
        international=True,
        fixed=Decimal(fixed),
        per_kg=Decimal(per_kg),
        days=days,
    )


SERVICES: dict[str, Service] = {
    service.code: service
    for service in (
        _abroad("INTERNATIONAL_FIRST", "FedEx International First®", "96.40", "6.10", 1),
        _abroad(
            "FEDEX_INTERNATIONAL_PRIORITY_EXPRESS",
            "FedEx International Priority® Express",
            "71.30",
            "5.15",
            1,
        ),
        _abroad(
            "FEDEX_INTERNATIONAL_PRIORITY",
            "FedEx International Priority®",
            "58.70",
            "4.35",
            2,
        ),
        _abroad("INTERNATIONAL_ECONOMY", "FedEx International Economy®", "41.90", "3.05", 4),
        _abroad(
            "FEDEX_INTERNATIONAL_CONNECT_PLUS",
            "FedEx International Connect Plus®",
            "37.20",
            "2.75",
            4,
        ),
        _abroad("FEDEX_REGIONAL_ECONOMY", "FedEx Regional Economy®", "33.10", "2.20", 3),
        _service("FEDEX_FIRST", "FedEx First®", "49.80", "2.60", 1),
        _service("FEDEX_PRIORITY_EXPRESS", "FedEx Priority Express", "31.60", "1.95", 1),
        _service("FEDEX_PRIORITY", "FedEx Priority", "24.30", "1.55", 1),
        _service("FEDEX_ECONOMY", "FedEx Economy", "15.20", "0.95", 3),
        _service("FIRST_OVERNIGHT", "FedEx First Overnight®", "84.10", "4.10", 1),
        _service("PRIORITY_OVERNIGHT", "FedEx Priority Overnight®", "52.20", "3.30", 1),
        _service("STANDARD_OVERNIGHT", "FedEx Standard Overnight®", "43.70", "2.90", 1),
        _service("FEDEX_2_DAY_AM", "FedEx 2Day® AM", "33.90", "2.15", 2),
        _service("FEDEX_2_DAY", "FedEx 2Day®", "28.60", "1.85", 2),
        _service("FEDEX_EXPRESS_SAVER", "FedEx Express Saver®", "23.40", "1.45", 3),
        _service("FEDEX_GROUND", "FedEx Ground®", "11.80", "0.70", 4, ground=True),
        _service("GROUND_HOME_DELIVERY", "FedEx Home Delivery®", "13.40", "0.75", 4, ground=True),
    )
}

GROUND_COUNTRIES = frozenset({"US", "CA", "PR"})
"""Ground also crosses the US–Canada border."""

PACKAGINGS = frozenset(
    [
        "YOUR_PACKAGING",
        "FEDEX_ENVELOPE",
        "FEDEX_PAK",
        "FEDEX_BOX",
        "FEDEX_SMALL_BOX",
        "FEDEX_MEDIUM_BOX",
        "FEDEX_LARGE_BOX",
        "FEDEX_EXTRA_LARGE_BOX",
        "FEDEX_TUBE",
        "FEDEX_10KG_BOX",
        "FEDEX_25KG_BOX",
    ]
)
PICKUP_TYPES = frozenset(
    {"CONTACT_FEDEX_TO_SCHEDULE", "DROPOFF_AT_FEDEX_LOCATION", "USE_SCHEDULED_PICKUP"}
)
_ELSEWHERE_SPELLED = "AED ARS CHF CLP DOP GBP JMD JPY KRW KWD KYD MXN SGD TWD XCD"
NOT_TAKEN_CURRENCIES = frozenset(_ELSEWHERE_SPELLED.split())
"""ISO codes of currencies for which FedEx has codes of its own: understood as the preferred
currency of a rate request only (API Reference Guide, "Currency Codes")."""
PAYMENT_TYPES = frozenset({"SENDER", "RECIPIENT", "THIRD_PARTY", "COLLECT"})
LABEL_IMAGES = frozenset({"ZPLII", "EPL2", "PDF", "PNG"})
LABEL_STOCKS = frozenset(
    [
        "PAPER_4X6",
        "PAPER_4X675",
        "PAPER_4X8",
        "PAPER_4X9",
        "PAPER_7X475",
        "PAPER_85X11_TOP_HALF_LABEL",
        "PAPER_85X11_BOTTOM_HALF_LABEL",
        "PAPER_LETTER",
        "STOCK_4X6",
        "STOCK_4X675",
        "STOCK_4X675_LEADING_DOC_TAB",
        "STOCK_4X675_TRAILING_DOC_TAB",
        "STOCK_4X8",
        "STOCK_4X9",
        "STOCK_4X9_LEADING_DOC_TAB",
        "STOCK_4X9_TRAILING_DOC_TAB",
        "STOCK_4X85_TRAILING_DOC_TAB",
        "STOCK_4X105_TRAILING_DOC_TAB",
    ]
)
REFERENCE_LENGTHS = {
    "CUSTOMER_REFERENCE": 40,
    "DEPARTMENT_NUMBER": 30,
    "INVOICE_NUMBER": 30,
    "P_O_NUMBER": 30,
    "INTRACOUNTRY_REGULATORY_REFERENCE": 30,
    "RMA_ASSOCIATION": 20,
}
GROUND_CUSTOMER_REFERENCE_LENGTH = 30

MAXIMUM_WEIGHT_KG = Decimal(68)
KG_PER_LB = Decimal("0.45359237")
MAXIMUM_LENGTH_CM = Decimal(274)
MAXIMUM_GIRTH_CM = Decimal(330)
CM_PER_IN = Decimal("2.54")

STATE_COUNTRIES = frozenset({"US", "CA", "PR"})
EMBARGOED = frozenset({"CU", "IR", "KP", "SY"})
EUROPEAN_UNION = frozenset(
    [
        "AT",
        "BE",
        "BG",
        "HR",
        "CY",
        "CZ",
        "DK",
        "EE",
        "FI",
        "FR",
        "DE",
        "GR",
        "HU",
        "IE",
        "IT",
        "LV",
        "LT",
        "LU",
        "MT",
        "NL",
        "PL",
        "PT",
        "RO",
        "SK",
        "SI",
        "ES",
        "SE",
    ]
)
_NEAR = EUROPEAN_UNION | {"NO", "IS", "LI", "CH", "GB"}

_POSTAL = {
    "NO": r"\d{4}",
    "DK": r"\d{4}",
    "BE": r"\d{4}",
    "AT": r"\d{4}",
    "CH": r"\d{4}",
    "LU": r"\d{4}",
    "SE": r"\d{3} ?\d{2}",
    "FI": r"\d{5}",
    "DE": r"\d{5}",
    "FR": r"\d{5}",
    "IT": r"\d{5}",
    "ES": r"\d{5}",
    "NL": r"\d{4} ?[A-Za-z]{2}",
    "PL": r"\d{2}-?\d{3}",
    "PT": r"\d{4}(-\d{3})?",
    "CZ": r"\d{3} ?\d{2}",
    "GB": r"[A-Za-z]{1,2}\d[A-Za-z\d]? ?\d[A-Za-z]{2}",
    "US": r"\d{5}(-?\d{4})?",
    "PR": r"\d{5}(-?\d{4})?",
    "CA": r"[A-Za-z]\d[A-Za-z] ?\d[A-Za-z]\d",
    "CN": r"\d{6}",
    "JP": r"\d{3}-?\d{4}",
    "AU": r"\d{4}",
}
"""Countries whose postal codes the simulator knows; elsewhere anything, also nothing, goes."""

_ZONES = {
    "US": "America/Chicago",
    "PR": "America/Puerto_Rico",
    "CA": "America/Toronto",
    "GB": "Europe/London",
    "IE": "Europe/Dublin",
    "PT": "Europe/Lisbon",
    "FI": "Europe/Helsinki",
    "CN": "Asia/Shanghai",
    "JP": "Asia/Tokyo",
    "AU": "Australia/Sydney",
    "NO": "Europe/Oslo",
    "SE": "Europe/Stockholm",
    "DK": "Europe/Copenhagen",
}


def postal_code_fits(country: str, code: str) -> bool:
    """Whether a postal code has the country's form; unknown countries have none."""
    pattern = _POSTAL.get(country)
    return pattern is None or re.fullmatch(pattern, code) is not None


def zone_of(country: str) -> ZoneInfo:
    """The time zone in which a country's scans are written."""
    return ZoneInfo(_ZONES.get(country, "Europe/Paris"))


def rate_zone(origin: str, destination: str) -> str:
    """1 within a country, 2 within Europe or North America, 3 between them."""
    if origin == destination:
        return "1"
    lanes = (_NEAR, frozenset({"US", "CA", "PR", "MX"}))
    return "2" if any({origin, destination} <= lane for lane in lanes) else "3"


def serves(service: Service, origin: str, destination: str) -> bool:
    """Whether the service goes from one country to the other."""
    if {origin, destination} & EMBARGOED:
        return False
    if service.carrier == "FDXG":
        return {origin, destination} <= GROUND_COUNTRIES
    return service.international == (origin != destination)


def needs_customs(origin: str, destination: str) -> bool:
    """Whether a customs detail is required: over a border that is not inside the EU's union."""
    return origin != destination and not {origin, destination} <= EUROPEAN_UNION
