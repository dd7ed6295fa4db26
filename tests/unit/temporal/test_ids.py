import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml_connector.temporal.ids import (
    WORKFLOW_OF_SCHEDULE,
    OrderWorkflowId,
    ScheduleId,
    ScheduleKind,
    Subject,
    may_act_for,
    names_another,
    order_workflow_id,
    schedule_id,
    subject_of,
    token_workflow_id,
)

tenants = st.from_regex(r"[a-z0-9-]{1,32}", fullmatch=True)
orders = st.from_regex(r"[A-Za-z0-9_.-]{1,20}", fullmatch=True)


@given(tenant=tenants, order=orders)
def test_an_order_id_reads_back(tenant: str, order: str) -> None:
    text = order_workflow_id(tenant, order)
    assert text == f"po/{tenant}/{order}"
    assert OrderWorkflowId.parse(text) == OrderWorkflowId(tenant=tenant, order=order)
    assert subject_of(text) == Subject(tenant=tenant, order=order)


@given(kind=st.sampled_from(ScheduleKind), tenant=tenants)
def test_a_schedule_id_reads_back(kind: ScheduleKind, tenant: str) -> None:
    assert ScheduleId.parse(schedule_id(kind, tenant)) == ScheduleId(kind=kind, tenant=tenant)


@pytest.mark.parametrize("tenant", ["nordic", "n-2026-11-02", "t-9"])
@pytest.mark.parametrize("stamp", ["2026-11-02T08:00:00Z", "2026-11-02T08:00:00.123Z"])
def test_a_scheduled_run_belongs_to_the_tenant(tenant: str, stamp: str) -> None:
    assert subject_of(f"discovery/{tenant}-{stamp}") == Subject(tenant=tenant)


@pytest.mark.parametrize("text", ["", "po", "po/a", "po/a/b/c", "po//b", "po/a/", "fedex-token/x"])
def test_strangers_have_no_subject(text: str) -> None:
    assert subject_of(text) == Subject()
    with pytest.raises(ValueError, match="id"):
        OrderWorkflowId.parse(text)


@pytest.mark.parametrize("text", ["", "discovery", "discovery/", "discovery/a/b", "other/a"])
def test_only_our_schedules_parse(text: str) -> None:
    with pytest.raises(ValueError, match="schedule"):
        ScheduleId.parse(text)


@pytest.mark.parametrize("part", ["", "a/b", " a", "a\n"])
def test_a_part_that_would_change_the_id_is_refused(part: str) -> None:
    with pytest.raises(ValueError, match="part of an id"):
        order_workflow_id("nordic", part)
    with pytest.raises(ValueError, match="part of an id"):
        order_workflow_id(part, "100")
    with pytest.raises(ValueError, match="part of an id"):
        token_workflow_id(part)


def test_every_kind_of_schedule_starts_a_workflow() -> None:
    assert set(WORKFLOW_OF_SCHEDULE) == set(ScheduleKind)


few_tenants = st.sampled_from(["nordic", "nordic-2026-11-02", "Nordic", "nor", "n"])
few_orders = st.sampled_from(["100", "1000", "10", "PO-1", "po-1"])


@given(tenant=few_tenants, order=few_orders, other=few_tenants, another=few_orders)
def test_an_orders_workflow_acts_for_this_order_alone(
    tenant: str, order: str, other: str, another: str
) -> None:
    mine = order_workflow_id(tenant, order)
    assert may_act_for(mine, other, another) == ((tenant, order) == (other, another))
    assert may_act_for(mine, other) == (tenant == other)
    assert names_another(mine, other, another) == ((tenant, order) != (other, another))
    assert not may_act_for(mine, "")


@given(kind=st.sampled_from(ScheduleKind), tenant=few_tenants, other=few_tenants, order=few_orders)
def test_a_schedules_workflow_acts_for_this_tenant_alone(
    kind: ScheduleKind, tenant: str, other: str, order: str
) -> None:
    for mine in (schedule_id(kind, tenant), f"{schedule_id(kind, tenant)}-2026-11-02T08:00:00Z"):
        assert may_act_for(mine, other, order) == (tenant == other)
        assert names_another(mine, other) == (tenant != other)


@given(tenant=few_tenants, order=few_orders)
def test_a_workflow_of_no_tenant_acts_for_nobody(tenant: str, order: str) -> None:
    for stranger in (
        token_workflow_id("default"),
        "",
        "mine",
        f"po/{tenant}",
        f"po//{order}",
        f"other/{tenant}",
    ):
        assert not may_act_for(stranger, tenant, order)
