"""Operations, shipments, parcels and blobs."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import ForeignKeyConstraint, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from ml_connector.store.columns import JsonText, state_type
from ml_connector.store.states import OperationState, ShipmentState
from ml_connector.store.tables.base import Base, OfTenant, Stamped

# Shared with the queries: see `tables.orders`.
UNFINISHED = text("state IN ('intended', 'sent', 'unknown')")
WATCHED = text("state = 'orphan_watch'")
ON_ITS_WAY = text("finished_at IS NULL")


class Operation(OfTenant, Stamped, Base):
    """A write to another system that it would not deduplicate."""

    __tablename__ = "operations"
    __table_args__ = (
        ForeignKeyConstraint(["tenant"], ["tenants.id"]),
        Index("ix_operations_order", "tenant", "order_nbr"),
        Index(
            "ix_operations_unfinished",
            "tenant",
            "created_at",
            sqlite_where=UNFINISHED,
            postgresql_where=UNFINISHED,
        ),
    )

    key: Mapped[str] = mapped_column(primary_key=True)
    step: Mapped[str]
    order: Mapped[str] = mapped_column("order_nbr")
    generation: Mapped[int]
    state: Mapped[OperationState] = mapped_column(state_type(OperationState, "state"))
    request_digest: Mapped[str]
    attempts: Mapped[int] = mapped_column(default=0)
    deadline: Mapped[datetime | None]
    sent_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]
    note: Mapped[str | None]
    result_sealed: Mapped[bytes | None]
    error_sealed: Mapped[bytes | None]


class Shipment(OfTenant, Stamped, Base):
    """One generation of an order's shipment."""

    __tablename__ = "shipments"
    __table_args__ = (
        ForeignKeyConstraint(["tenant"], ["tenants.id"]),
        UniqueConstraint("tenant", "reference"),
        Index("ix_shipments_master_tracking", "tenant", "master_tracking"),
        Index(
            "ix_shipments_watched",
            "tenant",
            "check_at",
            sqlite_where=WATCHED,
            postgresql_where=WATCHED,
        ),
    )

    order: Mapped[str] = mapped_column("order_nbr", primary_key=True)
    generation: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    reference: Mapped[str]
    state: Mapped[ShipmentState] = mapped_column(state_type(ShipmentState, "state"))
    plan_sealed: Mapped[bytes]
    service: Mapped[str]
    ship_date: Mapped[date]
    carrier_code: Mapped[str | None]
    master_tracking: Mapped[str | None]
    cost: Mapped[Any | None] = mapped_column(JsonText)
    documents: Mapped[Any] = mapped_column(JsonText, nullable=False, default=list)
    check_at: Mapped[datetime | None]
    watch_until: Mapped[datetime | None]


class Parcel(OfTenant, Stamped, Base):
    """One tracked piece.

    Carriers use numbers again, so a number is unique only among the parcels still on their way.
    Scans are part of the row: a parcel has a dozen, and they are read and written together.
    """

    __tablename__ = "parcels"
    __table_args__ = (
        ForeignKeyConstraint(
            ["tenant", "order_nbr", "generation"],
            ["shipments.tenant", "shipments.order_nbr", "shipments.generation"],
        ),
        Index("ix_parcels_number", "tenant", "tracking_number"),
        Index(
            "uq_parcels_live",
            "tenant",
            "tracking_number",
            unique=True,
            sqlite_where=ON_ITS_WAY,
            postgresql_where=ON_ITS_WAY,
        ),
        Index(
            "ix_parcels_due",
            "tenant",
            "next_poll_at",
            sqlite_where=ON_ITS_WAY,
            postgresql_where=ON_ITS_WAY,
        ),
    )

    order: Mapped[str] = mapped_column("order_nbr", primary_key=True)
    generation: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    tracking_number: Mapped[str] = mapped_column(primary_key=True)
    sequence: Mapped[int]
    shipped_on: Mapped[date]
    state: Mapped[str]
    code: Mapped[str] = mapped_column(default="")
    unique_id: Mapped[str] = mapped_column(default="")
    first_scan_at: Mapped[datetime | None]
    delivered_at: Mapped[datetime | None]
    scans: Mapped[Any] = mapped_column(JsonText, nullable=False, default=list)
    last_hash: Mapped[str] = mapped_column(default="")
    next_poll_at: Mapped[datetime]
    claimed_until: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]


class Blob(OfTenant, Base):
    """A label or another document, by its content."""

    __tablename__ = "blobs"
    __table_args__ = (ForeignKeyConstraint(["tenant"], ["tenants.id"]),)

    sha: Mapped[str] = mapped_column(primary_key=True)
    """Keyed hash: without the tenant's key it does not tell whether a known file is here."""
    media: Mapped[str]
    size: Mapped[int]
    content_sealed: Mapped[bytes]
    created_at: Mapped[datetime]
