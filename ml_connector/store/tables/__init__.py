"""The tables, for SQLite and PostgreSQL alike.

Every table of tenant data has `tenant` first in its primary key and in every foreign key, so a
row cannot even point at another tenant's row. Columns whose names end in `sealed` hold
ciphertext of `ml_connector.security.vault`.
"""

from ml_connector.store.tables.base import Base
from ml_connector.store.tables.freight import Journal, Quote
from ml_connector.store.tables.orders import Cursor, Finding, Order, Receipt, ReceiptOrder
from ml_connector.store.tables.shipping import Blob, Operation, Parcel, Shipment
from ml_connector.store.tables.tenancy import (
    AuditBody,
    AuditEvent,
    AuditHead,
    CallWindow,
    CarrierToken,
    PayloadKey,
    Slot,
    Tenant,
    TenantSecret,
)

metadata = Base.metadata

__all__ = [
    "AuditBody",
    "AuditEvent",
    "AuditHead",
    "Base",
    "Blob",
    "CallWindow",
    "CarrierToken",
    "Cursor",
    "Finding",
    "Journal",
    "Operation",
    "Order",
    "Parcel",
    "PayloadKey",
    "Quote",
    "Receipt",
    "ReceiptOrder",
    "Shipment",
    "Slot",
    "Tenant",
    "TenantSecret",
    "metadata",
]
