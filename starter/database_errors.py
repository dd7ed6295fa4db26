"""What a command says when the database cannot do what was asked.

Asked by `starter.errors`, and only after an exception of the store, SQLAlchemy or Alembic:
importing those takes longer than most commands need.
"""

from alembic.util.exc import CommandError as MigrationError
from sqlalchemy.exc import InterfaceError, OperationalError, SQLAlchemyError

from ml_connector.store.errors import UnknownTenant, UnsupportedDatabase
from ml_connector.store.rotation import MasterKeyInUse
from starter.errors import CommandError, OtherSideUnavailable, Refused, WrongUsage


def explain(error: Exception) -> CommandError | None:
    """The message for an exception that we know, or None."""
    match error:
        case MasterKeyInUse():
            return Refused(
                str(error),
                why="A process that does not know the new key has sealed something meanwhile",
                remedy="Run the command again; if it stays so, restart the workers first",
                code="key_in_use",
            )
        case UnknownTenant():
            return Refused(str(error), code="unknown_tenant")
        case UnsupportedDatabase():
            return WrongUsage(str(error), code="database_url")
        case MigrationError():
            return Refused(
                "The database was made by a newer version of this program",
                remedy="Install that version, or restore the backup from before the update",
                code="database_newer",
            )
        case SQLAlchemyError():
            return _database(error)
    # The store's others say that rows contradict each other or that code holds it wrongly.
    return None


def _database(error: SQLAlchemyError) -> CommandError | None:
    if not isinstance(error, OperationalError | InterfaceError):
        return None
    # Only what the driver says: SQLAlchemy's own text would quote the statement.
    reason = str(error.orig).strip().partition("\n")[0]
    if reason.startswith(_SQLITE_DEFECTS):
        return None
    return OtherSideUnavailable(
        "The database does not answer",
        why=reason,
        remedy="Check ML_CONNECTOR_DATABASE_URL, and that the database runs and has room",
        code="database_unavailable",
    )


_SQLITE_DEFECTS = ("no such ", "near ")
"""SQLite calls a wrong statement an operational error too, and that is nobody's outage."""
