"""The database itself refuses changes to the audit trail."""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

# SQLite has neither functions nor TRUNCATE; PostgreSQL has no trigger bodies. Hence two lists.
_SQLITE_TRIGGERS = (
    """
    CREATE TRIGGER audit_events_no_update BEFORE UPDATE ON audit_events
    BEGIN SELECT RAISE(ABORT, 'audit events are never changed'); END
    """,
    """
    CREATE TRIGGER audit_events_no_delete BEFORE DELETE ON audit_events
    BEGIN SELECT RAISE(ABORT, 'audit events are never removed'); END
    """,
    """
    CREATE TRIGGER audit_bodies_no_update BEFORE UPDATE ON audit_bodies
    BEGIN SELECT RAISE(ABORT, 'audit bodies are never changed'); END
    """,
    """
    CREATE TRIGGER audit_bodies_expiry BEFORE DELETE ON audit_bodies
    WHEN OLD.expires_at > strftime('%Y-%m-%dT%H:%M:%fZ', 'now')
    BEGIN SELECT RAISE(ABORT, 'audit bodies are kept until they expire'); END
    """,
    """
    CREATE TRIGGER audit_heads_forward BEFORE UPDATE ON audit_heads
    WHEN NEW.tenant <> OLD.tenant OR NEW.seq <= OLD.seq
    BEGIN SELECT RAISE(ABORT, 'audit heads only move forward'); END
    """,
    """
    CREATE TRIGGER audit_heads_no_delete BEFORE DELETE ON audit_heads
    BEGIN SELECT RAISE(ABORT, 'audit heads are never removed'); END
    """,
    # INSERT OR REPLACE removes the row in its way without asking the triggers on DELETE.
    *(
        f"""
        CREATE TRIGGER {table}_no_replace BEFORE INSERT ON {table}
        WHEN EXISTS (SELECT 1 FROM {table} WHERE {key})
        BEGIN SELECT RAISE(ABORT, 'audit rows are never replaced'); END
        """  # noqa: S608 - our own names
        for table, key in (
            ("audit_events", "tenant = NEW.tenant AND seq = NEW.seq"),
            ("audit_bodies", "tenant = NEW.tenant AND seq = NEW.seq"),
            ("audit_heads", "tenant = NEW.tenant"),
        )
    ),
)
_POSTGRESQL_TRIGGERS = (
    """
    CREATE FUNCTION audit_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN RAISE EXCEPTION USING MESSAGE = TG_TABLE_NAME || ' is append-only'; END $$
    """,
    """
    CREATE TRIGGER audit_events_no_change BEFORE UPDATE OR DELETE ON audit_events
    FOR EACH ROW EXECUTE FUNCTION audit_refuse()
    """,
    """
    CREATE TRIGGER audit_bodies_no_update BEFORE UPDATE ON audit_bodies
    FOR EACH ROW EXECUTE FUNCTION audit_refuse()
    """,
    """
    CREATE TRIGGER audit_bodies_expiry BEFORE DELETE ON audit_bodies
    FOR EACH ROW WHEN (OLD.expires_at > CURRENT_TIMESTAMP) EXECUTE FUNCTION audit_refuse()
    """,
    """
    CREATE TRIGGER audit_heads_forward BEFORE UPDATE ON audit_heads
    FOR EACH ROW WHEN (NEW.tenant <> OLD.tenant OR NEW.seq <= OLD.seq)
    EXECUTE FUNCTION audit_refuse()
    """,
    """
    CREATE TRIGGER audit_heads_no_delete BEFORE DELETE ON audit_heads
    FOR EACH ROW EXECUTE FUNCTION audit_refuse()
    """,
    *(
        f"""
        CREATE TRIGGER {table}_no_truncate BEFORE TRUNCATE ON {table}
        FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse()
        """
        for table in ("audit_events", "audit_bodies", "audit_heads")
    ),
)


def upgrade() -> None:
    connection = op.get_bind()
    sqlite = connection.dialect.name == "sqlite"
    for trigger in _SQLITE_TRIGGERS if sqlite else _POSTGRESQL_TRIGGERS:
        connection.exec_driver_sql(trigger)


def downgrade() -> None:
    """An audit trail stays protected."""
    raise RuntimeError("The audit trail's protection cannot be taken back.")
