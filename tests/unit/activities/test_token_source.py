"""Whose token requests go first, and whose token is whose."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from unittest.mock import AsyncMock, Mock

import pytest
from temporalio.common import Priority
from temporalio.testing import ActivityEnvironment

from activities.token_source import TokenFunnel
from activities.token_updates import TokenUpdates
from ml_connector.fedex.errors import FedExTransient
from ml_connector.fedex.tokens import Token
from ml_connector.security.keys import MasterKey, MasterKeys
from ml_connector.store.coordination import StoredToken
from ml_connector.store.store import Store
from ml_connector.temporal.priorities import Urgency, priority_of
from ml_connector.temporal.token_messages import EnsureToken, TokenAnswer


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> AsyncMock:
    """What the funnel is asked for."""
    ask = AsyncMock(return_value=Token(value="secret", version=1))
    monkeypatch.setattr(TokenFunnel, "token", ask)
    return ask


def funnel(store: Store | None = None, *, urgent: bool = False) -> TokenFunnel:
    return TokenFunnel(
        store=store or Mock(),
        temporal=Mock(),
        egress="default",
        window=timedelta(seconds=5),
        block=timedelta(minutes=10),
        urgent=urgent,
    )


@pytest.mark.parametrize(
    ("priority", "urgent"),
    [
        (Priority(priority_key=Urgency.QUOTE), True),
        (Priority(priority_key=Urgency.OPERATOR), True),
        (priority_of("nordic"), False),
        (Priority(priority_key=Urgency.BACKLOG), False),
        (Priority(), False),
    ],
)
async def test_an_activity_is_as_urgent_as_its_workflow_says(
    asked: AsyncMock, priority: Priority, urgent: bool
) -> None:
    environment = ActivityEnvironment()
    environment.info = replace(environment.info, priority=priority)
    await environment.run(funnel().source("nordic", "ship", settings=1).token)
    [wanted] = asked.await_args_list[0].args
    assert wanted.urgent is urgent


@pytest.mark.parametrize("urgent", [True, False])
async def test_outside_an_activity_the_process_decides(asked: AsyncMock, urgent: bool) -> None:
    await funnel(urgent=urgent).source("nordic", "track", settings=1).token(stale=7)
    [wanted] = asked.await_args_list[0].args
    assert (wanted.urgent, wanted.stale_version) == (urgent, 7)


async def test_a_token_of_the_secrets_before_is_not_handed_out_for_the_new_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody who still works with the old ones may be reading it while they are exchanged."""
    keys = MasterKeys([MasterKey.generate()])
    store = await Store.open(f"sqlite:///{tmp_path / 'store.db'}", keys)
    try:
        await store.migrate()
        await store.tenants.add("nordic", name="", config="{}", secrets={})
        expires_at = datetime.now(UTC) + timedelta(hours=1)
        kept = store.coordination
        await kept.put_token("nordic/ship", "old", version=1, expires_at=expires_at)
        read, exchanged, get_token = asyncio.Event(), asyncio.Event(), kept.get_token

        async def slow(credential: str) -> StoredToken | None:
            found = await get_token(credential)
            read.set()
            await exchanged.wait()
            return found

        monkeypatch.setattr(kept, "get_token", slow)
        tokens = funnel(store)
        before = asyncio.create_task(tokens.source("nordic", "ship", settings=1).token())
        await read.wait()
        await store.tenants.update("nordic", name="", config="{}", secrets={})
        await kept.put_token("nordic/ship", "new", version=2, expires_at=expires_at)
        after = tokens.source("nordic", "ship", settings=2)
        exchanged.set()
        assert (await before).value == "old"
        assert (await after.token()).value == "new"
    finally:
        await store.close()


async def test_a_worker_that_is_told_to_stop_waits_for_no_token(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It may be the one that the token workflow runs on: nobody would answer."""
    asked = asyncio.Event()

    async def unanswered(_: TokenUpdates, wanted: EnsureToken) -> TokenAnswer:
        asked.set()
        await asyncio.Event().wait()
        raise AssertionError(wanted)

    monkeypatch.setattr(TokenUpdates, "ensure", unanswered)
    environment = ActivityEnvironment()
    source = funnel(store_without_tokens()).source("nordic", "ship", settings=1)
    waiting = [asyncio.create_task(environment.run(source.token)) for _ in range(2)]
    await asked.wait()
    environment.worker_shutdown()
    for each in waiting:
        with pytest.raises(FedExTransient, match="stops"):
            await each


def store_without_tokens() -> Mock:
    store = Mock()
    store.coordination.get_token = AsyncMock(return_value=None)
    return store
