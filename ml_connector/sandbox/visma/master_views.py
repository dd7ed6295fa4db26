"""Master data as GET shows it, one function a DTO."""

from decimal import Decimal

from ml_connector.sandbox.visma import views, wire
from ml_connector.sandbox.visma.calls import Call
from ml_connector.sandbox.visma.company import (
    Account,
    Branch,
    Carrier,
    Currency,
    Item,
    Ledger,
    PackagingType,
    Period,
    Project,
    Rate,
    Record,
    Segment,
    SegmentValue,
    Supplier,
    SupplierLocation,
    Task,
    Warehouse,
)
from ml_connector.sandbox.visma.documents import Address, Contact
from ml_connector.sandbox.visma.views import Body

_MODULES = ("Gl", "Ap", "Ar", "So", "Po", "Ea", "Ta", "In", "Ca", "Cr")


def supplier(call: Call, row: Supplier) -> Body:
    location = row.locations.get(row.default_location)
    return {
        "internalId": row.internal_id,
        "number": row.id,
        "name": row.name,
        "status": row.status,
        "mainAddress": views.address(row.address, row.internal_id),
        "mainContact": views.contact(row.contact, row.internal_id),
        "supplierAddress": views.address(row.address, row.internal_id),
        "supplierContact": views.contact(row.contact, row.internal_id),
        "remitAddress": views.address(row.address, row.internal_id),
        "remitContact": views.contact(row.contact, row.internal_id),
        "currencyId": row.currency,
        "location": {
            "countryId": location.address.country if location else row.address.country,
            "id": row.default_location,
            "name": location.description if location else "",
        },
        "landedCostSupplier": row.landed_cost,
        "attributes": [],
        "lastModifiedDateTime": call.modified(row),
        "timeStamp": wire.row_version(row.version),
    }


def supplier_contact(call: Call, row: Supplier, person: Contact, number: int) -> Body:
    first, _, last = person.name.partition(" ")
    return {
        "displayName": person.name,
        "active": True,
        "firstName": first,
        "lastName": last,
        "businessAccount": row.id,
        "sameAsAccount": True,
        "address": views.address(row.address, row.internal_id),
        "email": person.email,
        "phone1": person.phone1,
        "phone2": person.phone2,
        "contactMethod": "Any",
        "contactId": number,
        "lastModifiedDateTime": call.modified(row),
    }


def supplier_location(call: Call, row: SupplierLocation) -> Body:
    return {
        "baccount": views.supplier(call.company, row.supplier),
        "locationId": row.id,
        "locationName": row.description,
        "active": row.active,
        "address": views.address(row.address, row.internal_id),
        "contact": views.contact(row.contact, row.internal_id),
        "lastModifiedDateTime": call.modified(row),
        "timeStamp": wire.row_version(row.version),
    }


def item(call: Call, row: Item) -> Body:
    units = [
        {
            "unitType": 1,
            "inventoryID": row.internal_id,
            "fromUnit": unit,
            "toUnit": row.base_unit,
            "unitMultDiv": "Multiply",
            "unitRate": rate,
        }
        for unit, rate in row.conversions.items()
    ]
    return {
        "inventoryId": row.internal_id,
        "inventoryNumber": row.id,
        "status": "Active" if row.active else "Inactive",
        "type": row.type,
        "description": row.description,
        "baseUnit": row.base_unit,
        "salesUnit": row.base_unit,
        "purchaseUnit": row.purchase_unit or row.base_unit,
        "stockItem": row.stock,
        "kitItem": False,
        "lastCost": row.cost,
        "inventoryUnits": units if call.flag("expandInventoryUnits") or _single(call) else None,
        "packaging": {
            "baseItemWeight": row.weight if row.weight is not None else Decimal(0),
            "weightUOM": row.weight_unit,
            "baseItemVolume": row.volume if row.volume is not None else Decimal(0),
            "volumeUOM": row.volume_unit,
        },
        "intrastat": {
            "cN8": row.commodity_code or "",
            "countryOfOrigin": row.country_of_origin or "",
        },
        "lastModifiedDateTime": call.modified(row),
        "timestamp": wire.row_version(row.version),
    }


def _single(call: Call) -> bool:
    """Whether the call is for one record: that shows what lists show on demand only."""
    return bool(call.path_params)


def packaging_type(call: Call, row: PackagingType) -> Body:
    return {
        "boxId": row.id,
        "description": row.description,
        "boxWeight": row.box_weight,
        "maxWeight": row.max_weight,
        "weightUoM": row.weight_unit,
        "length": row.length,
        "width": row.width,
        "height": row.height,
        "activeByDefault": row.active,
        "lastModifiedDateTime": call.modified(row),
    }


def warehouse(call: Call, row: Warehouse) -> Body:
    contact = row.contact
    return {
        "warehouseID": row.id,
        "branch": views.branch(call.company, row.branch),
        "active": row.active,
        "description": row.description,
        "contact": {
            "contactId": row.internal_id,
            "companyName": contact.name,
            "attention": contact.attention,
            "email": contact.email,
            "phone1": contact.phone1,
            "phone2": contact.phone2,
        },
        "address": _without_line3(row.address, row.internal_id),
        "locations": [],
        "timestamp": wire.row_version(row.version),
    }


def _without_line3(address: Address, number: int) -> Body:
    body = views.address(address, number) or {}
    return {name: value for name, value in body.items() if name != "addressLine3"}


def branch(call: Call, row: Branch) -> Body:
    """Sub-objects are there only when their flag asks for them."""
    company = call.company
    ledger = next(iter(company.ledgers.values()), None)
    base = company.currencies[company.base_currency]
    expanded: Body = {
        "expandAddress": {"mainAddress": views.address(row.address, 1)},
        "expandContact": {"mainContact": views.contact(row.contact, 1)},
        "expandDeliveryAddress": {"deliveryAddress": views.address(row.delivery_address, 2)},
        "expandDeliveryContact": {"deliveryContact": views.contact(row.delivery_contact, 2)},
        "expandCurrency": {
            "currency": {"id": base.id, "description": base.description, "symbol": base.symbol}
        },
        "expandLedger": {"ledger": ledger and _id_text(ledger)},
        "expandDefaultCountry": {
            "defaultCountry": {"id": row.address.country, "name": row.address.country}
        },
    }
    body: Body = {
        "branchId": row.internal_id,
        "number": row.id,
        "name": row.name,
        "isMainBranch": next(iter(company.branches)) == row.id,
        "isActive": row.active,
        "lastModifiedDateTime": call.modified(row),
    }
    for flag, part in expanded.items():
        if call.flag(flag):
            body.update(part)
    return body


def _id_text(row: Record) -> Body:
    return {"id": row.id, "description": row.description}


def organization(call: Call, row: Branch) -> Body:
    company = call.company
    base = company.currencies[company.base_currency]
    return {
        "organizationCd": row.id,
        "name": company.name,
        "organizationType": "Company",
        "baseCurrency": company.base_currency,
        "mainAddress": views.address(row.address, 1),
        "mainContact": views.contact(row.contact, 1),
        "deliveryAddress": views.address(row.delivery_address, 2),
        "deliveryContact": views.contact(row.delivery_contact, 2),
        "currency": {"id": base.id, "description": base.description, "symbol": base.symbol},
        "lastModifiedDateTime": call.modified(row),
        "branches": (
            [{"number": b.id, "name": b.name} for b in company.branches.values()]
            if call.flag("expandBranches")
            else None
        ),
        "timeStamp": wire.row_version(row.version),
    }


def carrier(call: Call, row: Carrier) -> Body:
    return {
        "carrierId": row.id,
        "carrierDescription": row.description,
        "lastModifiedDateTime": call.modified(row),
    }


def account(call: Call, row: Account) -> Body:
    return {
        "accountID": row.internal_id,
        "accountCD": row.id,
        "accountGroupCD": row.account_group,
        "type": row.type,
        "active": row.active,
        "description": row.description,
        "useDefaultSub": False,
        "currency": row.currency,
        "cashAccount": row.cash,
        "allowManualEntry": row.allow_manual_entry,
        "lastModifiedDateTime": call.modified(row),
        "timeStamp": wire.row_version(row.version),
    }


def segment(call: Call, row: Segment, *, values: bool) -> Body:
    return {
        "segmentId": row.id,
        "description": row.description,
        "length": row.length,
        "validate": True,
        "isAutoNumber": False,
        "segmentValues": (
            [segment_value(row, value) for value in row.values.values()] if values else None
        ),
        "lastModified": call.modified(row),
        "timeStamp": wire.row_version(row.version),
    }


def segment_value(row: Segment, value: SegmentValue) -> Body:
    return {
        "segmentId": row.id,
        "valueId": value.id,
        "description": value.description,
        "active": value.active,
    }


def project(call: Call, row: Project) -> Body:
    return {
        "internalID": row.internal_id,
        "projectID": row.id,
        "hold": row.status == "OnHold",
        "status": row.status,
        "description": row.description,
        "visibility": _visibility(row),
        "lastModifiedDateTime": call.modified(row),
        "tasks": [
            {
                "taskId": task.id,
                "description": task.description,
                "status": task.status,
                "visibility": _visibility(task),
                "timeStamp": wire.row_version(task.version),
            }
            for task in row.tasks.values()
        ],
        "attributes": [],
        "timeStamp": wire.row_version(row.version),
    }


def task(call: Call, row: Task) -> Body:
    return {
        "internalId": row.internal_id,
        "projectInternalId": call.company.projects[row.project].internal_id,
        "taskId": row.id,
        "description": row.description,
        "status": row.status,
        "visibility": _visibility(row),
        "lastModifiedDateTime": call.modified(row),
        "attributes": [],
        "timeStamp": wire.row_version(row.version),
    }


def _visibility(row: Project | Task) -> Body:
    body: Body = {f"visibleIn{module}": True for module in _MODULES}
    return {**body, "visibleInGl": row.visible_in_gl, "visibleInPo": row.visible_in_po}


def ledger(call: Call, row: Ledger) -> Body:
    return {
        "internalId": row.internal_id,
        "number": row.id,
        "description": row.description,
        "balanceType": row.balance_type,
        "currencyId": call.company.base_currency,
        "lastModifiedDateTime": call.modified(row),
    }


def period(call: Call, row: Period) -> Body:
    """The last day is given as the period's end, as in the vendor's screens."""
    monthly = call.world.switches.period_format == "MM-YYYY"
    return {
        "year": int(row.id[:4]),
        "period": f"{row.id[4:]}-{row.id[:4]}" if monthly else row.id,
        "startDate": wire.day(row.start),
        "endDate": wire.day(row.end),
        "description": f"{row.start:%B %Y}",
        "active": row.active,
        "closedInSupplierLedger": row.closed,
        "closedInCustomerLedger": row.closed,
        "closedInInventoryManagement": row.closed,
        "closedInGeneralLedger": row.closed,
        "closedInCashManagement": row.closed,
        "closedInFixedAssets": row.closed,
    }


def currency(call: Call, row: Currency) -> Body:
    return {
        "id": row.id,
        "description": row.description,
        "symbol": row.symbol,
        "isBaseCurrency": row.id == call.company.base_currency,
        "decimalPrecision": row.precision,
        "isUsedForAccounting": True,
    }


def rate(call: Call, row: Rate) -> Body:
    return {
        "id": row.internal_id,
        "fromCurrencyId": row.from_currency,
        "toCurrencyId": row.to_currency,
        "rateType": row.rate_type,
        "rate": row.rate,
        "effectiveDate": wire.day(row.effective),
        "multDiv": "Multiply" if row.multiply else "Divide",
        "rateReciprocal": (1 / row.rate).quantize(Decimal("1e-8")),
        "timeStamp": wire.row_version(row.version),
    }
