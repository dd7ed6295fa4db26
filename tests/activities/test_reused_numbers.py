"""FedEx uses a number again: what an older parcel did is nothing that ours has done."""

from datetime import timedelta

from ml_connector.domain.tracking import ParcelState
from ml_connector.temporal.sweep_messages import SweepRequest
from tests.activities.buying import add_buyer, outcome
from tests.activities.workbench import Workbench, some


async def test_a_number_that_still_shows_its_older_parcel(bench: Workbench) -> None:
    await add_buyer(bench, "reused")
    number = bench.place("reused")
    await bench.discover("reused")
    ours = some((await outcome(bench, "reused", number)).shipment).tracking_number
    await bench.fedex("POST", "reused-numbers", tracking_number=ours)
    bench.sandbox.fedex.modes.trackable_after = timedelta(days=1)

    async def polled() -> bool:
        return bool((await bench.run("poll_tracking", SweepRequest(tenant="reused"))).polled)

    await bench.until(polled)
    row = some(await bench.row("reused", number))
    assert (row.tracking_state, row.delivered_at) == (ParcelState.LABEL_CREATED, None)
    assert await bench.findings("reused", number) == {}, "FedEx may take a day to know ours"

    bench.sandbox.fedex.modes.trackable_after = timedelta(0)

    async def known() -> bool:
        await polled()
        async with bench.store.read("reused") as view:
            [parcel] = await view.parcels.by_order(number, 1)
        return parcel.unique_id.partition("~")[2].startswith(ours)

    await bench.until(known)
    row = some(await bench.row("reused", number))
    assert (row.tracking_state, row.delivered_at) == (ParcelState.LABEL_CREATED, None)
