"""Refused credentials stop their tenant once, and never after new ones were set."""

from collections.abc import AsyncIterator
from pathlib import Path
from unittest.mock import Mock

import pytest

from activities.findings import WAITS_FOR_CREDENTIALS
from activities.services import Services
from activities.token_source import TokenFunnel
from activities.waiting import begin_wait, end_waits
from ml_connector.http.faults import CredentialsFault
from ml_connector.http.transport import DEFAULT_TIMEOUT
from ml_connector.security.keys import MasterKey, MasterKeys
from ml_connector.store.states import TenantState
from ml_connector.store.store import Store

TENANT, ORDER = "nordic", "PO1"
REFUSED = CredentialsFault("Visma Connect does not accept the client id and secret.")


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    keys = MasterKeys([MasterKey.generate()])
    store = await Store.open(f"sqlite+aiosqlite:///{tmp_path / 'store.db'}", keys)
    await store.migrate()
    await store.tenants.add(TENANT, name="Nordic", config="{}", secrets={"visma.client_id": "old"})
    async with store.write(TENANT) as view:
        await view.orders.save(ORDER, stage="shipping")
    yield store
    await store.close()


@pytest.fixture
def services(store: Store) -> Services:
    return Services(
        store=store,
        temporal=Mock(),
        http=Mock(),
        tokens=Mock(spec=TokenFunnel),
        call_timeout=DEFAULT_TIMEOUT,
    )


async def state(store: Store) -> TenantState:
    record = await store.tenants.get(TENANT)
    assert record is not None
    return record.state


async def test_the_tenant_stops_and_it_is_said_once(store: Store, services: Services) -> None:
    for _ in range(3):
        await services.lock_out(TENANT, REFUSED, settings=1)
    assert await state(store) is TenantState.NEEDS_REAUTH
    async with store.read(TENANT) as view:
        assert len(await view.audit.show(action="tenant:needs_reauth")) == 1


async def test_a_late_refusal_of_the_old_ones_does_not_stop_the_new_ones(
    store: Store, services: Services
) -> None:
    await store.tenants.update(
        TENANT, name="Nordic", config="{}", secrets={"visma.client_id": "new"}
    )
    await services.lock_out(TENANT, REFUSED, settings=1)
    assert await state(store) is TenantState.ACTIVE
    await services.lock_out(TENANT, REFUSED, settings=2)
    assert await state(store) is TenantState.NEEDS_REAUTH


async def test_an_order_waits_until_the_tenant_is_resumed(store: Store) -> None:
    await store.tenants.set_state(TENANT, TenantState.NEEDS_REAUTH, "refused")
    assert await begin_wait(store, TENANT, ORDER)
    async with store.write(TENANT) as view:
        assert await end_waits(view) == (ORDER,)


async def test_an_order_does_not_wait_for_what_was_set_meanwhile(store: Store) -> None:
    assert not await begin_wait(store, TENANT, ORDER)
    async with store.read(TENANT) as view:
        codes = [found.code for found in await view.findings.open(ORDER)]
    assert WAITS_FOR_CREDENTIALS.code not in codes
