"""Payload keys of older master keys."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    instant = sa.String(27).with_variant(postgresql.TIMESTAMP(timezone=True), "postgresql")
    op.create_table(
        "payload_keys",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("key_id", sa.String(), nullable=False),
        sa.Column("value_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", instant, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_payload_keys")),
    )


def downgrade() -> None:
    """Without these keys older histories could not be read."""
    raise RuntimeError("Kept payload keys are not thrown away.")
