"""No activity acts for another tenant or order than its workflow's id names."""

from dataclasses import fields, replace
from typing import Any
from unittest.mock import AsyncMock, Mock

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput

from activities.failures import FailureInterceptor
from activities.signatures import ALL, ISSUE_TOKEN, Signature
from ml_connector.temporal.ids import (
    ScheduleKind,
    order_workflow_id,
    schedule_id,
    token_workflow_id,
)

TENANTS = st.sampled_from(["nordic", "nordi", "nordic2", "sur"])
ORDERS = st.sampled_from(["1", "10", "PO-1"])
AnySignature = Signature[object, object]


async def reaches(signature: AnySignature, workflow_id: str, argument: object) -> bool:
    """Whether the activity behind the interceptor is called at all."""
    called = AsyncMock(return_value=None)
    inner = Mock(spec=ActivityInboundInterceptor, execute_activity=called)
    services = Mock(settle=AsyncMock())
    guarded = FailureInterceptor(services).intercept_activity(inner)
    environment = ActivityEnvironment()
    environment.info = replace(
        environment.info, workflow_id=workflow_id, activity_type=signature.name
    )
    call = ExecuteActivityInput(fn=called, args=[argument], executor=None, headers={})
    try:
        await environment.run(guarded.execute_activity, call)
    except ApplicationError as refused:
        assert refused.type == "WrongTenant"
        assert refused.non_retryable
        assert called.await_count == 0
        return False
    return called.await_count == 1


def argument_for(signature: AnySignature, tenant: str, order: str) -> st.SearchStrategy[Any]:
    """Whatever an activity can be asked for, on behalf of this tenant and order."""
    known: dict[str, st.SearchStrategy[Any]] = {"tenant": st.just(tenant)}
    if "order" in _fields(signature):
        known["order"] = st.just(order)
    return st.builds(signature.argument, **known)


def _fields(signature: AnySignature) -> set[str]:
    argument: Any = signature.argument
    return {field.name for field in fields(argument)}


@pytest.mark.parametrize("signature", ALL, ids=lambda each: each.name)
def test_every_activity_is_told_for_whom_it_acts(signature: AnySignature) -> None:
    assert "tenant" in _fields(signature)


@pytest.mark.parametrize("signature", ALL, ids=lambda each: each.name)
@given(data=st.data(), mine=TENANTS, theirs=TENANTS, order=ORDERS, another=ORDERS)
@settings(max_examples=15, deadline=None)
async def test_an_orders_workflow_reaches_its_own_order_alone(
    signature: AnySignature, data: st.DataObject, mine: str, theirs: str, order: str, another: str
) -> None:
    argument = data.draw(argument_for(signature, theirs, another))
    own = mine == theirs and (order == another or "order" not in _fields(signature))
    allowed = own and signature is not ISSUE_TOKEN
    assert await reaches(signature, order_workflow_id(mine, order), argument) is allowed


@pytest.mark.parametrize("signature", ALL, ids=lambda each: each.name)
@given(
    data=st.data(), kind=st.sampled_from(ScheduleKind), mine=TENANTS, theirs=TENANTS, order=ORDERS
)
@settings(max_examples=15, deadline=None)
async def test_a_schedule_reaches_its_own_tenant_alone(
    signature: AnySignature,
    data: st.DataObject,
    kind: ScheduleKind,
    mine: str,
    theirs: str,
    order: str,
) -> None:
    argument = data.draw(argument_for(signature, theirs, order))
    started = f"{schedule_id(kind, mine)}-2026-11-02T08:00:00Z"
    allowed = mine == theirs and signature is not ISSUE_TOKEN
    assert await reaches(signature, started, argument) is allowed


@pytest.mark.parametrize("signature", ALL, ids=lambda each: each.name)
@given(data=st.data(), tenant=TENANTS, order=ORDERS, stranger=st.text(max_size=30))
@settings(max_examples=15, deadline=None)
async def test_the_token_workflow_issues_tokens_and_a_stranger_does_nothing(
    signature: AnySignature, data: st.DataObject, tenant: str, order: str, stranger: str
) -> None:
    argument = data.draw(argument_for(signature, tenant, order))
    issues = signature is ISSUE_TOKEN
    assert await reaches(signature, token_workflow_id("default"), argument) is issues
    assume(not stranger.startswith(("po/", "fedex-token/", *(f"{kind}/" for kind in ScheduleKind))))
    assert not await reaches(signature, stranger, argument)
