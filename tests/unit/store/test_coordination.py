"""What processes share: places that are never overbooked, and FedEx tokens."""

import asyncio
from datetime import timedelta

import pytest

from ml_connector.security.keys import MasterKey, MasterKeys
from ml_connector.security.vault import SealBroken
from ml_connector.store import Store
from tests.unit.store.conftest import FakeClock
from tests.unit.store.raw import query, run

TTL = timedelta(seconds=30)


async def test_places_are_limited_held_and_given_back(store: Store) -> None:
    shared = store.coordination
    assert await shared.acquire_slot("updates", 2, "a", TTL)
    assert await shared.acquire_slot("updates", 2, "b", TTL)
    assert not await shared.acquire_slot("updates", 2, "c", TTL)
    assert await shared.acquire_slot("updates", 2, "a", TTL)
    assert await shared.acquire_slot("elsewhere", 2, "c", TTL)
    await shared.release_slot("updates", "a")
    assert await shared.acquire_slot("updates", 2, "c", TTL)
    await shared.release_slot("updates", "never held")


async def test_a_dead_holder_loses_its_place(store: Store, clock: FakeClock) -> None:
    shared = store.coordination
    assert await shared.acquire_slot("updates", 1, "dead", TTL)
    clock.advance(TTL / 2)
    assert await shared.renew_slot("updates", "dead", TTL)
    clock.advance(TTL / 2)
    assert not await shared.acquire_slot("updates", 1, "heir", TTL)
    clock.advance(TTL / 2)
    assert not await shared.renew_slot("updates", "dead", TTL)
    assert await shared.acquire_slot("updates", 1, "heir", TTL)
    assert not await shared.renew_slot("updates", "dead", TTL)


async def test_a_rush_never_overbooks(store: Store) -> None:
    taken = await asyncio.gather(
        *(store.coordination.acquire_slot("updates", 8, f"h{n}", TTL) for n in range(24))
    )
    assert taken.count(True) == 8


async def test_the_latest_token_is_kept_sealed(store: Store, url: str, clock: FakeClock) -> None:
    shared, expires = store.coordination, clock.now + timedelta(hours=1)
    assert await shared.get_token("cred") is None
    assert await shared.put_token("cred", "token-2", version=2, expires_at=expires)
    assert not await shared.put_token("cred", "token-1", version=1, expires_at=expires)
    token = await shared.get_token("cred")
    assert token is not None
    assert (token.value, token.version, token.expires_at) == ("token-2", 2, expires)
    assert "token-2" not in repr(token)
    assert b"token-2" not in repr(await query(url, "SELECT * FROM carrier_tokens")).encode()


async def test_use_is_remembered_for_the_version_that_was_used(
    store: Store, clock: FakeClock
) -> None:
    shared, expires = store.coordination, clock.now + timedelta(hours=1)

    async def used() -> bool:
        token = await shared.get_token("cred")
        assert token is not None
        return token.used

    await shared.put_token("cred", "one", version=1, expires_at=expires)
    assert await used() is False
    await shared.mark_token_used("cred", 1)
    assert await used() is True
    await shared.put_token("cred", "two", version=2, expires_at=expires)
    await shared.mark_token_used("cred", 1)
    assert await used() is False


@pytest.mark.parametrize("column", ["value_sealed", "version"])
async def test_a_token_of_another_credential_is_refused(
    store: Store, url: str, clock: FakeClock, column: str
) -> None:
    expires = clock.now + timedelta(hours=1)
    await store.coordination.put_token("mine", "m", version=1, expires_at=expires)
    await store.coordination.put_token("theirs", "t", version=2, expires_at=expires)
    await run(
        url,
        f"UPDATE carrier_tokens SET {column} = (SELECT {column} FROM carrier_tokens "
        "WHERE credential_id = 'theirs') WHERE credential_id = 'mine'",
    )
    with pytest.raises(SealBroken):
        await store.coordination.get_token("mine")


async def test_a_token_whose_master_key_is_gone_counts_as_none(
    store: Store, url: str, clock: FakeClock
) -> None:
    expires = clock.now + timedelta(hours=1)
    await store.coordination.put_token("cred", "old", version=1, expires_at=expires)
    other = await Store.open(url, MasterKeys([MasterKey.generate()]), clock=clock)
    try:
        assert await other.coordination.get_token("cred") is None
        assert await other.coordination.reseal_tokens() == 0
        assert await other.coordination.key_ids() == frozenset()
        assert await other.coordination.put_token("cred", "new", version=1, expires_at=expires)
    finally:
        await other.close()


async def test_a_token_of_secrets_exchanged_meanwhile_is_not_kept(
    store: Store, clock: FakeClock
) -> None:
    shared, expires = store.coordination, clock.now + timedelta(hours=1)

    async def keep(settings: int) -> bool:
        issued_for = ("nordic", settings)
        return await shared.put_token(
            "nordic/ship", "t", version=1, expires_at=expires, issued_for=issued_for
        )

    assert await keep(1)
    await store.tenants.update("nordic", name="Nordic", config="{}", secrets={})
    assert await shared.get_token("nordic/ship") is None, "forgotten with the secrets"
    assert not await keep(1)
    assert await shared.get_token("nordic/ship") is None
    assert await keep(2)
