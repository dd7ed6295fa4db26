"""The first schema."""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    _tenancy()
    _audit()
    _orders()
    _shipping()
    _freight()


def downgrade() -> None:
    """An audit trail is not thrown away."""
    raise RuntimeError("The first schema cannot be taken back.")


def _instant() -> sa.types.TypeEngine[Any]:
    return sa.String(27).with_variant(postgresql.TIMESTAMP(timezone=True), "postgresql")


def _state(name: str, *states: str) -> sa.Enum:
    return sa.Enum(*states, name=name, native_enum=False, create_constraint=True, length=20)


def _where(condition: str) -> dict[str, Any]:
    return {"sqlite_where": sa.text(condition), "postgresql_where": sa.text(condition)}


def _tenancy() -> None:
    op.create_table(
        "tenants",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("config_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column(
            "state", _state("state", "active", "needs_reauth", "paused", "removed"), nullable=False
        ),
        sa.Column("state_reason", sa.String(), nullable=False),
        sa.Column("state_since", _instant(), nullable=False),
        sa.Column("key_id", sa.String(), nullable=False),
        sa.Column("data_key_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", _instant(), nullable=False),
        sa.Column("updated_at", _instant(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tenants")),
    )
    op.create_table(
        "tenant_secrets",
        sa.Column("tenant", sa.String(64), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("value_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("updated_at", _instant(), nullable=False),
        sa.ForeignKeyConstraint(["tenant"], ["tenants.id"], name=op.f("fk_tenant_secrets_tenants")),
        sa.PrimaryKeyConstraint("tenant", "name", name=op.f("pk_tenant_secrets")),
    )
    op.create_table(
        "slots",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("holder", sa.String(), nullable=False),
        sa.Column("expires_at", _instant(), nullable=False),
        sa.PrimaryKeyConstraint("name", "holder", name=op.f("pk_slots")),
    )
    op.create_table(
        "call_windows",
        sa.Column("tenant", sa.String(64), nullable=False),
        sa.Column("most", sa.BigInteger(), nullable=False),
        sa.Column("remaining", sa.BigInteger(), nullable=True),
        sa.Column("ends_at", _instant(), nullable=False),
        sa.Column("blocked_until", _instant(), nullable=False),
        sa.ForeignKeyConstraint(["tenant"], ["tenants.id"], name=op.f("fk_call_windows_tenants")),
        sa.PrimaryKeyConstraint("tenant", name=op.f("pk_call_windows")),
    )
    op.create_table(
        "carrier_tokens",
        sa.Column("credential_id", sa.String(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("key_id", sa.String(), nullable=False),
        sa.Column("value_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("expires_at", _instant(), nullable=False),
        sa.Column("used", sa.Boolean(), nullable=False),
        sa.Column("updated_at", _instant(), nullable=False),
        sa.PrimaryKeyConstraint("credential_id", name=op.f("pk_carrier_tokens")),
    )


def _audit() -> None:
    op.create_table(
        "audit_events",
        sa.Column("tenant", sa.String(64), nullable=False),
        sa.Column("seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("at", _instant(), nullable=False),
        sa.Column("action", sa.String(), nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("order_nbr", sa.String(), nullable=True),
        sa.Column("operation", sa.String(), nullable=True),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("body_digest", sa.String(), nullable=True),
        sa.Column("body_expires_at", _instant(), nullable=True),
        sa.Column("prev_hash", sa.String(), nullable=False),
        sa.Column("hash", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["tenant"], ["tenants.id"], name=op.f("fk_audit_events_tenants")),
        sa.PrimaryKeyConstraint("tenant", "seq", name=op.f("pk_audit_events")),
    )
    op.create_index("ix_audit_events_order", "audit_events", ["tenant", "order_nbr", "seq"])
    op.create_table(
        "audit_bodies",
        sa.Column("tenant", sa.String(64), nullable=False),
        sa.Column("seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("body_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("expires_at", _instant(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant", "seq"],
            ["audit_events.tenant", "audit_events.seq"],
            name=op.f("fk_audit_bodies_audit_events"),
        ),
        sa.PrimaryKeyConstraint("tenant", "seq", name=op.f("pk_audit_bodies")),
    )
    op.create_index("ix_audit_bodies_expires_at", "audit_bodies", ["tenant", "expires_at"])
    op.create_table(
        "audit_heads",
        sa.Column("tenant", sa.String(64), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("hash", sa.String(), nullable=False),
        sa.Column("mac", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["tenant"], ["tenants.id"], name=op.f("fk_audit_heads_tenants")),
        sa.PrimaryKeyConstraint("tenant", name=op.f("pk_audit_heads")),
    )


def _orders() -> None:
    op.create_table(
        "orders",
        sa.Column("tenant", sa.String(64), nullable=False),
        sa.Column("order_nbr", sa.String(), nullable=False),
        sa.Column("stage", sa.String(), nullable=False),
        sa.Column("attention", sa.String(), nullable=True),
        sa.Column("attention_detail_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("attention_remedy", sa.String(), nullable=True),
        sa.Column("attention_since", _instant(), nullable=True),
        sa.Column("skip_reason", sa.String(), nullable=True),
        sa.Column("skip_detail", sa.String(), nullable=True),
        sa.Column("fingerprint", sa.String(), nullable=True),
        sa.Column("version", sa.String(), nullable=True),
        sa.Column("last_modified", sa.String(), nullable=True),
        sa.Column("discovered_from", sa.String(), nullable=True),
        sa.Column("generation", sa.BigInteger(), nullable=False),
        sa.Column("service", sa.String(), nullable=True),
        sa.Column("master_tracking", sa.String(), nullable=True),
        sa.Column("cost_amount", sa.String(40), nullable=True),
        sa.Column("cost_currency", sa.String(), nullable=True),
        sa.Column("cost_source", sa.String(), nullable=True),
        sa.Column("journal_batch", sa.String(), nullable=True),
        sa.Column("delivered_at", _instant(), nullable=True),
        sa.Column("first_scan_at", _instant(), nullable=True),
        sa.Column("tracking_state", sa.String(), nullable=True),
        sa.Column("tracking_code", sa.String(), nullable=True),
        sa.Column("progress_version", sa.BigInteger(), nullable=False),
        sa.Column("progress_written", sa.BigInteger(), nullable=False),
        sa.Column("written_fields", sa.Text(), nullable=False),
        sa.Column("seen_fields", sa.Text(), nullable=False),
        sa.Column("released", sa.Boolean(), nullable=False),
        sa.Column("cutoff_period", sa.String(), nullable=True),
        sa.Column("checked_at", _instant(), nullable=True),
        sa.Column("signal_pending", sa.Boolean(), nullable=False),
        sa.Column("quote_request_version", sa.String(), nullable=True),
        sa.Column("quote_result", sa.String(), nullable=True),
        sa.Column("receipts", sa.Text(), nullable=False),
        sa.Column("workflow_closed_at", _instant(), nullable=True),
        sa.Column("created_at", _instant(), nullable=False),
        sa.Column("updated_at", _instant(), nullable=False),
        sa.ForeignKeyConstraint(["tenant"], ["tenants.id"], name=op.f("fk_orders_tenants")),
        sa.PrimaryKeyConstraint("tenant", "order_nbr", name=op.f("pk_orders")),
    )
    op.create_index(
        "ix_orders_attention", "orders", ["tenant", "order_nbr"], **_where("attention IS NOT NULL")
    )
    op.create_index(
        "ix_orders_behind",
        "orders",
        ["tenant", "order_nbr"],
        **_where("progress_version > progress_written AND generation > 0"),
    )
    op.create_index("ix_orders_first_scan_at", "orders", ["tenant", "first_scan_at"])
    op.create_index("ix_orders_master_tracking", "orders", ["tenant", "master_tracking"])
    op.create_index("ix_orders_stage", "orders", ["tenant", "stage", "order_nbr"])
    op.create_index(
        "ix_orders_starting",
        "orders",
        ["tenant", "updated_at"],
        **_where(
            "generation = 0 AND NOT signal_pending AND stage IN ('discovered', 'shipping')"
            " AND skip_reason IS NULL AND attention IS NULL"
        ),
    )
    op.create_index(
        "ix_orders_unsignalled", "orders", ["tenant", "order_nbr"], **_where("signal_pending")
    )
    op.create_table(
        "receipts",
        sa.Column("tenant", sa.String(64), nullable=False),
        sa.Column("number", sa.String(), nullable=False),
        sa.Column("fingerprint", sa.String(), nullable=True),
        sa.Column("version", sa.String(), nullable=True),
        sa.Column("last_modified", sa.String(), nullable=True),
        sa.Column("status", sa.String(), nullable=True),
        sa.Column("receipt_type", sa.String(), nullable=True),
        sa.Column("lines", sa.Text(), nullable=False),
        sa.Column("written_fields", sa.Text(), nullable=False),
        sa.Column("seen_fields", sa.Text(), nullable=False),
        sa.Column("created_at", _instant(), nullable=False),
        sa.Column("updated_at", _instant(), nullable=False),
        sa.ForeignKeyConstraint(["tenant"], ["tenants.id"], name=op.f("fk_receipts_tenants")),
        sa.PrimaryKeyConstraint("tenant", "number", name=op.f("pk_receipts")),
    )
    op.create_table(
        "receipt_orders",
        sa.Column("tenant", sa.String(64), nullable=False),
        sa.Column("number", sa.String(), nullable=False),
        sa.Column("order_nbr", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant", "number"],
            ["receipts.tenant", "receipts.number"],
            name=op.f("fk_receipt_orders_receipts"),
        ),
        sa.PrimaryKeyConstraint("tenant", "number", "order_nbr", name=op.f("pk_receipt_orders")),
    )
    op.create_index("ix_receipt_orders_order", "receipt_orders", ["tenant", "order_nbr", "number"])
    op.create_table(
        "findings",
        sa.Column("tenant", sa.String(64), nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("order_nbr", sa.String(), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("message_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("remedy", sa.String(), nullable=False),
        sa.Column("opened_at", _instant(), nullable=False),
        sa.Column("last_seen_at", _instant(), nullable=False),
        sa.Column("resolved_at", _instant(), nullable=True),
        sa.ForeignKeyConstraint(["tenant"], ["tenants.id"], name=op.f("fk_findings_tenants")),
        sa.PrimaryKeyConstraint("tenant", "id", name=op.f("pk_findings")),
    )
    op.create_index(
        "uq_findings_open",
        "findings",
        ["tenant", "order_nbr", "code"],
        unique=True,
        **_where("resolved_at IS NULL"),
    )
    op.create_table(
        "cursors",
        sa.Column("tenant", sa.String(64), nullable=False),
        sa.Column("resource", sa.String(), nullable=False),
        sa.Column("value", sa.String(), nullable=False),
        sa.Column("updated_at", _instant(), nullable=False),
        sa.ForeignKeyConstraint(["tenant"], ["tenants.id"], name=op.f("fk_cursors_tenants")),
        sa.PrimaryKeyConstraint("tenant", "resource", name=op.f("pk_cursors")),
    )


def _shipping() -> None:
    op.create_table(
        "operations",
        sa.Column("tenant", sa.String(64), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("step", sa.String(), nullable=False),
        sa.Column("order_nbr", sa.String(), nullable=False),
        sa.Column("generation", sa.BigInteger(), nullable=False),
        sa.Column(
            "state",
            _state("state", "intended", "sent", "succeeded", "rejected", "unknown"),
            nullable=False,
        ),
        sa.Column("request_digest", sa.String(), nullable=False),
        sa.Column("attempts", sa.BigInteger(), nullable=False),
        sa.Column("deadline", _instant(), nullable=True),
        sa.Column("sent_at", _instant(), nullable=True),
        sa.Column("finished_at", _instant(), nullable=True),
        sa.Column("note", sa.String(), nullable=True),
        sa.Column("result_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("error_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("created_at", _instant(), nullable=False),
        sa.Column("updated_at", _instant(), nullable=False),
        sa.ForeignKeyConstraint(["tenant"], ["tenants.id"], name=op.f("fk_operations_tenants")),
        sa.PrimaryKeyConstraint("tenant", "key", name=op.f("pk_operations")),
    )
    op.create_index("ix_operations_order", "operations", ["tenant", "order_nbr"])
    op.create_index(
        "ix_operations_unfinished",
        "operations",
        ["tenant", "created_at"],
        **_where("state IN ('intended', 'sent', 'unknown')"),
    )
    op.create_table(
        "shipments",
        sa.Column("tenant", sa.String(64), nullable=False),
        sa.Column("order_nbr", sa.String(), nullable=False),
        sa.Column("generation", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("reference", sa.String(), nullable=False),
        sa.Column(
            "state",
            _state(
                "state",
                "planned",
                "live",
                "cancelled",
                "orphan_watch",
                "adopted",
                "lost",
                "withdrawn",
                "superseded",
            ),
            nullable=False,
        ),
        sa.Column("plan_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("service", sa.String(), nullable=False),
        sa.Column("ship_date", sa.Date(), nullable=False),
        sa.Column("carrier_code", sa.String(), nullable=True),
        sa.Column("master_tracking", sa.String(), nullable=True),
        sa.Column("cost", sa.Text(), nullable=True),
        sa.Column("documents", sa.Text(), nullable=False),
        sa.Column("check_at", _instant(), nullable=True),
        sa.Column("watch_until", _instant(), nullable=True),
        sa.Column("created_at", _instant(), nullable=False),
        sa.Column("updated_at", _instant(), nullable=False),
        sa.ForeignKeyConstraint(["tenant"], ["tenants.id"], name=op.f("fk_shipments_tenants")),
        sa.PrimaryKeyConstraint("tenant", "order_nbr", "generation", name=op.f("pk_shipments")),
        sa.UniqueConstraint("tenant", "reference", name=op.f("uq_shipments_tenant_reference")),
    )
    op.create_index("ix_shipments_master_tracking", "shipments", ["tenant", "master_tracking"])
    op.create_index(
        "ix_shipments_watched",
        "shipments",
        ["tenant", "check_at"],
        **_where("state = 'orphan_watch'"),
    )
    op.create_table(
        "parcels",
        sa.Column("tenant", sa.String(64), nullable=False),
        sa.Column("order_nbr", sa.String(), nullable=False),
        sa.Column("generation", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("tracking_number", sa.String(), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("shipped_on", sa.Date(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("unique_id", sa.String(), nullable=False),
        sa.Column("first_scan_at", _instant(), nullable=True),
        sa.Column("delivered_at", _instant(), nullable=True),
        sa.Column("scans", sa.Text(), nullable=False),
        sa.Column("last_hash", sa.String(), nullable=False),
        sa.Column("next_poll_at", _instant(), nullable=False),
        sa.Column("claimed_until", _instant(), nullable=True),
        sa.Column("finished_at", _instant(), nullable=True),
        sa.Column("created_at", _instant(), nullable=False),
        sa.Column("updated_at", _instant(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant", "order_nbr", "generation"],
            ["shipments.tenant", "shipments.order_nbr", "shipments.generation"],
            name=op.f("fk_parcels_shipments"),
        ),
        sa.PrimaryKeyConstraint(
            "tenant", "order_nbr", "generation", "tracking_number", name=op.f("pk_parcels")
        ),
    )
    op.create_index(
        "ix_parcels_due", "parcels", ["tenant", "next_poll_at"], **_where("finished_at IS NULL")
    )
    op.create_index("ix_parcels_number", "parcels", ["tenant", "tracking_number"])
    op.create_index(
        "uq_parcels_live",
        "parcels",
        ["tenant", "tracking_number"],
        unique=True,
        **_where("finished_at IS NULL"),
    )
    op.create_table(
        "blobs",
        sa.Column("tenant", sa.String(64), nullable=False),
        sa.Column("sha", sa.String(), nullable=False),
        sa.Column("media", sa.String(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("content_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", _instant(), nullable=False),
        sa.ForeignKeyConstraint(["tenant"], ["tenants.id"], name=op.f("fk_blobs_tenants")),
        sa.PrimaryKeyConstraint("tenant", "sha", name=op.f("pk_blobs")),
    )


def _freight() -> None:
    op.create_table(
        "journals",
        sa.Column("tenant", sa.String(64), nullable=False),
        sa.Column("reference", sa.String(), nullable=False),
        sa.Column("kind", _state("kind", "post", "reversal"), nullable=False),
        sa.Column("order_nbr", sa.String(), nullable=False),
        sa.Column("generation", sa.BigInteger(), nullable=False),
        sa.Column("occurrence", sa.BigInteger(), nullable=False),
        sa.Column(
            "state", _state("state", "draft", "created", "released", "reversed"), nullable=False
        ),
        sa.Column("batch", sa.String(), nullable=True),
        sa.Column("amount", sa.String(40), nullable=False),
        sa.Column("currency", sa.String(), nullable=False),
        sa.Column("posting_date", sa.Date(), nullable=False),
        sa.Column("period", sa.String(), nullable=False),
        sa.Column("exchange_rate", sa.String(40), nullable=True),
        sa.Column("lines", sa.Text(), nullable=False),
        sa.Column("basis", sa.String(), nullable=False),
        sa.Column("weights", sa.Text(), nullable=False),
        sa.Column("rule_version", sa.BigInteger(), nullable=False),
        sa.Column("cost_source", sa.String(), nullable=False),
        sa.Column("rate_type", sa.String(), nullable=False),
        sa.Column("created_at", _instant(), nullable=False),
        sa.Column("updated_at", _instant(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant", "order_nbr", "generation"],
            ["shipments.tenant", "shipments.order_nbr", "shipments.generation"],
            name=op.f("fk_journals_shipments"),
        ),
        sa.PrimaryKeyConstraint("tenant", "reference", name=op.f("pk_journals")),
        sa.UniqueConstraint(
            "tenant",
            "order_nbr",
            "generation",
            "kind",
            "occurrence",
            name=op.f("uq_journals_tenant_order_nbr_generation_kind_occurrence"),
        ),
    )
    op.create_index("ix_journals_batch", "journals", ["tenant", "batch"])
    op.create_index("ix_journals_period", "journals", ["tenant", "period"])
    op.create_table(
        "quotes",
        sa.Column("tenant", sa.String(64), nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("order_nbr", sa.String(), nullable=True),
        sa.Column("request_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("offers_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", _instant(), nullable=False),
        sa.ForeignKeyConstraint(["tenant"], ["tenants.id"], name=op.f("fk_quotes_tenants")),
        sa.PrimaryKeyConstraint("tenant", "id", name=op.f("pk_quotes")),
    )
    op.create_index("ix_quotes_order", "quotes", ["tenant", "order_nbr", "created_at"])
