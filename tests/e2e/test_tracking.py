"""The sweep: thirty numbers a call, and what each scan means for the order."""

from datetime import UTC, datetime, timedelta

from ml_connector.domain.tenant import FieldMap
from tests.parcels import new_parcels
from tests.stage import Stage

NUMBERS = 930
"""More than one round of the sweep asks for."""
BUNDLE = 30
STATUS = FieldMap().tracking_status


async def labelled(stage: Stage, tenant: str) -> tuple[str, str]:
    """An order with a label: its number and its parcel's."""
    number = await stage.order(tenant)
    await stage.discover(tenant)
    row = await stage.at(tenant, number, "label_created")
    await stage.idle(tenant, number)
    assert row.master_tracking is not None
    return number, row.master_tracking


async def scanned(stage: Stage, tenant: str, parcel: str, code: str, exception: str = "") -> None:
    """FedEx scans a parcel, and the sweep sees it."""
    stage.travel(timedelta(hours=1))
    scan = {"tracking_number": parcel, "code": code, "exception": exception}
    await stage.fedex("POST", "scans", **scan)
    await stage.sweep(tenant)


async def status_in_visma(stage: Stage, tenant: str, number: str) -> str:
    return str((await stage.company(tenant))["orders"][number]["custom"].get(STATUS))


async def test_a_sweep_asks_for_thirty_numbers_a_call_and_never_for_finished_ones(
    stage: Stage,
) -> None:
    await stage.add_tenant("fleet")
    number, _ = await labelled(stage, "fleet")
    now = datetime.now(UTC)
    more = [f"9{at:011}" for at in range(1, NUMBERS)]
    async with stage.store.write("fleet") as view:
        await view.parcels.add(new_parcels(number, more, since=now, first=2))

    async def calls_of_a_sweep() -> int:
        before = stage.calls("fleet")
        await stage.sweep("fleet")
        return (stage.calls("fleet") - before)["fedex track.numbers"]

    assert await calls_of_a_sweep() == NUMBERS / BUNDLE
    async with stage.store.write("fleet") as view:
        for parcel in more:
            await view.parcels.finish(parcel)
    assert await calls_of_a_sweep() == 1
    assert (await stage.findings("fleet", number)) == {}, "unknown on its first day is not yet"


async def test_trouble_on_the_way_is_told_and_taken_back(stage: Stage) -> None:
    await stage.add_tenant("trouble", polling={"not_found_grace": "1ms"})
    await stage.fedex("PATCH", "modes", trackable_after="1h")
    number, parcel = await labelled(stage, "trouble")
    await stage.fedex("POST", "reused-numbers", tracking_number=parcel)
    await stage.sweep("trouble")
    assert (await stage.findings("trouble", number)).keys() == {"tracking_unavailable"}
    await stage.fedex("PATCH", "modes", trackable_after="0s")

    await scanned(stage, "trouble", parcel, "PU")
    row = await stage.at("trouble", number, "in_transit")
    assert row.delivered_at is None, "the parcel that had this number before was delivered"
    assert (await stage.findings("trouble", number)).keys() == set()

    await scanned(stage, "trouble", parcel, "DE", exception="03")
    assert (await stage.findings("trouble", number)).keys() == {"delivery_exception"}
    await scanned(stage, "trouble", parcel, "SE", exception="099")
    assert await status_in_visma(stage, "trouble", number) == "Exception (SE)"
    await scanned(stage, "trouble", parcel, "ZZ")
    assert (await stage.findings("trouble", number)).keys() == {"tracking_code_unknown"}
    await scanned(stage, "trouble", parcel, "AR")
    assert (await stage.findings("trouble", number)).keys() == set()
    assert await status_in_visma(stage, "trouble", number) == "In transit"


async def test_a_parcel_is_known_by_the_day_that_fedex_gave_it(stage: Stage) -> None:
    """A day of ours that has passed at FedEx becomes its today; number and day tell the parcel."""
    await stage.add_tenant("ahead")
    stage.travel(timedelta(days=60))
    number = await stage.order("ahead")
    await stage.discover("ahead")
    await stage.at("ahead", number, "label_created")
    await stage.deliver("ahead")
    row = await stage.finished("ahead", number)
    assert row.stage == "completed"
