"""One tenant's workflows, signals and commands reach nothing of another's."""

import uuid
from datetime import timedelta
from typing import Any

import pytest
from temporalio.client import WorkflowFailureError, WorkflowUpdateFailedError
from temporalio.exceptions import ActivityError, ApplicationError

from ml_connector.domain.stage import Stage
from ml_connector.temporal.ids import ScheduleKind as Kind
from ml_connector.temporal.ids import TaskQueue, order_workflow_id, schedule_id
from ml_connector.temporal.messages import TenantInput
from ml_connector.temporal.order_messages import OrderInput, Policy, QuoteRequest
from tests.stage import Stage as Installation

MINE, THEIRS = "iso-mine", "iso-theirs"
MINUTE = timedelta(minutes=1)
POLICY = Policy(initial=MINUTE, maximum=MINUTE, give_up=MINUTE, recheck=MINUTE, safety=MINUTE)


@pytest.fixture
async def tenants(stage: Installation) -> tuple[str, str]:
    """Two tenants of this test alone; the second has an order that nobody has discovered."""
    mine, theirs = (f"{name}-{uuid.uuid4().hex[:6]}" for name in (MINE, THEIRS))
    for tenant in (mine, theirs):
        await stage.add_tenant(tenant)
    return mine, theirs


async def refusal_of(stage: Installation, workflow: str, argument: object, id_: str) -> str:
    """The type of the failure that a run ends with."""
    with pytest.raises(WorkflowFailureError) as caught:
        await stage.client.execute_workflow(
            workflow, argument, id=id_, task_queue=TaskQueue.MAIN, result_type=str
        )
    cause: Any = caught.value.cause
    if isinstance(cause, ActivityError):
        cause = cause.cause
    assert isinstance(cause, ApplicationError)
    return str(cause.type)


@pytest.mark.parametrize(
    ("workflow", "kind"),
    [
        ("DiscoveryWorkflow", Kind.DISCOVERY),
        ("TrackingSweepWorkflow", Kind.TRACKING),
        ("PeriodCutoffWorkflow", Kind.CUTOFF),
    ],
)
async def test_a_schedule_of_one_tenant_cannot_work_for_another(
    stage: Installation, tenants: tuple[str, str], workflow: str, kind: Kind
) -> None:
    mine, theirs = tenants
    number = await stage.order(theirs)
    argument = TenantInput(tenant=theirs)
    before = stage.calls(theirs)
    assert await refusal_of(stage, workflow, argument, schedule_id(kind, mine)) == "WrongTenant"
    assert stage.calls(theirs) == before
    assert await stage.row(theirs, number) is None


async def test_a_workflow_of_no_tenant_reaches_nobody(
    stage: Installation, tenants: tuple[str, str]
) -> None:
    _, theirs = tenants
    number = await stage.order(theirs)
    stranger = await stage.client.execute_workflow(
        "DiscoveryWorkflow",
        TenantInput(tenant=theirs),
        id=f"stranger-{theirs}",
        task_queue=TaskQueue.MAIN,
        result_type=str,
    )
    assert stranger == "0 orders, 0 receipts"
    assert await stage.row(theirs, number) is None


async def test_an_order_cannot_be_started_under_another_ones_name(
    stage: Installation, tenants: tuple[str, str]
) -> None:
    mine, theirs = tenants
    number = await stage.order(theirs)
    start = OrderInput(tenant=theirs, order=number, policy=POLICY)
    for id_ in (order_workflow_id(mine, number), order_workflow_id(theirs, "another")):
        assert await refusal_of(stage, "PurchaseOrderWorkflow", start, id_) == "WrongTenant"
    assert await stage.row(theirs, number) is None
    assert await stage.shipments(number) == []


async def test_an_order_answers_nothing_about_another(
    stage: Installation, tenants: tuple[str, str]
) -> None:
    mine, theirs = tenants
    number = await stage.order(mine)
    await stage.discover(mine)
    await stage.at(mine, number, "label_created")
    workflow = stage.workflow(mine, number)
    for tenant, order in ((theirs, number), (mine, "another")):
        with pytest.raises(WorkflowUpdateFailedError) as caught:
            await workflow.execute_update(
                "quote", QuoteRequest(tenant=tenant, order=order, id="q", in_visma=False)
            )
        assert "names another order" in str(caught.value.cause)


async def test_the_same_number_at_two_tenants_is_two_orders(
    stage: Installation, tenants: tuple[str, str]
) -> None:
    """Whatever is done to one leaves the other where it is."""
    mine, theirs = tenants
    number = await stage.order(mine)
    await stage.discover(mine)
    await stage.at(mine, number, "label_created")
    async with stage.store.write(theirs) as view:
        await view.orders.save(number, stage=Stage.DISCOVERED)
    async with stage.store.read(theirs) as view:
        assert await view.shipments.current(number) is None
        assert await view.parcels.by_order(number, 1) == ()
        assert await view.audit.show(order=number) == ()
    row = await stage.row(theirs, number)
    assert row is not None
    assert row.stage == Stage.DISCOVERED
