"""A company that works from the first call on: accounts, dimensions, places, suppliers, items.

    company = standard_company(tenant_id="…", name="Nordic Distribusjon AS", today=date.today())

Its traps are real ones: a supplier with the wrong country, an item without weight, one weighed
in pounds and one bought by the box, an inactive account, a completed project, a task that the
general ledger does not see, and a rate that is given as its reciprocal.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal

from ml_connector.sandbox.visma.company import (
    Account,
    Branch,
    Carrier,
    Company,
    Currency,
    Item,
    Ledger,
    PackagingType,
    Period,
    Project,
    Rate,
    Segment,
    SegmentValue,
    Supplier,
    SupplierLocation,
    Task,
    Warehouse,
    month_end,
)
from ml_connector.sandbox.visma.documents import Address, Contact

D = Decimal
OPEN_MONTHS = 3
"""Periods that ended earlier than so many months ago are closed."""

_IN_NOK = {
    "NOK": D("1"),
    "EUR": D("11.7250"),
    "USD": D("10.9350"),
    "SEK": D("1.0210"),
    "DKK": D("1.5715"),
    "GBP": D("13.9400"),
    "JPY": D("0.0725"),
}
_CURRENCIES = (
    Currency(id="NOK", description="Norwegian krone", symbol="kr"),
    Currency(id="EUR", description="Euro", symbol="€"),
    Currency(id="USD", description="US dollar", symbol="$"),
    Currency(id="SEK", description="Swedish krona", symbol="kr"),
    Currency(id="DKK", description="Danish krone", symbol="kr"),
    Currency(id="GBP", description="Pound sterling", symbol="£"),
    Currency(id="JPY", description="Japanese yen", symbol="¥", precision=0),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Home:
    """Where a company lives."""

    address: Address
    phone: str
    email: str


OSLO = Home(
    address=Address(line1="Karihaugveien 89", postal_code="1086", city="Oslo", country="NO"),
    phone="+4722000000",
    email="lager@nordic.example",
)
HAMBURG = Home(
    address=Address(line1="Am Sandtorkai 37", postal_code="20457", city="Hamburg", country="DE"),
    phone="+494012345600",
    email="lager@hanse.example",
)


def standard_company(
    *,
    tenant_id: str,
    today: date,
    name: str = "Nordic Distribusjon AS",
    base_currency: str = "NOK",
    customer_tenant_id: str = "",
    home: Home | None = None,
    first_order: int = 500_000,
    first_receipt: int = 300_000,
) -> Company:
    """A company with everything a purchase order, a shipment and a journal need."""
    home = home or (OSLO if base_currency == "NOK" else HAMBURG)
    company = Company(
        tenant_id=tenant_id,
        name=name,
        base_currency=base_currency,
        customer_tenant_id=customer_tenant_id or f"customer-of-{tenant_id}",
        next_order=first_order,
        next_receipt=first_receipt,
    )
    company.currencies = {row.id: row for row in map(replace, _CURRENCIES)}
    company.rates = list(_rates(base_currency, today))
    company.periods = {row.id: row for row in _periods(today)}
    company.ledgers = {"1": Ledger(id="1", internal_id=1, description="Actual ledger")}
    company.accounts = {row.id: row for row in _accounts()}
    company.segments = {row.id: row for row in _segments()}
    company.projects = {row.id: row for row in _projects()}
    company.suppliers = {row.id: row for row in _suppliers()}
    company.items = {row.id: row for row in _items()}
    company.packaging_types = {row.id: row for row in _packaging_types()}
    company.carriers = {row.id: row for row in _carriers()}
    _settle(company, home)
    return company


def _settle(company: Company, home: Home) -> None:
    """The company's branch and warehouse at its home."""
    contact = Contact(
        name=company.name, attention="Goods reception", email=home.email, phone1=home.phone
    )
    company.branches = {
        "1": Branch(
            id="1",
            internal_id=1,
            name=company.name,
            address=home.address,
            contact=contact,
            delivery_address=home.address,
            delivery_contact=contact,
        )
    }
    company.warehouses = {
        "1": Warehouse(
            id="1",
            internal_id=1,
            description="Main warehouse",
            branch="1",
            address=home.address,
            contact=contact,
        )
    }


def _rates(base: str, today: date) -> Iterator[Rate]:
    """From the start of last year, and again a little higher from this month on."""
    number = 0
    for day, drift in ((date(today.year - 1, 1, 1), D("1")), (today.replace(day=1), D("1.002"))):
        for currency, in_nok in _IN_NOK.items():
            if currency == base:
                continue
            number += 1
            factor = in_nok / _IN_NOK[base] * drift
            multiply = currency != "SEK"
            yield Rate(
                internal_id=number,
                from_currency=currency,
                to_currency=base,
                rate=(factor if multiply else 1 / factor).quantize(D("1e-6")),
                effective=day,
                multiply=multiply,
            )


def _periods(today: date) -> Iterator[Period]:
    """Last year's, this year's and next year's months; those long past are closed."""
    this_month = today.year * 12 + today.month
    for year in (today.year - 1, today.year, today.year + 1):
        for month in range(1, 13):
            yield Period(
                id=f"{year}{month:02d}",
                start=date(year, month, 1),
                end=month_end(year, month),
                closed=year * 12 + month < this_month - OPEN_MONTHS,
            )


def _accounts() -> Iterator[Account]:
    rows: tuple[tuple[str, str, str, str | None], ...] = (
        ("1460", "Inventory", "Asset", None),
        ("1920", "Bank", "Asset", None),
        ("2400", "Accounts payable", "Liability", None),
        ("2960", "Accrued costs", "Liability", None),
        ("4300", "Goods for resale", "Expense", "MATERIAL"),
        ("4360", "Freight and customs on purchases", "Expense", "MATERIAL"),
        ("6700", "Services", "Expense", "SERVICE"),
        ("7140", "Freight", "Expense", "FREIGHT"),
        ("7199", "Freight, old", "Expense", "FREIGHT"),
    )
    for number, (code, description, kind, group) in enumerate(rows, start=1):
        yield Account(
            id=code,
            internal_id=number,
            description=description,
            type=kind,
            account_group=group,
            active=code != "7199",
            allow_manual_entry=code not in ("1460", "2400"),
            cash=code == "1920",
        )


def _segments() -> Iterator[Segment]:
    departments = {"000": "None", "100": "Sales", "200": "Service", "300": "Stores", "900": "Old"}
    regions = {"00": "None", "10": "East", "20": "West"}
    yield Segment(
        id=1,
        description="Department",
        length=3,
        values={
            code: SegmentValue(id=code, description=text, active=code != "900")
            for code, text in departments.items()
        },
    )
    yield Segment(
        id=2,
        description="Region",
        length=2,
        values={code: SegmentValue(id=code, description=text) for code, text in regions.items()},
    )


def _projects() -> Iterator[Project]:
    projects = (
        ("P100", "Shop refit", "Active"),
        ("P200", "Pump station", "Active"),
        ("P900", "Old works", "Completed"),
    )
    tasks = (
        ("10", "Procurement", "Active", True),
        ("20", "Installation", "Active", True),
        ("30", "Internal", "Active", False),
        ("90", "Closed", "Completed", True),
    )
    for place, (code, description, status) in enumerate(projects, start=1):
        project = Project(id=code, internal_id=place, description=description, status=status)
        for row, (task, text, task_status, in_gl) in enumerate(tasks):
            project.tasks[task] = Task(
                id=task,
                internal_id=place * 10 + row,
                description=text,
                project=code,
                status=task_status,
                visible_in_gl=in_gl,
            )
        yield project


def _suppliers() -> Iterator[Supplier]:
    rows = (
        ("SUP-DE", "Elbe Werkzeuge GmbH", "EUR", "+494030005000"),
        ("SUP-SE", "Göta Kabel AB", "SEK", "+46317001200"),
        ("SUP-PL", "Wisla Metal Sp. z o.o.", "EUR", "+48583007000"),
        ("SUP-DK", "Aarhus Pumper ApS", "DKK", "+4586121212"),
        ("SUP-US", "Great Lakes Motors Inc.", "USD", "+13125550100"),
        ("SUP-NO", "Fjord Pakking AS", "NOK", "+4755300000"),
        ("SUP-CN", "Haixing Trading Co., Ltd.", "USD", "+8657487650000"),
    )
    for number, (code, name, currency, phone) in enumerate(rows, start=1):
        yield _supplier(1000 + number, code, name, currency, phone)


def _supplier_address(code: str) -> Address:
    """The last one's country is wrong: China recorded as CH."""
    rows = {
        "SUP-DE": ("Hammer Deich 63", "20537", "Hamburg", "DE", ""),
        "SUP-SE": ("Ringögatan 12", "417 07", "Göteborg", "SE", ""),
        "SUP-PL": ("ul. Kartuska 5", "80-103", "Gdansk", "PL", ""),
        "SUP-DK": ("Sverigesgade 9", "8000", "Aarhus C", "DK", ""),
        "SUP-US": ("1100 W Lake St", "60607", "Chicago", "US", "IL"),
        "SUP-NO": ("Strandgaten 20", "5013", "Bergen", "NO", ""),
        "SUP-CN": ("99 Renmin Road", "315000", "Ningbo", "CH", ""),
    }
    line, postal_code, city, country, county = rows[code]
    return Address(line1=line, postal_code=postal_code, city=city, country=country, county=county)


def _supplier(number: int, code: str, name: str, currency: str, phone: str) -> Supplier:
    address = _supplier_address(code)
    mail = f"dispatch@{code.lower()}.example"
    contact = Contact(name=name, attention="Dispatch", email=mail, phone1=phone)
    places = [("MAIN", f"{address.city} main", address)]
    if code == "SUP-DE":
        depot = Address(line1="Poststrasse 1", postal_code="04158", city="Leipzig", country="DE")
        places.append(("LEIPZIG", "Leipzig depot", depot))
    return Supplier(
        id=code,
        internal_id=number,
        name=name,
        currency=currency,
        address=address,
        contact=contact,
        people=[Contact(name="Robin Dispatch", email=mail, phone1=phone)],
        locations={
            place: SupplierLocation(
                id=place,
                internal_id=number * 10 + row,
                description=text,
                supplier=code,
                address=where,
                contact=contact,
            )
            for row, (place, text, where) in enumerate(places)
        },
    )


def _items() -> Iterator[Item]:
    rows: tuple[tuple[str, str, str | None, str, str, str], ...] = (
        ("PUMP-200", "Circulation pump 200 l/min", "14.5", "4200", "84137051", "DE"),
        ("FRAME-01", "Steel frame", "28", "1850", "73089098", "PL"),
        ("CABLE-50", "Cable drum 50 m", "6.2", "640", "85444995", "SE"),
        ("SENSOR-9", "Pressure sensor", "0.35", "915.50", "90262020", "DE"),
        ("MYSTERY-1", "Sample without weight", None, "100", "", "CN"),
    )
    for number, (code, text, weight, cost, commodity, origin) in enumerate(rows, start=1):
        yield Item(
            id=code,
            internal_id=number,
            description=text,
            weight=D(weight) if weight else None,
            volume=D("0.01"),
            cost=D(cost),
            commodity_code=commodity,
            country_of_origin=origin,
        )
    yield Item(
        id="BOLT-M8",
        internal_id=20,
        description="Bolt M8",
        purchase_unit="BOX",
        conversions={"BOX": D(100)},
        weight=D("0.012"),
        cost=D("89.90"),
        commodity_code="73181588",
        country_of_origin="PL",
    )
    yield Item(
        id="MOTOR-LB",
        internal_id=21,
        description="Motor 1/2 hp",
        weight=D("22"),
        weight_unit="LB",
        cost=D("3100"),
        commodity_code="85014020",
        country_of_origin="US",
    )
    yield Item(
        id="SRV-INST",
        internal_id=30,
        description="Installation on site",
        stock=False,
        type="ServiceItem",
        base_unit="HOUR",
        cost=D("950"),
    )


def _packaging_types() -> Iterator[PackagingType]:
    rows = (
        ("SMALL", "Small box", "0.4", "15", (40, 30, 20)),
        ("MEDIUM", "Medium box", "0.9", "30", (60, 40, 40)),
        ("PALLET", "Half pallet", "12", "300", (80, 60, 100)),
    )
    for number, (code, text, own, most, (length, width, height)) in enumerate(rows, start=1):
        yield PackagingType(
            id=code,
            internal_id=number,
            description=text,
            box_weight=D(own),
            max_weight=D(most),
            length=length,
            width=width,
            height=height,
        )


def _carriers() -> Iterator[Carrier]:
    rows = {
        "FEDEX": "FedEx International Priority",
        "FEDEXECO": "FedEx International Economy",
        "POSTNORD": "PostNord",
        "PICKUP": "Own pick-up",
    }
    for number, (code, text) in enumerate(rows.items(), start=1):
        yield Carrier(id=code, internal_id=number, description=text)
