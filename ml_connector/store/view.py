"""One tenant's data within one transaction."""

from collections.abc import Callable

from ml_connector.store.audit import AuditTrail
from ml_connector.store.blobs import Blobs
from ml_connector.store.calls import Calls
from ml_connector.store.cursors import Cursors
from ml_connector.store.findings import Findings
from ml_connector.store.journals import Journals
from ml_connector.store.operations import Operations
from ml_connector.store.orders import Orders
from ml_connector.store.parcels import Parcels
from ml_connector.store.quotes import Quotes
from ml_connector.store.receipts import Receipts
from ml_connector.store.scope import TenantScope
from ml_connector.store.secrets import Secrets
from ml_connector.store.shipments import Shipments


class TenantView:
    """All repositories of one tenant; none of their methods reaches another one's rows."""

    __slots__ = (
        "audit",
        "blobs",
        "calls",
        "cursors",
        "findings",
        "journals",
        "operations",
        "orders",
        "parcels",
        "quotes",
        "receipts",
        "secrets",
        "shipments",
        "tenant",
        "undo",
    )

    def __init__(self, scope: TenantScope) -> None:
        self.tenant = scope.tenant
        self.undo: list[Callable[[], None]] = []
        """Called when the transaction is rolled back: what must not be forgotten with it."""
        self.secrets = Secrets(scope)
        self.orders = Orders(scope)
        self.operations = Operations(scope)
        self.shipments = Shipments(scope)
        self.parcels = Parcels(scope)
        self.journals = Journals(scope)
        self.receipts = Receipts(scope)
        self.cursors = Cursors(scope)
        self.findings = Findings(scope)
        self.quotes = Quotes(scope)
        self.blobs = Blobs(scope)
        self.audit = AuditTrail(scope)
        self.calls = Calls(scope)
