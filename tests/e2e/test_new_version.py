"""Workers of the next version take over from this one's, in the middle of orders' lives."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from temporalio.api.enums.v1 import EventType

import worker
from ml_connector.temporal.worker import DEPLOYMENT, deployment_of
from tests.e2e.next_version import EARLY, LATE, NextPurchaseOrderWorkflow
from tests.e2e.test_crashes import once_each
from tests.stage import Stage
from workflows.purchase_order import PurchaseOrderWorkflow
from workflows.registry import WORKFLOWS

NEXT = [NextPurchaseOrderWorkflow if each is PurchaseOrderWorkflow else each for each in WORKFLOWS]


@asynccontextmanager
async def next_version(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[None]:
    """Its worker takes over from the stage's, as docs/deployment.md says; then back again."""
    stop = asyncio.Event()
    with monkeypatch.context() as patch:
        patch.setattr(worker, "WORKFLOWS", NEXT)
        running = asyncio.create_task(
            worker.run(
                settings=stage.settings,
                keys=stage.keys,
                store=stage.store,
                client=stage.client,
                stop=stop,
                deployment=deployment_of("next"),
            )
        )
        await stage.until(lambda: is_current(stage, "--build-id", "next"))
    try:
        await stage.stop_worker()
        yield
    finally:
        await stage.until(lambda: is_current(stage, "--unversioned"))
        stage.start_worker()
        stop.set()
        await running


async def is_current(stage: Stage, *version: str) -> bool:
    """Tell Temporal which version is the current one; refused until its workers are known."""
    named = ("--deployment-name", DEPLOYMENT, *version)
    command = ("worker", "deployment", "set-current-version", "--yes", *named)
    code, _ = await stage.temporal(*command)
    return code == 0


async def patches(stage: Stage, tenant: str, number: str) -> set[str]:
    """The changed places that an order's history knows of."""
    history = await stage.history(tenant, number)
    marked = [
        event.marker_recorded_event_attributes.details["patch-data"].payloads[0]
        for event in history.events
        if event.event_type == EventType.EVENT_TYPE_MARKER_RECORDED
    ]
    opened = await stage.client.data_converter.decode(marked, [dict] * len(marked))
    return {each["id"] for each in opened}


async def test_orders_under_way_go_on_under_changed_code(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    await stage.add_tenant("upgrade")
    under_way = await stage.order("upgrade")
    held = await stage.order("upgrade", hold=True, customStr3="QUOTE")
    await stage.discover("upgrade")
    await stage.at("upgrade", under_way, "label_created")
    await stage.idle("upgrade", under_way)
    await stage.idle("upgrade", held)

    async with next_version(stage, monkeypatch):
        await stage.edit("upgrade", held, hold=False)
        new = await stage.order("upgrade")
        await stage.discover("upgrade")
        for number in (new, held):
            await stage.at("upgrade", number, "label_created")
            await stage.idle("upgrade", number)
        await stage.deliver("upgrade")
        numbers = [under_way, held, new]
        await stage.all_finished("upgrade", numbers)
        await once_each(stage, "upgrade", numbers)
        assert await patches(stage, "upgrade", new) == {EARLY, LATE}
        assert await patches(stage, "upgrade", under_way) == {LATE}, "what is past stays as it was"
    await stage.discover("upgrade")
