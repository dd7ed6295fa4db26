"""The store: orders, operations, shipments, journals, audit trail, and tenants' secrets.

store = await Store.open(url, keys)
await store.migrate()
async with store.write(tenant) as view: ...
"""

from ml_connector.store.audit_chain import AuditEvent, BrokenLink
from ml_connector.store.blobs import Blob
from ml_connector.store.coordination import Coordination, StoredToken
from ml_connector.store.errors import (
    IllegalTransition,
    NestedWrite,
    RecordConflict,
    StoreError,
    TenantExists,
    UnknownRecord,
    UnknownTenant,
    UnsupportedDatabase,
)
from ml_connector.store.findings import FindingRecord
from ml_connector.store.journals import JournalDraft, JournalRecord
from ml_connector.store.operations import Operation
from ml_connector.store.orders import OrderChanges, OrderRow
from ml_connector.store.parcels import NewParcel, Parcel
from ml_connector.store.quotes import Quote
from ml_connector.store.receipts import Receipt, ReceiptChanges
from ml_connector.store.shipments import Shipment, ShipmentChanges
from ml_connector.store.states import (
    JournalKind,
    JournalState,
    OperationState,
    ShipmentState,
    TenantState,
)
from ml_connector.store.store import Store
from ml_connector.store.tenants import TenantRecord, TenantRegistry
from ml_connector.store.view import TenantView

__all__ = [
    "AuditEvent",
    "Blob",
    "BrokenLink",
    "Coordination",
    "FindingRecord",
    "IllegalTransition",
    "JournalDraft",
    "JournalKind",
    "JournalRecord",
    "JournalState",
    "NestedWrite",
    "NewParcel",
    "Operation",
    "OperationState",
    "OrderChanges",
    "OrderRow",
    "Parcel",
    "Quote",
    "Receipt",
    "ReceiptChanges",
    "RecordConflict",
    "Shipment",
    "ShipmentChanges",
    "ShipmentState",
    "Store",
    "StoreError",
    "StoredToken",
    "TenantExists",
    "TenantRecord",
    "TenantRegistry",
    "TenantState",
    "TenantView",
    "UnknownRecord",
    "UnknownTenant",
    "UnsupportedDatabase",
]
