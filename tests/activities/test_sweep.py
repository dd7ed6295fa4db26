"""A round of the sweep: what keeps one parcel from its scans keeps no other from them."""

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy.exc import IntegrityError

from activities.tracking import BUNDLE
from ml_connector.fedex.errors import FedExRejected
from ml_connector.temporal.sweep_messages import SweepRequest, SweepRound
from tests.activities.buying import add_buyer, outcome
from tests.activities.workbench import Workbench, some
from tests.parcels import new_parcels

TRACK = "/track/v1/trackingnumbers$"
LATER = {"due": {"label_created": "4h"}}
"""Whoever was asked for is not due again within a test."""


async def parcels(bench: Workbench, tenant: str, count: int) -> tuple[str, list[str]]:
    """An order with so many parcels, due one after the other; FedEx knows the first one only."""
    await add_buyer(bench, tenant, polling=LATER)
    order = bench.place(tenant)
    await bench.discover(tenant)
    first = some((await outcome(bench, tenant, order)).shipment).tracking_number
    others = [f"9{order}{at:05}" for at in range(1, count)]
    hour_ago = datetime.now(UTC) - timedelta(hours=1)
    async with bench.store.write(tenant) as view:
        await view.parcels.ask_again(order, 1, hour_ago)
        for at, number in enumerate(others, start=1):
            since = hour_ago + timedelta(seconds=at)
            await view.parcels.add(new_parcels(order, [number], since=since, first=at + 1))
    return order, [first, *others]


async def poll(bench: Workbench, tenant: str) -> int:
    swept: SweepRound = await bench.run("poll_tracking", SweepRequest(tenant=tenant))
    return swept.polled


async def unasked(bench: Workbench, tenant: str, numbers: Sequence[str]) -> list[str]:
    """Those that are due still."""
    now = datetime.now(UTC)
    async with bench.store.read(tenant) as view:
        parcels = [some(await view.parcels.get(number)) for number in numbers]
    return [parcel.tracking_number for parcel in parcels if parcel.next_poll_at < now]


async def test_a_parcel_that_is_called_off_meanwhile(bench: Workbench) -> None:
    _, numbers = await parcels(bench, "off", BUNDLE)
    ours = numbers[0]

    async def called_off(_: Any) -> None:
        async with bench.store.write("off") as view:
            await view.parcels.finish(ours)

    faults = bench.sandbox.fedex.faults
    faults.hooks["call off"] = called_off
    hook = {"kind": "hook", "name": "call off"}
    await bench.fedex("POST", "faults", id="off", match={"path": TRACK}, action=hook)
    assert await poll(bench, "off") == BUNDLE
    assert await unasked(bench, "off", numbers) == [ours], "nobody asks for it any more"


async def test_a_number_for_which_fedex_refuses_the_whole_call(bench: Workbench) -> None:
    order, numbers = await parcels(bench, "refused-number", 2 * BUNDLE + 1)
    refusal = {"kind": "status", "status": 400, "code": "TRACKING.TRACKINGNUMBER.INVALID"}
    match = {"path": TRACK, "body": numbers[0]}
    await bench.fedex("POST", "faults", id="refused", match=match, action=refusal)
    assert await poll(bench, "refused-number") == len(numbers)
    assert await unasked(bench, "refused-number", numbers) == []
    found = (await bench.findings("refused-number", order))["tracking_unavailable"]
    assert found.message == f"FedEx does not track {numbers[0]}: {refusal['code']}."


async def test_a_call_that_fedex_refuses_for_any_number(bench: Workbench) -> None:
    """Nothing is wrong with the parcels, and nobody is told so."""
    order, numbers = await parcels(bench, "refused-call", BUNDLE + 1)
    refusal = {"kind": "status", "status": 400, "code": "TRACKING.VERSION.RETIRED"}
    await bench.fedex("POST", "faults", id="all", match={"path": TRACK}, action=refusal)
    with pytest.raises(FedExRejected, match="RETIRED"):
        await poll(bench, "refused-call")
    assert await unasked(bench, "refused-call", numbers) == numbers
    assert "tracking_unavailable" not in await bench.findings("refused-call", order)
    await bench.fedex("DELETE", "faults/all")
    assert await poll(bench, "refused-call") == len(numbers), "all are free again"


async def test_a_refusal_that_is_not_fedex_s_own_stops_the_round(bench: Workbench) -> None:
    """A proxy's page says nothing about any parcel."""
    _, numbers = await parcels(bench, "page", BUNDLE + 1)
    page = {"kind": "status", "status": 404, "body": "html"}
    await bench.fedex("POST", "faults", id="page", match={"path": TRACK}, action=page)
    with pytest.raises(FedExRejected):
        await poll(bench, "page")
    assert await unasked(bench, "page", numbers) == numbers
    await bench.fedex("DELETE", "faults/page")
    assert await poll(bench, "page") == len(numbers), "all are free again"


async def test_a_parcel_that_the_database_does_not_take(bench: Workbench) -> None:
    _, numbers = await parcels(bench, "sick", 2 * BUNDLE + 1)
    database = bench.home / "store.db"
    _sqlite(
        database,
        "CREATE TRIGGER sick BEFORE UPDATE OF next_poll_at ON parcels"
        f" WHEN NEW.tracking_number = '{numbers[7]}' BEGIN SELECT RAISE(ABORT, 'sick'); END",
    )
    try:
        for _ in range(2):
            with pytest.raises(IntegrityError, match="sick"):
                await poll(bench, "sick")
            assert await unasked(bench, "sick", numbers) == numbers[:BUNDLE]
    finally:
        _sqlite(database, "DROP TRIGGER sick")
    assert await poll(bench, "sick") == BUNDLE, "they are free again"
    assert await unasked(bench, "sick", numbers) == []


def _sqlite(file: object, statement: str) -> None:
    with closing(sqlite3.connect(str(file))) as connection, connection:
        connection.execute(statement)
