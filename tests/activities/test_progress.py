"""Progress goes to every document that takes it, and no other document suffers from one."""

import pytest

from ml_connector.domain.tracking import ParcelState
from ml_connector.store.orders import OrderRow
from ml_connector.visma.errors import VismaOutcomeUnknown
from tests.activities.workbench import Workbench, some
from tests.stage import company_of

NUMBER, STATUS = "customStr1", "customStr2"
DELIVERED = "Delivered"


async def row_of(bench: Workbench, tenant: str, number: str) -> OrderRow:
    return some(await bench.row(tenant, number))


async def test_a_closed_order_refuses_and_its_receipt_takes_it(bench: Workbench) -> None:
    await bench.add_tenant("closed")
    number = bench.place("closed")
    await bench.ship("closed", number)
    await bench.write("closed", number)
    books = bench.books("closed")
    assert books.orders[number].custom[NUMBER] == f"79{number}"

    bench.sandbox.visma.switches.closed_orders_locked = True
    receipt = await bench.receive("closed", number)
    bench.change("closed", number, status="Closed")
    await bench.step("discover_orders", "closed")
    await bench.step("discover_receipts", "closed")
    await bench.progress("closed", number, ParcelState.DELIVERED)
    await bench.step("flush_progress", "closed")
    assert books.receipts[receipt].custom[STATUS] == DELIVERED
    assert books.orders[number].custom[STATUS] != DELIVERED
    assert "document_refuses_writes" in await bench.findings("closed", number)
    refused = await row_of(bench, "closed", number)
    assert refused.progress_written == refused.progress_version, "it is not tried all the time"

    bench.change("closed", number, status="Open")
    await bench.step("discover_orders", "closed")
    await bench.step("flush_progress", "closed")
    assert books.orders[number].custom[STATUS] == DELIVERED
    assert "document_refuses_writes" not in await bench.findings("closed", number)


async def test_an_order_that_cannot_be_written_keeps_no_other_from_it(bench: Workbench) -> None:
    await bench.add_tenant("broken")
    broken, healthy = bench.place("broken"), bench.place("broken")
    for number in (broken, healthy):
        await bench.ship("broken", number)
    fault = {
        "id": "broken",
        "match": {"method": "PUT", "path": f"/purchaseorder/{broken}"},
        "action": {"kind": "status", "status": 500},
    }
    await bench.visma("POST", "faults", **fault)
    for number in (broken, healthy):
        await bench.progress("broken", number, ParcelState.IN_TRANSIT)
    with pytest.raises(VismaOutcomeUnknown):
        await bench.step("flush_progress", "broken")
    books = bench.books("broken")
    assert books.orders[healthy].custom[NUMBER] == f"79{healthy}"
    assert NUMBER not in books.orders[broken].custom
    puts = bench.sandbox.visma.calls[company_of("broken")][
        "PUT /v1/purchaseorder/{purchaseOrderNumber}"
    ]
    assert puts[204] == 1

    await bench.visma("DELETE", "faults/broken")
    assert await bench.step("flush_progress", "broken") == 1
    assert books.orders[broken].custom[NUMBER] == f"79{broken}"


async def test_a_version_that_visma_always_refuses_asks_for_a_person(bench: Workbench) -> None:
    await bench.add_tenant("stale")
    number = bench.place("stale")
    await bench.ship("stale", number)
    fault = {
        "id": "stale",
        "match": {"method": "PUT", "path": f"/purchaseorder/{number}"},
        "action": {"kind": "status", "status": 412},
    }
    await bench.visma("POST", "faults", **fault)
    assert await bench.step("flush_progress", "stale") == 0, "its workflow writes the first number"
    assert (await row_of(bench, "stale", number)).attention is None
    assert await bench.write("stale", number) == 0
    parked = await row_of(bench, "stale", number)
    assert (parked.attention, parked.stage) == ("order_always_stale", "label_created")
    assert parked.progress_written < parked.progress_version

    await bench.visma("DELETE", "faults/stale")
    await bench.progress("stale", number, ParcelState.IN_TRANSIT)
    assert await bench.step("flush_progress", "stale") == 1
    assert (await row_of(bench, "stale", number)).attention is None
    assert "order_always_stale" not in await bench.findings("stale", number)
