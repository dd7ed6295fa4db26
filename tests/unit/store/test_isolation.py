"""Tenants are apart: no view returns, changes or counts another tenant's rows."""

import ast
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import ml_connector.store
from ml_connector.domain.findings import Finding
from ml_connector.domain.tracking import ParcelState, ParcelStatus
from ml_connector.store import (
    JournalState,
    OperationState,
    ShipmentState,
    Store,
    TenantView,
    UnknownRecord,
)
from ml_connector.store.repository import Repository
from ml_connector.store.tables import metadata
from tests.unit.store.conftest import FakeClock
from tests.unit.store.raw import query, run
from tests.unit.store.samples import add_shipment, call_window, journal, new_parcel

HOUR = timedelta(hours=1)


async def _fill(view: TenantView, clock: FakeClock) -> None:
    """One of everything, under names that both tenants use."""
    key = f"{view.tenant}/PO1/ship/1"
    await view.secrets.set({"name": view.tenant})
    await view.orders.save("PO1", stage="needs_attention", attention="x", master_tracking="794")
    await view.orders.progressed("PO1", first_scan_at=clock.now, journal_batch="GL1", generation=1)
    await view.orders.save("PO2", stage="discovered")
    await view.operations.begin(
        key, step="ship", order="PO1", generation=1, request_digest=view.tenant
    )
    await add_shipment(view)
    await view.shipments.set_state(
        "PO1", 1, ShipmentState.ORPHAN_WATCH, check_at=clock.now, master_tracking="794"
    )
    await view.parcels.add([new_parcel("794", clock.now)])
    await view.journals.add(journal("PO1-1"))
    await view.journals.set_state("PO1-1", JournalState.CREATED, batch="GL1")
    await view.receipts.save("R1", orders=["PO1"], status=view.tenant)
    await view.cursors.set("orders", view.tenant)
    await view.findings.add("PO1", Finding(code="c", message=view.tenant, remedy="r"))
    await view.quotes.add("PO1", {"tenant": view.tenant}, [])
    await view.blobs.put(b"label", "PDF")
    await view.calls.keep(call_window(clock.now))
    view.audit.append("order:seen", actor=view.tenant, order="PO1")


def _reads(clock: FakeClock) -> dict[str, Callable[[TenantView], Awaitable[Any]]]:
    """Every question a view answers. An empty view has no answer to any of them."""
    return {
        "secrets.get": lambda v: _or_none(v.secrets.get("name")),
        "orders.get": lambda v: v.orders.get("PO1"),
        "orders.list": lambda v: v.orders.list(),
        "orders.by_tracking": lambda v: v.orders.by_tracking("794"),
        "orders.by_batch": lambda v: v.orders.by_batch("GL1"),
        "orders.counts": lambda v: v.orders.counts(),
        "orders.pending_progress": lambda v: v.orders.pending_progress(9),
        "orders.pending_signals": lambda v: v.orders.pending_signals(9),
        "orders.starting": lambda v: v.orders.starting(clock.now - HOUR),
        "orders.parked": lambda v: v.orders.parked(),
        "orders.to_recheck": lambda v: v.orders.to_recheck(clock.now + HOUR, 9),
        "operations.get": lambda v: v.operations.get("nordic/PO1/ship/1"),
        "operations.unfinished": lambda v: v.operations.unfinished(),
        "operations.history": lambda v: v.operations.history("PO1"),
        "shipments.get": lambda v: v.shipments.get("PO1", 1),
        "shipments.current": lambda v: v.shipments.current("PO1"),
        "shipments.list": lambda v: v.shipments.list("PO1"),
        "shipments.by_reference": lambda v: v.shipments.by_reference("PO1-nordic-1"),
        "shipments.by_tracking": lambda v: v.shipments.by_tracking("794"),
        "shipments.orphans_due": lambda v: v.shipments.orphans_due(clock.now + HOUR),
        "parcels.get": lambda v: v.parcels.get("794"),
        "parcels.by_order": lambda v: v.parcels.by_order("PO1"),
        "parcels.due": lambda v: v.parcels.due(clock.now + HOUR, 9),
        "parcels.scans": lambda v: v.parcels.scans("794"),
        "parcels.counts": lambda v: v.parcels.counts(),
        "journals.get": lambda v: v.journals.get("PO1-1"),
        "journals.known": lambda v: v.journals.known(["PO1-1"]),
        "journals.list": lambda v: v.journals.list(),
        "journals.by_batch": lambda v: v.journals.by_batch("GL1"),
        "journals.by_order": lambda v: v.journals.by_order("PO1"),
        "receipts.get": lambda v: v.receipts.get("R1"),
        "receipts.for_order": lambda v: v.receipts.for_order("PO1"),
        "cursors.get": lambda v: v.cursors.get("orders"),
        "findings.open": lambda v: v.findings.open(),
        "findings.history": lambda v: v.findings.history("PO1"),
        "quotes.list": lambda v: v.quotes.list(),
        "calls.get": lambda v: v.calls.get(),
        "audit.show": lambda v: v.audit.show(),
        "audit.body": lambda v: v.audit.body(1),
        "audit.verify": lambda v: v.audit.verify(),
    }


# Neither answers with rows alone: the tenant's own secret names and head exist from the start,
# and a document is asked for by a name that no other tenant can compute.
_ASKED_ELSEWHERE = {"secrets.names", "audit.head", "audit.export", "blobs.get"}
_WRITES = {"add", "save", "set", "put", "begin", "append", "flush", "update", "replace"} | {
    "progressed",
    "mark_progress_written",
    "mark_signalled",
    "mark_sent",
    "mark_unknown",
    "annotate",
    "succeed",
    "reject",
    "back_to_intended",
    "set_state",
    "record",
    "postpone",
    "release",
    "ask_again",
    "finish",
    "resolve",
    "resolve_all",
    "keep",
    "purge_bodies",
}


async def _or_none(asked: Awaitable[Any]) -> Any:
    try:
        return await asked
    except UnknownRecord:
        return None


def test_every_question_is_asked(clock: FakeClock) -> None:
    """A new reading method must be put to the test below."""
    asked = set(_reads(clock)) | _ASKED_ELSEWHERE
    for name in TenantView.__slots__:
        if name in ("tenant", "undo"):
            continue
        for method in _methods(name):
            assert method in _WRITES or f"{name}.{method}" in asked, f"{name}.{method}"


def _methods(attribute: str) -> set[str]:
    by_name = {
        "secrets": "Secrets",
        "orders": "Orders",
        "operations": "Operations",
        "shipments": "Shipments",
        "parcels": "Parcels",
        "journals": "Journals",
        "receipts": "Receipts",
        "cursors": "Cursors",
        "findings": "Findings",
        "quotes": "Quotes",
        "blobs": "Blobs",
        "audit": "AuditTrail",
        "calls": "Calls",
    }
    classes = {cls.__name__: cls for cls in Repository.__subclasses__()}
    assert set(by_name.values()) == set(classes)
    return {name for name in vars(classes[by_name[attribute]]) if not name.startswith("_")}


async def test_an_empty_tenant_sees_nothing_of_a_full_one(store: Store, clock: FakeClock) -> None:
    async with store.write("nordic") as view:
        await _fill(view, clock)
    for name, ask in _reads(clock).items():
        async with store.write("sur") as view:
            assert not await ask(view), name
        if name in ("audit.verify", "audit.body", "parcels.scans"):
            continue
        async with store.write("nordic") as view:
            assert await ask(view), f"{name} answers nothing at all"


async def test_writes_of_one_tenant_leave_the_other_alone(
    store: Store, url: str, clock: FakeClock
) -> None:
    for tenant in ("nordic", "sur"):
        async with store.write(tenant) as view:
            await _fill(view, clock)
    before = await _rows(url, "nordic")
    delivered = ParcelStatus(
        state=ParcelState.DELIVERED,
        code="DL",
        description="",
        first_scan=clock.now,
        delivered_at=clock.now,
    )
    async with store.write("sur") as view:
        await view.secrets.replace({"only": "this"})
        await view.orders.save("PO1", stage="completed", attention=None)
        await view.orders.mark_progress_written("PO1", 9)
        await view.orders.mark_signalled("PO1", 1)
        await view.operations.mark_sent("sur/PO1/ship/1", clock.now)
        await view.operations.annotate("sur/PO1/ship/1", "noted")
        await view.shipments.set_state("PO1", 1, ShipmentState.CANCELLED)
        await view.parcels.due(clock.now + HOUR, 9)
        await view.parcels.record(
            "794", delivered, unique_id="u", scans=[], last_hash="h", next_poll_at=clock.now
        )
        await view.parcels.postpone(["794"], clock.now + HOUR)
        await view.parcels.release(["794"])
        await view.parcels.finish("794")
        await view.parcels.ask_again("PO1", 1, clock.now)
        await view.journals.set_state("PO1-1", JournalState.REVERSED)
        await view.receipts.save("R1", orders=[], status="gone")
        await view.cursors.set("orders", "moved")
        await view.findings.resolve_all("PO1")
        await view.calls.keep(call_window(clock.now + HOUR))
        await view.audit.purge_bodies(clock.now)
    assert await _rows(url, "nordic") == before
    async with store.read("sur") as view:
        operation = await view.operations.get("sur/PO1/ship/1")
    assert operation is not None
    assert operation.state is OperationState.SENT


async def _rows(url: str, tenant: str) -> dict[str, list[Any]]:
    return {
        table: sorted(
            map(repr, await query(url, f"SELECT * FROM {table} WHERE tenant = :t", t=tenant))
        )
        for table, columns in metadata.tables.items()
        if "tenant" in columns.columns
    }


_ORDERS = st.dictionaries(
    st.sampled_from(["PO1", "PO2", "PO3"]),
    st.sampled_from(["discovered", "shipping", "needs_attention"]),
)


@given(orders=st.fixed_dictionaries({"nordic": _ORDERS, "sur": _ORDERS}))
@settings(
    max_examples=20,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
async def test_whatever_tenants_store_each_gets_back_its_own(
    store: Store, url: str, orders: dict[str, dict[str, str]]
) -> None:
    await run(url, "DELETE FROM orders")
    for tenant, stages in orders.items():
        async with store.write(tenant) as view:
            for order, stage in stages.items():
                await view.orders.save(order, stage=stage)
    for tenant, stages in orders.items():
        async with store.read(tenant) as view:
            assert {row.order: row.stage for row in await view.orders.list()} == stages
            for stage in ("discovered", "shipping", "needs_attention"):
                listed = {row.order for row in await view.orders.list(stages=[stage])}
                assert listed == {order for order, its in stages.items() if its == stage}


@pytest.mark.parametrize("table", ["orders", "operations", "parcels", "blobs"])
async def test_a_row_cannot_be_given_to_nobody(
    store: Store, url: str, clock: FakeClock, table: str
) -> None:
    async with store.write("nordic") as view:
        await _fill(view, clock)
    with pytest.raises(Exception, match=r"(?i)foreign key"):
        await run(url, f"UPDATE {table} SET tenant = 'nobody'")


_STORE = Path(ml_connector.store.__file__).parent
_ACROSS_TENANTS = {
    "scope.py",
    "statements.py",
    "tenants.py",
    "coordination.py",
    "payload_keys.py",
    "columns.py",
    "schema.py",
}


@pytest.mark.parametrize(
    "module",
    sorted(path for path in _STORE.glob("*.py") if path.name not in _ACROSS_TENANTS),
    ids=lambda path: path.name,
)
def test_repositories_take_their_statements_from_the_scope(module: Path) -> None:
    """Who imports SELECT, INSERT, UPDATE or DELETE could forget the tenant."""
    imported = {
        alias.name
        for node in ast.walk(ast.parse(module.read_text(encoding="utf-8")))
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("sqlalchemy")
        for alias in node.names
    }
    assert not imported & {"select", "insert", "update", "delete", "text", "exists", "union"}
