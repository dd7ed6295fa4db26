"""What all tables share: naming, and the columns that bind a row to its tenant."""

from datetime import datetime
from decimal import Decimal

from sqlalchemy import BigInteger, MetaData, String
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from ml_connector.store.columns import ExactDecimal, UtcInstant

# Names that both databases agree on, so that migrations can name what they change.
_NAMES = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}


class Base(DeclarativeBase):
    """Root of the tables; Python types map to columns that lose nothing."""

    metadata = MetaData(naming_convention=_NAMES)
    type_annotation_map = {  # noqa: RUF012  read by SQLAlchemy from the class
        datetime: UtcInstant(),
        Decimal: ExactDecimal(),
        str: String(),
        int: BigInteger(),
    }


class Stamped:
    """When a row came to be, and when it last changed."""

    created_at: Mapped[datetime] = mapped_column(sort_order=1)
    updated_at: Mapped[datetime] = mapped_column(sort_order=1)


class OfTenant:
    """A row of exactly one tenant.

    The foreign key is declared by each table: through its parent row where it has one, so that
    the chain of keys ends at the tenant.
    """

    tenant: Mapped[str] = mapped_column(String(64), primary_key=True, sort_order=-1)
