"""Tenants, their secrets, the audit trail, and what processes share."""

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKeyConstraint, Index
from sqlalchemy.orm import Mapped, mapped_column

from ml_connector.store.columns import JsonText, state_type
from ml_connector.store.states import TenantState
from ml_connector.store.tables.base import Base, OfTenant, Stamped


class Tenant(Stamped, Base):
    """A customer: its settings, and its data key wrapped by a master key."""

    __tablename__ = "tenants"

    id: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
    config_sealed: Mapped[bytes]
    """The tenant file as JSON; sealed, because it holds phone numbers and mail addresses."""
    version: Mapped[int]
    state: Mapped[TenantState] = mapped_column(state_type(TenantState, "state"))
    state_reason: Mapped[str]
    state_since: Mapped[datetime]
    key_id: Mapped[str]
    data_key_sealed: Mapped[bytes]


class TenantSecret(OfTenant, Base):
    """One credential of a tenant."""

    __tablename__ = "tenant_secrets"
    __table_args__ = (ForeignKeyConstraint(["tenant"], ["tenants.id"]),)

    name: Mapped[str] = mapped_column(primary_key=True)
    """E.g. `visma.client_secret`."""
    value_sealed: Mapped[bytes]
    updated_at: Mapped[datetime]


class AuditEvent(OfTenant, Base):
    """One link of a tenant's chain. Triggers refuse every UPDATE and DELETE."""

    __tablename__ = "audit_events"
    __table_args__ = (
        ForeignKeyConstraint(["tenant"], ["tenants.id"]),
        Index("ix_audit_events_order", "tenant", "order_nbr", "seq"),
    )

    seq: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    """From 1, without a gap."""
    at: Mapped[datetime]
    action: Mapped[str]
    """`subject:action`"""
    actor: Mapped[str]
    order: Mapped[str | None] = mapped_column("order_nbr")
    operation: Mapped[str | None]
    detail: Mapped[Any] = mapped_column(JsonText, nullable=False)
    body_digest: Mapped[str | None]
    """Keyed digest of the body, which outlives the body itself."""
    body_expires_at: Mapped[datetime | None]
    prev_hash: Mapped[str]
    hash: Mapped[str]


class AuditBody(OfTenant, Base):
    """A raw exchange behind an event. Triggers refuse UPDATE, and DELETE before it expired."""

    __tablename__ = "audit_bodies"
    __table_args__ = (
        ForeignKeyConstraint(["tenant", "seq"], ["audit_events.tenant", "audit_events.seq"]),
        Index("ix_audit_bodies_expires_at", "tenant", "expires_at"),
    )

    seq: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    body_sealed: Mapped[bytes]
    expires_at: Mapped[datetime]


class AuditHead(OfTenant, Base):
    """Where a tenant's chain ends, under the tenant's key: a cut tail cannot be hidden."""

    __tablename__ = "audit_heads"
    __table_args__ = (ForeignKeyConstraint(["tenant"], ["tenants.id"]),)

    seq: Mapped[int]
    hash: Mapped[str]
    mac: Mapped[bytes]


class Slot(Base):
    """One place taken in a limited resource, until it expires."""

    __tablename__ = "slots"

    name: Mapped[str] = mapped_column(primary_key=True)
    holder: Mapped[str] = mapped_column(primary_key=True)
    expires_at: Mapped[datetime]


class CallWindow(OfTenant, Base):
    """A tenant's calls to Visma in the present window, as the processes have told each other."""

    __tablename__ = "call_windows"
    __table_args__ = (ForeignKeyConstraint(["tenant"], ["tenants.id"]),)

    most: Mapped[int]
    remaining: Mapped[int | None]
    ends_at: Mapped[datetime]
    blocked_until: Mapped[datetime]


class CarrierToken(Base):
    """A FedEx token by its credential, which several tenants may share."""

    __tablename__ = "carrier_tokens"

    credential_id: Mapped[str] = mapped_column(primary_key=True)
    version: Mapped[int]
    key_id: Mapped[str]
    value_sealed: Mapped[bytes]
    expires_at: Mapped[datetime]
    used: Mapped[bool] = mapped_column(default=False)
    updated_at: Mapped[datetime]


class PayloadKey(Base):
    """The key of Temporal payloads that an older master key gave, sealed under the current one."""

    __tablename__ = "payload_keys"

    id: Mapped[str] = mapped_column(primary_key=True)
    """Of the older master key."""
    key_id: Mapped[str]
    """Of the master key that seals it."""
    value_sealed: Mapped[bytes]
    created_at: Mapped[datetime]
