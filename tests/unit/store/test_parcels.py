"""Parcels: claims that no two sweeps share, and scans that are only ever added to."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import chain

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml_connector.domain.tracking import ParcelState, ParcelStatus, Scan
from ml_connector.store import RecordConflict, ShipmentState, Store, UnknownRecord
from ml_connector.store.parcels import _merged
from tests.unit.store.conftest import FakeClock
from tests.unit.store.samples import add_shipment, new_parcel

PICKUP = Scan(
    at=datetime(2026, 11, 20, 9, 0, tzinfo=UTC), code="PU", description="Picked up", place="Oslo NO"
)
DELIVERY = Scan(at=datetime(2026, 11, 22, 9, 0, tzinfo=UTC), code="DL", description="Delivered")


def _status(state: ParcelState, scans: tuple[Scan, ...]) -> ParcelStatus:
    return ParcelStatus(
        state=state,
        code=scans[-1].code,
        description=scans[-1].description,
        first_scan=scans[0].at,
        delivered_at=scans[-1].at if state is ParcelState.DELIVERED else None,
    )


async def _track(store: Store, clock: FakeClock, *numbers: str) -> None:
    async with store.write("nordic") as view:
        await add_shipment(view)
        await view.parcels.add(
            new_parcel(number, clock.now, sequence=sequence)
            for sequence, number in enumerate(numbers, start=1)
        )


async def _record(store: Store, clock: FakeClock, number: str, *scans: Scan) -> bool:
    state = ParcelState.DELIVERED if scans[-1].code == "DL" else ParcelState.IN_TRANSIT
    async with store.write("nordic") as view:
        return await view.parcels.record(
            number,
            _status(state, scans),
            unique_id="u1",
            scans=scans,
            last_hash="h",
            next_poll_at=clock.now + timedelta(hours=2),
        )


async def test_adding_again_changes_nothing(store: Store, clock: FakeClock) -> None:
    await _track(store, clock, "1", "2")
    assert await _record(store, clock, "1", PICKUP)
    async with store.write("nordic") as view:
        await view.parcels.add([new_parcel("1", clock.now), new_parcel("2", clock.now, sequence=2)])
        pieces = await view.parcels.by_order("PO1")
    assert [piece.tracking_number for piece in pieces] == ["1", "2"]
    assert pieces[0].scans == (PICKUP,)


async def test_a_number_on_its_way_belongs_to_one_shipment(store: Store, clock: FakeClock) -> None:
    await _track(store, clock, "1")
    with pytest.raises(RecordConflict, match="another shipment"):
        async with store.write("nordic") as view:
            await add_shipment(view, generation=2)
            await view.parcels.add([new_parcel("1", clock.now, generation=2)])


async def test_the_carrier_may_use_a_number_again(store: Store, clock: FakeClock) -> None:
    await _track(store, clock, "1")
    await _record(store, clock, "1", PICKUP, DELIVERY)
    async with store.write("nordic") as view:
        await view.parcels.finish("1")
        finished = await view.parcels.get("1")
        assert finished is not None
        assert finished.scans == (PICKUP, DELIVERY)
        await add_shipment(view, "PO2")
        await view.parcels.add([new_parcel("1", clock.now, order="PO2")])
        again = await view.parcels.get("1")
        assert again is not None
        assert (again.order, again.scans) == ("PO2", ())
        assert [piece.scans for piece in await view.parcels.by_order("PO1")] == [(PICKUP, DELIVERY)]


async def test_due_parcels_are_claimed_until_they_are_recorded(
    store: Store, clock: FakeClock
) -> None:
    await _track(store, clock, "1", "2", "3")
    async with store.write("nordic") as view:
        first = await view.parcels.due(clock.now, 2)
    async with store.write("nordic") as view:
        rest = await view.parcels.due(clock.now, 30)
        assert await view.parcels.due(clock.now, 30) == ()
    assert [parcel.tracking_number for parcel in (*first, *rest)] == ["1", "2", "3"]
    await _record(store, clock, "1", PICKUP)
    async with store.write("nordic") as view:
        await view.parcels.postpone(["2"], clock.now + timedelta(minutes=1))
        await view.parcels.finish("3")
        due = await view.parcels.due(clock.now + timedelta(hours=1), 30)
        assert [parcel.tracking_number for parcel in due] == ["2"]
        due = await view.parcels.due(clock.now + timedelta(hours=2), 30)
    assert [parcel.tracking_number for parcel in due] == ["2", "1"]


async def test_what_becomes_due_meanwhile_is_the_next_sweeps(
    store: Store, clock: FakeClock
) -> None:
    began = clock.now
    async with store.write("nordic") as view:
        await add_shipment(view)
        await view.parcels.add([new_parcel("794", began), new_parcel("795", began, sequence=2)])
        await view.parcels.postpone(["794"], began + timedelta(seconds=1))
    clock.advance(timedelta(minutes=1))
    async with store.write("nordic") as view:
        [due] = await view.parcels.due(clock.now, 9, due_by=began)
        assert due.tracking_number == "795"
        assert not await view.parcels.due(clock.now, 9, due_by=began), "it is claimed"
        await view.parcels.release(["795"])
        assert await view.parcels.due(clock.now, 9, due_by=began) == (due,)
        [later] = await view.parcels.due(clock.now, 9)
        assert later.tracking_number == "794"


async def test_a_dead_sweep_does_not_keep_its_claim(store: Store, clock: FakeClock) -> None:
    await _track(store, clock, "1")
    async with store.write("nordic") as view:
        assert await view.parcels.due(clock.now, 30, claim_for=timedelta(minutes=5))
        before = clock.now + timedelta(minutes=4)
        assert await view.parcels.due(before, 30) == ()
        assert await view.parcels.due(clock.now + timedelta(minutes=5), 30)


async def test_sweeps_at_once_share_no_parcel(store: Store, clock: FakeClock) -> None:
    numbers = [str(number) for number in range(100)]
    await _track(store, clock, *numbers)

    async def sweep() -> list[str]:
        claimed: list[str] = []
        while True:
            async with store.write("nordic") as view:
                bundle = await view.parcels.due(clock.now, 7)
            if not bundle:
                return claimed
            claimed += [parcel.tracking_number for parcel in bundle]

    sweeps = await asyncio.gather(*(sweep() for _ in range(4)))
    assert sorted(chain.from_iterable(sweeps)) == sorted(numbers)


async def test_recording_tells_whether_anything_is_new(store: Store, clock: FakeClock) -> None:
    await _track(store, clock, "1")
    assert await _record(store, clock, "1", PICKUP)
    assert not await _record(store, clock, "1", PICKUP)
    assert not await _record(store, clock, "1", replace(PICKUP, description="Package picked up"))
    assert await _record(store, clock, "1", PICKUP, DELIVERY)
    async with store.read("nordic") as view:
        parcel = await view.parcels.get("1")
        assert await view.parcels.scans("1") == (PICKUP, DELIVERY)
    assert parcel is not None
    assert (parcel.state, parcel.code, parcel.unique_id) == (ParcelState.DELIVERED, "DL", "u1")
    assert (parcel.first_scan_at, parcel.delivered_at) == (PICKUP.at, DELIVERY.at)


async def test_what_fedex_forgets_is_kept(store: Store, clock: FakeClock) -> None:
    await _track(store, clock, "1")
    await _record(store, clock, "1", PICKUP)
    await _record(store, clock, "1", DELIVERY)
    async with store.read("nordic") as view:
        parcel = await view.parcels.get("1")
    assert parcel is not None
    assert parcel.scans == (PICKUP, DELIVERY)
    assert parcel.first_scan_at == PICKUP.at


async def test_a_finished_parcel_is_not_recorded(store: Store, clock: FakeClock) -> None:
    await _track(store, clock, "1", "2")
    async with store.write("nordic") as view:
        await view.parcels.finish("1")
        assert await view.parcels.counts() == {ParcelState.LABEL_CREATED: 1}
        assert await view.parcels.scans("404") == ()
    with pytest.raises(UnknownRecord):
        await _record(store, clock, "1", PICKUP)


async def test_an_unplanned_shipment_has_no_parcels(store: Store, clock: FakeClock) -> None:
    await _track(store, clock, "1")
    async with store.write("nordic") as view:
        await view.shipments.set_state("PO1", 1, ShipmentState.LIVE)
        assert await view.parcels.by_order("PO1", 2) == ()
        assert len(await view.parcels.by_order("PO1", 1)) == 1


_SCANS = st.builds(
    Scan,
    at=st.datetimes(datetime(2026, 1, 1), datetime(2026, 1, 3), timezones=st.just(UTC)),
    code=st.sampled_from(["PU", "AR", "DL"]),
    description=st.sampled_from(["a", "b"]),
    place=st.sampled_from(["", "Oslo NO"]),
)


@given(known=st.lists(_SCANS, max_size=5), more=st.lists(_SCANS, max_size=5))
def test_merging_scans_loses_and_doubles_nothing(known: list[Scan], more: list[Scan]) -> None:
    first = _merged((), known)
    both = _merged(first, more)
    assert _merged(both, more) == both
    assert set(first) <= set(both)
    assert [scan.at for scan in both] == sorted(scan.at for scan in both)
    moments = {(scan.at, scan.code, scan.place) for scan in (*known, *more)}
    assert {(scan.at, scan.code, scan.place) for scan in both} == moments
    assert len(both) == len(moments)
