"""The simulator speaks the vendor's schema: no field of its own, no wrapper misplaced."""

import json
from pathlib import Path
from typing import Any

import jsonschema  # type: ignore[import-untyped]
import pytest

from ml_connector.sandbox.visma import journals, orders, receipt_edits
from ml_connector.sandbox.visma.wire import Kind, Plain, Rows, Shape, Wrapped
from tests.unit.sandbox.visma.conftest import TENANT, Api
from tests.unit.sandbox.visma.test_journals import journal

SPEC = Path(__file__).parents[4].parent / "shared/specs/visma/visma-net-erp-subset.openapi.json"
pytestmark = pytest.mark.skipif(not SPEC.exists(), reason="the vendor's schema is not here")


@pytest.fixture(scope="module")
def schemas() -> dict[str, Any]:
    """The vendor's schemas, closed: a field they do not name is an error."""
    schemas: dict[str, Any] = json.loads(SPEC.read_text())["components"]["schemas"]
    for schema in schemas.values():
        if schema.get("type") == "object":
            schema["additionalProperties"] = False
    return schemas


@pytest.mark.parametrize(
    ("path", "dto"),
    [
        ("/v1/purchaseorder/500000?includeCustomFreeFields=true", "PurchaseOrderDto"),
        ("/v1/purchaseorderbasic/500000", "PurchaseOrderBasicDto"),
        ("/v1/purchaseorder?pageNumber=1&pageSize=9", "PurchaseOrderDto"),
        ("/v2/PurchaseReceipt/300000?includeCustomFreeFields=true", "PurchaseReceiptDto"),
        ("/v2/PurchaseReceipt?pageNumber=1&pageSize=9&expandNote=true", "PurchaseReceiptDto"),
        ("/v2/journaltransaction/000001", "JournalTransactionDto"),
        (
            "/v2/journaltransaction?pageNumber=1&pageSize=9&periodId=202611",
            "JournalTransactionDto",
        ),
        (
            "/v1/GeneralLedgerTransactions?ledger=1&includeUnreleased=true&pageNumber=1&pageSize=9",
            "GeneralLedgerTransactionDetailsDto",
        ),
        ("/v1/supplier/SUP-DE", "SupplierDto"),
        ("/v1/supplier/SUP-DE/contact", "ContactDto"),
        ("/v1/supplierlocation/SUP-DE/MAIN", "SupplierLocationDto"),
        ("/v1/inventory/BOLT-M8", "InventoryDto"),
        ("/v1/packagingType/SMALL", "PackagingTypeDto"),
        ("/v1/warehouse/1", "WarehouseDto"),
        (
            "/v1/branch/1?expandAddress=1&expandContact=1&expandDeliveryAddress=1"
            "&expandDeliveryContact=1&expandCurrency=1&expandLedger=1&expandDefaultCountry=1",
            "BranchDto",
        ),
        ("/v1/organization?expandBranches=true", "ExtendedOrganizationDto"),
        ("/v1/carrier/FEDEX", "CarrierDto"),
        ("/v1/account/7140", "AccountDto"),
        ("/v1/subaccount/100-10", "SubAccountDto"),
        ("/v1/dimension/SUBACCOUNT?expandSegmentsValues=true", "DtoDimension"),
        ("/v1/dimension/SUBACCOUNT/1", "DtoSegment"),
        ("/v1/dimension/SUBACCOUNT/1/100", "DtoSegmentValue"),
        ("/v1/project/P100", "ProjectDto"),
        ("/v1/projecttask/10", "TaskExtendedDto"),
        ("/v1/ledger", "LedgerDto"),
        ("/v1/financialPeriod/202611", "FinancialPeriodDto"),
        ("/v1/currency/EUR", "CurrencyDto"),
        ("/v2/currencyrate", "CurrencyRateDto"),
        ("/v1/unitofmeasure", "UnitOfMeasureDto"),
    ],
)
async def test_reads_follow_the_vendors_schema(
    api: Api, schemas: dict[str, Any], path: str, dto: str
) -> None:
    await a_little_of_everything(api)
    reply = await api.get(path)
    assert reply.status_code == 200, reply.text
    body = reply.json()
    rows = body if isinstance(body, list) else [body]
    assert rows
    for row in rows:
        row.pop("metadata", None)
        validate(row, dto, schemas)


async def test_background_states_follow_the_vendors_schema(
    api: Api, schemas: dict[str, Any]
) -> None:
    reply = await api.send("GET", "/v1/currency", headers={"erp-api-background": "none"})
    validate(reply.json(), "BackgroundApiAcceptedDto", schemas)
    for _ in range(2):
        state = (await api.get(f"/v1/background/{reply.json()['id']}")).json()
        validate(state, "BackgroundRequestStateDto", schemas)


async def a_little_of_everything(api: Api) -> None:
    """An order in use: received in part, with custom fields, and a journal."""
    rich = {
        "inventory": "PUMP-200",
        "orderQty": 3,
        "account": "4300",
        "sub": {"1": "100", "2": "10"},
        "project": "P100",
        "projectTask": "10",
        "customStr1": "line",
    }
    number = await api.order(
        lines=[rich],
        promisedOn="2026-12-01",
        customStr1="T",
        customDec1=1.5,
        customInt1=1,
        customDateTimeUTC1="2026-11-22T09:00:00Z",
    )
    body = {"orders": {number: {"1": 1}}}
    await api.control("POST", f"/companies/{TENANT}/receipts", body)
    reply = await api.post("/v2/journaltransaction", journal())
    assert reply.status_code == 201


def validate(row: object, dto: str, schemas: dict[str, Any]) -> None:
    schema = {"$ref": f"#/components/schemas/{dto}", "components": {"schemas": schemas}}
    jsonschema.Draft202012Validator(schema).validate(row)


@pytest.mark.parametrize(
    ("shape", "dto"),
    [
        (orders._FULL, "PurchaseOrderUpdateDto"),
        (orders._BASIC, "PurchaseOrderBasicUpdateDto"),
        (receipt_edits.RECEIPT, "PurchaseReceiptUpdateDto"),
        (journals._JOURNAL, "JournalTransactionUpdateDto"),
    ],
)
def test_write_shapes_are_the_vendors(schemas: dict[str, Any], shape: Shape, dto: str) -> None:
    assert outline(shape) == vendor_outline(schemas, dto)


def outline(shape: Shape) -> dict[str, object]:
    """Each field with whether it is wrapped, and of what."""
    return {name: _outline(field) for name, field in shape.items()}


def _outline(field: Wrapped | Plain | Rows) -> object:
    if isinstance(field, Rows):
        return [outline(field.shape)]
    if isinstance(field, Plain):
        return field.kind.value
    inner = field.kind
    return {"value": inner.value if isinstance(inner, Kind) else outline(inner)}


def vendor_outline(schemas: dict[str, Any], dto: str) -> dict[str, object]:
    properties = schemas[dto]["properties"]
    return {name: _vendor_outline(schemas, value) for name, value in properties.items()}


def _vendor_outline(schemas: dict[str, Any], schema: dict[str, Any]) -> object:
    if "$ref" in schema:
        return vendor_outline(schemas, schema["$ref"].rsplit("/", 1)[-1])
    if schema.get("x-dtovalue"):
        return {"value": _vendor_outline(schemas, schema["properties"]["value"])}
    if schema["type"] == "array":
        return [_vendor_outline(schemas, schema["items"])]
    if schema.get("format") == "date-time":
        return "date-time"
    kind: str = schema["type"]
    return kind
