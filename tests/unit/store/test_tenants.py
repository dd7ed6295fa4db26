"""Tenants, their secrets, and the rotation of master keys under running processes."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ml_connector.security.keys import MasterKey, MasterKeys, UnknownMasterKey
from ml_connector.security.vault import SealBroken
from ml_connector.store import (
    Store,
    TenantExists,
    TenantState,
    UnknownRecord,
    UnknownTenant,
)
from tests.unit.store.conftest import FakeClock
from tests.unit.store.raw import query, run


async def test_a_tenant_is_kept_as_applied(store: Store, clock: FakeClock) -> None:
    record = await store.tenants.get("nordic")
    assert record is not None
    assert (record.id, record.name, record.version) == ("nordic", "Nordic", 1)
    assert record.config == '{"id":"nordic"}'
    assert (record.state, record.state_since) == (TenantState.ACTIVE, clock.now)
    assert [tenant.id for tenant in await store.tenants.list()] == ["nordic", "sur"]
    assert await store.tenants.get("nobody") is None


async def test_a_tenant_is_added_once(store: Store) -> None:
    with pytest.raises(TenantExists):
        await store.tenants.add("nordic", name="Another", config="{}", secrets={"a": "b"})
    record = await store.tenants.get("nordic")
    assert record is not None
    assert record.name == "Nordic"


async def test_an_update_replaces_settings_and_secrets_together(store: Store) -> None:
    await store.tenants.set_state("nordic", TenantState.PAUSED, "holiday")
    record = await store.tenants.update(
        "nordic", name="Nordic AS", config='{"v":2}', secrets={"visma.client_id": "new"}
    )
    assert (record.name, record.config, record.version) == ("Nordic AS", '{"v":2}', 2)
    assert record.state is TenantState.PAUSED
    async with store.read("nordic") as view:
        assert await view.secrets.names() == ("visma.client_id",)
    with pytest.raises(UnknownTenant):
        await store.tenants.update("nobody", name="", config="{}", secrets={})


async def test_setting_some_secrets_leaves_the_others(store: Store) -> None:
    async with store.write("nordic") as view:
        await view.secrets.set({"visma.client_secret": "s1"})
        await view.secrets.set({"visma.client_secret": "s2"})
    async with store.read("nordic") as view:
        assert await view.secrets.names() == ("fedex.client_secret", "visma.client_secret")
        assert await view.secrets.get("visma.client_secret") == "s2"
        assert await view.secrets.get("fedex.client_secret") == "secret of nordic"
        with pytest.raises(UnknownRecord, match=r"fedex\.child_key"):
            await view.secrets.get("fedex.child_key")


async def test_a_state_changes_only_from_where_it_may(store: Store, clock: FakeClock) -> None:
    assert await store.tenants.set_state("nordic", TenantState.PAUSED, "holiday")
    paused_at = clock.now
    clock.advance(timedelta(hours=1))
    refused = await store.tenants.set_state(
        "nordic", TenantState.NEEDS_REAUTH, "401", only_from=[TenantState.ACTIVE]
    )
    assert not refused
    assert not await store.tenants.set_state("nordic", TenantState.PAUSED, "again")
    record = await store.tenants.get("nordic")
    assert record is not None
    assert (record.state, record.state_reason) == (TenantState.PAUSED, "holiday")
    assert record.state_since == paused_at
    with pytest.raises(UnknownTenant):
        await store.tenants.set_state("nobody", TenantState.PAUSED, "")


async def test_neither_secrets_nor_settings_are_readable_in_the_database(
    store: Store, url: str
) -> None:
    rows = await query(url, "SELECT config_sealed, data_key_sealed FROM tenants")
    rows += await query(url, "SELECT value_sealed, name FROM tenant_secrets")
    stored = repr(rows)
    assert "secret of" not in stored
    assert '"id"' not in stored


@pytest.mark.parametrize(
    "swap",
    [
        "UPDATE tenant_secrets SET value_sealed = "
        "(SELECT value_sealed FROM tenant_secrets WHERE tenant = 'sur') WHERE tenant = 'nordic'",
        "UPDATE tenants SET data_key_sealed = "
        "(SELECT data_key_sealed FROM tenants WHERE id = 'sur') WHERE id = 'nordic'",
        "UPDATE tenant_secrets SET name = 'visma.client_secret' WHERE tenant = 'nordic'",
    ],
    ids=["another tenant's secret", "another tenant's key", "another field"],
)
async def test_the_vault_refuses_swapped_rows(
    store: Store, url: str, keys: MasterKeys, swap: str
) -> None:
    await run(url, swap)
    other_process = await Store.open(url, keys)
    try:
        with pytest.raises(SealBroken):
            async with other_process.read("nordic") as view:
                for name in await view.secrets.names():
                    await view.secrets.get(name)
    finally:
        await other_process.close()


async def test_rotation_disturbs_nobody_and_the_old_key_can_go(url: str, tmp_path: Path) -> None:
    file = tmp_path / "keys"
    keys = MasterKeys.load(None, None, generate_at=file)
    old = keys.current.id
    worker = await Store.open(url, keys)
    late_worker = await Store.open(url, MasterKeys.load(None, file))
    operator = await Store.open(url, operator_keys := MasterKeys.load(None, file))
    try:
        for tenant in ("nordic", "sur"):
            await worker.tenants.add(tenant, name="", config="{}", secrets={"s": tenant})
        await worker.coordination.put_token(
            "cred", "token", version=1, expires_at=datetime.now(UTC) + timedelta(hours=1)
        )
        async with worker.write("nordic") as view:
            operator_keys.rotate()
            assert await operator.master_keys_in_use() == {old}
            await view.secrets.set({"during": "rotation"})
        # Two data keys, the token, and the old key's payload key.
        assert await operator.rewrap_keys() == 4
        assert await operator.rewrap_keys() == 0
        assert await operator.master_keys_in_use() == {operator_keys.current.id}
        # One that had the data key, and one that meets the new master key for the first time.
        for process in (worker, late_worker):
            async with process.read("nordic") as view:
                assert await view.secrets.get("during") == "rotation"
        operator_keys.retire(old)
        fresh = await Store.open(url, MasterKeys.load(None, file))
        try:
            for tenant in ("nordic", "sur"):
                async with fresh.read(tenant) as view:
                    assert await view.secrets.get("s") == tenant
            token = await fresh.coordination.get_token("cred")
            assert token is not None
            assert token.value == "token"
        finally:
            await fresh.close()
    finally:
        for process in (worker, late_worker, operator):
            await process.close()


async def test_without_the_master_key_nothing_opens(store: Store, url: str) -> None:
    thief = await Store.open(url, MasterKeys([MasterKey.generate()]))
    try:
        with pytest.raises(UnknownMasterKey):
            async with thief.read("nordic"):
                pytest.fail("the view opened")
    finally:
        await thief.close()
