"""Transactions: all or nothing, one writer at a time, readers that cannot write."""

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy.exc import DBAPIError

from ml_connector.security.keys import MasterKeys
from ml_connector.store import NestedWrite, Store, UnknownTenant
from tests.unit.store.conftest import SqliteBackend


async def test_a_clean_exit_commits(store: Store) -> None:
    async with store.write("nordic") as view:
        await view.orders.save("PO1", stage="shipping")
    async with store.read("nordic") as view:
        order = await view.orders.get("PO1")
    assert order is not None
    assert order.stage == "shipping"


async def test_any_exception_rolls_everything_back(store: Store) -> None:
    with pytest.raises(RuntimeError, match="half way"):
        async with store.write("nordic") as view:
            await view.orders.save("PO1", stage="shipping")
            view.audit.append("order:shipping", actor="test", order="PO1")
            raise RuntimeError("half way")
    async with store.read("nordic") as view:
        assert await view.orders.get("PO1") is None
        assert await view.audit.show() == ()


async def test_a_cancelled_task_rolls_back_and_lets_others_in(store: Store) -> None:
    inside = asyncio.Event()

    async def stuck() -> None:
        async with store.write("nordic") as view:
            await view.orders.save("PO1", stage="shipping")
            inside.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(stuck())
    await inside.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    async with store.write("nordic") as view:
        assert await view.orders.get("PO1") is None
        await view.orders.save("PO1", stage="discovered")


async def test_a_writer_waits_for_another_process_and_holds_up_nobody(
    sqlite_backend: SqliteBackend, keys: MasterKeys
) -> None:
    url = await sqlite_backend.migrated()
    store = await Store.open(url, keys)

    async def save() -> None:
        async with store.write("nordic") as view:
            await view.orders.save("PO1", stage="shipping")

    try:
        await store.tenants.add("nordic", name="", config="{}", secrets={})
        with closing(sqlite3.connect(Path(url.removeprefix("sqlite:///")))) as other:
            other.execute("BEGIN IMMEDIATE")
            saving = asyncio.create_task(save())
            for _ in range(3):
                async with store.read("nordic") as view:
                    assert await view.orders.get("PO1") is None
            assert not saving.done()
            other.rollback()
        await saving
        async with store.read("nordic") as view:
            assert await view.orders.get("PO1") is not None
    finally:
        await store.close()


async def test_a_reading_view_cannot_write(store: Store) -> None:
    with pytest.raises(DBAPIError, match=r"(?i)read.?only"):
        async with store.read("nordic") as view:
            await view.orders.save("PO1", stage="shipping")
    async with store.write("nordic") as view:
        await view.orders.save("PO1", stage="shipping")


async def test_a_reading_view_sees_one_state(store: Store) -> None:
    async with store.read("nordic") as before:
        assert await before.orders.get("PO1") is None
        async with store.write("nordic") as view:
            await view.orders.save("PO1", stage="shipping")
        assert await before.orders.get("PO1") is None


async def test_a_write_inside_a_write_is_refused_at_once(store: Store) -> None:
    async with store.write("nordic") as view:
        await view.orders.save("PO1", stage="shipping")
        with pytest.raises(NestedWrite):
            async with store.write("sur"):
                pytest.fail("the inner transaction opened")
    async with store.write("sur"):
        pass


async def test_an_unknown_tenant_is_refused(store: Store) -> None:
    for opened in (store.read("nobody"), store.write("nobody")):
        with pytest.raises(UnknownTenant, match="nobody"):
            async with opened:
                pytest.fail("the view opened")


async def test_no_update_is_lost_among_many_tasks(store: Store) -> None:
    async with store.write("nordic") as view:
        await view.orders.save("PO1")

    async def news() -> None:
        async with store.write("nordic") as view:
            await view.orders.progressed("PO1")

    await asyncio.gather(*(news() for _ in range(30)))
    async with store.read("nordic") as view:
        order = await view.orders.get("PO1")
    assert order is not None
    assert order.progress_version == 30


async def test_errors_do_not_show_parameters(store: Store) -> None:
    with pytest.raises(DBAPIError) as failure:
        async with store.write("nordic") as view:
            await view.cursors.set("orders", "x")
            await view.cursors.set("orders", b"s3cret")  # type: ignore[arg-type]
            await view.cursors.set("orders", None)  # type: ignore[arg-type]
    assert "s3cret" not in str(failure.value)
    assert "hide_parameters" in str(failure.value)
