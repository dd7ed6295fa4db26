"""Purchase orders as users see them, their receipts, findings, and the cursors behind them."""

from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import ForeignKeyConstraint, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from ml_connector.store.columns import JsonText
from ml_connector.store.tables.base import Base, OfTenant, Stamped

# Partial indexes serve a query only when it repeats their condition literally, so the queries
# use these same texts.
BEHIND = text("progress_version > progress_written AND generation > 0")
UNSIGNALLED = text("signal_pending")
URGENT = text("(generation > 0 OR quote_request_version IS NOT NULL)")
"""Among the unsignalled: a parcel or a person waits."""
STARTING = text(
    "generation = 0 AND NOT signal_pending AND stage IN ('discovered', 'shipping')"
    " AND skip_reason IS NULL AND attention IS NULL"
)
"""Told to ship, and neither shipped nor stopped yet."""
PARKED = text("attention IS NOT NULL")
OPEN_FINDING = text("resolved_at IS NULL")


class Order(OfTenant, Stamped, Base):
    """The read model of one purchase order: what listings show and sweeps ask for."""

    __tablename__ = "orders"
    __table_args__ = (
        ForeignKeyConstraint(["tenant"], ["tenants.id"]),
        Index("ix_orders_stage", "tenant", "stage", "order_nbr"),
        Index("ix_orders_master_tracking", "tenant", "master_tracking"),
        Index("ix_orders_first_scan_at", "tenant", "first_scan_at"),
        Index(
            "ix_orders_behind",
            "tenant",
            "order_nbr",
            sqlite_where=BEHIND,
            postgresql_where=BEHIND,
        ),
        Index(
            "ix_orders_unsignalled",
            "tenant",
            "order_nbr",
            sqlite_where=UNSIGNALLED,
            postgresql_where=UNSIGNALLED,
        ),
        Index(
            "ix_orders_starting",
            "tenant",
            "updated_at",
            sqlite_where=STARTING,
            postgresql_where=STARTING,
        ),
        Index(
            "ix_orders_attention",
            "tenant",
            "order_nbr",
            sqlite_where=PARKED,
            postgresql_where=PARKED,
        ),
    )

    order: Mapped[str] = mapped_column("order_nbr", primary_key=True)
    stage: Mapped[str] = mapped_column(default="discovered")
    attention: Mapped[str | None]
    attention_detail_sealed: Mapped[bytes | None]
    """Sealed, because it may quote the other side, who may name anybody."""
    attention_remedy: Mapped[str | None]
    attention_since: Mapped[datetime | None]
    skip_reason: Mapped[str | None]
    skip_detail: Mapped[str | None]
    fingerprint: Mapped[str | None]
    version: Mapped[str | None]
    last_modified: Mapped[str | None]
    discovered_from: Mapped[str | None]
    generation: Mapped[int] = mapped_column(default=0)
    service: Mapped[str | None]
    master_tracking: Mapped[str | None]
    cost_amount: Mapped[Decimal | None]
    cost_currency: Mapped[str | None]
    cost_source: Mapped[str | None]
    journal_batch: Mapped[str | None]
    delivered_at: Mapped[datetime | None]
    first_scan_at: Mapped[datetime | None]
    tracking_state: Mapped[str | None]
    tracking_code: Mapped[str | None]
    progress_version: Mapped[int] = mapped_column(default=0)
    progress_written: Mapped[int] = mapped_column(default=0)
    written_fields: Mapped[Any] = mapped_column(JsonText, nullable=False, default=dict)
    seen_fields: Mapped[Any] = mapped_column(JsonText, nullable=False, default=dict)
    released: Mapped[bool] = mapped_column(default=False)
    cutoff_period: Mapped[str | None]
    checked_at: Mapped[datetime | None]
    signal_pending: Mapped[bool] = mapped_column(default=False)
    quote_request_version: Mapped[str | None]
    quote_result: Mapped[str | None]
    receipts: Mapped[Any] = mapped_column(JsonText, nullable=False, default=list)
    workflow_closed_at: Mapped[datetime | None]


class Receipt(OfTenant, Stamped, Base):
    """A purchase receipt that names at least one of our orders."""

    __tablename__ = "receipts"
    __table_args__ = (ForeignKeyConstraint(["tenant"], ["tenants.id"]),)

    number: Mapped[str] = mapped_column(primary_key=True)
    fingerprint: Mapped[str | None]
    version: Mapped[str | None]
    last_modified: Mapped[str | None]
    status: Mapped[str | None]
    receipt_type: Mapped[str | None]
    lines: Mapped[Any] = mapped_column(JsonText, nullable=False, default=list)
    written_fields: Mapped[Any] = mapped_column(JsonText, nullable=False, default=dict)
    seen_fields: Mapped[Any] = mapped_column(JsonText, nullable=False, default=dict)


class ReceiptOrder(OfTenant, Base):
    """Which orders a receipt covers. The order itself may be unknown to us yet."""

    __tablename__ = "receipt_orders"
    __table_args__ = (
        ForeignKeyConstraint(["tenant", "number"], ["receipts.tenant", "receipts.number"]),
        Index("ix_receipt_orders_order", "tenant", "order_nbr", "number"),
    )

    number: Mapped[str] = mapped_column(primary_key=True)
    order: Mapped[str] = mapped_column("order_nbr", primary_key=True)


class Finding(OfTenant, Base):
    """Something a person should know. At most one is open per order and code."""

    __tablename__ = "findings"
    __table_args__ = (
        ForeignKeyConstraint(["tenant"], ["tenants.id"]),
        Index(
            "uq_findings_open",
            "tenant",
            "order_nbr",
            "code",
            unique=True,
            sqlite_where=OPEN_FINDING,
            postgresql_where=OPEN_FINDING,
        ),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    order: Mapped[str] = mapped_column("order_nbr")
    """Empty for a finding about the tenant: NULLs would never collide in the unique index."""
    code: Mapped[str]
    message_sealed: Mapped[bytes]
    """Sealed, because it may quote the other side, who may name anybody."""
    remedy: Mapped[str]
    opened_at: Mapped[datetime]
    last_seen_at: Mapped[datetime]
    resolved_at: Mapped[datetime | None]


class Cursor(OfTenant, Base):
    """How far a resource was read."""

    __tablename__ = "cursors"
    __table_args__ = (ForeignKeyConstraint(["tenant"], ["tenants.id"]),)

    resource: Mapped[str] = mapped_column(primary_key=True)
    value: Mapped[str]
    """JSON that only the reader of the resource understands."""
    updated_at: Mapped[datetime]
