"""The reading side of master data: suppliers, items and places."""

from collections.abc import Sequence

from ml_connector.sandbox.visma import master_views, paging
from ml_connector.sandbox.visma.calls import MODIFIED, OLD_PAGING, PAGING, Call
from ml_connector.sandbox.visma.company import Item, Supplier, SupplierLocation
from ml_connector.sandbox.visma.errors import NotFound, Reply
from ml_connector.sandbox.visma.records import LISTED, get, listing, single


def _suppliers(call: Call) -> list[Supplier]:
    rows = list(call.company.suppliers.values())
    rows = paging.equal(call, "status", rows, lambda row: row.status)
    return paging.equal(call, "name", rows, lambda row: row.name)


def _supplier(call: Call, name: str) -> Supplier | None:
    """By its number, or by its internal id as a business account."""
    key = call.id(name)
    company = call.company
    by_internal_id = (s for s in company.suppliers.values() if str(s.internal_id) == key)
    return company.suppliers.get(key) or next(by_internal_id, None)


def _supplier_contacts(call: Call) -> Reply:
    row = _supplier(call, "supplierCd")
    if row is None:
        raise NotFound("Supplier", call.id("supplierCd"))
    people = enumerate(row.people, start=row.internal_id * 10)
    return Reply(body=[master_views.supplier_contact(call, row, person, n) for n, person in people])


def _supplier_locations(call: Call) -> Sequence[SupplierLocation]:
    rows = list(call.company.supplier_locations())
    if "bAccountId" in call.path_params:
        owner = _supplier(call, "bAccountId")
        rows = [row for row in rows if owner is not None and row.supplier == owner.id]
    return paging.equal(call, "locationId", rows, lambda row: row.id)


def _supplier_location(call: Call) -> SupplierLocation | None:
    owner = _supplier(call, "bAccountId")
    return owner.locations.get(call.id("locationId")) if owner else None


def _items(call: Call) -> list[Item]:
    rows = list(call.company.items.values())
    return paging.equal(call, "inventoryNumber", rows, lambda row: row.id)


def _item_by_internal_id(call: Call) -> Item | None:
    key = call.id("inventoryId")
    return next((row for row in call.company.items.values() if str(row.internal_id) == key), None)


def _units(call: Call) -> Reply:
    """Global conversions; those of an item are on the item."""
    rows = (("KG", "G", 1000), ("TON", "KG", 1000), ("M3", "L", 1000), ("DOZEN", "EA", 12))
    return Reply(
        body=[
            {
                "fromUnit": larger,
                "toUnit": smaller,
                "unitMultDiv": "Multiply",
                "unitRate": factor,
                "supplementaryMeasureUnit": "None",
            }
            for larger, smaller, factor in rows
        ]
    )


_BRANCH_FLAGS = {
    *("expandAddress", "expandContact", "expandCurrency", "expandVatZone", "expandLedger"),
    *("expandIndustryCode", "expandDeliveryAddress", "expandDeliveryContact"),
    *("expandDefaultCountry", "expandBankSettings"),
}
_ITEM_QUERY = LISTED | {
    *("alternateID", "inventoryNumber", "description", "status", "attributes"),
    *("expandCrossReference", "expandAttachment", "expandAttribute", "expandWarehouseDetail"),
    *("expandAccountInformation", "expandInventoryUnits", "expandSupplierDetails"),
    *("expandSalesCategories", "expandNote", "addCostPriceStatistics"),
}
_BRANCHES = listing(
    "branch", lambda c: c.company.branches.values(), master_views.branch, pages=False
)

_PARTIES = (
    get(
        "/v1/supplier",
        listing("supplier", _suppliers, master_views.supplier),
        LISTED | {"orderBy", "name", "status", "expandAccountInformation", "expandNote"},
    ),
    get(
        "/v1/supplier/{supplierCd}",
        single("Supplier", lambda c: _supplier(c, "supplierCd"), master_views.supplier),
    ),
    get("/v1/supplier/{supplierCd}/contact", _supplier_contacts, LISTED | {"active"}),
    *(
        get(
            path,
            listing("supplierlocation", _supplier_locations, master_views.supplier_location),
            PAGING | MODIFIED | {"locationId", "gln"},
        )
        for path in ("/v1/supplierlocation", "/v1/supplierlocation/{bAccountId}")
    ),
    get(
        "/v1/supplierlocation/{bAccountId}/{locationId}",
        single("Location", _supplier_location, master_views.supplier_location),
    ),
)
_GOODS = (
    get("/v1/inventory", listing("inventory", _items, master_views.item), _ITEM_QUERY),
    get(
        "/v1/inventory/internal/{inventoryId}",
        single("Inventory item", _item_by_internal_id, master_views.item),
    ),
    get(
        "/v1/inventory/{inventoryNumber}",
        single(
            "Inventory item",
            lambda c: c.company.items.get(c.id("inventoryNumber")),
            master_views.item,
        ),
    ),
    get(
        "/v1/packagingType",
        listing(
            "packagingtype",
            lambda c: c.company.packaging_types.values(),
            master_views.packaging_type,
        ),
        LISTED | {"orderBy"},
    ),
    get(
        "/v1/packagingType/{boxId}",
        single(
            "Box",
            lambda c: c.company.packaging_types.get(c.id("boxId")),
            master_views.packaging_type,
            with_etag=False,
        ),
    ),
    get("/v1/unitofmeasure", _units),
)
_PLACES = (
    get(
        "/v1/warehouse",
        listing(
            "warehouse",
            lambda c: c.company.warehouses.values(),
            master_views.warehouse,
            changed_since=False,
        ),
        PAGING | {"active", "branch"},
    ),
    get(
        "/v1/warehouse/{warehouseId}",
        single(
            "Warehouse",
            lambda c: c.company.warehouses.get(c.id("warehouseId")),
            master_views.warehouse,
        ),
    ),
    get("/v1/branch", _BRANCHES, MODIFIED | _BRANCH_FLAGS | {"greaterThanValue", "orderBy"}),
    get(
        "/v1/branch/{branchNumber}",
        single(
            "Branch",
            lambda c: c.company.branches.get(c.id("branchNumber")),
            master_views.branch,
            with_etag=False,
        ),
        _BRANCH_FLAGS,
    ),
    get(
        "/v1/organization",
        listing(
            "organization",
            lambda c: list(c.company.branches.values())[:1],
            master_views.organization,
            pages=False,
        ),
        MODIFIED | {"expandBranches", "expandBankSettings", "greaterThanValue"},
    ),
    get(
        "/v1/carrier",
        listing("carrier", lambda c: c.company.carriers.values(), master_views.carrier),
        PAGING | OLD_PAGING | MODIFIED,
    ),
    get(
        "/v1/carrier/{carrierName}",
        single(
            "Carrier",
            lambda c: c.company.carriers.get(c.id("carrierName")),
            master_views.carrier,
            with_etag=False,
        ),
    ),
)
OPERATIONS = (*_PARTIES, *_GOODS, *_PLACES)
