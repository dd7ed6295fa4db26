"""FedEx's tokens: asked for once, within the budget, whatever happens around them."""

import asyncio
import gc
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from temporalio.api.sdk.v1 import WorkflowMetadata
from temporalio.client import Client, WorkflowExecutionStatus, WorkflowHandle

from activities.token_source import TokenFunnel
from activities.token_updates import TokenUpdates
from ml_connector.fedex.errors import FedExTransient
from ml_connector.store.states import TenantState
from ml_connector.store.store import Store
from ml_connector.temporal.connection import connect
from ml_connector.temporal.ids import token_workflow_id
from ml_connector.temporal.schedules import delete_schedules, list_schedules
from ml_connector.temporal.token_messages import EnsureToken, TokenInput, TokenState
from tests.cold_start import cold_start, crowded_windows
from tests.stage import Stage

TENANTS = 6
PROCESSES = 3
WINDOW = timedelta(milliseconds=200)
LIMIT = 2


@pytest.fixture(scope="module")
async def token_stage(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    """An installation of its own: its token requests are only these tests'."""
    home = tmp_path_factory.mktemp("tokens")
    async with Stage(home=home, token_window="200ms") as stage:
        yield stage


@pytest.fixture
async def own_stage(token_stage: Stage) -> Stage:
    """The same, with nothing counted yet."""
    fedex = token_stage.sandbox.fedex
    fedex.token_requests.clear()
    fedex.throttle.violations.clear()
    await token_stage.fedex("PATCH", "modes", strict_window="200ms", token_lifetime="1h")
    return token_stage


def requests(stage: Stage) -> list[datetime]:
    """When FedEx was asked for tokens."""
    return [entry.at for entry in stage.sandbox.fedex.token_requests]


def most_in_a_window(times: Sequence[datetime]) -> int:
    return max(sum(first <= each < first + WINDOW for each in times) for first in times)


async def funnels(stage: Stage) -> "list[TokenFunnel]":
    """What so many worker processes would hold: a store and a connection each."""

    async def one() -> TokenFunnel:
        store = await Store.open(stage.settings.database_url, stage.keys)
        stage.closing(store.close)
        client: Client = await connect(stage.keys, environ={}, address=stage.server.address)
        return TokenFunnel(
            store=store,
            temporal=client,
            egress=stage.settings.egress,
            window=stage.settings.token_window,
            block=stage.settings.token_block,
        )

    return [await one() for _ in range(PROCESSES)]


async def test_cold_credentials_of_three_worker_processes_stay_within_the_budget(
    tmp_path: Path,
) -> None:
    """`make proof` does it with fifty, FedEx's own window, and a limit on the time it takes."""
    window = timedelta(seconds=1)
    async with Stage(home=tmp_path, work=False, token_window="1s") as stage:
        start = await cold_start(stage, tenants=TENANTS, processes=PROCESSES)
    assert start.asked == Counter({f"fedex-cold-{at:02}": 1 for at in range(TENANTS)})
    assert crowded_windows(start.times, window) == []
    assert start.violations == []
    assert len(start.workers) > 1, "they competed for the budget"
    assert start.leaked_into == []


async def test_a_question_that_a_caller_gave_up_is_answered_to_the_next(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Nothing takes an update back, and eleven in flight choke the workflow."""
    async with Stage(home=tmp_path, work=False) as stage:
        await stage.add_tenant("shared")
        slots, start = stage.store.coordination, TokenInput(egress="default", window=WINDOW)
        updates = TokenUpdates(slots, stage.client, start)
        hasty = TokenUpdates(slots, stage.client, start, patience=timedelta(milliseconds=300))
        wanted = EnsureToken(tenant="shared", project="ship", settings=1)
        for _ in range(3):
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(updates.ensure(wanted), timeout=0.3)
        with pytest.raises(FedExTransient, match="did not answer"):
            await hasty.ensure(wanted)

        async def a_place_is_free(taken: int) -> bool:
            ttl, name = timedelta(seconds=60), "token-updates/default"
            free = await slots.acquire_slot(name, taken + 1, "test", ttl)
            await slots.release_slot(name, "test")
            return free

        assert [await a_place_is_free(taken) for taken in (1, 2)] == [False, True]
        stage.start_worker()
        assert (await updates.ensure(wanted)).version == 1
        await stage.until(partial(a_place_is_free, 0))
        handle = stage.client.get_workflow_handle(token_workflow_id("default"))
        events = (await handle.fetch_history()).events
        accepted = [
            e for e in events if e.HasField("workflow_execution_update_accepted_event_attributes")
        ]
        assert len(accepted) == 2, "one of each process"
    gc.collect()
    assert "never retrieved" not in caplog.text


async def test_many_401s_of_one_token_renew_it_once(own_stage: Stage) -> None:
    await own_stage.add_tenant("stale")
    processes = await funnels(own_stage)
    sources = [process.source("stale", "ship", settings=1) for process in processes]
    [first, *_] = [await source.token() for source in sources]
    again = await asyncio.gather(*(source.token(stale=first.version) for source in sources * 3))
    assert {token.version for token in again} == {first.version + 1}
    assert len(requests(own_stage)) == 2


async def test_a_used_token_is_renewed_before_it_expires_an_unused_one_is_not(
    own_stage: Stage,
) -> None:
    await own_stage.fedex("PATCH", "modes", token_lifetime="2s")
    await own_stage.add_tenant("renewed")
    [funnel, *_] = await funnels(own_stage)
    first = await funnel.source("renewed", "ship", settings=1).token()
    handle = own_stage.client.get_workflow_handle(token_workflow_id("default"))

    async def let_go() -> TokenState | None:
        known = await handle.query("tokens", result_type=dict[str, TokenState])
        token = known["renewed/ship"]
        return token if token.refresh_at is None else None

    # Its holder used the first token; nobody has asked for the second one.
    last = await own_stage.until(let_go)
    assert last.version == first.version + 1
    assert len(requests(own_stage)) == 2


async def test_a_blocked_address_is_waited_out_by_every_tenant(tmp_path: Path) -> None:
    async with Stage(home=tmp_path, token_block="2s") as stage:
        numbers = await _discovered_while_blocked(stage, "north", "south", "west")
        token_workflow = stage.client.get_workflow_handle(token_workflow_id("default"))

        async def known() -> bool:
            return bool(await token_workflow.query("blocked_until"))

        await stage.until(known)
        await stage.fedex("DELETE", "tokens/block")
        while_blocked = requests(stage)
        for name, number in numbers.items():
            row = await stage.at(name, number, "label_created")
            assert row.attention is None
        outcomes = Counter(entry.outcome for entry in stage.sandbox.fedex.token_requests)
        assert outcomes == {"blocked": len(while_blocked), "issued": len(numbers)}
        # A remembered block is not tried: only what was under way with the first refusal.
        block = stage.settings.token_block
        assert sum(each < while_blocked[0] + block for each in while_blocked) <= LIMIT


async def test_an_order_says_until_when_the_address_is_blocked(tmp_path: Path) -> None:
    async with Stage(home=tmp_path, token_block="1m") as stage:
        [(name, number)] = (await _discovered_while_blocked(stage, "east")).items()
        status = await stage.idle(name, number)
        assert "FedEx blocks this address until" in status.waiting_for
        token_workflow = stage.client.get_workflow_handle(token_workflow_id("default"))
        for handle in (token_workflow, stage.workflow(name, number)):
            assert "FedEx blocks this address until" in await shown_in_the_web_ui(handle)
        assert status.attention is None
        assert status.stage == "shipping"


async def shown_in_the_web_ui(handle: WorkflowHandle[Any, Any]) -> str:
    """The current details of a workflow."""
    metadata: WorkflowMetadata = await handle.query(
        "__temporal_workflow_metadata", result_type=WorkflowMetadata
    )
    return str(metadata.current_details)


async def _discovered_while_blocked(stage: Stage, *names: str) -> dict[str, str]:
    """An order of each tenant, discovered while FedEx blocks our address; their numbers."""
    numbers = {}
    for name in names:
        await stage.add_tenant(name)
        numbers[name] = await stage.order(name)
    await stage.fedex("PATCH", "modes", block_extends=False)
    await stage.fedex("POST", "tokens/block", **{"for": "10m"})
    await asyncio.gather(*(stage.discover(name) for name in names))
    return numbers


async def test_refused_credentials_stop_one_tenant_until_new_ones_are_set(stage: Stage) -> None:
    for name in ("locked", "free"):
        await stage.add_tenant(name, scheduled=True)

    async def both_run() -> bool:
        return await paused(stage, "locked") is False and await paused(stage, "free") is False

    async def refused() -> bool:
        record = await stage.store.tenants.get("locked")
        return record is not None and record.state is TenantState.NEEDS_REAUTH

    async def locked_is_paused() -> bool:
        return await paused(stage, "locked") is True

    await stage.until(both_run)
    await stage.fedex("DELETE", "credentials/fedex-locked")
    numbers = {name: await stage.order(name) for name in ("locked", "free")}
    await stage.until(refused)
    await stage.until(locked_is_paused)
    await stage.at("free", numbers["free"], "label_created")
    assert await paused(stage, "free") is False
    record = await stage.store.tenants.get("locked")
    assert record is not None
    assert "FedEx" in record.state_reason
    assert "fedex-secret-locked" not in record.state_reason
    row = await stage.row("locked", numbers["locked"])
    assert row is not None
    assert row.attention is None, "it waits, and needs no person of its own"

    await stage.restore_fedex("locked")
    await stage.at("locked", numbers["locked"], "label_created")
    await stage.until(both_run)
    [shipment] = await stage.shipments(numbers["locked"])
    assert shipment["account"].startswith("52")
    for name in numbers:
        await delete_schedules(stage.client, name)


async def paused(stage: Stage, tenant: str) -> bool | None:
    """Whether all of a tenant's schedules are; None while there are none, or they differ."""
    states = {each.paused for each in await list_schedules(stage.client, [tenant])}
    return states.pop() if len(states) == 1 else None


async def test_the_token_workflow_goes_on_as_new_and_remembers(own_stage: Stage) -> None:
    await own_stage.add_tenant("long")
    [funnel, *_] = await funnels(own_stage)
    token = await funnel.source("long", "ship", settings=1).token()
    handle = own_stage.client.get_workflow_handle(token_workflow_id("default"))
    first = (await handle.describe()).run_id
    wanted = EnsureToken(tenant="long", project="ship")

    async def ask(times: int) -> None:
        for _ in range(times):
            await handle.execute_update("ensure", wanted)

    await asyncio.gather(*(ask(130) for _ in range(4)))

    async def next_run() -> bool:
        described = await handle.describe()
        return described.run_id != first and described.status is WorkflowExecutionStatus.RUNNING

    await own_stage.until(next_run)
    known = await handle.query("tokens", result_type=dict[str, TokenState])
    assert known["long/ship"].version == token.version
    assert len(requests(own_stage)) == 1
