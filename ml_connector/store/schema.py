"""Bringing a database to this version's tables, from an installed package, without files of config.

Migrations run in one transaction on both databases, one process at a time: several workers may
start at once.
"""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

_MIGRATIONS = Path(__file__).parent / "migrations"
_LOCK_ID = 0x6D6C_636F_6E6E
"""Any number will do, as long as nobody else locks it: "mlconn" in ASCII."""


def migrate(connection: Connection) -> None:
    """Upgrade to the newest revision, inside the caller's transaction."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:id)"), {"id": _LOCK_ID})
    command.upgrade(_config(connection), "head")


def is_current(connection: Connection) -> bool:
    """Is the database exactly at the revision that this program was written for?"""
    wanted = set(ScriptDirectory.from_config(_config(connection)).get_heads())
    return set(MigrationContext.configure(connection).get_current_heads()) == wanted


def _config(connection: Connection) -> Config:
    config = Config()
    # Alembic interpolates `%`, which may well be part of a directory's name.
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config
