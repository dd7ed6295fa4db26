"""What is asked often is answered from an index: a full scan would grow with the years."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import event

from ml_connector.security.keys import MasterKey, MasterKeys
from ml_connector.store import Store, TenantView
from tests.unit.store.conftest import SqliteBackend

NOW = datetime(2026, 11, 22, tzinfo=UTC)
_ASKED: dict[str, tuple[Callable[[TenantView], Awaitable[Any]], str]] = {
    "due parcels": (lambda v: v.parcels.due(NOW, 30), "ix_parcels_due"),
    "pending progress": (lambda v: v.orders.pending_progress(9), "ix_orders_behind"),
    "pending signals": (lambda v: v.orders.pending_signals(9), "ix_orders_unsignalled"),
    "orders that start": (lambda v: v.orders.starting(NOW), "ix_orders_starting"),
    "parked orders": (lambda v: v.orders.list(parked=True), "ix_orders_attention"),
    "orders of a stage": (lambda v: v.orders.list(stages=["shipping"]), "ix_orders_stage"),
    "unfinished operations": (lambda v: v.operations.unfinished(), "ix_operations_unfinished"),
    "operations of an order": (lambda v: v.operations.history("PO1"), "ix_operations_order"),
    "orphans due": (lambda v: v.shipments.orphans_due(NOW), "ix_shipments_watched"),
    "parcels by number": (lambda v: v.parcels.get("794"), "ix_parcels_number"),
    "journals by batch": (lambda v: v.journals.by_batch("GL1"), "ix_journals_batch"),
    "journals by period": (lambda v: v.journals.list("202611"), "ix_journals_period"),
    "receipts of an order": (lambda v: v.receipts.for_order("PO1"), "ix_receipt_orders_order"),
    "events of an order": (lambda v: v.audit.show(order="PO1"), "ix_audit_events_order"),
    "open findings": (lambda v: v.findings.open("PO1"), "uq_findings_open"),
}


@pytest.mark.parametrize("asked", _ASKED)
async def test_a_question_has_its_index(sqlite_backend: SqliteBackend, asked: str) -> None:
    ask, index = _ASKED[asked]
    store = await Store.open(await sqlite_backend.migrated(), MasterKeys([MasterKey.generate()]))
    plans: list[str] = []

    def explain(_c: Any, cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        if statement.startswith("SELECT") and not plans:
            cursor.execute(f"EXPLAIN QUERY PLAN {statement}", parameters)
            plans.append(" ".join(row[3] for row in cursor.fetchall()))

    try:
        await store.tenants.add("nordic", name="", config="{}", secrets={})
        async with store.write("nordic") as view:
            connection = view.orders._scope.connection
            engine = await connection.run_sync(lambda inner: inner.engine)
            event.listen(engine, "before_cursor_execute", explain)
            await ask(view)
            event.remove(engine, "before_cursor_execute", explain)
    finally:
        await store.close()
    assert index in plans[0], plans[0]
