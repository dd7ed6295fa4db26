"""Alembic's entry: runs the migrations on the connection that `store.schema` hands over."""

from alembic import context

from ml_connector.store.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    # SQLite can roll back DDL too, once the transaction is ours (see `store.engine`).
    transactional_ddl=True,
)
with context.begin_transaction():
    context.run_migrations()
