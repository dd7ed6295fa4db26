"""What a worker does beside its tasks: schedules, and what has expired."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import pytest
from temporalio.client import Client

import worker
from ml_connector.security.keys import MasterKeys
from ml_connector.store.store import Store

NOBODY = cast("Client", None)


class MovedClock:
    """The present, as far away as a test likes."""

    def __init__(self) -> None:
        self.ago = timedelta()

    def __call__(self) -> datetime:
        return datetime.now(UTC) - self.ago


@pytest.fixture
def clock() -> MovedClock:
    return MovedClock()


@pytest.fixture
async def store(tmp_path: Path, master_keys: MasterKeys, clock: MovedClock) -> AsyncIterator[Store]:
    opened = await Store.open(f"sqlite:///{tmp_path / 'store.db'}", master_keys, clock=clock)
    await opened.migrate()
    for tenant in ("a", "b", "c"):
        await opened.tenants.add(tenant, name=tenant, config=f'"{tenant}"', secrets={})
    yield opened
    await opened.close()


async def test_expired_exchanges_go_and_their_events_stay(store: Store, clock: MovedClock) -> None:
    clock.ago = timedelta(days=500)
    for tenant, kept_for in (("a", timedelta(days=400)), ("b", timedelta(days=600))):
        async with store.write(tenant) as view:
            view.audit.append("fedex:post", actor="test", body=b"{}", expires_at=clock() + kept_for)
    clock.ago = timedelta()
    await worker.drop_expired_bodies(store)
    left = {}
    for tenant in ("a", "b"):
        async with store.read(tenant) as view:
            left[tenant] = await view.audit.body(1)
            assert len(await view.audit.show()) == 1
            assert await view.audit.verify() is None
    assert left == {"a": None, "b": b"{}"}


async def test_one_tenants_trouble_does_not_keep_the_others_from_their_schedules(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    mended = False

    async def schedules_of(_: Client, tenant: str, *__: Any) -> None:
        asked.append(tenant)
        if tenant == "a" and not mended:
            raise ValueError("the file of a does not fit this version")

    monkeypatch.setattr(worker, "_schedules_of", schedules_of)
    keeper = worker.ScheduleKeeper(store, NOBODY)
    await keeper.look()
    assert asked == ["a", "b", "c"]
    mended = True
    await keeper.look()
    await keeper.look()
    assert asked == ["a", "b", "c", "a"], "what is done is not done again"


async def test_a_database_that_comes_back_is_looked_at_again() -> None:
    looks: list[int] = []
    back = asyncio.Event()

    async def look() -> None:
        looks.append(1)
        if len(looks) < 3:
            raise ConnectionError("the database is away")
        back.set()

    looking = asyncio.create_task(worker._repeat(look, timedelta()))
    await back.wait()
    looking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await looking
