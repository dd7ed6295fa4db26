"""The accrual subledger and quotes."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import ForeignKeyConstraint, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from ml_connector.store.columns import JsonText, state_type
from ml_connector.store.states import JournalKind, JournalState
from ml_connector.store.tables.base import Base, OfTenant, Stamped


class Journal(OfTenant, Stamped, Base):
    """One freight journal and everything that explains its cents."""

    __tablename__ = "journals"
    __table_args__ = (
        ForeignKeyConstraint(
            ["tenant", "order_nbr", "generation"],
            ["shipments.tenant", "shipments.order_nbr", "shipments.generation"],
        ),
        # One shipment, one journal: a second posting needs a person, who numbers it.
        UniqueConstraint("tenant", "order_nbr", "generation", "kind", "occurrence"),
        Index("ix_journals_batch", "tenant", "batch"),
        Index("ix_journals_period", "tenant", "period"),
    )

    reference: Mapped[str] = mapped_column(primary_key=True)
    kind: Mapped[JournalKind] = mapped_column(state_type(JournalKind, "kind"))
    order: Mapped[str] = mapped_column("order_nbr")
    generation: Mapped[int]
    occurrence: Mapped[int] = mapped_column(default=1)
    state: Mapped[JournalState] = mapped_column(state_type(JournalState, "state"))
    batch: Mapped[str | None]
    amount: Mapped[Decimal]
    currency: Mapped[str]
    posting_date: Mapped[date]
    period: Mapped[str]
    exchange_rate: Mapped[Decimal | None]
    lines: Mapped[Any] = mapped_column(JsonText, nullable=False)
    basis: Mapped[str]
    weights: Mapped[Any] = mapped_column(JsonText, nullable=False)
    rule_version: Mapped[int]
    cost_source: Mapped[str]
    rate_type: Mapped[str]


class Quote(OfTenant, Base):
    """A rate quote: what was asked and what FedEx offered."""

    __tablename__ = "quotes"
    __table_args__ = (
        ForeignKeyConstraint(["tenant"], ["tenants.id"]),
        Index("ix_quotes_order", "tenant", "order_nbr", "created_at"),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    order: Mapped[str | None] = mapped_column("order_nbr")
    request_sealed: Mapped[bytes]
    offers_sealed: Mapped[bytes]
    created_at: Mapped[datetime]
