"""The read model: partial changes, news that is not lost, and the questions sweeps ask."""

from datetime import timedelta
from decimal import Decimal

import pytest

from ml_connector.store import JournalState, Store, UnknownRecord
from tests.unit.store.conftest import FakeClock
from tests.unit.store.samples import add_shipment, journal, new_parcel


async def test_saving_sets_only_what_is_named(store: Store, clock: FakeClock) -> None:
    born = clock.now
    async with store.write("nordic") as view:
        first = await view.orders.save("PO1", stage="shipping", service="X", generation=1)
        clock.advance(timedelta(minutes=1))
        second = await view.orders.save("PO1", stage="label_created", cost_amount=Decimal("1.50"))
        third = await view.orders.save("PO1", service=None)
    assert (first.created_at, first.updated_at, first.attention) == (born, born, None)
    assert (second.stage, second.service, second.generation) == ("label_created", "X", 1)
    assert (second.created_at, second.updated_at) == (born, clock.now)
    assert (third.service, third.cost_amount) == (None, Decimal("1.50"))


async def test_a_new_order_has_plain_beginnings(store: Store) -> None:
    async with store.write("nordic") as view:
        order = await view.orders.save("PO1")
    assert (order.stage, order.generation, order.signal_pending) == ("discovered", 0, False)
    assert (order.progress_version, order.progress_written) == (0, 0)
    assert (order.written_fields, order.receipts) == ({}, [])


async def test_news_during_a_signal_keep_it_due(store: Store) -> None:
    async with store.write("nordic") as view:
        await view.orders.save("PO1")
        told = await view.orders.progressed("PO1", tracking_state="in_transit")
        newer = await view.orders.progressed("PO1", tracking_state="delivered")
        assert not await view.orders.mark_signalled("PO1", told.progress_version)
        assert [order.order for order in await view.orders.pending_signals(10)] == ["PO1"]
        assert await view.orders.mark_signalled("PO1", newer.progress_version)
        assert await view.orders.pending_signals(10) == ()


async def test_news_that_the_workflow_brought_are_not_signalled_back(store: Store) -> None:
    async with store.write("nordic") as view:
        await view.orders.save("PO1", generation=1)
        await view.orders.progressed("PO1", signal=False)
        assert await view.orders.pending_signals(10) == ()
        assert len(await view.orders.pending_progress(10)) == 1
        await view.orders.progressed("PO1")
        await view.orders.progressed("PO1", signal=False)
        assert len(await view.orders.pending_signals(10)) == 1


async def test_news_during_a_write_to_visma_stay_due(store: Store) -> None:
    async with store.write("nordic") as view:
        for order in ("PO1", "PO2"):
            await view.orders.save(order, generation=1)
        old = await view.orders.progressed("PO1")
        new = await view.orders.progressed("PO1")
        await view.orders.mark_progress_written("PO1", old.progress_version)
        assert [order.order for order in await view.orders.pending_progress(10)] == ["PO1"]
        await view.orders.mark_progress_written("PO1", new.progress_version)
        assert await view.orders.pending_progress(10) == ()
        # A slow writer that comes late takes nothing back.
        await view.orders.mark_progress_written("PO1", old.progress_version)
        assert await view.orders.pending_progress(10) == ()


async def test_visma_is_not_behind_on_an_order_that_has_not_shipped(store: Store) -> None:
    async with store.write("nordic") as view:
        for order in ("PO1", "PO2", "PO3"):
            await view.orders.save(order)
            await view.orders.progressed(order)
        assert await view.orders.pending_progress(10) == ()
        for order in ("PO2", "PO3"):
            await view.orders.progressed(order, generation=1)
        assert [row.order for row in await view.orders.pending_progress(1)] == ["PO2"]
        assert [row.order for row in await view.orders.pending_progress(9, "PO2")] == ["PO3"]


async def test_news_of_an_unknown_order_are_an_error(store: Store) -> None:
    with pytest.raises(UnknownRecord, match="PO404"):
        async with store.write("nordic") as view:
            await view.orders.progressed("PO404")


async def test_lists_and_filters(store: Store, clock: FakeClock) -> None:
    scan = clock.now
    async with store.write("nordic") as view:
        await view.orders.save("PO1", stage="in_transit", first_scan_at=scan)
        await view.orders.save("PO2", stage="needs_attention", attention="no_weight")
        await view.orders.save("PO3", stage="discovered", skip_reason="on_hold")
        await view.orders.save(
            "PO4",
            stage="completed",
            first_scan_at=scan + timedelta(days=1),
            journal_batch="GL1",
        )
        orders = view.orders

        async def numbers(**filters: object) -> list[str]:
            return [row.order for row in await orders.list(**filters)]  # type: ignore[arg-type]

        assert await numbers() == ["PO1", "PO2", "PO3", "PO4"]
        assert await numbers(stages=["in_transit", "completed"]) == ["PO1", "PO4"]
        assert await numbers(attention="no_weight") == ["PO2"]
        assert await numbers(attention="other") == []
        assert await numbers(parked=True) == ["PO2"]
        assert await numbers(parked=False) == ["PO1", "PO3", "PO4"]
        assert await numbers(skipped=True) == ["PO3"]
        assert await numbers(scanned_from=scan, scanned_before=scan + timedelta(days=1)) == ["PO1"]
        assert await numbers(scanned_from=scan + timedelta(seconds=1)) == ["PO4"]
        assert await numbers(posted=False, scanned_before=scan + timedelta(days=9)) == ["PO1"]
        assert await numbers(after="PO2", limit=1) == ["PO3"]
        assert await orders.counts() == {
            "in_transit": 1,
            "needs_attention": 1,
            "discovered": 1,
            "completed": 1,
        }


async def test_parked_and_skipped_orders_come_up_again_longest_ago_first(
    store: Store, clock: FakeClock
) -> None:
    now = clock.now
    async with store.write("nordic") as view:
        await view.orders.save("PO1", stage="needs_attention", checked_at=now - timedelta(hours=1))
        await view.orders.save("PO2", skip_reason="on_hold", checked_at=now - timedelta(hours=2))
        await view.orders.save("PO3", stage="needs_attention")
        await view.orders.save("PO4", stage="needs_attention", checked_at=now)
        await view.orders.save("PO5", stage="in_transit")
        due = await view.orders.to_recheck(now, 10)
        assert [order.order for order in due] == ["PO3", "PO2", "PO1"]
        assert len(await view.orders.to_recheck(now, 2)) == 2


async def test_an_order_is_found_by_any_number_on_it(store: Store, clock: FakeClock) -> None:
    async with store.write("nordic") as view:
        await view.orders.save("PO1", master_tracking="794")
        await view.orders.save("PO2", journal_batch="GL2")
        await add_shipment(view, "PO1")
        await view.parcels.add([new_parcel("795", clock.now, sequence=2)])
        await view.journals.add(journal())
        await view.journals.set_state("PO1-abc-1", JournalState.CREATED, batch="GL1")
        assert [order.order for order in await view.orders.by_tracking("794")] == ["PO1"]
        assert [order.order for order in await view.orders.by_tracking("795")] == ["PO1"]
        assert await view.orders.by_tracking("796") == ()
        assert [order.order for order in await view.orders.by_batch("GL1")] == ["PO1"]
        assert [order.order for order in await view.orders.by_batch("GL2")] == ["PO2"]
