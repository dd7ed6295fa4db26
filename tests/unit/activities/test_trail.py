"""Every call leaves its audit event, also where what came of it could not be recorded."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from activities.trail import Trail, open_trail, remember
from ml_connector.http.transport import Effect, Exchange
from ml_connector.security.keys import MasterKey, MasterKeys
from ml_connector.store.store import Store

TENANT = "nordic"
ANSWERED = Exchange(
    system="fedex",
    method="POST",
    url="https://apis.fedex.com/ship/v1/shipments",
    effect=Effect.WRITE,
    operation="nordic/PO1/ship/1",
    request_body={},
    status=200,
    reply_body={},
    started_at=datetime(2026, 11, 2, tzinfo=UTC),
    duration=timedelta(seconds=1),
    error=None,
)


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    store = await Store.open(
        f"sqlite:///{tmp_path / 'store.db'}", MasterKeys([MasterKey.generate()])
    )
    await store.migrate()
    await store.tenants.add(TENANT, name="Nordic", config="{}", secrets={})
    yield store
    await store.close()


async def actions(store: Store) -> list[str]:
    async with store.read(TENANT) as view:
        return [event.action for event in await view.audit.show()]


async def test_a_call_whose_outcome_is_rolled_back_is_still_told(store: Store) -> None:
    trail = Trail(tenant=TENANT, order="PO1", actor="test")
    open_trail(trail)
    await remember(ANSWERED)
    with pytest.raises(ZeroDivisionError):
        async with store.write(TENANT) as view:
            trail.note(view, "shipment:created")
            raise ZeroDivisionError
    assert await actions(store) == []
    for _ in range(2):
        async with store.write(TENANT) as view:
            trail.write(view)
    assert await actions(store) == ["fedex:post"], "and once only"
