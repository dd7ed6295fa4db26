"""What the store refuses, and why.

StoreError
├── UnsupportedDatabase    the URL names no database this store runs on
├── NestedWrite            a write transaction was opened inside another one
├── UnknownTenant          no such tenant
├── TenantExists           a tenant of this id is there already
├── UnknownRecord          the row to change is not there, for this tenant
├── IllegalTransition      an operation, shipment or journal may not go from here to there
└── RecordConflict         the same key stands for something else already
"""


class StoreError(Exception):
    """The store refused. The text holds no secrets and no personal data."""


class UnsupportedDatabase(StoreError):
    """The database URL names no database this store runs on."""


class NestedWrite(StoreError):
    """A task that holds a write transaction opened another; the two would wait for each other."""


class UnknownTenant(StoreError):
    """No such tenant."""

    def __init__(self, tenant: str) -> None:
        super().__init__(f"There is no tenant {tenant!r}. See: ml-connector tenant list")
        self.tenant = tenant


class TenantExists(StoreError):
    """A tenant of this id is there already."""

    def __init__(self, tenant: str) -> None:
        super().__init__(f"Tenant {tenant!r} exists already.")
        self.tenant = tenant


class UnknownRecord(StoreError):
    """The tenant has no such row."""

    def __init__(self, what: str) -> None:
        super().__init__(f"There is no {what}.")
        self.what = what


class IllegalTransition(StoreError):
    """A state may not follow the present one: someone else was faster, or a rule was broken."""

    def __init__(self, what: str, present: str, wanted: str) -> None:
        super().__init__(f"{what} is {present} and cannot become {wanted}.")
        self.what = what
        self.present = present
        self.wanted = wanted


class RecordConflict(StoreError):
    """The same key stands for something else already."""
